//! How a run of the harness ends other than by its tests: one exit code a reason.

use std::fmt;
use std::process::ExitCode;

/// The user's world, as far as it stops the harness itself; anything else is our bug and panics.
#[derive(Debug)]
pub enum Exit {
    /// 2: the command line, a list, a table or a settings file cannot be understood.
    Usage(String),
    /// 3: nothing can be run here: the bench program is missing, the output directory impossible.
    CannotRun(String),
    /// 4: a selection was asked for and nothing of it ran.
    NothingRan(String),
    /// 130: interrupted.
    Interrupted(String),
}

impl Exit {
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// The exit code of the reason.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::CannotRun(_) => 3,
            Self::NothingRan(_) => 4,
            Self::Interrupted(_) => 130,
        })
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(message)
        | Self::CannotRun(message)
        | Self::NothingRan(message)
        | Self::Interrupted(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for Exit {}
