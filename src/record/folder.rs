//! Where things lie: `runs/<run-id>/<trial>/attempt-<n>/` under the output directory, and `runs/latest`.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic;
use super::error::RecordError;
use super::name::trial_folder;
use super::result::FORMAT;
use super::run_id::RunId;
use super::run_info::RunInfo;

/// Name of the link to the newest run.
pub(super) const LATEST: &str = "latest";
/// Folder of a run for the files that stood in the output directory when it began.
pub(super) const BEFORE: &str = "before";
const RUN: &str = "run.json";
pub(super) const PLAN: &str = "plan.json";
/// What the GPUs did during an attempt: a recording, see [`crate::gpu`].
pub const TELEMETRY: &str = "telemetry.jsonl";
pub(super) const RESULT: &str = "result.json";

/// The output directory: views, and the runs that they are folded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputDir(PathBuf);

impl OutputDir {
    /// The directory as the user named it; nothing is created.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// The folder of one run, there or not.
    pub fn run(&self, run_id: &RunId) -> RunFolder {
        RunFolder(self.runs().join(run_id.as_str()))
    }

    /// The newest run: the one that `runs/latest` links, else the one that began last.
    ///
    /// # Errors
    /// When there is none, or the runs cannot be listed.
    pub fn newest_run(&self) -> Result<RunFolder, RecordError> {
        let runs = self.runs();
        let linked = fs::read_link(runs.join(LATEST)).map(|target| RunFolder(runs.join(target)));
        if let Some(run) = linked.ok().filter(|run| run.info().is_ok()) {
            return Ok(run);
        }
        let none = || RecordError::NoRun { output: self.0.clone(), wanted: None };
        let folders = match directories(&runs) {
            Err(RecordError::File { cause: super::IoCause::Missing, .. }) => return Err(none()),
            listed => listed?,
        };
        folders
            .into_iter()
            .map(RunFolder)
            .filter_map(|run| run.info().ok().map(|info| (info.started, info.run_id, run)))
            // An archive may hold a copy of the newest run in place of the link to it.
            .filter(|(_, id, run)| run.0.ends_with(id))
            .max_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)))
            .map(|(_, _, run)| run)
            .ok_or_else(none)
    }

    /// The folders below `runs`, whether or not they are a run's, in the order of their names.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn all_runs(&self) -> Result<Vec<RunFolder>, RecordError> {
        let mut folders = directories(&self.runs())?;
        folders.sort();
        Ok(folders.into_iter().map(RunFolder).collect())
    }

    /// Makes `runs/latest` link `run_id`.
    pub(super) fn link_latest(&self, run_id: &RunId) -> Result<(), RecordError> {
        atomic::replace_link(&self.runs().join(LATEST), Path::new(run_id.as_str()))
    }
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder of a run as the user named it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder of a run wherever it lies, as an archive unpacked; a link is followed, for the folder's name is the
    /// run's.
    pub fn at(path: &Path) -> Self {
        Self(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Whether it is a run's folder.
    pub fn holds_run(&self) -> bool {
        self.0.join(RUN).is_file()
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `attempt-<attempt>` of the trial `name`.
    pub fn attempt(&self, name: &str, attempt: u32) -> PathBuf {
        self.0.join(trial_folder(name)).join(format!("attempt-{attempt}"))
    }

    /// Moves what an attempt left aside, so that it no longer counts. Nothing is thrown away.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn set_aside(&self, name: &str, attempt: u32) -> Result<(), RecordError> {
        let folder = self.attempt(name, attempt);
        if !folder.exists() {
            return Ok(());
        }
        let free = (1..)
            .map(|n| folder.with_file_name(format!("attempt-{attempt}.abandoned-{n}")))
            .find(|path| !path.exists());
        match free {
            Some(free) => fs::rename(&folder, free).map_err(RecordError::file("move", &folder)),
            None => Ok(()),
        }
    }

    /// What stood in the output directory under `name` when the run began.
    pub(super) fn before(&self, name: &str) -> PathBuf {
        self.0.join(BEFORE).join(name)
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// When it is missing, unreadable, or not what this version writes.
    pub fn info(&self) -> Result<RunInfo, RecordError> {
        let path = self.0.join(RUN);
        let text = fs::read(&path).map_err(RecordError::file("read", &path))?;
        let reason = match serde_json::from_slice::<RunInfo>(&text) {
            Ok(info) if info.format <= FORMAT => return Ok(info),
            Ok(info) => newer(info.format),
            Err(error) => error.to_string(),
        };
        Err(RecordError::Decode { path, reason })
    }

    /// Writes `run.json`.
    pub(super) fn write_info(&self, info: &RunInfo) -> Result<(), RecordError> {
        let path = self.0.join(RUN);
        atomic::write_synced(&path, &json(&path, info)?)?;
        atomic::sync_directory(&self.0)
    }

    /// How many attempts began and have no result: those that go on, and those of a harness that was killed.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn unfinished(&self) -> Result<usize, RecordError> {
        let attempts = self.attempts()?;
        let has = |folder: &Path, file: &str| folder.join(file).exists();
        let cut = attempts.iter().filter(|(folder, _)| has(folder, PLAN) && !has(folder, RESULT));
        Ok(cut.count())
    }

    /// The attempt folders of all trials with their numbers.
    pub(super) fn attempts(&self) -> Result<Vec<(PathBuf, u32)>, RecordError> {
        let mut attempts = Vec::new();
        for trial in directories(&self.0)? {
            attempts.extend(attempts_in(&trial)?);
        }
        Ok(attempts)
    }

    /// The attempt folders of one trial; none, when it never began.
    pub(super) fn attempts_of(&self, name: &str) -> Result<Vec<(PathBuf, u32)>, RecordError> {
        match attempts_in(&self.0.join(trial_folder(name))) {
            Err(RecordError::File { cause: super::IoCause::Missing, .. }) => Ok(Vec::new()),
            found => found,
        }
    }
}

/// The attempt folders of a trial's folder, with their numbers.
fn attempts_in(trial: &Path) -> Result<Vec<(PathBuf, u32)>, RecordError> {
    let numbered = |folder: PathBuf| {
        let name = folder.file_name()?.to_str()?;
        let number = name.strip_prefix("attempt-")?.parse().ok()?;
        Some((folder, number))
    };
    Ok(directories(trial)?.into_iter().filter_map(numbered).collect())
}

/// What is wrong with a record of a later version.
pub(super) fn newer(format: u32) -> String {
    format!("format {format} is newer than this version reads ({FORMAT})")
}

/// The JSON text of `value`, for people too.
pub(super) fn json(path: &Path, value: &impl serde::Serialize) -> Result<Vec<u8>, RecordError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| RecordError::Encode {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    text.push(b'\n');
    Ok(text)
}

pub(super) fn directories(path: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(RecordError::file("list", path))? {
        let entry = entry.map_err(RecordError::file("list", path))?;
        if entry.file_type().map_err(RecordError::file("list", &entry.path()))?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
