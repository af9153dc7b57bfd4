//! What a run is doing, seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::error::RecordError;
use super::folder::{OutputDir, PLAN};
use super::lock::{self, Holder};
use super::read::{Attempt, read_attempts};
use super::result::Outcome;
use super::started::Started;

/// How much of a log's end is looked at for its last line.
const TAIL: u64 = 4096;

/// The newest run of an output directory.
#[derive(Debug)]
pub struct Status {
    pub run_id: String,
    pub started: Timestamp,
    /// Who runs it; `None` when nobody does any more.
    pub holder: Option<Holder>,
    /// How many tests were selected, when that is known.
    pub selected: Option<usize>,
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    /// Tests that began and have no result.
    pub open: Vec<Open>,
}

/// A test that is running, or was when the harness was killed.
#[derive(Debug)]
pub struct Open {
    pub name: String,
    pub attempt: u32,
    pub start: Timestamp,
    /// Time limit of a step in seconds, when there is one.
    pub limit_s: Option<u64>,
    /// The step whose log grew last.
    pub step: Option<String>,
    /// The last line of that log.
    pub last_line: Option<String>,
}

/// Reads the newest run of `output`.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn status(output: &OutputDir) -> Result<Status, RecordError> {
    let run = output.newest_run()?;
    let info = run.info()?;
    let (attempts, _) = read_attempts(&run, &BTreeSet::new())?;
    let mut last: BTreeMap<String, Attempt> = BTreeMap::new();
    for attempt in attempts {
        let name = attempt.result.name.clone();
        if last.get(&name).is_none_or(|known| known.result.attempt < attempt.result.attempt) {
            last.insert(name, attempt);
        }
    }
    let holder = lock::holder(output.path())?.filter(|holder| holder.run_id == info.run_id);
    let count = |counts: fn(&Outcome) -> bool| {
        last.values().filter(|attempt| attempt.finished && counts(&attempt.result.outcome)).count()
    };
    Ok(Status {
        started: info.started,
        holder,
        selected: info.selected,
        passed: count(|outcome| matches!(outcome, Outcome::Passed)),
        failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
        skipped: count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        open: last.values().filter(|attempt| !attempt.finished).map(open).collect(),
        run_id: info.run_id,
    })
}

fn open(attempt: &Attempt) -> Open {
    let plan = fs::read(attempt.folder.join(PLAN)).ok();
    let plan = plan.and_then(|text| serde_json::from_slice::<Started>(&text).ok());
    let log = newest_log(&attempt.folder);
    Open {
        name: attempt.result.name.clone(),
        attempt: attempt.result.attempt,
        start: attempt.result.start,
        limit_s: plan.and_then(|started| started.plan["timeout_s"].as_u64()),
        step: log
            .as_deref()
            .and_then(Path::file_stem)
            .map(|name| name.to_string_lossy().into_owned()),
        last_line: log.as_deref().and_then(last_line),
    }
}

fn newest_log(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let logs =
        entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log"));
    let dated =
        logs.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    dated.max_by_key(|(modified, _): &(SystemTime, _)| *modified).map(|(_, path)| path)
}

fn last_line(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.split(['\n', '\r']).map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}
