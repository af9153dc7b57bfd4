//! Station 3: synthetic data sets, byte-identical to the ones upstream's Python scripts make.
//!
//! The plot: a [`Spec`] says what is wanted, [`TokenizerFacts`] what the model's tokenizer allows;
//! `requests` draws one request after the other from the generators of `python_random` and
//! `numpy_random`, in upstream's order; `write` prints them as JSON lines or as one document; `save`
//! puts a file in place whole or not at all; [`Cache`] does so once for all who want the same bytes.
//!
//! Nothing is held in memory but one request, so the number of requests costs time and disk only.

mod argv;
mod cache;
mod digest;
mod entry;
mod error;
mod evict;
mod json_buffer;
mod lengths;
mod numpy_random;
mod pcg64;
mod python_random;
#[cfg(feature = "real-datasets")]
pub mod real;
mod requests;
mod sampler;
mod save;
mod spec;
mod tokenizer;
mod write;

pub use argv::{length_words, native_argv, task_words};
pub use cache::{Cache, DEFAULT_CACHE_LIMIT, Placed};
pub use error::DatasetError;
pub use requests::Stop;
pub use save::save;
pub(crate) use save::temporary_beside;
pub use spec::{DEFAULT_SEED, Lengths, MAX_TOKENS, Normal, Spec, TaskIds, Uniform};
pub use tokenizer::{MAX_VOCAB, TokenizerFacts};
pub use write::{write_document, write_jsonl};
