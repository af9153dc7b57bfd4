//! Clearing away old runs.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;

use super::error::RecordError;
use super::folder::{OutputDir, RunFolder};

/// A file of this name in a run folder keeps the run for ever.
pub const BLESSED: &str = "blessed";

/// Which runs stay, besides the newest and the blessed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// This many of the newest.
    Newest(usize),
    /// Those that began at or after this time.
    Since(Timestamp),
}

/// The runs that may go, oldest first. Folders that are no run's are left alone, and so is what cannot be read.
///
/// # Errors
/// When the runs cannot be listed.
pub fn prunable(output: &OutputDir, keep: Keep) -> Result<Vec<RunFolder>, RecordError> {
    let mut runs: Vec<_> = output
        .all_runs()?
        .into_iter()
        .filter_map(|run| run.info().ok().map(|info| (info.started, run)))
        .collect();
    runs.sort_by_key(|(started, _)| *started);
    // The newest run is what the views show.
    runs.pop();
    let stays = match keep {
        Keep::Newest(count) => runs.len().saturating_sub(count.saturating_sub(1)),
        Keep::Since(time) => runs.iter().take_while(|(started, _)| *started < time).count(),
    };
    runs.truncate(stays);
    Ok(runs
        .into_iter()
        .map(|(_, run)| run)
        .filter(|run| !run.path().join(BLESSED).exists())
        .collect())
}

/// Removes a run with everything in it.
///
/// # Errors
/// When something in it cannot be removed; what could be is gone then.
pub fn remove(run: &RunFolder) -> Result<PathBuf, RecordError> {
    let path = run.path().to_owned();
    fs::remove_dir_all(&path).map_err(RecordError::file("remove", &path))?;
    Ok(path)
}
