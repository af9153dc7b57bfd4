//! The file of `--csv FILE`: the columns that the pytest-csv plugin writes by default, one line a trial.

use super::cell::csv_line;
use super::junit::{Kind, clean_line, kind};
use super::name::TrialName;
use super::result::{AttemptResult, Outcome};

/// The header line.
pub(super) fn header() -> Vec<u8> {
    csv_line(["id", "module", "name", "file", "doc", "markers", "status", "message", "duration"])
}

/// The line of one trial. Trials have neither doc strings nor markers.
pub(super) fn line(result: &AttemptResult, prefix: Option<&str>) -> Vec<u8> {
    let name = TrialName::new(&result.name, prefix);
    let status = match kind(&result.outcome) {
        Kind::Passed => "passed",
        Kind::Failure => "failed",
        Kind::Error => "error",
        Kind::Skipped => "skipped",
    };
    let message = match &result.outcome {
        Outcome::Passed => String::new(),
        Outcome::Skipped(reason) => clean_line(reason),
        Outcome::Failed(failure) => clean_line(&failure.message),
    };
    let duration = result.end.duration_since(result.start).as_micros().max(0) as f64 / 1e6;
    csv_line([
        result.name.as_str(),
        &name.module(),
        name.test(),
        name.file(),
        "",
        "",
        status,
        &message,
        &duration.to_string(),
    ])
}
