//! The rows of upstream's perf result: one a metric, shared by its CSV and its YAML.

use jiff::Timestamp;

use super::cell::{self, Cell};
use super::name::TrialName;
use super::result::{AttemptResult, MetricRow, StepRecord};

/// Name of the row in the YAML file and in the performance database.
pub(super) const TEST_NAME: &str = "test_name";

/// The full name of the row, with the prefix.
pub(super) const CASE_NAME: &str = "perf_case_name";

/// The columns of one row, in upstream's order.
pub(super) type PerfRow = Vec<(&'static str, Cell)>;

/// The rows of an attempt, less those of steps that gave no number to trust, whatever came of the attempt: a marker
/// may have excused its failure.
pub(super) fn perf_rows(
    result: &AttemptResult,
    prefix: Option<&str>,
    device_subtype: bool,
) -> Vec<PerfRow> {
    let name = TrialName::new(&result.name, prefix);
    let mut timed = Vec::new();
    let mut rows = Vec::new();
    for metric in &result.metrics {
        let Some(step) = result.steps.get(metric.step).filter(|step| !step.unmeasurable) else {
            continue;
        };
        let first = !timed.contains(&metric.step);
        timed.push(metric.step);
        rows.push(row(result, &name, metric, step, first, device_subtype));
    }
    rows
}

/// The header of the perf CSV.
pub(super) fn header(device_subtype: bool) -> Vec<u8> {
    const COLUMNS: [&str; 18] = [
        "network_name",
        "network_hash",
        "sm_clk",
        "mem_clk",
        "gpu_idx",
        "device_subtype",
        CASE_NAME,
        TEST_NAME,
        "original_test_name",
        "perf_metric",
        "total_time__sec",
        "start_timestamp",
        "end_timestamp",
        "state",
        "command",
        "threshold",
        "absolute_threshold",
        "metric_type",
    ];
    cell::csv_line(COLUMNS.iter().filter(|name| device_subtype || **name != "device_subtype"))
}

/// How many columns describe the GPU and the network; the rest is the result.
pub(super) fn description_width(device_subtype: bool) -> usize {
    if device_subtype { 6 } else { 5 }
}

fn row(
    result: &AttemptResult,
    name: &TrialName<'_>,
    metric: &MetricRow,
    step: &StepRecord,
    first: bool,
    device_subtype: bool,
) -> PerfRow {
    // Upstream runs a command for its first metric and reuses the output for the others, which therefore
    // begin and end when the command has ended.
    let (start, seconds) =
        if first { (step.start, seconds(step.start, step.end)) } else { (step.end, 0.0) };
    let mut columns = vec![
        ("network_name", Cell::Text(result.network_name.clone())),
        ("network_hash", Cell::Text(metric.name.clone())),
        ("sm_clk", step.gpu.sm_clk.map_or(Cell::Empty, Cell::Integer)),
        ("mem_clk", step.gpu.mem_clk.map_or(Cell::Empty, Cell::Integer)),
        ("gpu_idx", Cell::text(&step.gpu.gpu_idx)),
    ];
    if device_subtype {
        columns.push(("device_subtype", Cell::text(&step.gpu.device_subtype)));
    }
    columns.extend([
        (CASE_NAME, Cell::Text(name.metric(&metric.name))),
        (TEST_NAME, Cell::Text(metric.name.clone())),
        ("original_test_name", Cell::Text(result.name.clone())),
        ("perf_metric", Cell::Number(metric.value)),
        ("total_time__sec", Cell::Number(seconds)),
        ("start_timestamp", Cell::time(start)),
        ("end_timestamp", Cell::time(step.end)),
        ("state", Cell::Text("valid".to_owned())),
        ("command", Cell::Text(step.argv.join(" "))),
        ("threshold", Cell::Number(metric.limits.threshold)),
        ("absolute_threshold", Cell::Number(metric.limits.absolute_threshold)),
        ("metric_type", Cell::Text(metric.metric.wire_name().to_owned())),
    ]);
    columns
}

/// Seconds from `start` to `end`, to the microsecond; zero where the clock was set back between them.
fn seconds(start: Timestamp, end: Timestamp) -> f64 {
    let micros = end.duration_since(start).as_micros().max(0);
    micros as f64 / 1e6
}
