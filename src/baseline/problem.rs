//! What was found amiss in a perf CSV that is usable all the same.

use std::fmt;
use std::path::PathBuf;

/// What a problem cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The row is among those read; a part of it is odd.
    Noted,
    /// The row could not be read: its numbers are missing.
    RowLost,
}

/// One line of a file that is not as it should be; all other rows were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: PathBuf,
    /// Line, counted from 1, on which the row begins.
    pub line: usize,
    pub weight: Weight,
    /// Lower-case fragment without a full stop.
    pub message: String,
}

/// `FILE:LINE: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}
