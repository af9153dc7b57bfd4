//! Errors that point into a file the user wrote.
//!
//! Every station has its own error enum for its own failures; what they share is this one type
//! for "line 12 of that list is wrong here", so that all located messages look alike.
//! The only user of `annotate-snippets`.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::de::{Deserializer, Visitor};

/// A fault at one place of a text file: what is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Lower-case fragment without a full stop, e.g. ``unknown data type `bfloat17` ``.
    pub message: String,
    /// What is accepted, or what to change.
    pub help: Option<String>,
    /// The offending line, without its line end.
    source_line: String,
    /// Byte range of the fault within `source_line`.
    span: Range<usize>,
}

impl SourceError {
    /// An error at `span` (bytes) of `source_line`, which is line number `line` (from 1) of `file`.
    /// A span that does not lie on character boundaries of the line is widened to the whole line.
    pub fn new(
        file: impl Into<PathBuf>,
        line: usize,
        source_line: &str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let whole = 0..source_line.len();
        let span = if source_line.get(span.clone()).is_some() { span } else { whole };
        Self {
            file: file.into(),
            line,
            column: source_line[..span.start].chars().count() + 1,
            message: message.into(),
            help: None,
            source_line: source_line.to_owned(),
            span,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Several lines for a terminal or a failure text: the message, the line, a caret under the fault, the help.
    pub fn render(&self) -> String {
        let path = self.file.display().to_string();
        let snippet = Snippet::source(&self.source_line)
            .line_start(self.line)
            .path(&path)
            .annotation(AnnotationKind::Primary.span(self.span.clone()));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }

    /// The file the fault is in.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// One line: `FILE:LINE:COLUMN: message; help`.
impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SourceError {}

/// Reads a text that must pass a check. A refusal made while the text is read is given its line by the reader of the
/// file; one made afterwards is not.
pub(crate) fn checked_text<'de, D: Deserializer<'de>>(
    deserializer: D,
    check: fn(&str) -> Result<(), String>,
) -> Result<String, D::Error> {
    struct Checked(fn(&str) -> Result<(), String>);
    impl Visitor<'_> for Checked {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            self.0(text).map(|()| text.to_owned()).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Checked(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_located_error_shows_the_place_in_one_line_and_in_a_snippet() {
        let line = "  - perf/test_perf.py::test_perf[x-bench-bfloat17]";
        let at = line.find("bfloat17").expect("in the line");
        let error =
            SourceError::new("lists/a.yml", 7, line, at..at + 8, "unknown data type `bfloat17`")
                .help("accepted: bfloat16, float16");
        assert_eq!(
            error.to_string(),
            "lists/a.yml:7:42: unknown data type `bfloat17`; accepted: bfloat16, float16"
        );
        let shown = error.render();
        assert!(shown.contains("lists/a.yml:7:42"), "{shown}");
        assert!(shown.contains("^^^^^^^^"), "{shown}");
        assert!(shown.contains("help: accepted: bfloat16, float16"), "{shown}");
    }

    #[test]
    fn a_span_inside_a_character_is_widened_to_the_line() {
        let error = SourceError::new("a", 1, "é", 1..2, "bad");
        assert_eq!(error.column, 1);
    }
}
