//! What people read of a judgement: one sentence, with the numbers that decided.

use super::paired::{Interval, LOOKS};
use super::power::{pairs_to_pass, pairs_to_see};
use super::{Judgement, Limit, Verdict};
use crate::metric::Better;

/// The loss for which the number of pairs is told: half again beyond the usual limit.
const LOSS: f64 = 0.05;

/// A change that rounds to nothing.
const NO_CHANGE: &str = "+0.0 %";

impl Judgement {
    /// One sentence without a full stop: the change, its interval, and what follows; for an inconclusive judgement how
    /// many pairs the question needs at this noise.
    pub fn sentence(&self, limit: Limit) -> String {
        if let Some(broken) = self.broken {
            return format!("pair {} holds no positive number, so nothing is said", broken + 1);
        }
        let (Some(ratio), Some(Interval(low, high))) = (self.ratio, self.deciding) else {
            let least = LOOKS[0];
            return format!("{}: nothing is said before {least} pairs", pairs(self.pairs));
        };
        let change = format!("{} ({} to {})", change(ratio, limit), signed(low), signed(high));
        match self.verdict {
            Verdict::Regress => format!("{change}: a loss, and beyond {}", percent(limit.delta)),
            Verdict::Pass if self.improved => format!("{change}: an improvement"),
            Verdict::Pass => format!("{change}: a loss of {} is excluded", percent(limit.delta)),
            Verdict::Inconclusive | Verdict::Invalid => format!("{change}: {}", self.open(limit)),
        }
    }

    /// What it would take to decide.
    fn open(&self, limit: Limit) -> String {
        if self.pairs < LOOKS[0] {
            return format!("{}: nothing is said before {} pairs", pairs(self.pairs), LOOKS[0]);
        }
        let (Some(sd), Some(cv)) = (self.pair_sd, self.run_cv()) else {
            return "nothing is said".to_owned();
        };
        let loss = LOSS.max(1.5 * limit.delta);
        let needs = |pairs: Option<usize>| {
            pairs.map_or_else(|| "more than 10000 pairs".to_owned(), |n| format!("{n} pairs"))
        };
        format!(
            "not decided by {}; at a CV of {} a run, a loss of {} needs {} to be seen, no change {} to pass",
            pairs(self.pairs),
            percent(cv),
            percent(loss),
            needs(pairs_to_see(loss, sd, limit)),
            needs(pairs_to_pass(sd, limit)),
        )
    }
}

fn pairs(n: usize) -> String {
    if n == 1 { "1 pair".to_owned() } else { format!("{n} pairs") }
}

pub(super) fn change(ratio: f64, limit: Limit) -> String {
    let shown = signed(ratio);
    if shown == NO_CHANGE {
        return "no change".to_owned();
    }
    let word = if (ratio > 1.0) == (limit.better == Better::Lower) { "worse" } else { "better" };
    format!("{shown} {word}")
}

/// A ratio as a change in percent: `+2.1 %`.
fn signed(ratio: f64) -> String {
    let text = format!("{:+.1} %", (ratio - 1.0) * 100.0);
    // Rounding makes zeros of either sign; one is enough.
    if text == "-0.0 %" { NO_CHANGE.to_owned() } else { text }
}

/// A share in percent, with as many decimals as it has: `3 %`, `2.5 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::super::paired::{Pair, judge};
    use super::*;

    fn sentence(candidates: &[f64], better: Better) -> String {
        let pairs: Vec<_> = candidates
            .iter()
            .map(|candidate| Pair { base: 100.0, candidate: *candidate })
            .collect();
        judge(&pairs, Limit::new(better)).sentence(Limit::new(better))
    }

    #[test]
    fn a_sentence_says_the_change_its_interval_and_what_follows() {
        assert_eq!(
            sentence(&[105.0, 107.0, 104.0, 106.0, 108.0, 106.0], Better::Lower),
            "+6.0 % worse (+4.1 % to +8.0 %): a loss, and beyond 3 %"
        );
        assert_eq!(
            sentence(&[105.0, 107.0, 104.0, 106.0, 108.0, 106.0], Better::Higher),
            "+6.0 % better (+4.1 % to +8.0 %): an improvement"
        );
        assert_eq!(
            sentence(&[100.0; 5], Better::Lower),
            "no change (+0.0 % to +0.0 %): a loss of 3 % is excluded"
        );
        assert_eq!(sentence(&[], Better::Lower), "0 pairs: nothing is said before 4 pairs");
        assert_eq!(sentence(&[101.0], Better::Lower), "1 pair: nothing is said before 4 pairs");
        assert_eq!(
            sentence(&[101.0, f64::NAN], Better::Lower),
            "pair 2 holds no positive number, so nothing is said"
        );
    }

    #[test]
    fn what_is_not_decided_says_what_it_would_take() {
        let text = sentence(&[110.0, 90.0, 104.0, 97.0, 108.0, 95.0], Better::Lower);
        assert!(text.contains("not decided by 6 pairs; at a CV of 5.6 % a run"), "{text}");
        assert!(text.contains("a loss of 5 % needs "), "{text}");
    }
}
