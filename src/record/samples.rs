//! `perf_samples.csv`: every attempt with every number it gave, trusted or not, and what is known about its validity.
//! Our own file; upstream's keeps its columns.

use super::cell::{Cell, csv_line};
use super::name::TrialName;
use super::result::{AttemptResult, MetricRow, Outcome, State};
use crate::sample::{Check, Standing};

/// The header line.
pub(super) fn header() -> Vec<u8> {
    let front = [
        "run_id",
        "original_test_name",
        "network_name",
        "attempt",
        "start_timestamp",
        "end_timestamp",
        "outcome",
        "metric_type",
        "perf_metric",
        "unit",
        "source",
        "state",
        "machine",
        "gpus",
        "certificate",
    ];
    let back = ["certificate_notes", "perf_case_name", "baseline", "baseline_verdict"];
    csv_line(front.into_iter().chain(Check::ALL.map(Check::word)).chain(back))
}

/// The rows of one trial: its attempts in order.
pub(super) fn lines<'a>(attempts: impl Iterator<Item = &'a AttemptResult>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut failed_before = false;
    for result in attempts.filter(|result| !result.steps.is_empty()) {
        let flaky = failed_before && result.outcome == Outcome::Passed;
        for row in &result.metrics {
            out.extend(line(result, Some(row), flaky));
        }
        if result.metrics.is_empty() {
            out.extend(line(result, None, flaky));
        }
        failed_before |= matches!(result.outcome, Outcome::Failed(_));
    }
    out
}

/// One number, or an attempt that gave none.
fn line(result: &AttemptResult, row: Option<&MetricRow>, flaky: bool) -> Vec<u8> {
    let outcome = match &result.outcome {
        Outcome::Passed if flaky => "flaky",
        Outcome::Passed => "passed",
        Outcome::Skipped(_) => "skipped",
        Outcome::Failed(failure) => failure.kind.word(),
    };
    let step = match row {
        Some(row) => result.steps.get(row.step),
        None => result.steps.last(),
    };
    let certificate = step.and_then(|step| step.certificate.as_ref());
    let fact = |key: &str| Cell::text(&result.facts.get(key).cloned());
    let text = |text: &str| Cell::Text(text.to_owned());
    let mut cells = vec![
        text(&result.run_id),
        text(&result.name),
        text(&result.network_name),
        Cell::Integer(result.attempt),
        Cell::time(result.start),
        Cell::time(result.end),
        text(outcome),
        row.map_or(Cell::Empty, |row| text(row.metric.wire_name())),
        row.map_or(Cell::Empty, |row| Cell::Number(row.value)),
        row.map_or(Cell::Empty, |row| text(row.metric.unit())),
        row.map_or(Cell::Empty, |row| text(&row.source)),
        row.map_or(Cell::Empty, |_| {
            text(step.map_or(State::Unmeasurable, |step| step.state(flaky)).word())
        }),
        fact("machine"),
        fact("gpus"),
        certificate.map_or(Cell::Empty, |it| text(it.standing().word())),
    ];
    let finding = |check| certificate.and_then(|certificate| certificate.get(check));
    cells.extend(
        Check::ALL.map(|check| {
            finding(check).map_or(Cell::Empty, |finding| text(finding.standing.word()))
        }),
    );
    let notes: Vec<String> = certificate
        .iter()
        .flat_map(|certificate| certificate.findings())
        .filter(|finding| finding.standing != Standing::Verified)
        .map(|finding| format!("{}: {}", finding.check.word(), finding.text))
        .collect();
    cells.push(text(&notes.join("; ")));
    let name = row.map(|row| TrialName::new(&result.name, None).metric(&row.name));
    let verdict = result.baseline.iter().find(|it| Some(&it.perf_case_name) == name.as_ref());
    cells.push(Cell::text(&name));
    cells.push(verdict.and_then(|it| it.base).map_or(Cell::Empty, Cell::Number));
    cells.push(verdict.map_or(Cell::Empty, |it| text(it.word())));
    csv_line(cells.iter().map(ToString::to_string))
}
