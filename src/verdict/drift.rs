//! Slow decline: the newest level of a series against one that stands still, however small each step was.

use super::{Limit, is_measurement, stats};

/// So many of the newest points make the level.
pub const NEWEST: usize = 10;

/// Fewer say nothing.
pub const LEAST: usize = 5;

/// A level that is held against others is the median of at least so many points.
pub const LEAST_OF_LEVEL: usize = 3;

/// How far a level may be worse than the one that stands still, as a share, unless the user says otherwise.
pub const BUDGET: f64 = 0.05;

/// How often a level without a loss is called a drift by the interval alone.
const ALPHA: f64 = 0.001;

/// What stands still.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standard<'a> {
    /// A level that somebody answers for, taken as exact.
    Blessed(f64),
    /// The points of an earlier release, with noise of their own.
    Release(&'a [f64]),
}

/// What the newest level says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The level that stands still.
    pub standard: Option<f64>,
    /// The geometric mean of the newest points.
    pub level: Option<f64>,
    /// How many they are.
    pub points: usize,
    /// The least loss that is certain, as a log-ratio; negative where none is.
    pub least_loss: Option<f64>,
    /// `None` when too few points, or a level that is no measurement, say nothing.
    pub drifted: Option<bool>,
}

impl Drift {
    /// The newest level over the one that stands still.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.level? / self.standard?)
    }
}

/// Judges the newest of `points`, which are in the order of time and of one level and settings. Those that are no
/// measurements do not count.
///
/// It is a drift when the geometric mean of the newest is worse by more than `budget`, and the one-sided 99.9 % interval of
/// the loss, m − t·e, lies above zero: e = s/√n with n − 1 degrees of freedom against a blessed level; against a release with
/// k points of its own, s of both together and e = s·√(1/n + 1/k) with n + k − 2.
pub fn judge(points: &[f64], standard: Standard<'_>, limit: Limit, budget: f64) -> Drift {
    let logs = |values: &[f64]| -> Vec<f64> {
        values.iter().filter(|value| is_measurement(**value)).map(|value| value.ln()).collect()
    };
    let all = logs(points);
    let newest = &all[all.len().saturating_sub(NEWEST)..];
    let (still, reference) = match standard {
        Standard::Blessed(level) => (Some(level).filter(|it| is_measurement(*it)), Vec::new()),
        Standard::Release(values) => {
            let logs = logs(values);
            let level = stats::median(&logs).filter(|_| logs.len() >= LEAST_OF_LEVEL);
            (level.map(f64::exp), logs)
        }
    };
    let level = stats::mean(newest).filter(|_| newest.len() >= LEAST);
    let loss = level.zip(still).map(|(level, still)| limit.loss(level - still.ln()));
    let least_loss = loss.zip(reach(newest, &reference)).map(|(loss, reach)| loss - reach);
    Drift {
        standard: still,
        level: level.map(f64::exp),
        points: newest.len(),
        least_loss,
        drifted: loss.zip(least_loss).map(|(loss, least)| loss > budget.ln_1p() && least > 0.0),
    }
}

/// Half the interval: t·e.
fn reach(newest: &[f64], reference: &[f64]) -> Option<f64> {
    let (n, k) = (newest.len() as f64, reference.len() as f64);
    let squares =
        |values: &[f64]| stats::sd(values).map_or(0.0, |sd| sd * sd * (values.len() as f64 - 1.0));
    let (freedom, parts) =
        if reference.is_empty() { (n - 1.0, 1.0 / n) } else { (n + k - 2.0, 1.0 / n + 1.0 / k) };
    if newest.len() < 2 {
        return None;
    }
    let sd = ((squares(newest) + squares(reference)) / freedom).sqrt();
    Some(stats::t_quantile(1.0 - ALPHA, freedom) * sd * parts.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;

    const NEW: [f64; 6] = [106.0, 105.0, 107.0, 106.0, 106.5, 105.5];

    fn drift(points: &[f64], standard: Standard<'_>, budget: f64) -> Drift {
        judge(points, standard, Limit::new(Better::Lower), budget)
    }

    #[test]
    fn a_level_beyond_the_budget_and_beyond_its_noise_is_a_drift() {
        let found = drift(&NEW, Standard::Blessed(100.0), 0.05);
        // Logs: mean 0.058252, sd 0.006671; t 5.8934 of 5 degrees: 5.8934 · 0.006671/√6 = 0.01605.
        assert!((found.least_loss.expect("six") - 0.0422).abs() < 1e-4, "{found:?}");
        assert_eq!(found.drifted, Some(true));
        assert_eq!(drift(&NEW, Standard::Blessed(100.0), 0.07).drifted, Some(false));
        let loud = [126.0, 88.0, 127.0, 86.0, 125.0, 99.0];
        assert_eq!(drift(&loud, Standard::Blessed(100.0), 0.05).drifted, Some(false), "noise");
        let higher = judge(&NEW, Standard::Blessed(100.0), Limit::new(Better::Higher), 0.05);
        assert_eq!(higher.drifted, Some(false), "better is no drift");
    }

    #[test]
    fn a_release_brings_its_own_noise() {
        let certain = drift(&NEW, Standard::Release(&[100.0, 99.9, 100.1, 100.0]), 0.05);
        assert_eq!((certain.drifted, certain.standard.map(f64::round)), (Some(true), Some(100.0)));
        let loud = drift(&NEW, Standard::Release(&[108.0, 92.0, 100.0]), 0.05);
        assert_eq!(loud.drifted, Some(false));
    }

    #[test]
    fn too_few_points_say_nothing_and_ten_are_the_newest() {
        assert_eq!(drift(&NEW[..4], Standard::Blessed(100.0), 0.05).drifted, None);
        assert_eq!(drift(&NEW, Standard::Release(&[100.0, 100.0]), 0.05).drifted, None);
        for standard in [0.0, -1.0, f64::NAN] {
            assert_eq!(drift(&NEW, Standard::Blessed(standard), 0.05).drifted, None);
        }
        let with_none = [&NEW[..4], &[f64::NAN, 0.0]].concat();
        assert_eq!(drift(&with_none, Standard::Blessed(100.0), 0.05).points, 4);
        let long = [&[50.0; 20][..], &[106.0; 10]].concat();
        let found = drift(&long, Standard::Blessed(100.0), 0.05);
        assert_eq!((found.points, found.drifted), (10, Some(true)));
    }
}
