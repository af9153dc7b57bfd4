//! The ways an invocation ends without success, worded and numbered as the real tool does.

use std::fmt;
use std::io;
use std::path::Path;

/// A run-time failure. The real tool is a Python program, and readers of its logs look for the name of an
/// exception class before the message, so failures carry the name of the class it would raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Python's name of this kind of failure.
    pub class: &'static str,
    /// What went wrong.
    pub message: String,
    /// Whether the engine was being set up or running: such failures are logged, earlier ones only printed.
    pub during_benchmark: bool,
}

impl Exception {
    /// A failure of class `class`.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), during_benchmark: false }
    }

    /// A value that cannot be used.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// A state in which the run cannot go on.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self::new("RuntimeError", message)
    }

    /// Something the real tool can do and this one does not.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new("NotImplementedError", format!("{what} is not supported by refbench"))
    }

    /// The system refused an operation on `path`.
    pub fn os(path: &Path, error: &io::Error) -> Self {
        let class = match error.kind() {
            io::ErrorKind::NotFound => "FileNotFoundError",
            io::ErrorKind::PermissionDenied => "PermissionError",
            io::ErrorKind::IsADirectory => "IsADirectoryError",
            io::ErrorKind::NotADirectory => "NotADirectoryError",
            _ => "OSError",
        };
        let text = error.to_string();
        let message = match error.raw_os_error() {
            Some(code) => {
                let text = text.split(" (os error").next().unwrap_or(&text);
                format!("[Errno {code}] {text}: '{}'", path.display())
            }
            None => format!("{text}: '{}'", path.display()),
        };
        Self::new(class, message)
    }

    /// The same failure, met while the engine was being set up or running.
    #[must_use]
    pub fn while_benchmarking(self) -> Self {
        Self { during_benchmark: true, ..self }
    }

    /// Several lines as an uncaught exception prints them, `place` standing for the stack.
    pub fn traceback(&self, place: &str) -> String {
        format!(
            "Traceback (most recent call last):\n  in {place}\n{}: {}",
            self.class, self.message
        )
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for Exception {}

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line is wrong: exit code 2.
    #[error(transparent)]
    Usage(#[from] crate::click::UsageError),
    /// Everything else: exit code 1.
    #[error(transparent)]
    Exception(#[from] Exception),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_has_the_class_number_and_path() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(
            Exception::os(Path::new("/no/where"), &error).to_string(),
            "FileNotFoundError: [Errno 2] No such file or directory: '/no/where'"
        );
    }
}
