//! One new number against earlier ones: the one-sided prediction interval, on logarithms.
//!
//! With the mean m and sample standard deviation s of n earlier logarithms, the next one of the same kind is worse than
//! m + t·s·√(1 + 1/n) once in a thousand times, t being the 99.9 % quantile of n − 1 degrees of freedom. The new number
//! is never part of m and s. What one number cannot see is said: [`PointJudgement::resolution`].

use super::{Limit, Verdict, is_measurement, stats};

/// Fewer earlier numbers than this decide nothing.
pub const LEAST_HISTORY: usize = 10;

/// How often a number without a loss lies beyond the interval.
pub const ALPHA: f64 = 0.001;

/// Logarithms of equal numbers differ from their mean by no more.
const ROUNDING: f64 = 1e-12;

/// What one new number says.
#[derive(Debug, Clone, PartialEq)]
pub struct PointJudgement {
    /// **regress** when the number is worse than the interval and worse than δ; **inconclusive** when it is worse than δ
    /// within the interval, and with too few earlier numbers; **invalid** when it is no measurement; else **pass**.
    pub verdict: Verdict,
    /// The same towards the better side: beyond the interval and beyond δ. Information beside `pass`.
    pub improved: bool,
    /// The new number over the geometric mean of the earlier ones.
    pub ratio: Option<f64>,
    /// The ratio at which the interval ends on the worse side. `None` with fewer than two earlier numbers.
    pub bound: Option<f64>,
    /// The smallest loss, as a share, that could have been called a regression: one below it may be there and pass.
    pub resolution: Option<f64>,
    /// How often a number of the same kind is at least this bad: the one-sided p of no change. `None` when the number is
    /// no measurement, and with fewer than two earlier ones.
    pub p: Option<f64>,
    /// How many earlier numbers were measurements, and so counted.
    pub history: usize,
}

/// Judges `new` against `earlier`: valid numbers of the same case, machine class and settings. Those that are no
/// measurements do not count.
pub fn judge(earlier: &[f64], new: f64, limit: Limit) -> PointJudgement {
    let logs: Vec<f64> =
        earlier.iter().filter(|value| is_measurement(**value)).map(|value| value.ln()).collect();
    let (center, n) = (stats::mean(&logs), logs.len() as f64);
    // What a next number deviates by, as a standard deviation.
    let spread = stats::sd(&logs).map(|sd| sd * (1.0 + 1.0 / n).sqrt());
    let reach = spread.map(|spread| stats::t_quantile(1.0 - ALPHA, n - 1.0) * spread);
    let shift = center.filter(|_| is_measurement(new)).map(|center| new.ln() - center);
    let least = reach.map(|reach| reach.max(limit.log()));
    let (verdict, improved) = match (shift, reach.zip(least)) {
        _ if !is_measurement(new) => (Verdict::Invalid, false),
        (Some(shift), Some((_, least))) if logs.len() >= LEAST_HISTORY => {
            let loss = limit.loss(shift);
            if loss > least {
                (Verdict::Regress, false)
            } else if loss > limit.log() {
                (Verdict::Inconclusive, false)
            } else {
                (Verdict::Pass, loss < -least)
            }
        }
        _ => (Verdict::Inconclusive, false),
    };
    PointJudgement {
        verdict,
        improved,
        ratio: shift.map(f64::exp),
        // `loss` is its own inverse: it turns a loss back into a log-ratio.
        bound: reach.map(|reach| limit.loss(reach).exp()),
        resolution: least.map(f64::exp_m1),
        p: shift.zip(spread).map(|(shift, spread)| p_of(limit.loss(shift), spread, n - 1.0)),
        history: logs.len(),
    }
}

/// The p of a loss. Where earlier numbers do not vary, any loss is beyond chance.
fn p_of(loss: f64, spread: f64, freedom: f64) -> f64 {
    if spread > ROUNDING {
        stats::t_above(loss / spread, freedom)
    } else if loss > ROUNDING {
        0.0
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;

    const EARLIER: [f64; 10] = [99.0, 101.0, 100.0, 98.0, 102.0, 100.0, 99.0, 101.0, 100.0, 100.0];

    fn verdict(earlier: &[f64], new: f64) -> Verdict {
        judge(earlier, new, Limit::new(Better::Lower)).verdict
    }

    #[test]
    fn the_bound_is_the_one_worked_out_by_hand() {
        let judgement = judge(&EARLIER, 106.0, Limit::new(Better::Lower));
        // Logs: sd 0.011548, √1.1 · 4.29681 (9 degrees): reach 0.05204, so 5.34 % above the mean.
        assert!((judgement.bound.expect("ten") - 1.0534).abs() < 1e-4, "{judgement:?}");
        assert!((judgement.resolution.expect("ten") - 0.0534).abs() < 1e-4, "{judgement:?}");
        assert_eq!(judgement.verdict, Verdict::Regress);
        // A loss of 0.058319 over a spread of 0.012112: t 4.815.
        let p = judgement.p.expect("ten");
        assert!((p - 4.77e-4).abs() < 2e-6, "{p}");
    }

    #[test]
    fn p_is_the_error_rate_at_which_the_number_would_just_be_called_worse() {
        let limit = Limit::new(Better::Higher);
        let bound = judge(&EARLIER, 100.0, limit).bound.expect("ten");
        let center = 100.0 / judge(&EARLIER, 100.0, limit).ratio.expect("a ratio");
        let p = judge(&EARLIER, center * bound, limit).p.expect("ten");
        assert!((p - ALPHA).abs() < 1e-9, "{p}");
        assert!(judge(&EARLIER, 110.0, limit).p.expect("ten") > 0.999, "better is no loss");
        let steady = |new| judge(&[100.0; 10], new, limit).p;
        assert_eq!((steady(100.0), steady(99.9), steady(f64::NAN)), (Some(1.0), Some(0.0), None));
        assert_eq!(judge(&[1.0], 1.0, limit).p, None);
    }

    #[test]
    fn worse_than_the_limit_but_within_the_noise_is_inconclusive() {
        assert_eq!(verdict(&EARLIER, 104.0), Verdict::Inconclusive);
        assert_eq!(verdict(&EARLIER, 102.0), Verdict::Pass);
        let steady = [100.0; 10];
        assert_eq!(verdict(&steady, 102.9), Verdict::Pass, "certain, but below the limit");
        assert_eq!(verdict(&steady, 103.1), Verdict::Regress);
    }

    #[test]
    fn nine_numbers_are_too_few_and_those_that_are_none_do_not_count() {
        assert_eq!(verdict(&EARLIER[1..], 200.0), Verdict::Inconclusive);
        let with_none = [&EARLIER[1..], &[f64::NAN, 0.0]].concat();
        assert_eq!(judge(&with_none, 200.0, Limit::new(Better::Lower)).history, 9);
        assert_eq!(verdict(&[], 1.0), Verdict::Inconclusive);
        for new in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert_eq!(verdict(&EARLIER, new), Verdict::Invalid, "{new}");
        }
    }

    #[test]
    fn a_throughput_is_judged_as_its_reciprocal_time() {
        let inverse = EARLIER.map(|value| 1e4 / value);
        for new in [94.0, 98.0, 100.0, 104.0, 106.0] {
            let throughput = judge(&inverse, 1e4 / new, Limit::new(Better::Higher));
            let time = judge(&EARLIER, new, Limit::new(Better::Lower));
            assert_eq!((throughput.verdict, throughput.improved), (time.verdict, time.improved));
        }
        assert!(judge(&EARLIER, 94.0, Limit::new(Better::Lower)).improved);
    }
}
