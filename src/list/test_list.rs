//! A whole test list: its blocks and its lines, from YAML or from plain text.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::{self, Block};
use super::condition::Condition;
use super::entry::Entry;
use super::source::Source;
use super::{ListError, text};

/// A list of tests.
#[derive(Debug, Clone, PartialEq)]
pub struct TestList {
    source: Arc<Source>,
    /// Over the file, whatever context they stand in; empty for a text list.
    pub blocks: Vec<Block>,
    /// In the order of the file, duplicates and lines that are no perf tests included.
    pub entries: Vec<Entry>,
}

impl TestList {
    /// Reads the file at `path`: YAML when its name ends in `.yml` or `.yaml`, plain text otherwise.
    ///
    /// # Errors
    /// An unreadable file, anything [`TestList::parse`] refuses.
    pub fn load(path: &Path) -> Result<Self, ListError> {
        Self::read(Source::read(path)?)
    }

    /// Like [`TestList::load`], from a text that came from `path`.
    ///
    /// # Errors
    /// A fault at one place of the text, or a list that lists no test.
    pub fn parse(path: impl Into<PathBuf>, text: &str) -> Result<Self, ListError> {
        Self::read(Source::new(path, text))
    }

    fn read(source: Arc<Source>) -> Result<Self, ListError> {
        let yaml = source.path().extension().is_some_and(|it| it == "yml" || it == "yaml");
        let (blocks, entries) =
            if yaml { blocks::read(&source)? } else { (Vec::new(), text::read(&source)?) };
        if entries.is_empty() {
            return Err(ListError::Empty { file: source.path().to_owned() });
        }
        Ok(Self { source, blocks, entries })
    }

    /// The file, as the user named it.
    pub fn file(&self) -> &Path {
        self.source.path()
    }

    /// The condition that `entry` of this list stands under; `None` in a text list.
    pub fn condition(&self, entry: &Entry) -> Option<&Condition> {
        entry.block.map(|index| &self.blocks[index].condition)
    }
}
