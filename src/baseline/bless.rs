//! Blessed levels: what a person has said a series is worth, with who, when and why; and how far a value has drifted since.
//!
//! A baseline that follows every small step follows a slow decline, too. The blessed levels stand beside it in a file that is
//! only ever added to; the last line of a series counts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::limits::{better, percent};
use super::patch::csv_line;
use super::problem::{Problem, Weight};
use super::row::{MetricType, Row};
use super::table::{Table, TableError};
use crate::metric::Better;

/// How far a series may be from its blessed level before that is said, in percent.
pub const DRIFT_BUDGET: f64 = 5.0;

/// Reads a drift budget.
///
/// # Errors
/// When it is not a share in percent.
pub fn drift_budget(text: &str) -> Result<f64, &'static str> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or("it takes percent, 0 or more")
}

/// The header of the file.
const HEADER: [&str; 8] = [
    "blessed_at",
    "who",
    "reason",
    "perf_case_name",
    "device_subtype",
    "metric_type",
    "threshold",
    "perf_metric",
];

/// What a value is of: a case's metric on a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    pub case: String,
    /// Empty where the baseline tells no devices apart.
    pub device: String,
}

impl Series {
    pub fn of(row: &Row) -> Self {
        Self {
            case: row.perf_case_name().into_owned(),
            device: row.device_subtype().unwrap_or_default().to_owned(),
        }
    }
}

/// `CASE`, or `CASE on DEVICE`.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.case)?;
        if self.device.is_empty() { Ok(()) } else { write!(f, " on {}", self.device) }
    }
}

/// One frozen level.
#[derive(Debug, Clone, PartialEq)]
pub struct Blessing {
    pub level: f64,
    /// When it was said, as it stands in the file.
    pub when: String,
    pub who: String,
    pub reason: String,
    /// Which way is good.
    pub better: Better,
}

/// The newest blessing of each series.
#[derive(Debug, Clone, Default)]
pub struct Blessings(BTreeMap<Series, Blessing>);

/// Why the file of blessed levels cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlessError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{0}; mend the file: what it says of that series cannot be passed over")]
    Row(Problem),
}

/// The file beside a baseline: `H100.csv` has `H100.blessed.csv`.
pub fn blessed_path(baseline: &Path) -> PathBuf {
    baseline.with_extension("blessed.csv")
}

impl Blessings {
    /// Reads the file; one that is not there blesses nothing.
    ///
    /// # Errors
    /// When it cannot be read, and when a single row cannot: a level that is passed over would not hold.
    pub fn read(path: &Path) -> Result<Self, BlessError> {
        let (table, problems) = match Table::read(path) {
            Err(error) if error.is_not_found() => return Ok(Self::default()),
            read => read?,
        };
        if let Some(lost) = problems.into_iter().find(|it| it.weight == Weight::RowLost) {
            return Err(BlessError::Row(lost));
        }
        Self::of(&table)
    }

    fn of(table: &Table) -> Result<Self, BlessError> {
        let mut newest = BTreeMap::new();
        for row in table.rows() {
            let Some(level) = row.value() else {
                let message = "perf_metric is no number".to_owned();
                let path = table.path().to_owned();
                let problem = Problem { path, line: row.line, weight: Weight::RowLost, message };
                return Err(BlessError::Row(problem));
            };
            let cell = |name: &str| {
                let cell = row.cells().find(|(column, _)| *column == name);
                cell.map(|(_, text)| text.to_owned()).unwrap_or_default()
            };
            let blessing = Blessing {
                level,
                when: cell("blessed_at"),
                who: cell("who"),
                reason: cell("reason"),
                better: better(&row.metric, row.threshold.unwrap_or_default()),
            };
            newest.insert(Series::of(row), blessing);
        }
        Ok(Self(newest))
    }

    pub fn get(&self, series: &Series) -> Option<&Blessing> {
        self.0.get(series)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How far a value is from its blessed level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// `value / level`.
    pub ratio: f64,
    /// It is worse, not better.
    pub worse: bool,
}

impl Drift {
    /// The drift of `value`; `None` from a level of 0, from which there is no way to measure in percent.
    pub fn of(value: f64, blessing: &Blessing) -> Option<Self> {
        let ratio = value / blessing.level;
        let worse = match blessing.better {
            Better::Lower => value > blessing.level,
            Better::Higher => value < blessing.level,
        };
        (blessing.level != 0.0 && ratio.is_finite()).then_some(Self { ratio, worse })
    }

    /// Whether it is farther than `budget` percent.
    pub fn exceeds(&self, budget: f64) -> bool {
        // A step of exactly the budget is within, whatever its last binary digit.
        (self.ratio - 1.0).abs() * 100.0 > budget + 1e-9
    }
}

/// `-6.2 %`.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent(self.ratio))
    }
}

/// Lines to add to the file of blessed levels, one for each row with a number; with the header when the file is new.
pub fn blessing_lines(
    rows: &[&Row],
    new_file: bool,
    at: Timestamp,
    who: &str,
    reason: &str,
) -> String {
    let mut text = String::new();
    if new_file {
        text += &(HEADER.join(",") + "\n");
    }
    for row in rows.iter().filter(|row| row.value().is_some()) {
        let metric = match &row.metric {
            MetricType::Known(metric) => metric.wire_name().to_owned(),
            MetricType::Other(name) => name.clone(),
        };
        let cells = [
            at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            who.to_owned(),
            reason.to_owned(),
            row.perf_case_name().into_owned(),
            row.device_subtype().unwrap_or_default().to_owned(),
            metric,
            row.threshold.map(|it| it.to_string()).unwrap_or_default(),
            row.value().map(|it| it.to_string()).unwrap_or_default(),
        ];
        text += &(csv_line(&cells) + "\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blessing(level: f64, better: Better) -> Blessing {
        let text = String::new();
        Blessing { level, when: text.clone(), who: text.clone(), reason: text, better }
    }

    #[test]
    fn drift_is_measured_from_the_blessed_level_and_knows_which_way_is_bad() {
        let drift = Drift::of(95.0, &blessing(100.0, Better::Higher)).expect("a drift");
        assert!(drift.worse && !drift.exceeds(5.0) && drift.exceeds(4.9));
        let drift = Drift::of(95.0, &blessing(100.0, Better::Lower)).expect("a drift");
        assert!(!drift.worse);
        assert_eq!(drift.to_string(), "-5.0 %");
        assert_eq!(Drift::of(1.0, &blessing(0.0, Better::Lower)), None);
    }

    #[test]
    fn the_file_lies_beside_its_baseline() {
        let path = blessed_path(Path::new("perf-tests/baselines/H100_80GB_HBM3.csv"));
        assert_eq!(path, Path::new("perf-tests/baselines/H100_80GB_HBM3.blessed.csv"));
    }
}
