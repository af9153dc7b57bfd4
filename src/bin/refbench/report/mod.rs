//! The results: computed once as [`Report`], then written as text and as JSON, which therefore agree.

mod figures;
mod iterations;
mod json;
mod python;
mod requests;
mod stats;
mod text;

pub use figures::{
    DatasetDetails, EngineDetails, Machine, Performance, Report, RequestInfo, StreamingMetrics,
    WorldInfo, issue_rate,
};
pub use iterations::{log_line, statistics_line};
pub use json::to_json;
pub use python::general_6;
pub use requests::request_rows;
pub use text::{dataset_table, report_text};
