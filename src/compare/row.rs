//! One metric of one case on both sides.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::Serialize;

use super::pairs::Pair;
use super::pool::Numbers;
use super::since::Since;
use super::{Cause, Options, judge};
use crate::history::Aspect;
use crate::metric::{Better, Metric};
use crate::verdict::stats;

/// What became of a metric, from the point of view of the candidate. The order is that in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Worse by more than the limit.
    Regress,
    /// The candidate has no number.
    Missing,
    /// There are numbers, but they must or can not be set against each other.
    NotComparable,
    /// The repeats scatter too much to tell.
    Inconclusive,
    /// Better by more than the limit.
    Improved,
    /// The base has no number.
    New,
    /// Within the limit.
    Same,
}

impl Change {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::Regress,
        Self::Missing,
        Self::NotComparable,
        Self::Inconclusive,
        Self::Improved,
        Self::New,
        Self::Same,
    ];

    /// The word for people and, with `_` for blanks, for files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regress => "regress",
            Self::Missing => "missing",
            Self::NotComparable => "not comparable",
            Self::Inconclusive => "inconclusive",
            Self::Improved => "improved",
            Self::New => "new",
            Self::Same => "same",
        }
    }

    /// Whether it is a difference that has a cause.
    pub fn is_found(self) -> bool {
        matches!(self, Self::Regress | Self::Improved)
    }
}

/// The numbers of one side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Values {
    /// Median of those that count, in the metric's unit.
    pub median: Option<f64>,
    /// How many count.
    pub n: usize,
    /// How many do not: invalid or unmeasurable.
    pub not_counted: usize,
}

/// One metric of one case, on one machine class and engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The canonical label.
    pub case: String,
    /// The machine class, and the engine where it is not TensorRT-LLM; both sides' where they differ.
    pub machine: String,
    pub metric: Metric,
    /// Which pair of lengths of the case, from 1.
    pub point: usize,
    pub unit: &'static str,
    #[serde(serialize_with = "direction")]
    pub better: Better,
    pub base: Values,
    pub candidate: Values,
    /// Median of the candidate over that of the base.
    pub ratio: Option<f64>,
    /// How much worse the candidate is, in % of the base; negative is better.
    pub worse_pct: Option<f64>,
    /// Confidence interval of that at 95 %, by Welch's t on logarithms; with repeats on both sides.
    pub interval_pct: Option<[f64; 2]>,
    /// How far it may move, in % of the base.
    pub limit_pct: Option<f64>,
    pub change: Change,
    /// Why there is no plain answer.
    pub reason: Option<String>,
    /// What differs for this case beyond what differs for all.
    pub differs: Vec<Aspect>,
    /// What the change is most likely due to; of a regression or an improvement alone.
    pub cause: Option<Cause>,
    /// Of a regression: the steps of the history between the sides, the oldest first, where both are of the history.
    pub since: Vec<Since>,
}

impl Row {
    /// The ratio turned so that above 1 is better.
    pub fn gain(&self) -> Option<f64> {
        let ratio = self.ratio?;
        Some(match self.metric.better() {
            Better::Higher => ratio,
            Better::Lower => 1.0 / ratio,
        })
    }

    /// The worst first: by verdict, then by how much worse, a half counting as much as a double; then by name.
    pub(super) fn by_harm(&self, other: &Self) -> Ordering {
        let gain = |row: &Self| row.gain().unwrap_or(f64::INFINITY);
        let name = |row: &Self| (row.case.clone(), row.machine.clone(), row.metric, row.point);
        self.change
            .cmp(&other.change)
            .then_with(|| gain(self).total_cmp(&gain(other)))
            .then_with(|| name(self).cmp(&name(other)))
    }
}

/// The rows of one pair, by metric.
pub(super) fn rows(pair: &Pair<'_>, options: &Options) -> Vec<Row> {
    let [base, candidate] = [&pair.base, &pair.candidate].map(|pool| pool.numbers());
    let keys: BTreeSet<_> = base.keys().chain(candidate.keys()).copied().collect();
    let wanted = |metric: &Metric| options.metrics.is_empty() || options.metrics.contains(metric);
    let none = Numbers::default();
    let row = |key: (Metric, usize)| {
        let [base, candidate] = [&base, &candidate].map(|side| side.get(&key).unwrap_or(&none));
        row(pair, key, base, candidate, options)
    };
    keys.into_iter().filter(|(metric, _)| wanted(metric)).map(row).collect()
}

fn row(
    pair: &Pair<'_>,
    (metric, point): (Metric, usize),
    base: &Numbers,
    candidate: &Numbers,
    options: &Options,
) -> Row {
    // The base's own limit, as baselines have it.
    let own = base.limits.or(candidate.limits).map(|limits| limits.threshold.abs());
    let limit = options.limit.or(own).filter(|limit| limit.is_finite());
    let judged = judge::judge(metric.better(), &base.values, &candidate.values, limit);
    let pct = |share: f64| share * 100.0;
    let values = |numbers: &Numbers| Values {
        median: stats::median(&numbers.values),
        n: numbers.values.len(),
        not_counted: numbers.not_counted,
    };
    let invalid = |numbers: &Numbers, side: &str| {
        let count = Some(numbers.not_counted).filter(|_| numbers.values.is_empty())?;
        (count > 0).then(|| {
            let numbers = super::words::count(count, "number", "numbers");
            format!("{numbers} of the {side} cannot be trusted")
        })
    };
    let reason = judged.reason.map(str::to_owned);
    Row {
        case: pair.case.label.clone(),
        machine: pair.machine.clone(),
        metric,
        point,
        unit: metric.unit(),
        better: metric.better(),
        base: values(base),
        candidate: values(candidate),
        ratio: judged.ratio,
        worse_pct: judged.worse.map(pct),
        interval_pct: judged.interval.map(|interval| interval.map(pct)),
        limit_pct: limit.map(pct),
        change: judged.change,
        reason: invalid(candidate, "candidate").or_else(|| invalid(base, "base")).or(reason),
        differs: Vec::new(),
        cause: None,
        since: Vec::new(),
    }
}

fn direction<S: serde::Serializer>(better: &Better, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    })
}
