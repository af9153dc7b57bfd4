//! GPU time that a gate may spend.

use std::time::Duration;

use crate::record::result::AttemptResult;

/// What is spent and what is left, in seconds of one GPU. A case that uses none costs as if it used one.
#[derive(Debug)]
pub struct Budget {
    limit: Option<f64>,
    spent: f64,
}

impl Budget {
    /// A budget of so many GPU-minutes; without any, no limit.
    pub fn new(minutes: Option<f64>) -> Self {
        Self { limit: minutes.map(|minutes| minutes * 60.0), spent: 0.0 }
    }

    /// Counts a run on `gpus` GPUs, and says what it cost.
    pub fn spend(&mut self, result: &AttemptResult, gpus: u32) -> Duration {
        let took = result.end.duration_since(result.start);
        let took = Duration::try_from(took).unwrap_or_default() * gpus.max(1);
        self.spent += took.as_secs_f64();
        took
    }

    /// Whether something that costs `next` would go beyond the limit.
    pub fn is_too_small_for(&self, next: Duration) -> bool {
        self.limit.is_some_and(|limit| self.spent + next.as_secs_f64() > limit)
    }

    /// GPU time spent, in minutes.
    pub fn spent_minutes(&self) -> f64 {
        self.spent / 60.0
    }
}
