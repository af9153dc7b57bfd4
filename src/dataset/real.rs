//! Data sets of real text: records of a local folder, tokenized, in upstream's order and forms.
//!
//! The plot: `files` finds the files of a split, `records` reads them one record after the other, [`prepare`] makes
//! samples of them, and the two writers print those. The only user of `tokenizers` and `parquet`.

mod error;
mod files;
mod prepare;
mod records;
mod write;

pub use error::RealError;
pub use prepare::{Prepared, Prompt, RealSpec, Sample, prepare};
pub use write::{write_document, write_jsonl};
