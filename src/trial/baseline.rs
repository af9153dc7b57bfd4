//! The numbers of an attempt held against the baseline of the run.

use super::Attempt;
use crate::baseline::{BaselineVerdict, Standing};
use crate::record::TrialName;
use crate::record::result::FailureKind;

impl Attempt<'_> {
    /// Judges every number. One worse than allowed fails the trial; better than allowed, or without a row, is a problem to
    /// be told.
    pub(super) fn judge(&mut self) {
        let Some(yardstick) = &self.stage.yardstick else { return };
        // The prefix is part of the name either way.
        let name = TrialName::new(&self.trial.line.name, None);
        for row in &self.result.metrics {
            let case = name.metric(&row.name);
            match yardstick.judge(&case, row.metric, row.value) {
                None => {
                    let file = yardstick.path().display();
                    self.result
                        .problems
                        .push(format!("{}: no row in the baseline {file}", row.metric));
                }
                Some(verdict) => self.result.baseline.push(verdict),
            }
        }
        let told =
            |it: &&BaselineVerdict| matches!(it.standing, Standing::Better | Standing::Unjudged);
        let told = self.result.baseline.iter().filter(told);
        let told: Vec<String> = told.map(|it| format!("{} ({})", it.text, it.origin)).collect();
        self.result.problems.extend(told);
        let failing: Vec<&BaselineVerdict> =
            self.result.baseline.iter().filter(|it| it.fails()).collect();
        if failing.is_empty() {
            return;
        }
        let texts: Vec<&str> = failing.iter().map(|it| it.text.as_str()).collect();
        let message = texts.join("; ");
        let all = self.result.baseline.iter();
        let details: Vec<String> = all.map(|it| format!("{}: {}", it.origin, it.text)).collect();
        let hint = format!(
            "measure again to see whether it stays; if the new level is right, move the baseline with `trtllm-perf \
             baseline update … {}`",
            yardstick.path().display()
        );
        self.fail(FailureKind::Regression, message, Some(hint), details.join("\n"));
    }
}
