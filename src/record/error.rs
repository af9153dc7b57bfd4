//! What can go wrong with records: the file, what was being done to it, and the cause in plain words.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::Busy;

/// Why a record could not be written or read. Whatever was recorded before stays whole.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("{doing} {}: {cause}", path.display())]
    File {
        /// Verb first: `write`, `create`, `list` …
        doing: &'static str,
        path: PathBuf,
        cause: IoCause,
        source: io::Error,
    },
    /// Another run holds the output directory and the caller would not wait.
    #[error("{0}; use another --output-dir, or run again when it has ended")]
    Busy(Box<Busy>),
    #[error(
        "use run id `{0}`: accepted are 1 to 100 letters, digits, `.`, `_` and `-`, not beginning with `.`"
    )]
    RunId(String),
    #[error("find a run in {}: there is none{}", output.display(), wanted.as_ref().map(|run| format!(" named `{run}`")).unwrap_or_default())]
    NoRun { output: PathBuf, wanted: Option<String> },
    #[error("begin attempt {attempt} of {name}: it already has a result in {}", path.display())]
    AttemptExists { name: String, attempt: u32, path: PathBuf },
    #[error(
        "append to {}: its columns are `{found}`, this flow writes `{expected}`; use another --output-dir, or leave --append out", path.display()
    )]
    AppendColumns { path: PathBuf, found: String, expected: String },
    #[error("encode {}: {reason}", path.display())]
    Encode { path: PathBuf, reason: String },
    #[error("read {}: {reason}", path.display())]
    Decode { path: PathBuf, reason: String },
}

/// The causes that a user can do something about, told apart from the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IoCause {
    DiskFull,
    QuotaExceeded,
    ReadOnly,
    Denied,
    Missing,
    Other(String),
}

impl fmt::Display for IoCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "disk full",
            Self::QuotaExceeded => "disk quota exceeded",
            Self::ReadOnly => "read-only file system",
            Self::Denied => "permission denied",
            Self::Missing => "no such file or directory",
            Self::Other(text) => text,
        })
    }
}

impl From<&io::Error> for IoCause {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull,
            io::ErrorKind::QuotaExceeded => Self::QuotaExceeded,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl RecordError {
    /// Wraps an I/O error with what was being done to which file; made for `map_err`.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            doing,
            path: path.to_owned(),
            cause: IoCause::from(&source),
            source,
        }
    }
}

/// A file of a run folder that was passed over, and why: shown to people, never fatal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub path: PathBuf,
    /// Line from 1, where the fault has a place.
    pub line: Option<usize>,
    pub message: String,
}

impl Problem {
    pub(super) fn new(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into() }
    }

    /// A view that could not be written this time.
    pub(super) fn view(error: &RecordError) -> Self {
        let again = "tried again after the next test";
        match error {
            RecordError::File { doing, path, cause, .. } => {
                Self::new(path, format!("cannot {doing} it: {cause}; {again}"))
            }
            other => Self::new("views".as_ref(), format!("{other}; {again}")),
        }
    }

    pub(super) fn json(path: &Path, error: &serde_json::Error) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(error.line()).filter(|&line| line > 0),
            message: format!("passed over: {error}"),
        }
    }
}

/// `FILE:LINE: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path.display(), self.message),
            None => write!(f, "{}: {}", self.path.display(), self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_named_in_plain_words_with_the_file() {
        for (kind, words) in [
            (io::ErrorKind::StorageFull, "write out/junit.xml: disk full"),
            (io::ErrorKind::QuotaExceeded, "write out/junit.xml: disk quota exceeded"),
            (io::ErrorKind::ReadOnlyFilesystem, "write out/junit.xml: read-only file system"),
        ] {
            let error = RecordError::file("write", Path::new("out/junit.xml"))(kind.into());
            assert_eq!(error.to_string(), words);
        }
    }
}
