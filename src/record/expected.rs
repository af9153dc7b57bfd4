//! `expected.json`: how long the tests of a run will take, from what they took in earlier runs.
//!
//! It is read once, when a run begins, and kept in its folder, so that the harness and those who look from outside expect
//! the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::atomic;
use super::error::RecordError;
use super::folder::{OutputDir, RESULT, RunFolder, directories, json};
use super::name::trial_folder;
use super::result::{AttemptResult, FORMAT, Outcome};

/// Name of the file in the run folder.
const EXPECTED: &str = "expected.json";
/// How many earlier runs are looked at: a folder of years should not hold up a run.
const RUNS: usize = 50;

/// The tests that a run will start, and how long each took when it passed last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// [`FORMAT`] of the writer.
    format: u32,
    /// What began before is not of these tests.
    since: Timestamp,
    /// Seconds by name; `None` where no earlier run tells.
    tests: BTreeMap<String, Option<u64>>,
}

impl Default for Expected {
    /// Nothing is expected.
    fn default() -> Self {
        Self { format: FORMAT, since: Timestamp::UNIX_EPOCH, tests: BTreeMap::new() }
    }
}

impl Expected {
    /// Looks the tests of a run that begins up in the runs of `output` before it, each in the newest that has a pass of it.
    /// What cannot be read there is not known, and nothing worse.
    pub fn from_earlier<'a>(
        output: &OutputDir,
        run_id: &str,
        names: impl Iterator<Item = &'a str>,
        since: Timestamp,
    ) -> Self {
        let mut tests: BTreeMap<String, Option<u64>> =
            names.map(|name| (name.to_owned(), None)).collect();
        let mut wanted: BTreeMap<String, String> =
            tests.keys().map(|name| (trial_folder(name), name.clone())).collect();
        for run in earlier_runs(output, run_id) {
            if wanted.is_empty() {
                break;
            }
            for trial in directories(run.path()).unwrap_or_default() {
                let folder = trial.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if let Some(name) = wanted.get(&folder)
                    && let Some(took) = seconds(&trial, name)
                {
                    tests.insert(name.clone(), Some(took));
                    wanted.remove(&folder);
                }
            }
        }
        Self { format: FORMAT, since, tests }
    }

    /// Whether an earlier run tells anything.
    pub fn is_known(&self) -> bool {
        self.tests.values().any(Option::is_some)
    }

    /// How long a test took.
    pub fn test(&self, name: &str) -> Option<Duration> {
        self.tests.get(name).copied().flatten().map(Duration::from_secs)
    }

    /// How long all tests that have not `begun` will take together; `None` when one of them is not known.
    /// `begun` is asked with the time before which a beginning does not count.
    pub fn rest(&self, begun: impl Fn(&str, Timestamp) -> bool) -> Option<Duration> {
        let rest = self.tests.iter().filter(|(name, _)| !begun(name, self.since));
        rest.map(|(_, took)| took.map(Duration::from_secs)).sum()
    }
}

impl RunFolder {
    /// Writes `expected.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_expected(&self, expected: &Expected) -> Result<(), RecordError> {
        let path = self.path().join(EXPECTED);
        atomic::write_synced(&path, &json(&path, expected)?)
    }

    /// Reads it; nothing where there is none that this version understands.
    pub(super) fn expected(&self) -> Expected {
        let text = fs::read(self.path().join(EXPECTED)).unwrap_or_default();
        let read = serde_json::from_slice::<Expected>(&text).ok();
        read.filter(|expected| expected.format <= FORMAT).unwrap_or_default()
    }
}

/// The runs before this one, the newest first.
fn earlier_runs(output: &OutputDir, run_id: &str) -> Vec<RunFolder> {
    let runs = output.all_runs().unwrap_or_default();
    let mut dated: Vec<_> = runs
        .into_iter()
        .filter_map(|run| run.info().ok().map(|info| (info.started, info.run_id, run)))
        .filter(|(_, id, _)| id != run_id)
        .collect();
    dated.sort_by(|one, other| (other.0, &other.1).cmp(&(one.0, &one.1)));
    dated.into_iter().take(RUNS).map(|(.., run)| run).collect()
}

/// How long the last attempt in a trial's folder took, when it ran and passed.
fn seconds(trial: &Path, name: &str) -> Option<u64> {
    let number = |folder: &Path| -> Option<u32> {
        folder.file_name()?.to_str()?.strip_prefix("attempt-")?.parse().ok()
    };
    let attempts = directories(trial).ok()?;
    let (_, last) = attempts
        .iter()
        .filter_map(|folder| Some((number(folder)?, folder)))
        .max_by_key(|it| it.0)?;
    let result: AttemptResult = serde_json::from_slice(&fs::read(last.join(RESULT)).ok()?).ok()?;
    let ran = result.outcome == Outcome::Passed && !result.steps.is_empty();
    let took = result.end.duration_since(result.start);
    (ran && result.name == name).then(|| u64::try_from(took.as_secs()).ok()).flatten()
}
