//! Why a data set of real text cannot be made.

use std::io;
use std::path::PathBuf;

use crate::dataset::DatasetError;

/// A fault of the source, of a record, or of the options that do not fit them.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// Upstream would ask a hub.
    #[error("find the data set: {} is neither a file nor a directory; nothing is downloaded, so give a local one", .0.display())]
    NoSource(PathBuf),
    #[error("find the split `{split}` below {}: there is {}", directory.display(), there(found))]
    NoSplit { split: String, directory: PathBuf, found: Vec<String> },
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Line or row, from 1.
    #[error("read {}:{row}: {message}", path.display())]
    Record { path: PathBuf, row: u64, message: String },
    #[error("read {}:{row}: no key `{key}` for {option}; the record has {}", path.display(), keys.join(", "))]
    NoKey { path: PathBuf, row: u64, key: String, option: &'static str, keys: Vec<String> },
    #[error("read {}:{row}: the record has images or video (`{key}`); only text is prepared", path.display())]
    NotText { path: PathBuf, row: u64, key: String },
    #[error("load the tokenizer {}: {message}", path.display())]
    Tokenizer { path: PathBuf, message: String },
    #[error(transparent)]
    Config(#[from] DatasetError),
    #[error(
        "know the output lengths: give --output-len-dist MEAN,STDEV, or --dataset-output-key for the length of the golden output"
    )]
    NoOutputLength,
    #[error(
        "seed the output lengths: --random-seed {0} is too large; --output-len-dist takes 0 to 4294967295"
    )]
    Seed(u64),
    #[error("write the data set: {0}")]
    Output(#[source] io::Error),
    #[error(
        "make the data set: no record was accepted; look at --dataset-split, and raise --max-input-len"
    )]
    Empty,
    #[error(
        "draw task ids: --rand-task-id {low} {high}: give two bounds, the smaller first, less than 2^63 apart"
    )]
    TaskIds { low: i64, high: i64 },
}

fn there(found: &[String]) -> String {
    if found.is_empty() { "no .jsonl, .json or .parquet file".to_owned() } else { found.join(", ") }
}
