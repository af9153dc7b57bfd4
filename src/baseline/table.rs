//! A perf CSV as a whole: upstream's results, ours, and baselines.
//!
//! Tolerant: columns in any order and further ones beside them, LF or CR LF, a byte order mark, rows of several runs
//! in one file, broken rows among good ones. What is amiss is told with its line; what can be read is read.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::columns::{Column, Columns};
use super::problem::{Problem, Weight};
use super::row::{MetricType, Row};
use super::rows::Rows;

/// The rows of a file, in its order.
#[derive(Debug, Clone)]
pub struct Table {
    path: PathBuf,
    header_line: usize,
    columns: Arc<Columns>,
    rows: Vec<Row>,
}

/// Why a file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("read {}: it is empty; a perf CSV begins with a header", path.display())]
    Empty { path: PathBuf },
    #[error("read {}: it is UTF-16; save it as CSV in UTF-8", path.display())]
    Utf16 { path: PathBuf },
    #[error("{}:{line}: no column {missing}; the header has {found}", path.display())]
    MissingColumn { path: PathBuf, line: usize, missing: String, found: String },
    #[error("{}:{line}: the column {column} is there twice", path.display())]
    RepeatedColumn { path: PathBuf, line: usize, column: Column },
}

impl TableError {
    /// Whether the file is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    pub(super) fn lacks(path: &Path, line: usize, columns: &Columns, missing: &[Column]) -> Self {
        let missing: Vec<_> = missing.iter().map(|column| column.name()).collect();
        let found = match columns.names() {
            [one] if one.contains([';', '\t']) => {
                "one column; save the file with commas between its cells".to_owned()
            }
            names => names.join(", "),
        };
        Self::MissingColumn { path: path.to_owned(), line, missing: missing.join(", "), found }
    }
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or its header lacks what tells a row's case, metric and value.
    pub fn read(path: &Path) -> Result<(Self, Vec<Problem>), TableError> {
        let text =
            fs::read(path).map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Reads a text; `path` is for messages.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(text: &[u8], path: &Path) -> Result<(Self, Vec<Problem>), TableError> {
        let mut reader = Rows::new(text, path)?;
        let mut rows = Vec::new();
        let mut problems = Vec::new();
        for row in &mut reader {
            match row {
                // It holds no value.
                Ok(row) if row.is_attempt_alone() => {}
                Ok(row) => rows.push(row),
                Err(problem) => problems.push(problem),
            }
        }
        let mut table = Self {
            path: path.to_owned(),
            header_line: reader.header_line(),
            columns: Arc::clone(reader.columns()),
            rows,
        };
        problems.extend(table.mark_repeated());
        problems.sort_by_key(|problem| problem.line);
        Ok((table, problems))
    }

    /// Refuses a file without these columns.
    ///
    /// # Errors
    /// Names all that are missing.
    pub fn require(&self, columns: &[Column]) -> Result<(), TableError> {
        let missing: Vec<Column> =
            columns.iter().copied().filter(|&column| !self.columns.has(column)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(TableError::lacks(&self.path, self.header_line, &self.columns, &missing))
    }

    /// The file, as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Every row that could be read, repeated ones included.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The last row of each case, metric and device, in the order of the file.
    pub fn latest(&self) -> Vec<&Row> {
        let replaced: HashSet<usize> = self.rows.iter().filter_map(|row| row.repeats).collect();
        self.rows.iter().filter(|row| !replaced.contains(&row.line)).collect()
    }

    /// Result files are appended to, so that a second run in the same folder repeats its rows.
    fn mark_repeated(&mut self) -> Vec<Problem> {
        // `perf_samples.csv` has a row for each attempt: there nothing is repeated.
        if self.columns.names().iter().any(|name| name == "attempt") {
            return Vec::new();
        }
        let mut lines: HashMap<(String, MetricType, String), usize> = HashMap::new();
        let mut problems = Vec::new();
        for row in &mut self.rows {
            let device = row.device_subtype().unwrap_or_default().to_owned();
            let name = row.perf_case_name().into_owned();
            row.repeats = lines.insert((name, row.metric.clone(), device), row.line);
            if let Some(earlier) = row.repeats {
                problems.push(Problem {
                    path: self.path.clone(),
                    line: row.line,
                    weight: Weight::Noted,
                    message: format!(
                        "{} is on line {earlier} already; this one counts",
                        row.perf_case_name()
                    ),
                });
            }
        }
        problems
    }
}
