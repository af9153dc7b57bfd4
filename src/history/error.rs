//! What can go wrong with the history: the store, what was being done to it, and the cause in plain words.

use std::fmt;

use crate::record::RecordError;

/// Why the history could not be read or written. What it held before stays whole, and so do the run folders.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(
        "open {place}: it lies on a network file system ({kind}), where writers of several nodes would damage it; name a \
         file on a local disk with --history, or a PostgreSQL database (--history postgres://…)"
    )]
    Network { place: String, kind: &'static str },
    #[error(
        "open {place}: there is no such file; a run of the harness makes it, and so does `history import`"
    )]
    Absent { place: String },
    #[error(
        "open {place}: it is no history of trtllm-perf ({found}); name another file with --history"
    )]
    Foreign { place: String, found: String },
    #[error(
        "open {place}: a newer trtllm-perf wrote it (schema {found}, this one knows {known}); use that one, or name \
         another --history"
    )]
    Newer { place: String, found: i64, known: i64 },
    #[error(
        "open {place}: its schema {version} is not the one of this trtllm-perf (checksum {found}, here {known}); a build \
         that was never released wrote it: export it with that build, and import the export"
    )]
    Checksum { place: String, version: i64, found: String, known: String },
    #[error("read --history: {0}")]
    Location(String),
    /// The store refused.
    #[error("{doing} {place}: {cause}")]
    Store {
        /// Verb first: `open`, `read`, `write` …
        doing: &'static str,
        place: String,
        cause: Cause,
    },
    #[error(
        "read {place}: {what} is not what this version writes; use the trtllm-perf that wrote it"
    )]
    Content { place: String, what: String },
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An alias that would make a circle, an entry that takes back nothing, and the like.
    #[error("{0}")]
    Entry(String),
    /// Who was given the rows could not take them.
    #[error("{0}")]
    Reader(String),
    /// Who was given the rows has seen enough.
    #[error("nobody reads on")]
    Closed,
}

/// Causes that a user can do something about, told apart from the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    DiskFull,
    /// Another writer held it for longer than one waits.
    Busy,
    ReadOnly,
    Denied,
    Damaged(String),
    /// The server cannot be reached.
    Unreachable(String),
    Other(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DiskFull => f.write_str("disk full; free some space, nothing of it was written"),
            Self::Busy => {
                f.write_str("another process has been writing to it all the time; try again")
            }
            Self::ReadOnly => f.write_str("read-only file system or file"),
            Self::Denied => f.write_str("permission denied"),
            Self::Damaged(text) => write!(
                f,
                "it is damaged ({text}); restore a copy, or import the run folders into a new one"
            ),
            Self::Unreachable(text) => write!(f, "the server cannot be reached: {text}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
