//! What a run folder has beside the numbers: commands, logs of failures, readings of GPUs.

use std::collections::{BTreeMap, BTreeSet};

use super::telemetry::{self, Telemetry};
use crate::record::result::{AttemptResult, Outcome};
use crate::record::{Attempt, RecordError, RunFolder, read_attempts, words_without_secrets};

/// Most characters of a failure's text that are shown: its head and its end.
const DETAILS: usize = 6000;

/// What is told of one attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The steps that ran, secrets stripped.
    pub steps: Vec<StepNote>,
    /// `LIST:LINE`.
    pub origin: Option<String>,
    /// What to do about the failure.
    pub hint: Option<String>,
    /// The text of the failure, with the last lines of the log.
    pub details: Option<String>,
    /// Remarks of the harness that are no failure.
    pub problems: Vec<String>,
    pub telemetry: Option<Telemetry>,
    /// What the result says about readings of GPUs.
    pub telemetry_note: Option<String>,
}

/// One command as it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct StepNote {
    pub kind: String,
    pub argv: Vec<String>,
    /// E.g. `exit 0`.
    pub ended: String,
    pub seconds: f64,
}

/// The evidence of the last attempt of each test of a run, by test name.
///
/// # Errors
/// When the run folder cannot be listed. What cannot be read of an attempt is a problem of its run record.
pub fn evidence(run: &RunFolder) -> Result<BTreeMap<String, Evidence>, RecordError> {
    let (mut attempts, _) = read_attempts(run, &BTreeSet::new())?;
    attempts.sort_by_key(|attempt| attempt.result.attempt);
    let named = |attempt: Attempt| {
        let telemetry = telemetry::read(&attempt.folder, &attempt.result.steps);
        (attempt.result.name.clone(), of_attempt(attempt.result, telemetry))
    };
    Ok(attempts.into_iter().map(named).collect())
}

fn of_attempt(result: AttemptResult, telemetry: Option<Telemetry>) -> Evidence {
    let (hint, details) = match result.outcome {
        Outcome::Failed(failure) => (failure.hint, Some(cut(&failure.details))),
        _ => (None, None),
    };
    let step = |step: crate::record::result::StepRecord| StepNote {
        kind: step.kind,
        argv: words_without_secrets(step.argv.iter().map(String::as_str)),
        ended: step.ended,
        seconds: step.end.duration_since(step.start).as_secs_f64().max(0.0),
    };
    Evidence {
        steps: result.steps.into_iter().map(step).collect(),
        origin: result.origin,
        hint,
        details: details.filter(|text| !text.is_empty()),
        problems: result.problems,
        telemetry,
        telemetry_note: result.facts.get("gpu_telemetry").cloned(),
    }
}

/// A long text without its middle, which is said.
fn cut(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let Some(over) = characters.len().checked_sub(DETAILS + 1) else { return text.to_owned() };
    let (head, tail) = (&characters[..DETAILS / 3], &characters[DETAILS / 3 + over + 1..]);
    let (head, tail): (String, String) = (head.iter().collect(), tail.iter().collect());
    format!("{head}\n[… {} characters left out …]\n{tail}", over + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_head_and_its_end_and_says_what_is_left_out() {
        assert_eq!(cut("short"), "short");
        let long = format!("first{}last", "x".repeat(10_000));
        let text = cut(&long);
        assert!(text.starts_with("first") && text.ends_with("last"));
        let left = 10_009 - DETAILS;
        assert!(text.contains(&format!("[… {left} characters left out …]")), "{text}");
    }
}
