//! One row of a perf CSV: its cells as they are, and what they mean.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use csv::StringRecord;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::columns::{Column, Columns};
use crate::metric::Metric;

/// What pandas reads as "no value", as it was in mid-2025.
const NO_VALUE: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The column of `perf_samples.csv` that says how an attempt ended.
const OUTCOME: &str = "outcome";

/// What a row measures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricType {
    Known(Metric),
    /// One that this harness does not know, as written.
    Other(String),
}

impl MetricType {
    fn read(text: &str) -> Self {
        let known = Metric::ALL.into_iter().find(|metric| metric.wire_name() == text);
        known.map_or_else(|| Self::Other(text.to_owned()), Self::Known)
    }

    /// The metric, where it is known.
    pub fn metric(&self) -> Option<Metric> {
        match self {
            Self::Known(metric) => Some(*metric),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(metric) => metric.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// One row. Cells of columns that the file lacks are empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Line, counted from 1, on which the row begins.
    pub line: usize,
    /// Line of an earlier row of the same case, metric and device, which this one takes the place of.
    pub repeats: Option<usize>,
    pub metric: MetricType,
    /// `perf_metric`; `None` where the cell is empty or NaN. Infinity is kept: see [`Row::value`].
    pub number: Option<f64>,
    /// Relative limit; negative where a larger value is better.
    pub threshold: Option<f64>,
    /// Absolute limit in the metric's unit.
    pub absolute_threshold: Option<f64>,
    /// When the command began and ended. A time without an offset is taken to be UTC.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Where the row lies in the text of its file, without its line end.
    pub(super) span: Range<usize>,
    cells: StringRecord,
    columns: Arc<Columns>,
}

impl Row {
    /// Gives the cells their meaning. `odd` hears of what does not cost the row.
    ///
    /// # Errors
    /// In words, when a cell that the row stands or falls with cannot be read.
    pub(super) fn read(
        line: usize,
        span: Range<usize>,
        cells: StringRecord,
        columns: &Arc<Columns>,
        mut odd: impl FnMut(String),
    ) -> Result<Self, String> {
        let cell = |column| cell(&cells, columns, column);
        for column in [
            Column::NetworkName,
            Column::PerfCaseName,
            Column::TestName,
            Column::OriginalTestName,
            Column::MetricType,
        ] {
            if cell(column).contains(['\n', '\r']) {
                return Err(format!("a line ends within {column}; is a quote missing?"));
            }
        }
        let named = if columns.has(Column::PerfCaseName) {
            Column::PerfCaseName
        } else {
            Column::OriginalTestName
        };
        if cell(named).is_empty() && !is_attempt_alone(&cells, columns) {
            return Err(format!("{named} is empty"));
        }
        let number = |column| {
            number(cell(column)).map_err(|text| format!("{column} is `{text}`, which is no number"))
        };
        let mut time = |column| {
            let text = cell(column);
            let time = moment(text);
            if time.is_none() && !NO_VALUE.contains(&text) {
                odd(format!("{column} is `{text}`, which is no time; passed over"));
            }
            time
        };
        Ok(Self {
            line,
            repeats: None,
            metric: MetricType::read(cell(Column::MetricType)),
            number: number(Column::PerfMetric)?,
            threshold: number(Column::Threshold)?,
            absolute_threshold: number(Column::AbsoluteThreshold)?,
            start: time(Column::StartTimestamp),
            end: time(Column::EndTimestamp),
            columns: Arc::clone(columns),
            span,
            cells,
        })
    }

    /// Whether it is of an attempt that gave no number, as `perf_samples.csv` has them: it names neither metric nor value.
    pub fn is_attempt_alone(&self) -> bool {
        is_attempt_alone(&self.cells, &self.columns)
    }

    /// `perf_metric` as a number to reckon with: neither missing nor infinite.
    pub fn value(&self) -> Option<f64> {
        self.number.filter(|number| number.is_finite())
    }

    /// The cell of a column, without blanks around it.
    pub fn cell(&self, column: Column) -> &str {
        cell(&self.cells, &self.columns, column)
    }

    /// The canonical label.
    pub fn network_name(&self) -> &str {
        self.cell(Column::NetworkName)
    }

    /// `PREFIX/file::test_perf_metric_<metric>[<label>]`. In `perf_samples.csv` files without the column it is made of
    /// the trial's name, the metric and the label.
    pub fn perf_case_name(&self) -> Cow<'_, str> {
        if self.columns.has(Column::PerfCaseName) {
            return self.cell(Column::PerfCaseName).into();
        }
        let trial = self.cell(Column::OriginalTestName);
        let domain = trial.rsplit_once("::").map_or("", |(domain, _)| domain);
        let separator = if domain.is_empty() { "" } else { "::" };
        format!("{domain}{separator}{}", self.test_name()).into()
    }

    /// `test_perf_metric_<metric>[<label>]`.
    pub fn test_name(&self) -> Cow<'_, str> {
        let own = self.cell(Column::TestName);
        if !own.is_empty() {
            return own.into();
        }
        if self.columns.has(Column::PerfCaseName) {
            let name = self.cell(Column::PerfCaseName);
            return name.rsplit_once("::").map_or(name, |(_, test)| test).into();
        }
        let metric = self.metric.to_string().to_lowercase();
        format!("test_perf_metric_{metric}[{}]", self.network_name()).into()
    }

    /// Name of the trial that gave the row.
    pub fn original_test_name(&self) -> Option<&str> {
        self.text(Column::OriginalTestName)
    }

    /// `valid`, where the file has the column; in `perf_samples.csv` also `invalid`, `unmeasurable` and `flaky`.
    pub fn state(&self) -> Option<&str> {
        self.text(Column::State)
    }

    /// The command line that was measured.
    pub fn command(&self) -> Option<&str> {
        self.text(Column::Command)
    }

    /// The GPU's product name as part of a series' name, e.g. `H100_80GB_HBM3`.
    pub fn device_subtype(&self) -> Option<&str> {
        self.text(Column::DeviceSubtype)
    }

    /// Monitored GPUs, e.g. `0,1`.
    pub fn gpu_idx(&self) -> Option<&str> {
        self.text(Column::GpuIdx)
    }

    /// SM clock, MHz.
    pub fn sm_clk(&self) -> Option<u32> {
        self.megahertz(Column::SmClk)
    }

    /// Memory clock, MHz.
    pub fn mem_clk(&self) -> Option<u32> {
        self.megahertz(Column::MemClk)
    }

    /// Run time of the command in seconds; about 0 for all but its first metric.
    pub fn total_time(&self) -> Option<f64> {
        number(self.cell(Column::TotalTime)).ok().flatten()
    }

    /// Every cell as the file has it, with the name of its column.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.names().iter().map(String::as_str).zip(&self.cells)
    }

    /// The cell of a column by its place in the header, as the file has it.
    pub fn raw(&self, place: usize) -> &str {
        self.cells.get(place).unwrap_or_default()
    }

    fn text(&self, column: Column) -> Option<&str> {
        Some(self.cell(column)).filter(|text| !NO_VALUE.contains(text))
    }

    /// pandas writes a whole number beside empty cells as `1980.0`.
    fn megahertz(&self, column: Column) -> Option<u32> {
        let number = number(self.cell(column)).ok().flatten()?;
        (number >= 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
    }
}

fn cell<'a>(cells: &'a StringRecord, columns: &Columns, column: Column) -> &'a str {
    columns.place(column).and_then(|place| cells.get(place)).unwrap_or_default().trim()
}

fn is_attempt_alone(cells: &StringRecord, columns: &Columns) -> bool {
    let is_empty = |column| cell(cells, columns, column).is_empty();
    columns.names().iter().any(|name| name == OUTCOME)
        && is_empty(Column::MetricType)
        && is_empty(Column::PerfMetric)
        && !is_empty(Column::OriginalTestName)
}

/// A number; `None` for what pandas takes as missing.
fn number(text: &str) -> Result<Option<f64>, String> {
    if NO_VALUE.contains(&text) {
        return Ok(None);
    }
    let number: f64 = text.parse().map_err(|_| text.to_owned())?;
    Ok((!number.is_nan()).then_some(number))
}

/// A time stamp as upstream, pandas and ISO 8601 write it.
fn moment(text: &str) -> Option<Timestamp> {
    const WITH_OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z"];
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // Without an offset: the common one, so tried first.
    if let Ok(time) = DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text) {
        return TimeZone::UTC.to_timestamp(time).ok();
    }
    let offset = WITH_OFFSET.iter().find_map(|format| Timestamp::strptime(format, text).ok());
    offset.or_else(|| text.parse().ok()).or_else(|| {
        let time: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(time).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_and_without_an_offset() {
        let expected: Timestamp = "2025-08-12T09:14:02Z".parse().expect("a time");
        for text in [
            "2025-08-12 09:14:02",
            "2025-08-12 09:14:02 +0000",
            "2025-08-12 11:14:02 +0200",
            "2025-08-12 11:14:02+02:00",
            "2025-08-12T09:14:02Z",
            "2025-08-12T09:14:02",
        ] {
            assert_eq!(moment(text), Some(expected), "{text}");
        }
        assert_eq!(moment("12.8.2025"), None);
    }

    #[test]
    fn a_number_is_missing_where_pandas_says_so_and_infinity_is_none_to_reckon_with() {
        assert_eq!(number("63.2314"), Ok(Some(63.2314)));
        assert_eq!(number("1e3"), Ok(Some(1000.0)));
        for missing in NO_VALUE.into_iter().chain(["NAN"]) {
            assert_eq!(number(missing), Ok(None), "{missing}");
        }
        assert_eq!(number("inf"), Ok(Some(f64::INFINITY)));
        assert_eq!(number("fast"), Err("fast".to_owned()));
    }
}
