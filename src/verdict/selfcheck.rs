//! How often the gate is wrong, measured: the same program on both sides, through the very same path.

use serde::{Deserialize, Serialize};

use super::{Verdict, stats};

/// What the gate promises: at most this share of candidates without a loss is called a regression.
pub const PROMISE: f64 = 0.01;

/// Below this p an imbalance is called a bias.
const BIAS: f64 = 0.01;

/// Confidence of the interval of an observed rate.
const CONFIDENCE: f64 = 0.95;

/// Verdicts on a program held against itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub pass: u64,
    /// Of those that pass, how many were called an improvement: a false alarm of the other side.
    pub improved: u64,
    pub regress: u64,
    pub inconclusive: u64,
    /// Says nothing about the rule, and does not count.
    pub invalid: u64,
}

impl Tally {
    /// Counts a verdict.
    pub fn add(&mut self, verdict: Verdict, improved: bool) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Regress => self.regress += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
            Verdict::Invalid => self.invalid += 1,
        }
        self.improved += u64::from(improved);
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            pass: self.pass + other.pass,
            improved: self.improved + other.improved,
            regress: self.regress + other.regress,
            inconclusive: self.inconclusive + other.inconclusive,
            invalid: self.invalid + other.invalid,
        }
    }

    /// How many verdicts count.
    pub fn verdicts(self) -> u64 {
        self.pass + self.regress + self.inconclusive
    }

    /// The observed rate of false regressions with its Wilson interval at 95 %; `None` without a verdict.
    pub fn false_alarms(self) -> Option<Rate> {
        let trials = self.verdicts();
        let (low, high) = stats::wilson(self.regress, trials, CONFIDENCE)?;
        Some(Rate { share: self.regress as f64 / trials as f64, low, high })
    }

    /// Whether the promise is not shown to be kept: what the gate says is then advice. Zero false alarms show it
    /// from 381 verdicts on.
    pub fn is_advisory(self) -> bool {
        self.false_alarms().is_none_or(|rate| rate.high > PROMISE)
    }

    /// Whether false alarms are so much more on one side as chance alone makes them less than once in a hundred (two-sided
    /// binomial): a sign that the two sides are not treated alike.
    pub fn is_biased(self) -> bool {
        self.bias() < BIAS
    }

    /// The two-sided binomial p of regressions and improvements being equally likely.
    fn bias(self) -> f64 {
        stats::uneven(self.regress, self.regress + self.improved)
    }

    /// One line for the head of reports.
    pub fn line(self) -> String {
        let Some(rate) = self.false_alarms() else {
            return "self-check: none on record for this machine and engine, so the verdicts are advisory \
                    (trtllm-perf selfcheck)"
                .to_owned();
        };
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let standing = if self.is_advisory() {
            format!(
                "advisory: up to {} is not the promised {}",
                percent(rate.high),
                percent(PROMISE)
            )
        } else {
            format!("the promise of {} is kept", percent(PROMISE))
        };
        let bias = match self.is_biased() {
            true => format!("; BIASED: by chance so uneven with p {:.1e}", self.bias()),
            false => String::new(),
        };
        format!(
            "self-check: {} of {} verdicts on equal programs were regressions ({}, 95 % interval {} to {}), regress to \
             improve {} : {}; {} inconclusive; {standing}{bias}",
            self.regress,
            self.verdicts(),
            percent(rate.share),
            percent(rate.low),
            percent(rate.high),
            self.regress,
            self.improved,
            self.inconclusive
        )
    }
}

/// A share and the interval that it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_is_advisory_until_enough_verdicts_kept_the_promise() {
        let clean = |pass| Tally { pass, ..Tally::default() };
        assert!(Tally::default().is_advisory() && clean(380).is_advisory());
        assert!(!clean(381).is_advisory());
        let one_alarm = Tally { pass: 380, regress: 1, ..Tally::default() };
        assert!(one_alarm.is_advisory());
        assert!(one_alarm.line().contains("1 of 381 verdicts"), "{}", one_alarm.line());
        assert!(Tally::default().line().contains("none on record"));
    }

    #[test]
    fn what_is_invalid_counts_for_nothing_and_alarms_on_one_side_are_a_bias() {
        let mut tally = Tally::default();
        for _ in 0..8 {
            tally.add(Verdict::Invalid, false);
            tally.add(Verdict::Regress, false);
        }
        assert_eq!((tally.verdicts(), tally.invalid), (8, 8));
        assert!(tally.is_biased(), "2 · 2⁻⁸ is below 1 in 100");
        assert!(tally.line().contains("regress to improve 8 : 0"), "{}", tally.line());
        assert!(
            tally.line().ends_with("; BIASED: by chance so uneven with p 7.8e-3"),
            "{}",
            tally.line()
        );
        tally.add(Verdict::Pass, true);
        assert!(!tally.is_biased(), "2 · 10 · 2⁻⁹ is not");
        assert!(!Tally { regress: 7, ..Tally::default() }.is_biased(), "2 · 2⁻⁷ is not");
        assert!(
            Tally { regress: 5, improved: 25, ..Tally::default() }.is_biased(),
            "nor need one side be empty"
        );
        assert!(!Tally::default().is_biased());
    }
}
