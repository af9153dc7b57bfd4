//! One test line of a list, with its place.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::ListError;
use super::id;
use super::line::{self, Fault};
use super::marker::{Markers, Silence};
use super::note::Note;
use super::source::Source;
use crate::error::SourceError;

/// A test line: what it names, what it says about it, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    source: Arc<Source>,
    /// Line, from 1.
    pub line: usize,
    /// Column of the line's text in characters, from 1.
    pub column: usize,
    /// Index of its block over the file, from 0; `None` in a text list.
    pub block: Option<usize>,
    /// The text without markers and comment, e.g. `perf/test_perf.py::test_perf[…]`.
    pub id: String,
    /// What stands behind the id.
    pub markers: Markers,
    /// The `stall` of its block or list, for a line that has no STALL of its own.
    pub stall: Option<Silence>,
    /// Remarks on a line that upstream reads differently or that looks like a slip.
    pub notes: Vec<Note>,
}

impl Entry {
    /// Reads `text`, which stands at `line`:`column` of `source`; `None` when it holds only a comment.
    ///
    /// # Errors
    /// As the line grammar has it; located.
    pub(super) fn read(
        source: &Arc<Source>,
        line: usize,
        column: usize,
        mut text: String,
        block: Option<usize>,
    ) -> Result<Option<Self>, ListError> {
        let located = |Fault { span, message, help }| {
            let error = point(source, line, column, &text, span, message);
            ListError::from(match help {
                Some(help) => error.help(help),
                None => error,
            })
        };
        let Some(read) = line::parse(&text).map_err(located)? else { return Ok(None) };
        let indent = text[..read.id.start].chars().count();
        text.truncate(read.id.end);
        text.drain(..read.id.start);
        Ok(Some(Self {
            source: Arc::clone(source),
            line,
            column: column + indent,
            block,
            id: text,
            markers: read.markers,
            stall: None,
            notes: read.notes,
        }))
    }

    /// The file, as the user named it.
    pub fn file(&self) -> &Path {
        self.source.path()
    }

    /// The line of the file, as written.
    pub fn source_line(&self) -> &str {
        self.source.line(self.line)
    }

    /// The raw label of a perf test; `None` for a line that names another test.
    pub fn label(&self) -> Option<&str> {
        id::label(&self.id)
    }

    /// The full test name, `[PREFIX/]ID`; a `full:` id brings its own prefix.
    pub fn name(&self, prefix: Option<&str>) -> String {
        id::name(&self.id, prefix)
    }

    /// An error about the bytes `span` of [`Entry::label`] (of the id, when it has no label).
    pub fn fault(&self, span: Range<usize>, message: impl Into<String>) -> SourceError {
        let shift =
            self.label().map_or(0, |label| label.as_ptr() as usize - self.id.as_ptr() as usize);
        let span = span.start + shift..span.end + shift;
        point(&self.source, self.line, self.column, &self.id, span, message)
    }
}

/// `FILE:LINE`, as reports and reasons name a line.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file().display(), self.line)
    }
}

/// An error at the bytes `span` of `text`, which was read from `line`:`column`. A quoted YAML text is looked
/// for behind its quote; one that the file spells differently (escapes) is pointed at as a whole.
fn point(
    source: &Source,
    line: usize,
    column: usize,
    text: &str,
    span: Range<usize>,
    message: impl Into<String>,
) -> SourceError {
    let written = source.line(line);
    let from = written.char_indices().nth(column - 1).map_or(written.len(), |(at, _)| at);
    let Some(shift) = written[from..].find(text) else {
        return SourceError::new(source.path(), line, written, from..written.len(), message);
    };
    let at = from + shift;
    SourceError::new(source.path(), line, written, at + span.start..at + span.end, message)
}
