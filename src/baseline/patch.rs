//! A baseline with other values: its new text, and the patch from the old one.
//!
//! Upstream writes both sides of its patch with pandas, so that it fits only a file that pandas wrote. Here what stays keeps
//! the bytes it has, and a row that changes is spelt as pandas would; where the file is pandas' own, the patches are equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use similar::TextDiff;

use super::columns::{Column, Columns};
use super::number::python_float;
use super::row::Row;
use super::sanity::{Kind, Sanity};
use super::table::Table;

/// The folder of upstream's baselines.
const UPSTREAM_FOLDER: &str = "tests/integration/defs/perf";

/// A baseline's text, and what of it is not a row.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub table: &'a Table,
    pub text: &'a str,
}

/// One row of the new text.
#[derive(Debug, Clone)]
pub enum Line<'a> {
    /// As it stands in the old one.
    Kept(&'a Row),
    /// Written anew, cell by cell in the order of the baseline's columns.
    Written(Vec<String>),
}

impl<'a> Source<'a> {
    /// The line end of the file.
    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The old header and these rows.
    pub fn with(&self, lines: &[Line<'_>]) -> String {
        let end = self.line_end();
        let first = self.table.rows().iter().map(|row| row.span.start).min();
        let mut text = self.text[..first.unwrap_or(self.text.len())].to_owned();
        if !text.ends_with('\n') {
            text += end;
        }
        for line in lines {
            match line {
                Line::Kept(row) => text += &self.text[row.span.clone()],
                Line::Written(cells) => text += &csv_line(cells),
            }
            text += end;
        }
        // A file that did not end its last line keeps doing so, if that line is still the last.
        let kept_last =
            matches!(lines.last(), Some(Line::Kept(row)) if row.span.end == self.text.len());
        if kept_last {
            text.truncate(text.len() - end.len());
        }
        text
    }

    /// The new baseline as upstream orders it: the cases in both files, sorted by name, then those missing from the base;
    /// rows that the results lack are dropped. Over tolerance the target's row is taken whole. With rows of other devices
    /// in the file, which upstream does not see, everything stays where it is.
    pub fn after(&self, sanity: &Sanity<'a>) -> String {
        let spelling =
            Spelling::of(&[self.table.rows(), &all_targets(sanity)], self.table.columns());
        let written = |row: &Row| Line::Written(spelling.cells(row, None));
        let over_tolerance = sanity.findings.iter().filter(|it| it.kind == Kind::OverTolerance);
        let over: BTreeMap<usize, &Row> =
            over_tolerance.filter_map(|it| Some((it.base?.line, it.target?))).collect();
        let line = |row: &'a Row| over.get(&row.line).map_or(Line::Kept(row), |it| written(it));
        let mut lines: Vec<Line<'_>> = Vec::new();
        if sanity.elsewhere.is_empty() {
            lines.extend(sanity.common.iter().map(|pair| line(pair.base)));
        } else {
            let missing = sanity.findings.iter().filter(|it| it.kind == Kind::MissingFromTarget);
            let gone: BTreeSet<usize> = missing.filter_map(|it| Some(it.base?.line)).collect();
            let rows = self.table.latest();
            lines.extend(rows.into_iter().filter(|row| !gone.contains(&row.line)).map(line));
        }
        let new = sanity.findings.iter().filter(|it| it.kind == Kind::MissingFromBase);
        lines.extend(new.filter_map(|finding| finding.target).map(written));
        self.with(&lines)
    }
}

fn all_targets(sanity: &Sanity<'_>) -> Vec<Row> {
    let common = sanity.common.iter().map(|pair| pair.target.clone());
    let findings = sanity.findings.iter().filter_map(|finding| finding.target.cloned());
    common.chain(findings).collect()
}

/// How pandas would write the numbers of each column: as whole ones only where all of them are.
pub struct Spelling<'a> {
    columns: &'a Columns,
    floats: Vec<bool>,
}

impl<'a> Spelling<'a> {
    /// Looks at the rows that will stand beside each other.
    pub fn of(groups: &[&[Row]], columns: &'a Columns) -> Self {
        const NUMBERS: [Column; 3] =
            [Column::Threshold, Column::AbsoluteThreshold, Column::PerfMetric];
        let mut floats = vec![false; columns.names().len()];
        for column in NUMBERS {
            let Some(place) = columns.place(column) else { continue };
            let whole = |row: &Row| row.cell(column).parse::<i64>().is_ok();
            floats[place] = !groups.iter().all(|rows| rows.iter().all(whole));
        }
        Self { columns, floats }
    }

    /// The cells of a row under the baseline's columns; `metric` in place of its own number.
    pub fn cells(&self, row: &Row, metric: Option<f64>) -> Vec<String> {
        let cell = |(place, name): (usize, &String)| {
            let column = Column::ALL.into_iter().find(|&it| self.columns.place(it) == Some(place));
            match column {
                Some(Column::PerfMetric) => {
                    self.number(place, row.cell(Column::PerfMetric), metric)
                }
                Some(column @ (Column::Threshold | Column::AbsoluteThreshold)) => {
                    self.number(place, row.cell(column), None)
                }
                Some(Column::PerfCaseName) => row.perf_case_name().into_owned(),
                Some(Column::TestName) => row.test_name().into_owned(),
                Some(column) => row.cell(column).to_owned(),
                None => {
                    let own = row.cells().find(|(own, _)| own == name);
                    own.map(|(_, cell)| cell.to_owned()).unwrap_or_default()
                }
            }
        };
        self.columns.names().iter().enumerate().map(cell).collect()
    }

    fn number(&self, place: usize, text: &str, instead: Option<f64>) -> String {
        match instead.or_else(|| text.parse().ok().filter(|it: &f64| !it.is_nan())) {
            Some(number) if self.floats[place] || instead.is_some() => python_float(number),
            Some(_) => text.to_owned(),
            None => String::new(),
        }
    }
}

/// One line of a CSV, without its end; quotes only where needed.
pub fn csv_line(cells: &[String]) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).expect("writing to memory cannot fail");
    let bytes = writer.into_inner().expect("flushing to memory cannot fail");
    let text = String::from_utf8(bytes).expect("cells are text");
    text.trim_end_matches('\n').to_owned()
}

/// The unified diff of two texts under the name that `git apply` and `patch -p1` look for; empty where they are equal.
/// A file that is new has no old text.
pub fn patch(old: Option<&str>, new: &str, name: &str) -> String {
    fn lines(text: &str) -> Vec<&str> {
        // Git ends lines at `\n` alone.
        text.split_inclusive('\n').collect()
    }
    let (before, after) = (lines(old.unwrap_or_default()), lines(new));
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&before, &after);
    let from = old.map_or("/dev/null".to_owned(), |_| format!("a/{name}"));
    diff.unified_diff().context_radius(3).header(&from, &format!("b/{name}")).to_string()
}

/// The name of a baseline in a patch: upstream's folder for files with upstream's names, else the path as given. What
/// lies outside the working directory goes by its file name, since `git apply` refuses other paths.
pub fn name_in_patch(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    if file.starts_with("base_perf") {
        return format!("{UPSTREAM_FOLDER}/{file}");
    }
    let inside = path.components().all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
    if !inside {
        return file.into_owned();
    }
    let normal = path.components().filter(|it| matches!(it, Component::Normal(_)));
    normal.map(|it| it.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
