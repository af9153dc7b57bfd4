//! A step to run, and how it ended.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One program to run: data set, build or bench.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Program and arguments. The program is looked up on the step's `PATH`, unless it holds a `/`:
    /// then it is relative to `cwd`.
    pub argv: Vec<String>,
    /// Working directory; must exist.
    pub cwd: PathBuf,
    /// Variables added to the inherited environment.
    pub env: Vec<(String, String)>,
    /// The log: stdout and stderr in the order of writing, appended.
    pub log: PathBuf,
    /// Where stdout goes instead (truncated first); the log then has stderr alone.
    pub stdout: Option<PathBuf>,
    /// Time limit of the main process; `None` is no limit.
    pub limit: Option<Duration>,
    /// Time between the polite TERM and KILL.
    pub grace: Duration,
    /// What happens around the program.
    pub frame: Option<Frame>,
}

/// Commands of the supervisor's own executable around the program of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Arguments of the one before. If it fails, the program is not started.
    pub before: Vec<String>,
    /// Arguments of the one after nothing of the step is left, also when the harness is gone or the program was never
    /// started.
    pub after: Vec<String>,
}

impl Step {
    /// Grace for programs that clean up after TERM, as MPI launchers do: 10 s.
    pub const GRACE: Duration = Duration::from_secs(10);
}

/// A finished step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEnd {
    /// Why it is over.
    pub ended: Ended,
    /// When the program was started.
    pub start: Timestamp,
    /// `start` + `wall`, so that it is right also when the clock was set meanwhile.
    pub end: Timestamp,
    /// Life time of the main process on the monotonic clock, without what the ending of leftovers took.
    pub wall: Duration,
    /// Processes still there one second after the main process had ended by itself. They were ended.
    pub leftovers: Vec<Process>,
    /// Processes that could not be ended: stuck in the kernel, or owned by another user.
    pub survivors: Vec<Process>,
    /// Whether the tree was held in a cgroup of its own; else by the sub-reaper alone.
    pub in_cgroup: bool,
    /// Whether the command after the step failed; its words are in the log.
    pub not_undone: bool,
}

/// A process named to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: i32,
    /// Its command line, cut to a readable length.
    pub command: String,
}

/// Every way a step ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Exit code 0.
    Success,
    /// This exit code, not 0.
    Failed(i32),
    /// Killed by this signal, not by us.
    Signalled(i32),
    /// Ended by us at the time limit.
    TimedOut { limit: Duration },
    /// Ended by us: the log was silent this long, without activity or for longer than activity excuses.
    Hang { silent: Duration },
    /// Ended by us: this line of the log is fatal, and the program did not end by itself.
    FatalLine { line: String },
    /// Ended by us: the log cannot be written (disk full, quota, I/O error) or read.
    LogFailed { error: String },
    /// Ended by us: the harness was interrupted.
    Interrupted,
}

/// As `result.json` has it: `exit 0`, `signal 9`, `timed out after 3600 s`.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => write!(f, "exit 0"),
            Self::Failed(code) => write!(f, "exit {code}"),
            Self::Signalled(signal) => write!(f, "signal {signal}"),
            Self::TimedOut { limit } => write!(f, "timed out after {} s", limit.as_secs_f64()),
            Self::Hang { silent } => {
                write!(f, "hung: log silent for {:.0} s", silent.as_secs_f64())
            }
            Self::FatalLine { line } => write!(f, "ended after the fatal line `{line}`"),
            Self::LogFailed { error } => write!(f, "ended: the log failed: {error}"),
            Self::Interrupted => write!(f, "interrupted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_reads_as_result_json_has_it() {
        assert_eq!(Ended::Success.to_string(), "exit 0");
        assert_eq!(Ended::Signalled(9).to_string(), "signal 9");
        let limit = Duration::from_secs(3600);
        assert_eq!(Ended::TimedOut { limit }.to_string(), "timed out after 3600 s");
    }
}
