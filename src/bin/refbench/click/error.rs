//! A wrong command line.

use std::fmt;

/// What is wrong, with the command that it is wrong for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// The program and command, e.g. `refbench throughput`.
    pub path: String,
    /// What follows the path in the usage line.
    pub arguments: &'static str,
    /// What is wrong.
    pub message: String,
}

impl std::error::Error for UsageError {}

/// The two-line usage hint, a blank line, the message.
impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, arguments, message } = self;
        write!(f, "Usage: {path} {arguments}\nTry '{path} --help' for help.\n\nError: {message}")
    }
}
