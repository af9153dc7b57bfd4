//! The text of one list file, shared by all its lines, so that any of them can be pointed at.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ListError;
use crate::error::SourceError;

/// A file the user wrote: its name as given and its text.
#[derive(PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
    /// Byte offset at which each line begins.
    starts: Vec<usize>,
}

impl Source {
    /// A text that came from `path`. A byte-order mark at its start is dropped.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(breaks).collect();
        Arc::new(Self { path: path.into(), text, starts })
    }

    /// Reads `path` as UTF-8.
    ///
    /// # Errors
    /// Missing, a directory, unreadable, not UTF-8 (then with the line of the first bad byte).
    pub fn read(path: &Path) -> Result<Arc<Self>, ListError> {
        let unreadable = |source| ListError::Read { file: path.to_owned(), source };
        if path.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            ListError::NotUtf8 { file: path.to_owned(), line }
        })?;
        Ok(Self::new(path, text))
    }

    /// The file as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line `number` (from 1) without its line end; empty past the end.
    pub fn line(&self, number: usize) -> &str {
        let Some(&start) = number.checked_sub(1).and_then(|index| self.starts.get(index)) else {
            return "";
        };
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        self.text[start..end].trim_end_matches('\r')
    }

    /// All lines with their numbers from 1; the empty rest after a final line end is none.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// An error at `length` characters from `column` (both from 1) of line `line`.
    pub fn fault(
        &self,
        line: usize,
        column: usize,
        length: usize,
        message: impl Into<String>,
    ) -> SourceError {
        let text = self.line(line);
        let byte_at = |characters: usize| {
            text.char_indices().nth(characters).map_or(text.len(), |(byte, _)| byte)
        };
        let span = byte_at(column - 1)..byte_at(column - 1 + length);
        SourceError::new(&self.path, line, text, span, message)
    }
}

/// The name alone: a whole file in a debug print helps nobody.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_number_whatever_ends_them() {
        let source = Source::new("a.txt", "\u{feff}one\r\ntwo\n\nfour");
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|number| source.line(number)),
            ["", "one", "two", "", "four", ""]
        );
        assert_eq!(source.lines().last(), Some((4, "four")));
    }

    #[test]
    fn a_fault_counts_columns_in_characters() {
        let source = Source::new("a.txt", "é é bad");
        let error = source.fault(1, 5, 3, "no");
        assert_eq!(error.to_string(), "a.txt:1:5: no");
        assert!(error.render().contains("^^^"), "{}", error.render());
    }
}
