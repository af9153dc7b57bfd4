//! The newest run in the output directory, for `--resume` and `--failed`: which tests it has results of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::open::NO_PROGRAM;
use super::output::{self, say};
use crate::failure::Exit;
use crate::process::Interrupt;
use crate::record::result::Outcome;
use crate::record::{Attempt, HeldOutput, RecordError, read_attempts};
use crate::settings::{Rerun, Settings};

/// A run to go on with.
pub struct Earlier {
    pub run_id: String,
    rerun: Rerun,
    last: BTreeMap<String, Last>,
}

/// The last attempt of a test.
#[derive(Debug, Clone)]
pub struct Last {
    pub attempt: u32,
    pub folder: PathBuf,
    pub outcome: Outcome,
    /// Whether there is a result; a killed attempt has none.
    pub finished: bool,
    /// Whether anything of it was started; a test that is waived or lacks its checkpoint was not.
    pub ran: bool,
}

impl Earlier {
    /// The newest run, when the command line asks to go on with one and there is one, and the output directory, held
    /// for it: what is read of a run that is still going on would not be true for long.
    ///
    /// # Errors
    /// When it is there and cannot be read, or waiting for it was interrupted.
    pub fn load(
        settings: &Settings,
        interrupt: &Interrupt,
    ) -> Result<Option<(Self, HeldOutput)>, Exit> {
        let Some(rerun) = settings.rerun else { return Ok(None) };
        let cannot = |error: RecordError| Exit::CannotRun(error.to_string());
        let newest = || match output::directory(settings).newest_run() {
            Err(RecordError::NoRun { .. }) => Ok(None),
            run => Ok(Some(run.map_err(cannot)?.info().map_err(cannot)?.run_id)),
        };
        let Some(mut run_id) = newest()? else {
            eprintln!("note: there is no run in {} to go on with", settings.output_dir.display());
            return Ok(None);
        };
        let held = loop {
            let held = output::hold(settings, Some(&run_id), interrupt)?;
            // The run that was waited for is a newer one.
            match newest()? {
                Some(newer) if newer != run_id => run_id = newer,
                _ => break held,
            }
        };
        let run = held.run();
        // That the program was missing then is not true of the run any more, or is told again.
        run.set_aside(NO_PROGRAM, 1).map_err(cannot)?;
        let (attempts, problems) = read_attempts(&run, &BTreeSet::new()).map_err(cannot)?;
        say(&problems);
        let mut last: BTreeMap<String, Last> = BTreeMap::new();
        for Attempt { folder, result, finished } in attempts {
            let newer = last.get(&result.name).is_none_or(|known| known.attempt < result.attempt);
            if newer {
                let attempt = Last {
                    attempt: result.attempt,
                    folder,
                    finished,
                    ran: !result.steps.is_empty() || matches!(result.outcome, Outcome::Failed(_)),
                    outcome: result.outcome,
                };
                last.insert(result.name, attempt);
            }
        }
        Ok(Some((Self { run_id, rerun, last }, held)))
    }

    /// The last attempt of a test.
    pub fn last(&self, name: &str) -> Option<&Last> {
        self.last.get(name)
    }

    /// The result that stands for a test, so that it is not run again.
    pub fn stands(&self, name: &str) -> Option<&Last> {
        self.last(name).filter(|last| {
            last.finished
                && last.ran
                && (self.rerun == Rerun::Unfinished || !matches!(last.outcome, Outcome::Failed(_)))
        })
    }

    /// Says which run it is, and how many of its results are of tests that are not selected now.
    pub fn say(&self, selected: &BTreeSet<&str>) {
        let others = self.last.keys().filter(|name| !selected.contains(name.as_str())).count();
        let also = if others == 0 {
            String::new()
        } else {
            format!("; {others} of its tests are not selected now")
        };
        let cut = self.last.values().filter(|last| !last.finished).count();
        let cut = match cut {
            0 => String::new(),
            cut => format!("; {cut} of its tests were cut short"),
        };
        eprintln!("going on with run {}{cut}{also}", self.run_id);
    }
}

impl Last {
    /// The number of the next attempt: a killed one is tried again under its own number.
    pub fn next(&self) -> u32 {
        if self.finished { self.attempt + 1 } else { self.attempt }
    }
}
