//! Geometric means of ratios, turned so that above 1 is better.

use std::collections::BTreeMap;

use serde::Serialize;

use super::row::Row;
use crate::history::CaseIdentity;
use crate::metric::Metric;
use crate::verdict::stats;

/// Metrics that may be averaged with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Throughput,
    Latency,
}

impl Family {
    /// All, in order.
    pub const ALL: [Self; 2] = [Self::Throughput, Self::Latency];

    /// The family of a metric; `None` for build times and memory, which say nothing of speed.
    pub fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::TokenThroughput | Metric::SeqThroughput => Some(Self::Throughput),
            Metric::InferenceTime
            | Metric::SeqLatency
            | Metric::FirstTokenTime
            | Metric::OutputTokenTime
            | Metric::DisaggServerE2el
            | Metric::DisaggServerTtft => Some(Self::Latency),
            _ => None,
        }
    }

    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
        }
    }
}

/// The mean of one group of cases; of all when it names no model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mean {
    pub model: Option<String>,
    pub precision: Option<String>,
    pub gpus: Option<u64>,
    pub family: Family,
    /// Geometric mean of the ratios: above 1 the candidate is better.
    pub gain: f64,
    /// How many ratios.
    pub n: usize,
}

impl Mean {
    /// The group in words.
    pub fn group(&self) -> String {
        let Some(model) = &self.model else { return "all".to_owned() };
        let gpus = self.gpus.map(|gpus| match gpus {
            1 => "1 GPU".to_owned(),
            gpus => format!("{gpus} GPUs"),
        });
        let parts = [Some(model.clone()), self.precision.clone(), gpus];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Model, precision and number of GPUs.
type Group = Option<(String, Option<String>, Option<u64>)>;

/// The means of rows with a ratio, by group, the whole last.
pub(super) fn means<'a>(rows: impl Iterator<Item = (&'a CaseIdentity, &'a Row)>) -> Vec<Mean> {
    let mut gains: BTreeMap<(bool, Group, Family), Vec<f64>> = BTreeMap::new();
    for (case, row) in rows {
        let (Some(family), Some(gain)) = (Family::of(row.metric), row.gain()) else { continue };
        let group = (case.model(), case.precision(), case.gpus());
        gains.entry((false, Some(group), family)).or_default().push(gain);
        gains.entry((true, None, family)).or_default().push(gain);
    }
    let mean = |((_, group, family), gains): ((bool, Group, Family), Vec<f64>)| {
        let (model, precision, gpus) = match group {
            Some((model, precision, gpus)) => (Some(model), precision, gpus),
            None => (None, None, None),
        };
        let gain = stats::geometric_mean(&gains)?;
        Some(Mean { model, precision, gpus, family, gain, n: gains.len() })
    };
    gains.into_iter().filter_map(mean).collect()
}
