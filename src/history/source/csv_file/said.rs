//! What a CSV does not say, and what becomes of it.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::baseline::TableError;

/// What a CSV does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub release: Option<String>,
    /// When its rows without a time were measured.
    pub date: Option<Timestamp>,
    /// The machine class of rows that name no device, e.g. `H100_80GB_HBM3`.
    pub machine: Option<String>,
    /// Whether rows may be read that say neither when nor on what they were measured: enough to be compared, not to be
    /// kept. They are of the year 1970 and of an unknown machine.
    pub gaps: bool,
}

/// Why a CSV cannot be a run.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{}:{line}: the row says no time; say when it was measured with --date", path.display())]
    NoTime { path: PathBuf, line: usize },
    #[error(
        "{}:{line}: the row names no device; say on what it was measured with --machine", path.display()
    )]
    NoMachine { path: PathBuf, line: usize },
}

impl CsvError {
    /// What is wrong, without the place.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Table(error) => error.to_string(),
            Self::NoTime { .. } => {
                "it says no time; say when it was measured with --date".to_owned()
            }
            Self::NoMachine { .. } => {
                "it names no device; say on what it was measured with --machine".to_owned()
            }
        }
    }
}
