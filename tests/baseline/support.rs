//! Perf CSVs made in memory.

use std::path::Path;

use trtllm_perf::baseline::{Problem, Table};

/// The header of a baseline.
pub const BASELINE: &str =
    "network_name,perf_case_name,test_name,threshold,absolute_threshold,metric_type,perf_metric";

/// The label of a case; like real ones it has a comma.
pub fn label(name: &str) -> String {
    format!("{name}-bench-pytorch-float16-input_output_len:128,128")
}

/// `perf_case_name` of a case's metric.
pub fn case_name(prefix: &str, name: &str, metric: &str) -> String {
    let metric = metric.to_lowercase();
    format!("{prefix}/perf/test_perf.py::test_perf_metric_{metric}[{}]", label(name))
}

/// A row of a baseline, without its line end.
pub fn base_row(name: &str, metric: &str, limits: (&str, &str), value: &str) -> String {
    let case = case_name("GPU", name, metric);
    let (_, test) = case.rsplit_once("::").expect("a domain");
    let (relative, absolute) = limits;
    format!("\"{}\",\"{case}\",\"{test}\",{relative},{absolute},{metric},{value}", label(name))
}

/// A row of a time in ms with upstream's limits.
pub fn time_row(name: &str, value: &str) -> String {
    base_row(name, "INFERENCE_TIME", ("0.1", "50"), value)
}

pub fn parse(text: &str) -> (Table, Vec<Problem>) {
    Table::parse(text.as_bytes(), Path::new("a.csv")).expect("a perf CSV")
}

pub fn messages(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
