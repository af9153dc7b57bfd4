//! Station 1, lists: which tests a user asks for, and which of them are for this machine.
//!
//! A file becomes a [`TestList`] (YAML: [`Block`]s of a [`Condition`] and test lines; plain text: test lines
//! alone), each line an [`Entry`] that knows its place. [`select()`] holds the conditions against the
//! [`Facts`] of a machine and drops duplicates; [`Waives`] says which known troubles must not fail a run.
//! Whatever is wrong in a file is a [`ListError`] that points at the place.

mod blocks;
mod condition;
mod entry;
mod error;
mod facts;
mod glob;
mod id;
mod line;
mod marker;
mod nearest;
mod note;
mod select;
mod source;
mod template;
mod test_list;
mod text;
mod upstream;
mod waives;
mod yaml;

pub use blocks::Block;
pub use condition::{Condition, Finding, Range, Requirement, Rule, Verdict};
pub use entry::Entry;
pub use error::ListError;
pub use facts::{Fact, Facts, KEYS};
pub(crate) use glob::matches as glob_matches;
pub use marker::{Markers, Reason, Silence, Word};
pub use nearest::{nearest, suggestion};
pub use note::Note;
pub use select::{Selected, Unselected, select};
pub use source::Source;
pub use test_list::TestList;
pub use waives::Waives;
