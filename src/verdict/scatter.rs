//! How much a series varies about its levels: what of its past is noise.
//!
//! A release that made a case faster is no noise of the case. So the series is cut at its steps first, and each number is
//! set against the median of its own stretch. Outliers stay: they will come again. The newest numbers are left out while
//! nothing tells whether they are a step.

use super::change_points::{Kind, Point, change_points};
use super::{is_measurement, stats};
use crate::metric::Better;

/// With fewer numbers than this nothing is said of a series.
pub const LEAST: usize = super::one_point::LEAST_HISTORY;

/// From this many on, its numbers stand for those to come.
pub const LEAST_OWN: usize = 20;

/// What is noise in a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// Standard deviation of the logarithms about their levels, with a degree of freedom less for each level.
    pub cv: f64,
    /// The distance of each number to its level, on logarithms: positive is worse. Stretched as much as the levels, which
    /// were taken from the same numbers, make them too small.
    pub losses: Vec<f64>,
    /// How many levels the series has had.
    pub levels: usize,
}

/// The noise of `values`, in the order of time; what is no measurement does not count. `None` of fewer than [`LEAST`].
pub fn scatter(values: &[f64], better: Better) -> Option<Scatter> {
    let values: Vec<f64> = values.iter().copied().filter(|value| is_measurement(*value)).collect();
    let points: Vec<Point<'_>> = values.iter().map(|value| Point::from(*value)).collect();
    let changes = change_points(&points);
    let pending = changes.iter().find(|it| it.kind == Kind::Pending).map(|it| it.index);
    let known = &values[..pending.unwrap_or(values.len())];
    if known.len() < LEAST {
        return None;
    }
    let steps = changes.iter().filter(|it| it.kind == Kind::Step).map(|it| it.index);
    let mut losses = Vec::with_capacity(known.len());
    let (mut start, mut levels) = (0, 0);
    for end in steps.chain([known.len()]) {
        let logs: Vec<f64> = known[start..end].iter().map(|value| value.ln()).collect();
        let level = stats::median(&logs)?;
        losses.extend(logs.iter().map(|log| match better {
            Better::Lower => log - level,
            Better::Higher => level - log,
        }));
        levels += 1;
        start = end;
    }
    let freedom = known.len().checked_sub(levels).filter(|freedom| *freedom > 0)? as f64;
    let squares: f64 = losses.iter().map(|loss| loss * loss).sum();
    let stretch = (known.len() as f64 / freedom).sqrt();
    losses.iter_mut().for_each(|loss| *loss *= stretch);
    Some(Scatter { cv: (squares / freedom).sqrt(), losses, levels })
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Kind as NoiseKind, Noise, Runs};
    use super::*;

    /// Throughputs with a CV of 1 % whose level is that of `level`.
    fn series(n: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut runs = Runs::new(Noise { kind: NoiseKind::Normal, cv: 0.01 }, 3);
        (0..n).map(|night| level(night) * runs.throughput(1.0, 0.0)).collect()
    }

    #[test]
    fn a_step_is_no_noise_and_an_outlier_is() {
        let near = |values: &[f64], cv: f64, levels| {
            let found = scatter(values, Better::Higher).expect("enough numbers");
            assert!((found.cv - cv).abs() < 0.003, "{found:?}");
            assert_eq!(found.levels, levels);
        };
        near(&series(60, |_| 1.0), 0.01, 1);
        near(&series(60, |night| if night < 30 { 1.0 } else { 1.15 }), 0.01, 2);
        // √(59 · 0.01² + 0.2²)/√59
        near(&series(60, |night| if night == 30 { 0.82 } else { 1.0 }), 0.028, 1);
    }

    #[test]
    fn what_is_not_decided_yet_is_left_out() {
        let found =
            scatter(&series(60, |night| if night < 59 { 1.0 } else { 0.85 }), Better::Higher);
        let found = found.expect("enough numbers");
        assert!(found.cv < 0.013 && found.losses.len() == 59, "{found:?}");
    }

    #[test]
    fn losses_are_positive_whichever_way_is_the_better_one() {
        let mut values = series(40, |_| 1.0);
        values[20] = 60.0;
        let largest = |better| {
            let losses = scatter(&values, better).expect("enough numbers").losses;
            losses.into_iter().fold(f64::MIN, f64::max)
        };
        assert!(largest(Better::Higher) > 0.4 && largest(Better::Lower) < 0.1);
    }

    #[test]
    fn few_numbers_say_nothing_and_equal_ones_do_not_vary() {
        assert_eq!(scatter(&series(9, |_| 1.0), Better::Higher), None);
        assert_eq!(scatter(&[0.0; 30], Better::Higher), None);
        let flat = scatter(&[5.0; 30], Better::Lower).expect("enough numbers");
        assert_eq!((flat.cv, flat.levels), (0.0, 1));
    }
}
