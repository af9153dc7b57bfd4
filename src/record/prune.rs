//! Clearing away old runs.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;

use super::error::RecordError;
use super::folder::{OutputDir, RunFolder};
use super::lock;

/// A file of this name in a run folder keeps the run for ever.
pub const BLESSED: &str = "blessed";

/// Which runs stay, besides the newest, the blessed ones and the one that is going on.
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
        .filter_map(|run| run.info().ok().map(|info| (info.started, info.run_id, run)))
        .collect();
    runs.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let old = match keep {
        Keep::Newest(count) => runs.len().saturating_sub(count),
        Keep::Since(time) => runs.iter().take_while(|(started, ..)| *started < time).count(),
    };
    runs.truncate(old);
    // The views show the newest run, which is not the last to begin when an older one was gone on with.
    let newest = output.newest_run().ok();
    let holder = lock::holder(output.path())?;
    Ok(runs
        .into_iter()
        .filter(|(_, run_id, run)| {
            Some(run) != newest.as_ref()
                && holder.as_ref().is_none_or(|holder| holder.run_id != *run_id)
                && !run.path().join(BLESSED).exists()
        })
        .map(|(.., run)| run)
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
