//! The newest run in the output directory, for `--resume` and `--failed`: which tests it has results of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::absolute;
use super::open::say;
use crate::failure::Exit;
use crate::record::result::Outcome;
use crate::record::{Attempt, OutputDir, RecordError, read_attempts};
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
}

impl Earlier {
    /// The newest run, when the command line asks to go on with one and there is one.
    ///
    /// # Errors
    /// [`Exit::CannotRun`] when it is there and cannot be read.
    pub fn load(settings: &Settings) -> Result<Option<Self>, Exit> {
        let Some(rerun) = settings.rerun else { return Ok(None) };
        let output = OutputDir::new(absolute(&settings.output_dir));
        let cannot = |error: RecordError| Exit::CannotRun(error.to_string());
        let run = match output.newest_run() {
            Err(RecordError::NoRun { .. }) => {
                eprintln!(
                    "note: there is no run in {} to go on with",
                    settings.output_dir.display()
                );
                return Ok(None);
            }
            run => run.map_err(cannot)?,
        };
        let run_id = run.info().map_err(cannot)?.run_id;
        let (attempts, problems) = read_attempts(&run, &BTreeSet::new()).map_err(cannot)?;
        say(&problems);
        let mut last: BTreeMap<String, Last> = BTreeMap::new();
        for Attempt { folder, result, finished } in attempts {
            let newer = last.get(&result.name).is_none_or(|known| known.attempt < result.attempt);
            if newer {
                let attempt =
                    Last { attempt: result.attempt, folder, outcome: result.outcome, finished };
                last.insert(result.name, attempt);
            }
        }
        Ok(Some(Self { run_id, rerun, last }))
    }

    /// The last attempt of a test.
    pub fn last(&self, name: &str) -> Option<&Last> {
        self.last.get(name)
    }

    /// The result that stands for a test, so that it is not run again.
    pub fn stands(&self, name: &str) -> Option<&Last> {
        self.last(name).filter(|last| {
            last.finished
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
        eprintln!("going on with run {}{also}", self.run_id);
    }
}

impl Last {
    /// The number of the next attempt: a killed one is tried again under its own number.
    pub fn next(&self) -> u32 {
        if self.finished { self.attempt + 1 } else { self.attempt }
    }
}
