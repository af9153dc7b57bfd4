//! `plan.json`: that an attempt began, and with which plan. Written before the first step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::result::{AttemptResult, FORMAT, Failure, FailureKind, Outcome};

/// An attempt that began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    pub run_id: String,
    /// As in [`AttemptResult`].
    pub ordinal: usize,
    pub name: String,
    pub network_name: String,
    pub origin: Option<String>,
    pub attempt: u32,
    pub start: Timestamp,
    /// The plan as `--dry-run=json` prints it.
    pub plan: serde_json::Value,
}

impl Started {
    /// That the attempt of `result` began, with `plan`.
    pub fn of(result: &AttemptResult, plan: serde_json::Value) -> Self {
        Self {
            format: FORMAT,
            run_id: result.run_id.clone(),
            ordinal: result.ordinal,
            name: result.name.clone(),
            network_name: result.network_name.clone(),
            origin: result.origin.clone(),
            attempt: result.attempt,
            start: result.start,
            plan,
        }
    }

    /// What the views say while there is no result, and for ever if the harness is killed.
    pub(super) fn without_result(self) -> AttemptResult {
        AttemptResult {
            format: FORMAT,
            run_id: self.run_id,
            ordinal: self.ordinal,
            name: self.name,
            network_name: self.network_name,
            origin: self.origin,
            attempt: self.attempt,
            start: self.start,
            end: self.start,
            outcome: Outcome::Failed(Failure {
                kind: FailureKind::Infra,
                message: "test terminated unexpectedly, or still running when this was written".to_owned(),
                hint: None,
                details: "The attempt has a plan.json and no result.json: the harness was killed, or had not \
                          finished yet."
                    .to_owned(),
            }),
            metrics: Vec::new(),
            baseline: Vec::new(),
            steps: Vec::new(),
            problems: Vec::new(),
            facts: Default::default(),
        }
    }
}
