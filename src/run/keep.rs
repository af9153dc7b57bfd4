//! The run and the history: what the run folder says of who asked for what, and how the run gets into the store at its
//! end. Nothing that goes wrong here changes how the run ends, since its folder keeps everything.

use std::collections::BTreeSet;

use super::prepare::Prepared;
use super::{Asked, output};
use crate::case::ModelTable;
use crate::engine::Flow;
use crate::history::source::{read_run_folder, read_tests_of_run_folder};
use crate::history::{Filter, HistoryError, Mode, Place, RunRecord, Store, clear, mark, pending};
use crate::machine;
use crate::record::{Provenance, RunFolder, words_without_secrets};
use crate::verdict::one_point::LEAST_HISTORY;

/// Who asked for the run, and how.
pub fn provenance(asked: &Asked, flow: Flow) -> Provenance {
    let settings = &asked.settings;
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let mut variables: Vec<String> = std::env::vars_os()
        .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
        .filter(|variable| variable.starts_with("TRTLLM_PERF_"))
        .collect();
    variables.sort();
    let words = words.iter().chain(&variables).map(String::as_str);
    Provenance {
        who: Some(machine::user()),
        flags: words_without_secrets(words),
        lists: asked.lists.iter().map(|list| list.file().display().to_string()).collect(),
        release: settings.release.clone(),
        commit: settings.commit.clone(),
        flow: Some(flow.to_string()),
        harness: Some(env!("CARGO_PKG_VERSION").to_owned()),
    }
}

/// What is needed to keep a run once it is over.
pub struct Keeper {
    place: Place,
    models: ModelTable,
    run: RunFolder,
    /// The tests of this process, where others work on the same run.
    own: Option<Vec<String>>,
}

impl Keeper {
    /// A run that begins. Until it is in the history its folder says that it is not.
    pub fn new(asked: &Asked, models: &ModelTable, run: &RunFolder, prepared: &[Prepared]) -> Self {
        let names = || prepared.iter().map(|trial| trial.name().to_owned()).collect();
        let keeper = Self {
            place: asked.settings.history.clone(),
            models: models.clone(),
            run: run.clone(),
            own: output::group().map(|_| names()),
        };
        // Of a run of many processes none knows whether it is the last; each notes only what it could not do.
        if keeper.own.is_none() {
            keeper.mark();
        }
        keeper
    }

    /// Adds what this process did to the history, and earlier runs of the output directory that it lacks.
    pub fn keep(&self, settings: &crate::settings::Settings) {
        if self.place == Place::Nowhere {
            return;
        }
        match self.add(settings) {
            Ok((samples, judgeable)) => {
                eprintln!("history: {} ({samples} more samples)", self.place);
                if judgeable {
                    eprintln!(
                        "slower than before? trtllm-perf history judge --history {}",
                        self.place
                    );
                }
            }
            Err(error) => {
                self.mark();
                let output = settings.output_dir.display();
                eprintln!(
                    "note: the run is not in the history: {error}\nnote: nothing is lost; the next run into {output} adds \
                     it, and so does `trtllm-perf history import {output}`"
                );
            }
        }
    }

    fn mark(&self) {
        if self.place == Place::Nowhere {
            return;
        }
        if let Err(error) = mark(&self.run, &self.place) {
            let run = self.run.path().display();
            eprintln!("note: {run} cannot say that the history lacks it: {error}");
        }
    }

    /// How many samples were added, and whether there are enough earlier ones to judge them by.
    fn add(&self, settings: &crate::settings::Settings) -> Result<(usize, bool), HistoryError> {
        let mut store = self.place.open(Mode::Create)?;
        let own = match &self.own {
            Some(names) => {
                let names = names.iter().map(String::as_str);
                read_tests_of_run_folder(&self.run, names, &self.models)?
            }
            None => read_run_folder(&self.run, &self.models)?,
        };
        let mut missed = pending(&output::directory(settings), &self.place);
        missed.retain(|run| run.path() != self.run.path());
        let read = |run: &RunFolder| match read_run_folder(run, &self.models) {
            Ok(record) => Some(record),
            Err(error) => {
                eprintln!("note: {} is not added to the history: {error}", run.path().display());
                None
            }
        };
        let cases: BTreeSet<String> =
            own.attempts.iter().map(|attempt| attempt.case.fields.clone()).collect();
        let earlier = missed.iter().filter_map(read);
        let mut records = earlier.chain(std::iter::once(own)).map(told);
        let done = store.append(&mut records)?;
        done.problems.iter().for_each(|problem| eprintln!("note: {problem}"));
        if !missed.is_empty() {
            eprintln!("history: {} earlier runs that it lacked are in it now", missed.len());
        }
        if self.own.is_none() {
            missed.push(self.run.clone());
        }
        for run in &missed {
            let cleared = clear(run, &self.place);
            cleared.unwrap_or_else(|error| eprintln!("note: {}: {error}", run.path().display()));
        }
        Ok((done.samples, judgeable(store.as_mut(), &cases)?))
    }
}

/// Whether a case has points enough before this run for `history judge` to say something.
fn judgeable(store: &mut dyn Store, cases: &BTreeSet<String>) -> Result<bool, HistoryError> {
    for series in store.series()?.iter().filter(|series| cases.contains(&series.case.fields)) {
        let points = store.points(series, &Filter::default(), Some(LEAST_HISTORY + 1))?;
        if points.len() > LEAST_HISTORY {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The record, once what could not be read of it is told.
fn told(mut record: RunRecord) -> RunRecord {
    record.problems.drain(..).for_each(|problem| eprintln!("note: {problem}"));
    record
}
