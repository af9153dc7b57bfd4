//! Why a step could not be run at all.

use std::io;
use std::path::PathBuf;

/// A step that could not be started, or whose supervisor was lost.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("run a step: its command is empty")]
    EmptyCommand,
    #[error("find the program `{program}`: {reason}")]
    ProgramMissing {
        program: String,
        /// Where it was looked for.
        reason: String,
    },
    #[error("run {}: it is not an executable file", path.display())]
    NotExecutable { path: PathBuf },
    #[error("enter the working directory {}: {source}", path.display())]
    WorkingDirectory { path: PathBuf, source: io::Error },
    #[error("open the log {}: {source}", path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("open the output file {}: {source}", path.display())]
    Stdout { path: PathBuf, source: io::Error },
    #[error("start {}: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("start the step's supervisor {}: {source}", program.display())]
    Supervisor { program: PathBuf, source: io::Error },
    /// It was killed, or the executable does not call [`supervisor_entry`](super::supervisor_entry) first.
    #[error("lose the step's supervisor {} ({status})", program.display())]
    SupervisorLost { program: PathBuf, status: String },
    /// The command before the program failed ([`Frame`](super::Frame)).
    #[error("prepare the step: its log {} says why not", log.display())]
    NotPrepared { log: PathBuf },
    #[error("talk to the step's supervisor: {0}")]
    Link(io::Error),
}
