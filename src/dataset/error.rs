//! Everything that can keep a data set from being made.

use std::io;
use std::path::PathBuf;

use super::{MAX_TOKENS, MAX_VOCAB};

/// Why there is no data set. The text is for people: it names the file or the option at fault.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The directory given as tokenizer is not there.
    #[error("find the tokenizer: {0} is not a directory")]
    NoTokenizerDirectory(PathBuf),
    /// A directory without `tokenizer.json` or `tokenizer_config.json`.
    #[error(
        "find the tokenizer: no {file} in {directory}; the performance harness can make the data set \
         with TensorRT-LLM's own script instead: --dataset-tool script"
    )]
    NoTokenizerFile { file: &'static str, directory: PathBuf },
    /// A tokenizer file that cannot be read.
    #[error("read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    /// A tokenizer file that is not JSON of the expected shape; line and column count from 1.
    #[error("read {path}:{line}:{column}: {message}")]
    Json { path: PathBuf, line: usize, column: usize, message: String },
    /// `tokenizer.json` without a vocabulary that can be counted.
    #[error(
        "read {0}: it has no `model.vocab`, so the size of the vocabulary is unknown; the performance \
         harness can make the data set with TensorRT-LLM's own script instead: --dataset-tool script"
    )]
    NoVocabulary(PathBuf),
    /// No file of the tokenizer names an end-of-sequence token.
    #[error(
        "read {0}: it has no `eos_token`, nor has a special_tokens_map.json beside it; the performance harness can \
         make the data set with TensorRT-LLM's own script instead: --dataset-tool script"
    )]
    NoEosToken(PathBuf),
    /// The end-of-sequence token has no id.
    #[error(
        "read {path}: the end-of-sequence token `{token}` is neither in `added_tokens` nor in `model.vocab`"
    )]
    EosNotInVocabulary { path: PathBuf, token: String },

    /// No id to draw from, or more ids than any tokenizer has.
    #[error("draw token ids: a vocabulary of {0} entries; it must have 1 to {MAX_VOCAB}")]
    VocabularySize(u64),
    /// The only id is the one that must not appear.
    #[error("draw token ids: the vocabulary's only entry is the end-of-sequence token")]
    OnlyEos,
    /// A normal distribution with a standard deviation below zero.
    #[error("draw lengths: --{side}-stdev {stdev} is negative; give 0 or more")]
    NegativeStdev { side: &'static str, stdev: i64 },
    /// A uniform distribution whose bounds are swapped.
    #[error(
        "draw lengths: --{side}-min {low} is above --{side}-max {high}; give the smaller first"
    )]
    LengthBounds { side: &'static str, low: i64, high: i64 },
    /// A uniform distribution that reaches below zero.
    #[error("draw lengths: --{side}-min {low} is negative; a request has at least 0 tokens")]
    NegativeLength { side: &'static str, low: i64 },
    /// A length no model can take, more likely a slip of the keyboard.
    #[error(
        "draw lengths: {option} {value} is out of range; at most {MAX_TOKENS} tokens a request"
    )]
    TooLong { option: String, value: i64 },
    /// A normal distribution that could draw a length no model can take.
    #[error(
        "draw lengths: --{side}-stdev {stdev} is out of range: with --{side}-mean {mean} a request could be longer \
         than {MAX_TOKENS} tokens"
    )]
    TooWide { side: &'static str, mean: i64, stdev: i64 },
    /// NumPy's generator of normal deviates takes 32-bit seeds only.
    #[error(
        "seed the generators: --random-seed {0} is too large; token-norm-dist takes 0 to 4294967295"
    )]
    Seed(u64),
    /// Random task ids whose bounds are swapped, or impossibly far apart.
    #[error(
        "draw task ids: --rand-task-id {low} {high}: give two bounds, the smaller first, less than 2^63 apart"
    )]
    TaskIdBounds { low: i64, high: i64 },
    /// `--lora-dir ""`.
    #[error("name the adapters: --lora-dir is empty; give the directory, or leave the option out")]
    EmptyLoraDir,
    /// The one-document form states the longest request, which a set of none has not.
    #[error(
        "write the data set: --num-requests 0 leaves the document without a longest request; give 1 or more, or ask for JSON lines"
    )]
    EmptyDocument,

    /// Whoever asked for the data set wants it no more.
    #[error("make the data set: stopped before it was whole")]
    Stopped,
    /// The data set could not be written to the given stream.
    #[error("write the data set: {0}")]
    Output(#[source] io::Error),
    /// The data set could not be written to a file.
    #[error("write the data set to {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    /// A directory for data sets could not be made.
    #[error("make the directory {path}: {source}")]
    MakeDirectory { path: PathBuf, source: io::Error },
    /// The cache of data sets could not be used.
    #[error("use the data set cache at {path}: {source}")]
    Cache { path: PathBuf, source: io::Error },
}
