//! Station 9, verdicts: whether a number is worse than another, said with a known rate of error. Pure arithmetic.
//!
//! Two runs beside each other on the same GPUs are judged by [`paired`], one new number against the numbers of earlier
//! nights by [`one_point`], and a long series is cut at its steps by [`change_points`]; [`night`] and [`drift`] put these
//! together for the runs of a night. All work on logarithms:
//! noise and losses of benchmarks are shares, and so a metric and its reciprocal get the same verdict. When several
//! metrics are judged at once, [`holm`] keeps the whole at the level of one. How wrong all that is, is observed by
//! [`selfcheck`] and, for a month of nights, simulated by [`fleet`] from [`noise`] and the [`scatter`] of each series.
//! `docs/VERDICT.md` has formulas, a worked example and the rates of error as simulated.

pub mod change_points;
mod detector;
pub mod drift;
mod energy;
pub mod fleet;
pub mod holm;
pub mod night;
mod night_words;
mod node;
pub mod noise;
pub mod one_point;
mod outlier;
pub mod paired;
pub mod power;
mod primary;
pub mod scatter;
pub mod selfcheck;
pub mod stats;
mod words;

use crate::metric::Better;

pub use paired::{Judgement, Pair};
pub use primary::{PrimaryTable, PrimaryTableError};

/// What is said of a candidate. The order is that of badness: a set of verdicts is as bad as its worst, and a loss
/// that was shown is worse than one that could not be looked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A loss of the practical limit is excluded.
    Pass,
    /// Neither a loss nor its absence can be shown with what was measured.
    Inconclusive,
    /// What was measured cannot be judged: a value is no positive number, or a certificate says so.
    Invalid,
    /// A loss is certain, and it is larger than the practical limit.
    Regress,
}

impl Verdict {
    /// Every verdict, from the best to the worst.
    pub const ALL: [Verdict; 4] = [Self::Pass, Self::Inconclusive, Self::Invalid, Self::Regress];

    /// The word in files and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Regress => "regress",
            Self::Inconclusive => "inconclusive",
            Self::Invalid => "invalid",
        }
    }
}

/// What counts as a loss, and how much of one matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Which direction is the better one.
    pub better: Better,
    /// The practical limit δ as a share: smaller losses are let pass, whether or not they are real.
    pub delta: f64,
}

impl Limit {
    /// The usual practical limit, 3 %.
    pub const DELTA: f64 = 0.03;

    /// The usual limit for a metric of this direction.
    pub fn new(better: Better) -> Self {
        Self { better, delta: Self::DELTA }
    }

    /// ln(1 + δ): how much worse in logarithms is too much. In both directions, so that a throughput of 1/1.03 is as
    /// bad as a time of 1.03.
    fn log(self) -> f64 {
        self.delta.ln_1p()
    }

    /// `log_ratio`, the logarithm of new over old, as a loss: positive is worse.
    pub fn loss(self, log_ratio: f64) -> f64 {
        match self.better {
            Better::Lower => log_ratio,
            Better::Higher => -log_ratio,
        }
    }
}

/// Whether a value can be a measurement at all: positive and finite.
pub fn is_measurement(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_verdicts_is_as_bad_as_its_worst_and_a_shown_loss_is_the_worst() {
        assert!(Verdict::ALL.is_sorted());
        assert_eq!(Verdict::ALL.into_iter().max(), Some(Verdict::Regress));
        let words: Vec<String> =
            Verdict::ALL.iter().map(|it| serde_json::to_string(it).expect("a word")).collect();
        assert_eq!(words, Verdict::ALL.map(|verdict| format!("\"{}\"", verdict.word())));
    }

    #[test]
    fn a_measurement_is_a_positive_finite_number() {
        assert!(is_measurement(1e-300) && is_measurement(f64::MAX));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!is_measurement(value), "{value}");
        }
    }
}
