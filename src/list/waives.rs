//! The waives file: known troubles that must not fail a run, written down in the line grammar of lists.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::ListError;
use super::entry::Entry;
use super::marker::Markers;
use super::source::Source;
use super::text;

/// The waives that apply to one run.
#[derive(Debug, Clone, Default)]
pub struct Waives {
    entries: Vec<Entry>,
    /// From the full test name to its last line.
    by_name: HashMap<String, usize>,
}

impl Waives {
    /// Reads the file at `path` for a run with `prefix` (`--test-prefix`).
    ///
    /// # Errors
    /// An unreadable file, a line that cannot be read. A file without a waive is no error.
    pub fn load(path: &Path, prefix: Option<&str>) -> Result<Self, ListError> {
        Self::read(&Source::read(path)?, prefix)
    }

    /// Like [`Waives::load`], from a text that came from `path`.
    ///
    /// # Errors
    /// A line that cannot be read.
    pub fn parse(
        path: impl Into<PathBuf>,
        text: &str,
        prefix: Option<&str>,
    ) -> Result<Self, ListError> {
        Self::read(&Source::new(path, text), prefix)
    }

    fn read(source: &Arc<Source>, prefix: Option<&str>) -> Result<Self, ListError> {
        let entries = text::read(source)?;
        let names = entries.iter().enumerate();
        let by_name = names.map(|(index, entry)| (entry.name(prefix), index)).collect();
        Ok(Self { entries, by_name })
    }

    /// The waive of the test with this full name: an exact match, the last line wins.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|&index| &self.entries[index])
    }

    /// The markers that count on `today`: those of a list line with those of the test's waive laid on top.
    /// An expired waive hides nothing, the line's own marker neither.
    #[must_use]
    pub fn laid_over(&self, name: &str, line: &Markers, today: Date) -> Markers {
        let line = line.in_force(today);
        match self.find(name) {
            Some(waive) => line.overlaid(&waive.markers.in_force(today)),
            None => line,
        }
    }

    /// All lines, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The lines that waive none of the tests with these full names, in the order of the file: fragments,
    /// tests of other platforms, tests that are gone, lines overruled by a later one, lines without a marker.
    pub fn unused<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<&Entry> {
        let used: HashSet<usize> =
            names.into_iter().filter_map(|name| self.by_name.get(name).copied()).collect();
        let idle =
            |(index, entry): &(usize, &Entry)| !used.contains(index) || entry.markers.is_empty();
        self.entries.iter().enumerate().filter(idle).map(|(_, entry)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Reason;
    use jiff::civil::date;
    use std::time::Duration;

    const TEXT: &str = "\
# known troubles
a.py::t[1] SKIP (https://example.org/1)
full:B200/a.py::t[2] XFAIL (owner=ann until=2026-01-31)
a.py::t SKIP (a fragment)
a.py::t[3] SKIP (old)
a.py::t[3] TIMEOUT (90)
a.py::t[4]
";

    #[test]
    fn a_waive_matches_one_name_exactly_and_the_last_line_wins() {
        let waives = Waives::parse("waives.txt", TEXT, None).expect("waives");
        assert!(waives.find("a.py::t[1]").expect("waived").markers.skip.is_some());
        assert_eq!(waives.find("a.py::t[2]"), None);
        let third = waives.find("a.py::t[3]").expect("waived");
        assert_eq!((third.line, third.markers.skip.as_ref()), (6, None));
        assert_eq!(third.markers.timeout, Some(Duration::from_mins(90)));
    }

    #[test]
    fn a_prefix_is_part_of_the_name_and_a_full_waive_fits_its_platform_alone() {
        let waives = Waives::parse("waives.txt", TEXT, Some("B200-PyTorch-1")).expect("waives");
        assert!(waives.find("B200-PyTorch-1/a.py::t[1]").is_some());
        assert!(waives.find("B200-PyTorch-1/a.py::t[2]").is_some());
        let waives = Waives::parse("waives.txt", TEXT, Some("GB200")).expect("waives");
        assert_eq!(waives.find("GB200/a.py::t[2]"), None);
    }

    #[test]
    fn lines_that_waive_nothing_are_told() {
        let waives = Waives::parse("waives.txt", TEXT, None).expect("waives");
        let unused = waives.unused(["a.py::t[1]", "a.py::t[3]", "a.py::t[4]"]);
        assert_eq!(unused.iter().map(|entry| entry.line).collect::<Vec<_>>(), [3, 4, 5, 7]);
    }

    #[test]
    fn an_expired_waive_hides_neither_the_test_nor_the_lines_own_marker() {
        let text = "a.py::t[1] SKIP (waived until=2026-01-31)\n";
        let waives = Waives::parse("waives.txt", text, None).expect("waives");
        let own = Reason { text: "of the list".to_owned(), ..Reason::default() };
        let line = Markers { skip: Some(Box::new(own.clone())), ..Markers::default() };
        let on = |day| waives.laid_over("a.py::t[1]", &line, day).skip.map(|skip| skip.text);
        assert_eq!(on(date(2026, 1, 31)).as_deref(), Some("waived until=2026-01-31"));
        assert_eq!(on(date(2026, 2, 1)), Some(own.text));
        let plain = waives.laid_over("a.py::t[1]", &Markers::default(), date(2026, 2, 1));
        assert!(plain.is_empty());
    }

    #[test]
    fn a_file_of_comments_waives_nothing() {
        let waives = Waives::parse("waives.txt", "# nothing yet\n", None).expect("waives");
        assert!(waives.entries().is_empty());
        let markers = Markers { isolation: true, ..Markers::default() };
        assert_eq!(waives.laid_over("a.py::t[1]", &markers, date(2026, 1, 1)), markers);
    }
}
