//! The rows of a perf CSV one after the other, so that one broken row costs no other.
//!
//! A quote that is missing makes a CSV reader take the lines after it for one field. Such a row spans lines and is
//! broken in some way; then only its first line is given up, and reading goes on with the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::columns::{Column, Columns};
use super::problem::{Problem, Weight};
use super::row::Row;
use super::table::TableError;

/// The byte order mark that some editors put in front.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The rows of a text, each with its line, or what is wrong with it. Streaming: nothing but the present row is kept.
pub struct Rows<'a> {
    path: PathBuf,
    text: &'a [u8],
    columns: Arc<Columns>,
    reader: Reader<&'a [u8]>,
    /// Where the reader's text begins in `text`.
    base: usize,
    /// Up to where lines were counted, and the number of the line there.
    counted: usize,
    line: usize,
    header_line: usize,
    /// Found beside a row that was read; told before the next one.
    waiting: Vec<Problem>,
}

/// A record, where it lies and whether it spans lines.
struct Found {
    record: ByteRecord,
    line: usize,
    start: usize,
    end: usize,
}

impl<'a> Rows<'a> {
    /// Reads the header of a text; `path` is for messages.
    ///
    /// # Errors
    /// When there is no header, or it lacks what tells a row's case, metric and value.
    pub fn new(text: &'a [u8], path: &Path) -> Result<Self, TableError> {
        let file = || path.to_owned();
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err(TableError::Utf16 { path: file() });
        }
        let base = if text.starts_with(BOM) { BOM.len() } else { 0 };
        let mut rows = Self {
            path: file(),
            text,
            columns: Arc::new(Columns::read(&StringRecord::new()).expect("no column, none twice")),
            reader: reader(&text[base..]),
            base,
            counted: 0,
            line: 1,
            header_line: 1,
            waiting: Vec::new(),
        };
        let Some(found) = rows.record() else { return Err(TableError::Empty { path: file() }) };
        let line = found.line;
        let header = StringRecord::from_byte_record_lossy(found.record);
        let columns = Columns::read(&header).map_err(|column| TableError::RepeatedColumn {
            path: file(),
            line,
            column,
        })?;
        rows.columns = Arc::new(columns);
        rows.header_line = line;
        if !rows.columns.names_cases() {
            return Err(rows.lacks(&[Column::PerfCaseName]));
        }
        rows.require(&[Column::PerfMetric, Column::MetricType])?;
        Ok(rows)
    }

    /// The header.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Line of the header, from 1.
    pub fn header_line(&self) -> usize {
        self.header_line
    }

    /// Refuses a file without these columns.
    ///
    /// # Errors
    /// Names all that are missing.
    pub fn require(&self, columns: &[Column]) -> Result<(), TableError> {
        let missing: Vec<Column> =
            columns.iter().copied().filter(|&column| !self.columns.has(column)).collect();
        if missing.is_empty() { Ok(()) } else { Err(self.lacks(&missing)) }
    }

    fn lacks(&self, columns: &[Column]) -> TableError {
        TableError::lacks(&self.path, self.header_line, &self.columns, columns)
    }

    /// The next record that is not blank.
    fn record(&mut self) -> Option<Found> {
        loop {
            let mut start = self.base + self.reader.position().byte() as usize;
            while matches!(self.text.get(start), Some(b'\r' | b'\n')) {
                start += 1;
            }
            let mut record = ByteRecord::new();
            let more = self.reader.read_byte_record(&mut record);
            if !more.expect("a text in memory can be read, and lines may differ in length") {
                return None;
            }
            let end = self.base + self.reader.position().byte() as usize;
            let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
            if self.text[start..end].iter().all(blank) {
                continue;
            }
            self.line += newlines(&self.text[self.counted..start]);
            self.counted = start;
            return Some(Found { record, line: self.line, start, end });
        }
    }

    /// Has reading go on with the line after the one that begins at `start`.
    fn next_line(&mut self, start: usize) {
        let rest = &self.text[start..];
        let length = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
        self.base = start + length;
        self.reader = reader(&self.text[self.base..]);
    }

    fn problem(&self, line: usize, weight: Weight, message: String) -> Problem {
        Problem { path: self.path.clone(), line, weight, message }
    }

    fn read(&mut self, found: Found) -> Result<Row, Problem> {
        let Found { record, line, start, end } = found;
        let ended = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let length = self.text[start..end].iter().rposition(ended).map_or(0, |at| at + 1);
        let whole = &self.text[start..start + length];
        let raw = whole.trim_ascii_end();
        let spans_lines = raw.contains(&b'\n');
        let cut_off = end == self.text.len() && !self.text.ends_with(b"\n");
        let mut odd = Vec::new();
        let row = self.sound(record, raw).and_then(|record| {
            Row::read(line, start..start + whole.len(), record, &self.columns, |it| odd.push(it))
        });
        let row = row.map_err(|message| {
            let what = if cut_off { "; the line is cut off" } else { "" };
            self.problem(line, Weight::RowLost, format!("{message}{what}; row passed over"))
        });
        if row.is_err() && spans_lines {
            self.next_line(start);
        }
        if row.is_ok() && cut_off {
            odd.push("the file ends without a line end; its last value may be cut off".to_owned());
        }
        let odd = odd.into_iter().map(|message| self.problem(line, Weight::Noted, message));
        self.waiting.extend(odd.collect::<Vec<_>>());
        row
    }

    /// A record that has as many cells as the header, all of them text.
    fn sound(&self, record: ByteRecord, raw: &[u8]) -> Result<StringRecord, String> {
        if !is_well_quoted(raw) {
            return Err("a quote is missing, or one stands within a cell".to_owned());
        }
        let (cells, expected) = (record.len(), self.columns.names().len());
        if cells != expected {
            return Err(format!("{cells} cells where the header has {expected}"));
        }
        StringRecord::from_byte_record(record).map_err(|error| {
            let cell = error.utf8_error().field();
            format!("{} is not UTF-8 text", self.columns.names()[cell])
        })
    }

    /// Files made by concatenation have the header again and again.
    fn is_header(&self, record: &ByteRecord) -> bool {
        let place = self.columns.place(Column::PerfMetric).and_then(|place| record.get(place));
        place.is_some_and(|cell| cell.trim_ascii().eq_ignore_ascii_case(b"perf_metric"))
    }

    /// What a header within the file means for the rows after it.
    fn header_again(&self, record: ByteRecord, line: usize) -> Problem {
        let header = StringRecord::from_byte_record_lossy(record);
        let same = header.iter().map(str::trim).eq(self.columns.names());
        let (weight, message) = match same {
            true => (Weight::Noted, "the header again; passed over".to_owned()),
            false => (
                Weight::RowLost,
                format!(
                    "a header with other columns than that of line {}; split the file here",
                    self.header_line
                ),
            ),
        };
        self.problem(line, weight, message)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(problem) = self.waiting.pop() {
            return Some(Err(problem));
        }
        let found = self.record()?;
        if self.is_header(&found.record) {
            return Some(Err(self.header_again(found.record, found.line)));
        }
        Some(self.read(found))
    }
}

fn reader(text: &[u8]) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text)
}

/// Whether every cell that begins with a quote ends with one. CSV readers take anything, and where a quote is missing
/// the number of cells may be right by chance.
fn is_well_quoted(raw: &[u8]) -> bool {
    let mut bytes = raw.iter().copied().peekable();
    let mut at_start = true;
    while let Some(byte) = bytes.next() {
        if !(at_start && byte == b'"') {
            at_start = byte == b',';
            continue;
        }
        loop {
            match (bytes.next(), bytes.peek()) {
                (None, _) => return false,
                (Some(b'"'), Some(b'"')) => drop(bytes.next()),
                (Some(b'"'), Some(b',') | None) => break,
                (Some(b'"'), Some(_)) => return false,
                (Some(_), _) => {}
            }
        }
        at_start = false;
    }
    true
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}
