//! Taking the output directory: alone, with the other processes of one nextest run, or after those that are there.

use jiff::Timestamp;

use super::absolute;
use crate::failure::Exit;
use crate::process::Interrupt;
use crate::record::{Busy, HeldOutput, OutputDir, Patience, Problem, RecordError, RunId};
use crate::settings::Settings;

/// The output directory that the command line names.
pub fn directory(settings: &Settings) -> OutputDir {
    OutputDir::new(absolute(&settings.output_dir))
}

/// What all processes of one nextest run have in common: they share a run of ours, too.
pub fn group() -> Option<String> {
    std::env::var("NEXTEST_RUN_ID").ok()
}

/// Holds the output directory for a run: that of an earlier one, or a new one.
///
/// # Errors
/// When it cannot be written, or waiting for it was interrupted.
pub fn hold(
    settings: &Settings,
    earlier: Option<&str>,
    interrupt: &Interrupt,
) -> Result<HeldOutput, Exit> {
    let group = group();
    let run_id = match earlier.or(group.as_deref()) {
        Some(id) => RunId::given(id).map_err(|error| Exit::usage(error.to_string()))?,
        None => RunId::fresh(Timestamp::now()),
    };
    let mut wait = |busy: &Busy| wait(busy, interrupt);
    HeldOutput::take(&directory(settings), &run_id, group.as_deref(), &mut wait).map_err(|error| {
        match error {
            RecordError::Busy(busy) => Exit::Interrupted(format!("interrupted; {busy}")),
            error => Exit::CannotRun(error.to_string()),
        }
    })
}

/// Another run in the same directory: wait for it, and say so once.
fn wait(busy: &Busy, interrupt: &Interrupt) -> Patience {
    if busy.waited.is_zero() {
        eprintln!("waiting: {busy}");
    }
    if interrupt.is_raised() { Patience::Refuse } else { Patience::Wait }
}

/// Prints what a person should know of the files of a run.
pub fn say(problems: &[Problem]) {
    lines(problems).for_each(|line| eprintln!("{line}"));
}

/// The same as lines, for those who print them.
pub fn lines(problems: &[Problem]) -> impl Iterator<Item = String> {
    problems.iter().map(|problem| format!("note: {problem}"))
}
