//! Runs that are in their folder and not in the history: of a harness that was killed, or whose history could not be
//! reached. A file in the run's folder says which history lacks it, so that the next run adds it.

use std::fs;
use std::io;

use super::place::Place;
use crate::record::{OutputDir, RunFolder};

/// Name of the file; it holds where the history is.
const MARK: &str = "history.pending";

/// Notes that the history lacks the run.
///
/// # Errors
/// When the file cannot be written.
pub fn mark(run: &RunFolder, place: &Place) -> io::Result<()> {
    fs::write(run.path().join(MARK), format!("{place}\n"))
}

/// Notes that the history has the run.
///
/// # Errors
/// When the file is there and cannot be removed.
pub fn clear(run: &RunFolder, place: &Place) -> io::Result<()> {
    if !is_lacking(run, place) {
        return Ok(());
    }
    fs::remove_file(run.path().join(MARK))
}

/// The runs of an output directory that the history lacks.
pub fn pending(output: &OutputDir, place: &Place) -> Vec<RunFolder> {
    let runs = output.all_runs().unwrap_or_default();
    runs.into_iter().filter(|run| is_lacking(run, place)).collect()
}

fn is_lacking(run: &RunFolder, place: &Place) -> bool {
    let text = fs::read_to_string(run.path().join(MARK));
    text.is_ok_and(|text| text.trim_end() == place.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_pending_for_the_history_that_lacks_it_until_that_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("runs/a");
        fs::create_dir_all(&run).expect("a run");
        let (output, run) = (OutputDir::new(folder.path()), RunFolder::new(run));
        let (here, there) = (Place::default(), Place::File("there".into()));
        mark(&run, &here).expect("marked");
        assert_eq!(pending(&output, &here), std::slice::from_ref(&run));
        assert_eq!(pending(&output, &there), []);
        clear(&run, &there).expect("nothing to do");
        assert_eq!(pending(&output, &here).len(), 1);
        clear(&run, &here).expect("cleared");
        clear(&run, &here).expect("nothing to do");
        assert_eq!(pending(&output, &here), []);
    }
}
