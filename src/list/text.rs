//! Plain-text lists and waives files: one line a test.

use std::sync::Arc;

use super::ListError;
use super::entry::Entry;
use super::source::Source;

/// Reads every line of `source` that names a test.
///
/// # Errors
/// The first line that cannot be read.
pub(super) fn read(source: &Arc<Source>) -> Result<Vec<Entry>, ListError> {
    let mut entries = Vec::new();
    for (line, text) in source.lines() {
        entries.extend(Entry::read(source, line, 1, text.to_owned(), None)?);
    }
    Ok(entries)
}
