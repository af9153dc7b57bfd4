//! What can go wrong with a list file as a whole or at one place of it.

use std::io;
use std::path::PathBuf;

use crate::error::SourceError;

/// Why a list, a waives file or a facts file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("read {}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("read {}: line {line} is not UTF-8", file.display())]
    NotUtf8 { file: PathBuf, line: usize },
    #[error("read {}: it lists no test", file.display())]
    Empty { file: PathBuf },
    /// One place of the file is wrong.
    #[error(transparent)]
    At(#[from] Box<SourceError>),
}

impl From<SourceError> for ListError {
    fn from(error: SourceError) -> Self {
        Self::At(Box::new(error))
    }
}
