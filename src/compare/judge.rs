//! Whether the numbers of a candidate are worse than those of a base. The rules in prose: `docs/VERDICT.md`.

use super::row::Change;
use crate::metric::Better;
use crate::verdict::stats::{self, Moments};

/// Two-sided confidence of the interval.
const CONFIDENCE: f64 = 0.95;

/// What the numbers say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    /// Median of the candidate over that of the base.
    pub ratio: Option<f64>,
    /// How much worse the candidate is, as a share of the base.
    pub worse: Option<f64>,
    /// The interval of that.
    pub interval: Option<[f64; 2]>,
    pub change: Change,
    pub reason: Option<&'static str>,
}

/// Judges numbers that count. `limit` is the share of the base by which it may move.
pub(super) fn judge(better: Better, base: &[f64], candidate: &[f64], limit: Option<f64>) -> Judged {
    let nothing =
        |change, reason| Judged { ratio: None, worse: None, interval: None, change, reason };
    match (base, candidate) {
        ([], []) => return nothing(Change::NotComparable, Some("no number counts on either side")),
        (_, []) => return nothing(Change::Missing, None),
        ([], _) => return nothing(Change::New, None),
        _ => {}
    }
    let sound = |value: &f64| *value > 0.0 && value.is_finite();
    if !base.iter().chain(candidate).all(sound) {
        return nothing(Change::NotComparable, Some("a value is not a positive number"));
    }
    let median = |values| stats::median(values).expect("it is not empty");
    let ratio = median(candidate) / median(base);
    let worse = worse(better, ratio);
    let interval = log_interval(base, candidate).map(|[low, high]| {
        let [one, other] = [low, high].map(|log| self::worse(better, log.exp()));
        [one.min(other), one.max(other)]
    });
    let (change, reason) = match limit {
        None => (Change::Inconclusive, Some("no limit is known for it; give --limit")),
        Some(limit) if equal(base, candidate) => {
            debug_assert!(limit >= 0.0);
            (Change::Same, None)
        }
        Some(limit) => verdict(worse, interval, limit),
    };
    Judged { ratio: Some(ratio), worse: Some(worse), interval, change, reason }
}

/// How much worse, as a share of the base.
fn worse(better: Better, ratio: f64) -> f64 {
    match better {
        Better::Lower => ratio - 1.0,
        Better::Higher => 1.0 - ratio,
    }
}

/// Whether both have the same values, as the same runs do: no spread can make a difference of them.
fn equal(base: &[f64], candidate: &[f64]) -> bool {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    sorted(base) == sorted(candidate)
}

/// With an interval a change must be larger than the limit and certain not to be chance, and to be called the same all
/// of the interval must lie within the limit. Without one the limit alone decides.
fn verdict(worse: f64, interval: Option<[f64; 2]>, limit: f64) -> (Change, Option<&'static str>) {
    let change = match interval {
        None if worse > limit => Change::Regress,
        None if worse < -limit => Change::Improved,
        None => Change::Same,
        Some([low, _]) if worse > limit && low > 0.0 => Change::Regress,
        Some([_, high]) if worse < -limit && high < 0.0 => Change::Improved,
        Some([low, high]) if low >= -limit && high <= limit && worse.abs() <= limit => Change::Same,
        Some(_) => {
            return (Change::Inconclusive, Some("the repeats scatter too much; measure more"));
        }
    };
    (change, None)
}

/// Welch's interval of the difference of the mean logarithms; `None` without two values on each side.
fn log_interval(base: &[f64], candidate: &[f64]) -> Option<[f64; 2]> {
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    let (base, candidate) = (Moments::of(&logs(base)), Moments::of(&logs(candidate)));
    if base.n < 2.0 || candidate.n < 2.0 {
        return None;
    }
    let difference = candidate.mean - base.mean;
    let (a, b) = (base.variance / base.n, candidate.variance / candidate.n);
    let error = (a + b).sqrt();
    if error == 0.0 {
        return Some([difference; 2]);
    }
    let freedom = (a + b).powi(2) / (a * a / (base.n - 1.0) + b * b / (candidate.n - 1.0));
    // Underflow of the squares of a vanishing variance; the smaller side's freedom is Welch's lower bound.
    let freedom = if freedom.is_nan() { base.n.min(candidate.n) - 1.0 } else { freedom };
    let reach = stats::t_quantile(0.5 + CONFIDENCE / 2.0, freedom) * error;
    Some([difference - reach, difference + reach])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change(better: Better, base: &[f64], candidate: &[f64]) -> Change {
        judge(better, base, candidate, Some(0.1)).change
    }

    #[test]
    fn single_values_are_judged_by_the_limit_alone_in_the_metrics_direction() {
        for (better, candidate, expected) in [
            (Better::Lower, 111.0, Change::Regress),
            (Better::Lower, 109.0, Change::Same),
            (Better::Lower, 89.0, Change::Improved),
            (Better::Higher, 89.0, Change::Regress),
            (Better::Higher, 91.0, Change::Same),
            (Better::Higher, 111.0, Change::Improved),
        ] {
            assert_eq!(change(better, &[100.0], &[candidate]), expected, "{better:?} {candidate}");
        }
    }

    #[test]
    fn repeats_that_scatter_are_inconclusive_and_quiet_ones_are_not() {
        let quiet = [99.0, 100.0, 101.0, 100.0];
        let slow = quiet.map(|value| value * 1.2);
        assert_eq!(change(Better::Lower, &quiet, &slow), Change::Regress);
        assert_eq!(change(Better::Lower, &slow, &quiet), Change::Improved);
        assert_eq!(change(Better::Lower, &quiet, &quiet.map(|value| value + 0.5)), Change::Same);
        let noisy = [70.0, 100.0, 130.0];
        let judged = judge(Better::Lower, &noisy, &noisy.map(|value| value * 1.2), Some(0.1));
        assert_eq!(judged.change, Change::Inconclusive);
        assert!(judged.reason.expect("a reason").contains("scatter"));
        assert_eq!(change(Better::Lower, &noisy, &noisy), Change::Same, "the same values");
    }

    #[test]
    fn the_interval_is_that_worked_out_by_hand() {
        // Logs 0, 0.02 and 0.1, 0.12: difference 0.1, each variance 0.0002 over 2, error 0.014142, t of 2 is 4.302653.
        let [base, candidate] = [[0.0_f64, 0.02], [0.1, 0.12]].map(|logs| logs.map(f64::exp));
        let [low, high] = log_interval(&base, &candidate).expect("repeats");
        assert!((low - (0.1 - 0.060_849)).abs() < 1e-5, "{low}");
        assert!((high - (0.1 + 0.060_849)).abs() < 1e-5, "{high}");
        assert_eq!(log_interval(&base, &[1.0]), None);
    }

    #[test]
    fn what_has_no_number_or_none_above_zero_is_never_a_ratio() {
        assert_eq!(change(Better::Lower, &[1.0], &[]), Change::Missing);
        assert_eq!(change(Better::Lower, &[], &[1.0]), Change::New);
        for values in [[0.0], [-1.0], [f64::NAN], [f64::INFINITY]] {
            let judged = judge(Better::Higher, &[1.0], &values, Some(0.1));
            assert_eq!((judged.change, judged.ratio), (Change::NotComparable, None));
        }
        assert_eq!(judge(Better::Lower, &[1.0], &[1.0], None).change, Change::Inconclusive);
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(1e-3..1e6_f64, 1..8)
    }

    proptest! {
        #[test]
        fn a_side_is_the_same_as_itself(values in values(), limit in 0.0..0.5_f64) {
            for better in [Better::Lower, Better::Higher] {
                let judged = judge(better, &values, &values, Some(limit));
                prop_assert_eq!((judged.change, judged.ratio), (Change::Same, Some(1.0)));
            }
        }

        #[test]
        fn swapped_sides_mirror_the_ratio_and_never_regress_both_ways(
            base in values(), candidate in values(), limit in 0.0..0.5_f64,
        ) {
            let there = judge(Better::Lower, &base, &candidate, Some(limit));
            let back = judge(Better::Lower, &candidate, &base, Some(limit));
            let product = there.ratio.expect("positive") * back.ratio.expect("positive");
            prop_assert!((product - 1.0).abs() < 1e-9);
            prop_assert!(there.change != Change::Regress || back.change != Change::Regress);
            prop_assert!(there.change != Change::Improved || back.change != Change::Improved);
            // In logarithms: as a share of the base a wide interval has lost its digits.
            let logs = [log_interval(&base, &candidate), log_interval(&candidate, &base)];
            if let [Some([low, _]), Some([_, high])] = logs {
                prop_assert!((low + high).abs() <= 1e-9 * low.abs().max(1.0));
            }
        }
    }
}
