//! What a word for a side of a comparison means: a run folder, an output directory, a result CSV, a folder of these; and
//! where nothing of that name is there, a run, a release or a day of the history.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::compare::Side;
use crate::history::source::{Said, read_csv, read_run_folder};
use crate::history::{Entries, Filter, Mode, Place, RunRecord, RunSummary, since, until};
use crate::record::result::State;
use crate::record::{OutputDir, RunFolder};
use crate::tables::Tables;

/// The CSVs that stand for an output directory whose runs are not there, the one that tells more first.
const CSVS: [&str; 2] = ["perf_samples.csv", "perf_script_test_results.csv"];

/// The runs that `word` names, with all that could be read of them.
///
/// # Errors
/// When it names nothing, or what it names cannot be read.
pub fn side(word: &str, tables: &Tables, history: &Place) -> anyhow::Result<Side> {
    Ok(Side { name: word.to_owned(), runs: runs(word, tables, history)? })
}

/// Whether a word that names a side names runs of the history: there is no such file or folder.
pub fn names_history(word: &str) -> bool {
    let path = Path::new(word);
    !path.is_dir() && !path.is_file()
}

/// The one place that knows what words there are.
fn runs(word: &str, tables: &Tables, history: &Place) -> anyhow::Result<Vec<RunRecord>> {
    let path = Path::new(word);
    match names_history(word) {
        false if path.is_dir() => return folder(path, tables),
        false => return Ok(vec![csv(path, tables)?]),
        true => {}
    }
    let there = history.file().is_none_or(Path::exists) && *history != Place::Nowhere;
    let found = if there { of_history(word, history)? } else { Vec::new() };
    if found.is_empty() {
        let history = match there {
            true => format!("the history {history} has no such run, release or day"),
            false => format!(
                "there is no history {history} with runs, releases and days; name one with --history"
            ),
        };
        bail!(
            "find {word}: there is no such file or folder, and {history}; give a run folder (perf-output/runs/RUN), \
             an output directory (its newest run), a result CSV, or a folder that holds such"
        );
    }
    Ok(found)
}

/// The run of this name, else all runs of the release, else all that began on the day (in UTC).
fn of_history(word: &str, place: &Place) -> anyhow::Result<Vec<RunRecord>> {
    let mut store = place.open(Mode::Existing)?;
    let mut runs = store.runs(&Filter::default())?;
    let now = Timestamp::now();
    if runs.iter().any(|run| run.id == word) {
        runs.retain(|run| run.id == word);
    } else if runs.iter().any(|run| run.release.as_deref() == Some(word)) {
        runs.retain(|run| run.release.as_deref() == Some(word));
    } else if let (Ok(_), Ok(first), Ok(end)) =
        (word.parse::<Date>(), since(word, now), until(word, now))
    {
        runs.retain(|run| first <= run.started && run.started < end);
    } else {
        runs.clear();
    }
    let entries = store.entries()?;
    let whole = |run: &RunSummary| Ok(as_known_now(store.run(run)?, &entries));
    runs.iter().map(whole).collect()
}

/// A run in the light of what was said after it was kept: cases under their last label, samples that were marked since
/// as not to be trusted.
fn as_known_now(mut run: RunRecord, entries: &Entries) -> RunRecord {
    for attempt in &mut run.attempts {
        for sample in &mut attempt.samples {
            if entries.invalid(&run.id, &attempt.case.label, sample.metric).is_some() {
                sample.state = State::Invalid;
            }
        }
        if let Some(now) = entries.renamed(&attempt.case.fields) {
            attempt.case = now.clone();
        }
    }
    run
}

fn csv(path: &Path, tables: &Tables) -> anyhow::Result<RunRecord> {
    let said = Said { gaps: true, ..Said::default() };
    Ok(read_csv(path, &said, &tables.models, &tables.limits)?)
}

/// The run of a folder, or those of the folders in it, as the shards of a run leave them.
fn folder(path: &Path, tables: &Tables) -> anyhow::Result<Vec<RunRecord>> {
    if let Some(run) = run_in(path, tables)? {
        return Ok(vec![run]);
    }
    let mut found = Vec::new();
    for below in folders(path)? {
        found.extend(run_in(&below, tables)?);
    }
    if found.is_empty() {
        bail!(
            "find a run in {}: neither it nor a folder in it is a run folder (with run.json), an output directory \
             (with runs/) or has a {}",
            path.display(),
            CSVS[1]
        );
    }
    Ok(found)
}

/// The run of a run folder, the newest of an output directory, or that of its CSV.
fn run_in(path: &Path, tables: &Tables) -> anyhow::Result<Option<RunRecord>> {
    let run = RunFolder::at(path);
    if run.holds_run() {
        return Ok(Some(read_run_folder(&run, &tables.models)?));
    }
    if path.join("runs").is_dir() {
        let run = OutputDir::new(path).newest_run()?;
        return Ok(Some(read_run_folder(&run, &tables.models)?));
    }
    let file = CSVS.map(|name| path.join(name)).into_iter().find(|file| file.is_file());
    file.map(|file| csv(&file, tables)).transpose()
}

/// The folders in a folder, by name.
fn folders(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut found = list().with_context(|| format!("list {}", path.display()))?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}
