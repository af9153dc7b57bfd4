//! What a run is doing, seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::error::RecordError;
use super::expected::Expected;
use super::folder::{OutputDir, PLAN, TELEMETRY};
use super::lock::{self, Holder};
use super::read::{Attempt, read_attempts};
use super::result::Outcome;
use super::started::Started;
use crate::gpu::Moment;
use crate::logs;

/// How much of a log's end is looked at for its last line.
const TAIL: u64 = 4096;
/// The same for GPU readings: a line of many GPUs with their processes is long.
const TELEMETRY_TAIL: u64 = 256 * 1024;

/// The newest run of an output directory.
#[derive(Debug, Clone, PartialEq)]
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
    /// Tests that began and have no result, in the order of their beginning.
    pub open: Vec<Open>,
    /// How long the tests that have not begun will take together, when earlier runs tell.
    pub rest: Option<Duration>,
}

/// A test that is running, or was when the harness was killed.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    pub name: String,
    pub attempt: u32,
    pub start: Timestamp,
    /// Time limit of a step in seconds, when there is one.
    pub limit_s: Option<u64>,
    /// The step whose log grew last.
    pub step: Option<String>,
    /// When that log was begun, where the file system tells.
    pub step_start: Option<Timestamp>,
    /// The last line of that log, fit for a terminal, or why it cannot be read.
    pub last_line: Option<String>,
    /// How long the test took in an earlier run.
    pub expected: Option<Duration>,
    /// What its GPUs did last.
    pub gpu: Option<Moment>,
}

/// Reads the newest run of `output`.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn status(output: &OutputDir) -> Result<Status, RecordError> {
    let run = output.newest_run()?;
    let info = run.info()?;
    // Before the results: those of a run that nobody holds are all there then.
    let holder = lock::holder(output.path())?.filter(|holder| holder.run_id == info.run_id);
    let (attempts, _) = read_attempts(&run, &BTreeSet::new())?;
    let mut last: BTreeMap<String, Attempt> = BTreeMap::new();
    for attempt in attempts {
        let name = attempt.result.name.clone();
        if last.get(&name).is_none_or(|known| known.result.attempt < attempt.result.attempt) {
            last.insert(name, attempt);
        }
    }
    let count = |counts: fn(&Outcome) -> bool| {
        last.values().filter(|attempt| attempt.finished && counts(&attempt.result.outcome)).count()
    };
    let expected = run.expected();
    let began = |name: &str, since| last.get(name).is_some_and(|it| it.result.start >= since);
    let rest = expected.is_known().then(|| expected.rest(began)).flatten();
    let unfinished = last.values().filter(|attempt| !attempt.finished);
    let mut open: Vec<_> = unfinished.map(|attempt| open(attempt, &expected)).collect();
    open.sort_by_key(|open| open.start);
    Ok(Status {
        started: info.started,
        holder,
        selected: info.selected,
        passed: count(|outcome| matches!(outcome, Outcome::Passed)),
        failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
        skipped: count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        open,
        rest,
        run_id: info.run_id,
    })
}

fn open(attempt: &Attempt, expected: &Expected) -> Open {
    let plan = fs::read(attempt.folder.join(PLAN)).ok();
    let plan = plan.and_then(|text| serde_json::from_slice::<Started>(&text).ok());
    let log = newest_log(&attempt.folder);
    let (step, last_line) = match &log {
        Ok(None) => (None, None),
        Ok(Some(log)) => (log.file_stem(), last_line(log)),
        Err(error) => (None, Some(unreadable(&attempt.folder, error))),
    };
    Open {
        name: attempt.result.name.clone(),
        attempt: attempt.result.attempt,
        start: attempt.result.start,
        expected: expected.test(&attempt.result.name),
        gpu: last_moment(&attempt.folder.join(TELEMETRY)),
        step_start: log.as_ref().ok().and_then(Option::as_deref).and_then(begun),
        limit_s: plan.and_then(|started| started.plan["timeout_s"].as_u64()),
        step: step.map(|name| name.to_string_lossy().into_owned()),
        last_line,
    }
}

fn newest_log(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            newest = newest.max(Some((entry.metadata()?.modified()?, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn last_line(log: &Path) -> Option<String> {
    let end = match logs::end_of(log, TAIL) {
        Ok(end) => end,
        Err(error) => return Some(unreadable(log, &error)),
    };
    let text = String::from_utf8_lossy(&end);
    let line = text.split(['\n', '\r']).map(logs::shown).rfind(|line| !line.is_empty());
    line.map(|line| line.trim_start().to_owned())
}

/// When a log was begun.
fn begun(log: &Path) -> Option<Timestamp> {
    Timestamp::try_from(fs::metadata(log).ok()?.created().ok()?).ok()
}

/// The last whole line of the GPU readings; nothing where there are none.
fn last_moment(telemetry: &Path) -> Option<Moment> {
    let end = logs::end_of(telemetry, TELEMETRY_TAIL).ok()?;
    let (whole, _) = end.split_at(end.iter().rposition(|byte| *byte == b'\n')?);
    serde_json::from_slice(whole.rsplit(|byte| *byte == b'\n').next()?).ok()
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("[{} cannot be read: {error}]", path.display())
}
