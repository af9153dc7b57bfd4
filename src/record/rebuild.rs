//! Folding the views of a run again, without running anything.

use jiff::Timestamp;

use super::error::{Problem, RecordError};
use super::fold::Fold;
use super::folder::{OutputDir, RunFolder};
use super::lock::{self, DirectoryLock, Holder, Patience};
use super::read::read_attempts;
use super::run_id::RunId;
use super::views::{self, Copies};

/// What [`rebuild`] did.
#[derive(Debug)]
pub struct Rebuilt {
    pub run: RunFolder,
    pub trials: usize,
    /// Files that were passed over.
    pub problems: Vec<Problem>,
}

/// Folds the views of the run named `wanted`, or of the newest run, again.
///
/// # Errors
/// When there is no such run, another run holds the directory, or a view cannot be written.
pub fn rebuild(
    output: &OutputDir,
    wanted: Option<&str>,
    copies: &Copies,
) -> Result<Rebuilt, RecordError> {
    let run = match wanted {
        None => output.newest_run()?,
        Some(text) => {
            let run = output.run(&RunId::given(text)?);
            if !run.path().is_dir() {
                let wanted = Some(text.to_owned());
                return Err(RecordError::NoRun { output: output.path().to_owned(), wanted });
            }
            run
        }
    };
    let info = run.info()?;
    let holder = Holder::of_this_process(&RunId::given(&info.run_id)?, None, Timestamp::now());
    // A run that is going on has its views folded again, too.
    let joins = |other: &Holder| other.run_id == holder.run_id;
    let refuse = &mut |_: &_| Patience::Refuse;
    let _lock = DirectoryLock::take(output.path(), &holder, &joins, refuse)?;
    let _turn = lock::views(output.path())?;
    views::prepare(copies)?;
    views::write_fixed(output.path(), &info)?;
    let mut fold = Fold::new(info, &run)?;
    let (attempts, problems) = read_attempts(&run, &fold.finished)?;
    for attempt in attempts {
        fold.add(attempt)?;
    }
    views::write_monitoring(output.path(), &fold)?;
    views::write(&views::render(output, &mut fold, copies)?)?;
    Ok(Rebuilt { trials: fold.trials(), run, problems })
}
