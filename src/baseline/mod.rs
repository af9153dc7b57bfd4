//! Baselines: perf CSVs read back, and values held against those that stand.
//!
//! Pure but for [`Table::read`]: texts and tables go in, findings come out.

mod bless;
mod columns;

mod limits;
mod number;
mod patch;
mod problem;
mod row;
mod rows;
mod sanity;
mod table;
mod update;
mod yardstick;

pub use bless::{
    BlessError, Blessing, Blessings, DRIFT_BUDGET, Drift, Series, blessed_path, blessing_lines,
    drift_budget,
};
pub use columns::{Column, Columns};
pub use limits::{ABSOLUTE_CAP, Judgement, Policy, Standing, better, judge, percent, rounded};
pub use number::python_float;
pub use patch::{Line, Source, Spelling, csv_line, name_in_patch, patch};
pub use problem::{Problem, Weight};
pub use row::{MetricType, Row};
pub use rows::Rows;
pub use sanity::{Counts, Finding, Kind, Pair, Sanity, SanityError, compare, limits};
pub use table::{Table, TableError};
pub use update::{Change, MIN_SAMPLES, Rules, Samples, Update, empty_baseline, samples, update};
pub use yardstick::{BaselineError, BaselineVerdict, Yardstick};
