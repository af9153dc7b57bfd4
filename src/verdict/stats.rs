//! Means, spreads, quantiles and tests, with the sample standard deviation (n − 1) throughout. The only user of `statrs`.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

/// Arithmetic mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation, with n − 1; `None` of fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Coefficient of variation: the sample standard deviation as a share of the mean. `None` of fewer than two values and
/// for a mean of zero.
pub fn cv(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|mean| *mean != 0.0)?;
    Some(sd(values)? / mean.abs())
}

/// Geometric mean; `None` of nothing, and when a value is not positive.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    values.iter().all(|value| *value > 0.0).then(|| mean(&logs))?.map(f64::exp)
}

/// The value below which a `share` of the values lies, interpolated between neighbours (R's type 7, NumPy's `linear`).
/// `None` of nothing; NaN counts as larger than all.
pub fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut values = values.to_vec();
    let place = share.clamp(0.0, 1.0) * values.len().checked_sub(1)? as f64;
    let (_, low, above) = values.select_nth_unstable_by(place as usize, f64::total_cmp);
    let low = *low;
    let next =
        if place.fract() > 0.0 { above.iter().copied().min_by(f64::total_cmp) } else { None };
    let high = next.unwrap_or(low);
    Some(if low == high { low } else { low + (high - low) * place.fract() })
}

/// Median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    percentile(values, 0.5)
}

/// Median of the absolute deviations from the median, unscaled: for normal noise 0.6745 standard deviations.
pub fn mad(values: &[f64]) -> Option<f64> {
    let center = median(values)?;
    median(&values.iter().map(|value| (value - center).abs()).collect::<Vec<_>>())
}

/// What a median absolute deviation is multiplied by to be a standard deviation of normal noise: 1/Φ⁻¹(¾).
pub const MAD_TO_SD: f64 = 1.482_602_218_505_602;

/// The quantile of the standard normal distribution.
///
/// # Panics
/// When `share` is not between 0 and 1.
pub fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// How often a standard normal variable is larger than `x`.
pub fn normal_beyond(x: f64) -> f64 {
    // The side of the small values keeps its digits.
    if x.is_nan() { f64::NAN } else { Normal::standard().cdf(-x) }
}

/// How often chance alone divides `all` events at least as unevenly as `few` to the rest when both sides are alike: the
/// two-sided binomial p.
pub fn uneven(few: u64, all: u64) -> f64 {
    let few = few.min(all - few);
    let even = Binomial::new(0.5, all).expect("a half is a probability");
    (2.0 * even.cdf(few)).min(1.0)
}

/// The quantile of Student's t: the value that a variable with so many degrees of freedom stays below with this
/// probability. `t_quantile(0.99, 9.0)` is 2.821.
///
/// # Panics
/// When `share` is not between 0 and 1, or `freedom` not positive.
pub fn t_quantile(share: f64, freedom: f64) -> f64 {
    students_t(freedom).inverse_cdf(share)
}

/// How often chance alone gives a t at least this far from zero, in either direction.
///
/// # Panics
/// When `freedom` is not positive.
pub fn t_two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    (2.0 * students_t(freedom).cdf(-t.abs())).min(1.0)
}

/// How often chance alone gives a t of at least this.
///
/// # Panics
/// When `freedom` is not positive.
pub fn t_above(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    students_t(freedom).cdf(-t)
}

fn students_t(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("degrees of freedom are positive")
}

/// The two-sided p of Welch's t-test for equal means, from mean, sample variance and number of each side.
///
/// Degrees of freedom after Welch and Satterthwaite. `None` with fewer than two values on a side. Where neither side
/// varies, equal means give 1 and different ones 0.
pub fn welch(left: Moments, right: Moments) -> Option<f64> {
    if left.n < 2.0 || right.n < 2.0 {
        return None;
    }
    let (a, b) = (left.variance / left.n, right.variance / right.n);
    if a + b == 0.0 {
        return Some(if left.mean == right.mean { 1.0 } else { 0.0 });
    }
    let t = (left.mean - right.mean) / (a + b).sqrt();
    let freedom = (a + b).powi(2) / (a * a / (left.n - 1.0) + b * b / (right.n - 1.0));
    // Underflow of the squares of a vanishing variance; the smaller side's freedom is Welch's lower bound.
    let freedom = if freedom.is_nan() { left.n.min(right.n) - 1.0 } else { freedom };
    Some(t_two_sided(t, freedom))
}

/// What a t-test must know of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Number of values.
    pub n: f64,
    pub mean: f64,
    /// Sample variance, with n − 1; 0 of fewer than two values.
    pub variance: f64,
}

impl Moments {
    /// The moments of these values; the mean of nothing is 0.
    pub fn of(values: &[f64]) -> Self {
        let variance = sd(values).map_or(0.0, |sd| sd * sd);
        Self { n: values.len() as f64, mean: mean(values).unwrap_or(0.0), variance }
    }
}

/// Wilson's score interval for a rate of which `hits` of `trials` were seen, at a two-sided `confidence`.
/// `None` without trials. It is not empty for 0 hits: 0 of 100 at 95 % is 0 to 3.7 %.
pub fn wilson(hits: u64, trials: u64, confidence: f64) -> Option<(f64, f64)> {
    let (n, z) = (trials as f64, normal_quantile(0.5 + confidence / 2.0));
    let rate = hits as f64 / n;
    let center = (rate + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt();
    (trials > 0).then(|| ((center - half).max(0.0), (center + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 5e-4 * expected.abs().max(1e-3), "{value} {expected}");
    }

    #[test]
    fn quantiles_of_t_are_those_of_printed_tables() {
        for (share, freedom, expected) in [
            (0.99, 3.0, 4.541),
            (0.99, 5.0, 3.365),
            (0.99, 7.0, 2.998),
            (0.99, 9.0, 2.821),
            (0.975, 1.0, 12.706),
            (0.999, 9.0, 4.297),
            (0.999, 19.0, 3.579),
            (0.997, 3.0, 6.99),
            (0.997, 9.0, 3.57),
        ] {
            let t = t_quantile(share, freedom);
            assert!((t - expected).abs() < 6e-3, "{share} {freedom}: {t}, not {expected}");
            near(t_two_sided(t, freedom), 2.0 * (1.0 - share));
            near(t_above(t, freedom), 1.0 - share);
            near(t_above(-t, freedom), share);
        }
    }

    #[test]
    fn spreads_are_those_worked_out_by_hand() {
        // Deviations −2, 0, 2: squares 8, over n − 1 = 2 is 4.
        let values = [3.0, 5.0, 7.0];
        assert_eq!((mean(&values), sd(&values), cv(&values)), (Some(5.0), Some(2.0), Some(0.4)));
        assert_eq!((median(&values), mad(&values)), (Some(5.0), Some(2.0)));
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.75), Some(3.25));
        near(geometric_mean(&[1.0, 10.0, 100.0]).expect("positive"), 10.0);
        assert_eq!((mean(&[]), median(&[]), sd(&[1.0]), mad(&[])), (None, None, None, None));
        assert_eq!((geometric_mean(&[1.0, 0.0]), geometric_mean(&[])), (None, None));
    }

    #[test]
    fn welch_gives_the_p_that_scipy_gives() {
        // Equal numbers, unequal variances: t −2.853 with 27.9 degrees of freedom.
        let a1 = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0];
        let a1 = [a1.as_slice(), &[21.7, 21.4]].concat();
        let a2 = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9];
        let a2 = [a2.as_slice(), &[30.5, 24.4]].concat();
        near(welch(Moments::of(&a1), Moments::of(&a2)).expect("two samples"), 0.008_072);
        let flat = |value| Moments { n: 5.0, mean: value, variance: 0.0 };
        assert_eq!(welch(flat(1.0), flat(1.0)), Some(1.0));
        assert_eq!(welch(flat(1.0), flat(2.0)), Some(0.0));
        assert_eq!(welch(Moments::of(&[1.0]), flat(2.0)), None);
    }

    #[test]
    fn wilson_knows_that_nothing_seen_is_not_nothing() {
        let (low, high) = wilson(0, 100, 0.95).expect("trials");
        assert_eq!(low, 0.0);
        near(high, 0.0370);
        let (low, high) = wilson(5, 10, 0.95).expect("trials");
        near(low, 0.2366);
        near(high, 0.7634);
        assert_eq!(wilson(0, 0, 0.95), None);
    }
}
