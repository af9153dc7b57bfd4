//! Baselines: perf CSVs read back, and values held against those that stand.
//!
//! Pure but for [`Table::read`]: texts and tables go in, findings come out.

mod columns;
mod problem;
mod row;
mod rows;
mod table;

pub use columns::{Column, Columns};
pub use problem::{Problem, Weight};
pub use row::{MetricType, Row};
pub use rows::Rows;
pub use table::{Table, TableError};
