//! Whether one value is as good as the one that stands, by upstream's rule or by ours.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::row::MetricType;
use crate::metric::{Better, Limits, Metric};

/// Under our rule the absolute limit counts up to this many times the relative one. Upstream's tables give a KV cache an
/// absolute limit of 50 GiB and a time per token one of 50 ms: uncapped, neither could ever fail.
pub const ABSOLUTE_CAP: f64 = 2.0;

/// A rule for how far a value may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// `|new - base| > absolute + relative * |new|`, in both directions, build times left out.
    Upstream,
    /// Worse than the base by more than the relative limit of the base and by more than the absolute one.
    #[default]
    Default,
}

impl Policy {
    /// The word on the command line and in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Default => "default",
        }
    }
}

/// How a value stands to its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Within what is allowed.
    Within,
    /// Worse than allowed: a regression.
    #[serde(rename = "regression")]
    Worse,
    /// Better than what is allowed: the base is out of date, or the new value wrong.
    #[serde(rename = "improvement")]
    Better,
    /// There is no number on one side, or no limits.
    Unjudged,
    /// The rule leaves this metric out.
    LeftOut,
}

impl Standing {
    /// The word in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Worse => "regression",
            Self::Better => "improvement",
            Self::Unjudged => "unjudged",
            Self::LeftOut => "left_out",
        }
    }
}

/// One value held against its base.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    pub standing: Standing,
    pub base: Option<f64>,
    pub new: Option<f64>,
    /// How far the value might have moved, in its unit.
    pub allowed: Option<f64>,
    /// The absolute limit was larger than [`ABSOLUTE_CAP`] relative ones and was cut to that.
    pub capped: bool,
}

impl Judgement {
    /// `new / base`, where that means something.
    pub fn ratio(&self) -> Option<f64> {
        let (base, new) = (self.base?, self.new?);
        (base != 0.0).then(|| new / base).filter(|ratio| ratio.is_finite())
    }
}

/// `base 1000, new 1170: +17.0 %, allowed ±100`.
impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<f64>| number.map_or("none".to_owned(), |it| it.to_string());
        write!(f, "base {}, new {}", number(self.base), number(self.new))?;
        if let Some(ratio) = self.ratio() {
            write!(f, ": {}, ratio {ratio:.4}", percent(ratio))?;
        }
        match self.allowed {
            Some(allowed) => write!(f, ", limit ±{}", rounded(allowed)),
            None => Ok(()),
        }
    }
}

/// A ratio as a change: `+17.0 %`.
pub fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// At most six significant digits: a limit is a product, and its last digits say nothing.
pub fn rounded(number: f64) -> String {
    let digits = 5 - number.abs().max(1e-9).log10().floor() as i32;
    let scale = 10f64.powi(digits);
    ((number * scale).round() / scale).to_string()
}

/// Which way is good: by the sign of the relative limit (negative: larger), and by the metric where that is 0.
pub fn better(metric: &MetricType, threshold: f64) -> Better {
    if threshold < 0.0 {
        return Better::Higher;
    }
    match metric.metric() {
        Some(metric) if threshold == 0.0 => metric.better(),
        _ => Better::Lower,
    }
}

/// Holds `new` against `base` with the limits of the base's row.
pub fn judge(
    policy: Policy,
    metric: &MetricType,
    base: Option<f64>,
    new: Option<f64>,
    limits: Option<Limits>,
) -> Judgement {
    let judgement = |standing, allowed, capped| Judgement { standing, base, new, allowed, capped };
    if policy == Policy::Upstream && *metric == MetricType::Known(Metric::BuildTime) {
        return judgement(Standing::LeftOut, None, false);
    }
    let (Some(from), Some(to), Some(limits)) = (base, new, limits) else {
        return judgement(Standing::Unjudged, None, false);
    };
    let relative = limits.threshold.abs();
    let absolute = limits.absolute_threshold.abs();
    let (allowed, capped) = match policy {
        Policy::Upstream => (absolute + relative * to.abs(), false),
        Policy::Default => ours(relative * from.abs(), absolute),
    };
    // NumPy's closeness: equal infinities are close, nothing else that is infinite is.
    if from == to || ((from - to).abs() <= allowed && to.is_finite()) {
        return judgement(Standing::Within, Some(allowed), capped);
    }
    if policy == Policy::Default && !(from.is_finite() && to.is_finite()) {
        return judgement(Standing::Unjudged, None, false);
    }
    let worse = match better(metric, limits.threshold) {
        Better::Lower => to > from,
        Better::Higher => to < from,
    };
    let standing = if worse { Standing::Worse } else { Standing::Better };
    judgement(standing, Some(allowed), capped)
}

/// Both limits must be exceeded, so the larger counts; the absolute one no further than [`ABSOLUTE_CAP`] says. Where there
/// is nothing for the relative limit to be relative to, the absolute one stands alone.
fn ours(relative: f64, absolute: f64) -> (f64, bool) {
    let cap = ABSOLUTE_CAP * relative;
    if relative == 0.0 || absolute <= cap { (relative.max(absolute), false) } else { (cap, true) }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Better as Improved, LeftOut, Unjudged, Within, Worse};
    use super::*;

    fn standing(
        policy: Policy,
        metric: Metric,
        numbers: (f64, f64),
        limits: (f64, f64),
    ) -> Standing {
        let some = |number: f64| Some(number).filter(|number| !number.is_nan());
        let limits = Limits { threshold: limits.0, absolute_threshold: limits.1 };
        let metric = MetricType::Known(metric);
        judge(policy, &metric, some(numbers.0), some(numbers.1), Some(limits)).standing
    }

    /// Base, new, relative and absolute limit; what upstream's rule says of it and what ours.
    type Example = (f64, f64, f64, f64, Standing, Standing);

    #[test]
    fn the_worked_examples_come_out_as_computed_by_hand() {
        let examples: [Example; 13] = [
            (129_555.827, 140_000.0, 0.1, 50.0, Within, Within),
            (129_555.827, 145_000.0, 0.1, 50.0, Worse, Worse),
            (1000.0, 1160.0, 0.1, 50.0, Within, Worse),
            (1000.0, 1170.0, 0.1, 50.0, Worse, Worse),
            (63.2314, 55.0, -0.1, 10.0, Within, Within),
            (63.2314, 47.0, -0.1, 10.0, Worse, Worse),
            (8093.6228, 7350.0, -0.1, 10.0, Within, Within),
            (56.19, 6.0, -0.1, 50.0, Within, Worse),
            (56.19, 5.0, -0.1, 50.0, Worse, Worse),
            (100.0, 111.0, 0.1, 0.0, Within, Worse),
            (100.0, 112.0, 0.1, 0.0, Worse, Worse),
            (100.0, 91.0, 0.1, 0.0, Within, Within),
            (100.0, 90.0, 0.1, 0.0, Improved, Within),
        ];
        for (base, new, relative, absolute, upstream, ours) in examples {
            let metric = if relative < 0.0 { Metric::KvCacheSize } else { Metric::InferenceTime };
            for (policy, expected) in [(Policy::Upstream, upstream), (Policy::Default, ours)] {
                let found = standing(policy, metric, (base, new), (relative, absolute));
                assert_eq!(found, expected, "{policy:?} {base} -> {new}");
            }
        }
    }

    #[test]
    fn a_build_time_is_left_out_upstream_and_judged_by_our_rule() {
        let build = |policy| standing(policy, Metric::BuildTime, (143.6, 500.0), (0.1, 30.0));
        assert_eq!(build(Policy::Upstream), LeftOut);
        assert_eq!(build(Policy::Default), Worse);
    }

    #[test]
    fn an_absolute_limit_beyond_reason_does_not_hide_a_loss() {
        for (base, new, relative, absolute) in [(40.0, 4.0, -0.1, 50.0), (10.0, 50.0, 0.1, 50.0)] {
            let numbers = (base, new);
            let limits = (relative, absolute);
            assert_eq!(standing(Policy::Upstream, Metric::SeqLatency, numbers, limits), Within);
            assert_eq!(standing(Policy::Default, Metric::SeqLatency, numbers, limits), Worse);
        }
        let small = standing(Policy::Default, Metric::FirstTokenTime, (40.0, 47.9), (0.1, 50.0));
        assert_eq!(small, Within, "the absolute limit still widens the relative one");
    }

    #[test]
    fn a_base_of_zero_has_the_absolute_limit_alone() {
        let of = |new| standing(Policy::Default, Metric::InferenceTime, (0.0, new), (0.3, 50.0));
        assert_eq!((of(50.0), of(50.1)), (Within, Worse));
        let cache = standing(Policy::Default, Metric::KvCacheSize, (0.0, 0.0), (-0.3, 50.0));
        assert_eq!(cache, Within);
    }

    #[test]
    fn the_sign_of_the_relative_limit_says_which_way_is_good() {
        let metric = Metric::InferenceTime;
        assert_eq!(standing(Policy::Default, metric, (100.0, 200.0), (-0.1, 0.0)), Improved);
        assert_eq!(standing(Policy::Default, metric, (100.0, 200.0), (0.0, 1.0)), Worse);
        let speed = Metric::TokenThroughput;
        assert_eq!(standing(Policy::Default, speed, (100.0, 200.0), (0.0, 1.0)), Improved);
    }

    #[test]
    fn a_missing_number_is_close_to_nothing() {
        for (base, new) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, f64::NAN)] {
            for policy in [Policy::Upstream, Policy::Default] {
                let found = standing(policy, Metric::InferenceTime, (base, new), (0.1, 50.0));
                assert_eq!(found, Unjudged);
            }
        }
        let found =
            judge(Policy::Default, &MetricType::Other("X".into()), Some(1.0), Some(1.0), None);
        assert_eq!(found.standing, Unjudged, "no limits");
    }

    #[test]
    fn a_judgement_says_base_new_ratio_and_limit() {
        let limits = Limits { threshold: 0.1, absolute_threshold: 50.0 };
        let metric = MetricType::Known(Metric::InferenceTime);
        let judged = judge(Policy::Default, &metric, Some(1000.0), Some(1170.5), Some(limits));
        assert_eq!(judged.to_string(), "base 1000, new 1170.5: +17.1 %, ratio 1.1705, limit ±100");
        let judged =
            judge(Policy::Upstream, &metric, Some(129_555.827), Some(145_000.0), Some(limits));
        assert_eq!(rounded(judged.allowed.expect("a limit")), "14550");
    }

    proptest::proptest! {
        #[test]
        fn both_limits_are_exceeded_by_every_regression(
            base in 0.001f64..1e6, new in 0.001f64..1e6, relative in 0.01f64..0.5, absolute in 0f64..100.0
        ) {
            let found = standing(Policy::Default, Metric::InferenceTime, (base, new), (relative, absolute));
            let counted = absolute.min(ABSOLUTE_CAP * relative * base);
            let worse = new - base > relative * base && new - base > counted;
            proptest::prop_assert_eq!(found == Worse, worse);
        }
    }
}
