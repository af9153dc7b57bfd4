//! The paired gate: base and candidate measured in turn on the same GPUs, judged by the t interval of the log-ratios.
//!
//! A node that is slow is slow for both, so it cancels in the ratio; what remains is the noise of two runs. With the mean
//! loss m, its standard error s/√n and the one-sided quantile t of n − 1 degrees of freedom, the loss lies between
//! m − t·s/√n and m + t·s/√n, and
//!
//! - **regress** is said when the whole interval is a loss and m is more than the practical limit δ,
//! - **pass** when the whole interval is less than a loss of δ,
//! - **inconclusive** else, and with fewer than four pairs,
//! - **invalid** when a value is no measurement: NaN, infinite, zero or negative.
//!
//! There are two ways to use it. Live, pairs are added until a verdict comes: [`look`] at 4, 6, 8 and 10 pairs, each at a
//! one-sided α of 0.003, so that four looks together stay below 1 %. Recorded pairs, whose number does not depend on what
//! they said, are judged in one look at α 0.01: [`judge`], whose verdict can be read off the printed 98 % interval.

use serde::Serialize;

use super::{Limit, Verdict, is_measurement, stats};

/// What was measured one after the other on the same GPUs, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub base: f64,
    pub candidate: f64,
}

/// After how many pairs the live gate looks.
pub const LOOKS: [usize; 4] = [4, 6, 8, 10];

/// The one-sided α of each live look.
pub const LOOK_ALPHA: f64 = 0.003;

/// The one-sided α of the one look at recorded pairs; the printed interval is two-sided 1 − 2α.
pub const ALPHA: f64 = 0.01;

/// An interval of the ratio candidate/base.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval(pub f64, pub f64);

/// What pairs say.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// An improvement, with the same care as a regression: the whole interval is better than no change, and the mean
    /// better than δ. Information beside `pass`.
    pub improved: bool,
    /// Geometric mean of candidate/base. `None` when a value is no measurement, or without pairs.
    pub ratio: Option<f64>,
    /// 98 % interval of that ratio. `None` where it has no end: with fewer than two pairs.
    pub ci: Option<Interval>,
    /// The interval that decided: `ci`, or in a live look the wider one of its α.
    pub deciding: Option<Interval>,
    /// How many pairs were looked at.
    pub pairs: usize,
    /// Noise of a pair: sample standard deviation of the log-ratios.
    pub pair_sd: Option<f64>,
    /// The first pair, from 0, that holds no measurement.
    pub broken: Option<usize>,
}

impl Judgement {
    /// Coefficient of variation of one run, as far as the pairs show it: both runs of a pair add to its noise.
    pub fn run_cv(&self) -> Option<f64> {
        self.pair_sd.map(|sd| sd / std::f64::consts::SQRT_2)
    }

    /// The verdict of pairs that cannot be judged, by their number.
    fn invalid(pairs: usize, broken: usize) -> Self {
        Self {
            verdict: Verdict::Invalid,
            improved: false,
            ratio: None,
            ci: None,
            deciding: None,
            pairs,
            pair_sd: None,
            broken: Some(broken),
        }
    }
}

/// Judges recorded pairs in one look at all of them. Its rate of false alarms is at most α 0.01, provided that their
/// number was settled before they were looked at.
///
/// A verdict that a live look reached is found here again, since the interval of the look holds this one. Ten pairs
/// that stayed inconclusive live may be decided here; as a fifth look at pairs that were added until a verdict came, that
/// has up to 1.4 % false alarms in simulation, and [`sequential`] is for those.
pub fn judge(pairs: &[Pair], limit: Limit) -> Judgement {
    at(pairs, limit, ALPHA)
}

/// One live look at all pairs so far.
pub fn look(pairs: &[Pair], limit: Limit) -> Judgement {
    at(pairs, limit, LOOK_ALPHA)
}

/// Judges pairs as the live gate does: looks after 4, 6, 8 and 10, and stops at the first verdict. Later pairs are not
/// looked at; with fewer pairs than a look needs, the last look counts.
pub fn sequential(pairs: &[Pair], limit: Limit) -> Judgement {
    let looks = LOOKS.iter().map_while(|n| pairs.get(..*n)).map(|pairs| look(pairs, limit));
    let mut last = None;
    for judgement in looks {
        let decided = judgement.verdict != Verdict::Inconclusive;
        last = Some(judgement);
        if decided {
            break;
        }
    }
    last.unwrap_or_else(|| look(pairs, limit))
}

fn at(pairs: &[Pair], limit: Limit, alpha: f64) -> Judgement {
    let broken =
        pairs.iter().position(|it| !is_measurement(it.base) || !is_measurement(it.candidate));
    if let Some(broken) = broken {
        return Judgement::invalid(pairs.len(), broken);
    }
    let logs: Vec<f64> = pairs.iter().map(|pair| log_ratio(*pair)).collect();
    let mean = stats::mean(&logs);
    let pair_sd = stats::sd(&logs);
    let error = pair_sd.map(|sd| sd / (logs.len() as f64).sqrt());
    let half = |alpha| error.map(|error| half_width(error, logs.len(), alpha));
    let around = |half: Option<f64>| {
        mean.zip(half).map(|(mean, half)| Interval((mean - half).exp(), (mean + half).exp()))
    };
    let (verdict, improved) = match (mean, half(alpha)) {
        (Some(mean), Some(half)) if logs.len() >= LOOKS[0] => decide(mean, half, limit),
        _ => (Verdict::Inconclusive, false),
    };
    Judgement {
        verdict,
        improved,
        ratio: mean.map(f64::exp),
        ci: around(half(ALPHA)),
        deciding: around(half(alpha)),
        pairs: pairs.len(),
        pair_sd,
        broken: None,
    }
}

/// The rule itself, on the mean of the log-ratios and the half-width of its interval.
fn decide(mean: f64, half: f64, limit: Limit) -> (Verdict, bool) {
    let (loss, most) = (limit.loss(mean), limit.log());
    if loss - half > 0.0 && loss > most {
        (Verdict::Regress, false)
    } else if loss + half < most {
        (Verdict::Pass, loss + half < 0.0 && loss < -most)
    } else {
        (Verdict::Inconclusive, false)
    }
}

/// t·s/√n, and nothing where the pairs do not differ.
fn half_width(error: f64, pairs: usize, alpha: f64) -> f64 {
    stats::t_quantile(1.0 - alpha, (pairs - 1) as f64) * error
}

/// ln(candidate/base). The quotient is exact to the last digit, also for equal values; where it leaves the range of a
/// double the difference of the logarithms does not.
fn log_ratio(pair: Pair) -> f64 {
    let ratio = pair.candidate / pair.base;
    if ratio.is_normal() { ratio.ln() } else { pair.candidate.ln() - pair.base.ln() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;

    /// Pairs with a base of 100 and these candidates.
    fn pairs(candidates: &[f64]) -> Vec<Pair> {
        candidates.iter().map(|candidate| Pair { base: 100.0, candidate: *candidate }).collect()
    }

    fn lower() -> Limit {
        Limit::new(Better::Lower)
    }

    #[test]
    fn the_worked_example_of_the_page_on_verdicts_is_what_the_gate_says() {
        let judgement = judge(&pairs(&[105.0, 107.0, 104.0, 106.0, 108.0, 106.0]), lower());
        // ln 1.05 …: mean 0.058195, sd 0.013343, error 0.005447; t of 5 degrees 3.36493: half 0.018330.
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-6, "{value}");
        near(judgement.ratio.expect("pairs"), 1.059_921);
        let ci = judgement.ci.expect("pairs");
        near(ci.0, 1.040_670);
        near(ci.1, 1.079_529);
        assert_eq!((judgement.verdict, judgement.improved), (Verdict::Regress, false));
    }

    #[test]
    fn a_loss_below_the_limit_is_no_regression_however_certain() {
        let judgement = judge(&pairs(&[102.0, 102.1, 101.9, 102.0]), lower());
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert!(judgement.ci.expect("pairs").0 > 1.0);
    }

    #[test]
    fn fewer_than_four_pairs_decide_nothing_and_one_has_no_interval() {
        for n in 0..4 {
            let judgement = judge(&pairs(&[150.0, 150.1, 149.9][..n]), lower());
            assert_eq!(judgement.verdict, Verdict::Inconclusive, "{n}");
            assert_eq!((judgement.ratio.is_some(), judgement.ci.is_some()), (n > 0, n > 1), "{n}");
        }
    }

    #[test]
    fn the_live_gate_stops_at_the_first_look_that_decides() {
        let clear = [110.0, 110.2, 109.8, 110.1, 90.0, 90.0, 90.0, 90.0];
        let judgement = sequential(&pairs(&clear), lower());
        assert_eq!((judgement.verdict, judgement.pairs), (Verdict::Regress, 4));
        let unclear = [110.0, 90.0, 104.0, 97.0, 108.0, 95.0, 99.0];
        let judgement = sequential(&pairs(&unclear), lower());
        assert_eq!((judgement.verdict, judgement.pairs), (Verdict::Inconclusive, 6));
        let judgement = sequential(&pairs(&unclear[..3]), lower());
        assert_eq!((judgement.verdict, judgement.pairs), (Verdict::Inconclusive, 3));
    }

    #[test]
    fn values_at_the_ends_of_a_double_have_a_ratio_all_the_same() {
        let extreme = Pair { base: f64::MIN_POSITIVE, candidate: f64::MAX };
        assert!(log_ratio(extreme).is_finite());
        assert_eq!(judge(&[extreme; 4], lower()).verdict, Verdict::Regress);
    }
}
