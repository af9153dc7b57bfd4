//! What a caller may have watched while a step runs. `None` is off.

use std::fs::File;
use std::time::Duration;

/// The watches of one step, and who is told of its progress.
#[derive(Default)]
pub struct Watch<'a> {
    /// Ends a step whose log has fallen silent.
    pub stall: Option<Stall<'a>>,
    /// Ends a step after a fatal line.
    pub fatal: Option<Fatal<'a>>,
    /// Files that the supervisor keeps open until nothing of the step is left, also when the harness is gone: locks on
    /// what the step uses.
    pub held: &'a [File],
    /// Called about every 50 ms, on the thread that runs the step.
    pub progress: Option<&'a mut dyn FnMut(&Progress<'_>)>,
}

/// A step is hung when it was silent (nothing new in log or stdout file) and idle for `silence`, or silent for
/// `active_silence` whatever it did: ranks that busy-wait for a dead peer look active for ever.
#[derive(Clone, Copy)]
pub struct Stall<'a> {
    pub silence: Duration,
    /// [`Duration::MAX`] is for ever. Less than `silence` counts as much as that.
    pub active_silence: Duration,
    /// Whether a GPU of the step is busy now.
    pub gpu_active: &'a dyn Fn() -> bool,
}

impl Stall<'_> {
    /// The tree is active when it uses more than this share of one core: idle servers poll at a few percent.
    pub const ACTIVE_CPU: f64 = 0.1;
}

/// A line of the log that means the step cannot succeed any more.
pub struct Fatal<'a> {
    /// Judges the lines in their order, each without its end (`\n` or `\r`); of a line over 64 KiB it sees the beginning.
    pub is_fatal: &'a mut dyn FnMut(&[u8]) -> bool,
    /// Time that the program gets to say more and end by itself.
    pub grace: Duration,
}

impl Fatal<'_> {
    /// 30 seconds: enough for the other ranks' tracebacks.
    pub const GRACE: Duration = Duration::from_secs(30);
}

/// A running step, for a line that lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Since the start of the step.
    pub elapsed: Duration,
    /// Since log or stdout file last grew.
    pub silent: Duration,
    /// Last non-empty line of the log, cut to 64 KiB, bytes that are not UTF-8 replaced.
    pub last_line: &'a str,
}
