//! The closed set of performance metrics: wire names, units, direction, limits.
//!
//! Names and order are those of the perf CSV (`metric_type`). Limits come from `perf-tests/metrics.yml`,
//! which a perf engineer edits; everything that code relies on stays here.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What one number of a perf result means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Metric {
    /// Time TensorRT needs to generate the engine, in seconds.
    BuildTime,
    /// Peak host memory while an engine is built, in MiB (removed runtimes only).
    BuildPeakCpuMemory,
    /// Peak GPU memory while an engine is built, in MiB (removed runtimes only).
    BuildPeakGpuMemory,
    /// Size of the engine per GPU, in MiB (removed runtimes only).
    EngineSize,
    /// Wall time from the first request's start to the last one's end, in ms (`Total Latency`).
    InferenceTime,
    /// Peak GPU memory of an inference run, in GB (removed runtimes only).
    InferencePeakGpuMemory,
    /// GPU memory of the execution context, in MiB (removed runtimes only).
    ContextGpuMemory,
    /// Output tokens per second **per GPU**.
    TokenThroughput,
    /// Requests completed per second.
    SeqThroughput,
    /// Mean latency of a sequence, in ms (removed runtimes only).
    SeqLatency,
    /// Size of the paged KV cache, in GiB.
    KvCacheSize,
    /// Mean time to first token (TTFT), in ms. Streaming only.
    FirstTokenTime,
    /// Mean time per output token after the first (TPOT), in ms. Streaming only.
    OutputTokenTime,
    /// Median end-to-end latency of a disaggregated server, in ms.
    DisaggServerE2el,
    /// Median TTFT of a disaggregated server, in ms.
    DisaggServerTtft,
}

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// A smaller value is an improvement (times, memory).
    Lower,
    /// A larger value is an improvement (throughputs, KV cache).
    Higher,
}

impl Metric {
    /// Whether the number stands in the log alone, never in a report.
    pub fn is_logged_only(self) -> bool {
        matches!(self, Metric::BuildTime | Metric::KvCacheSize)
    }

    /// Every metric, in declaration order.
    pub const ALL: [Metric; 15] = [
        Metric::BuildTime,
        Metric::BuildPeakCpuMemory,
        Metric::BuildPeakGpuMemory,
        Metric::EngineSize,
        Metric::InferenceTime,
        Metric::InferencePeakGpuMemory,
        Metric::ContextGpuMemory,
        Metric::TokenThroughput,
        Metric::SeqThroughput,
        Metric::SeqLatency,
        Metric::KvCacheSize,
        Metric::FirstTokenTime,
        Metric::OutputTokenTime,
        Metric::DisaggServerE2el,
        Metric::DisaggServerTtft,
    ];

    /// The name in the `metric_type` column, e.g. `TOKEN_THROUGHPUT`.
    pub fn wire_name(self) -> &'static str {
        match self {
            Metric::BuildTime => "BUILD_TIME",
            Metric::BuildPeakCpuMemory => "BUILD_PEAK_CPU_MEMORY",
            Metric::BuildPeakGpuMemory => "BUILD_PEAK_GPU_MEMORY",
            Metric::EngineSize => "ENGINE_SIZE",
            Metric::InferenceTime => "INFERENCE_TIME",
            Metric::InferencePeakGpuMemory => "INFERENCE_PEAK_GPU_MEMORY",
            Metric::ContextGpuMemory => "CONTEXT_GPU_MEMORY",
            Metric::TokenThroughput => "TOKEN_THROUGHPUT",
            Metric::SeqThroughput => "SEQ_THROUGHPUT",
            Metric::SeqLatency => "SEQ_LATENCY",
            Metric::KvCacheSize => "KV_CACHE_SIZE",
            Metric::FirstTokenTime => "FIRST_TOKEN_TIME",
            Metric::OutputTokenTime => "OUTPUT_TOKEN_TIME",
            Metric::DisaggServerE2el => "DISAGG_SERVER_E2EL",
            Metric::DisaggServerTtft => "DISAGG_SERVER_TTFT",
        }
    }

    /// Unit of the recorded number.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::BuildTime => "s",
            Metric::BuildPeakCpuMemory
            | Metric::BuildPeakGpuMemory
            | Metric::EngineSize
            | Metric::ContextGpuMemory => "MiB",
            Metric::InferencePeakGpuMemory => "GB",
            Metric::TokenThroughput => "tokens/s/GPU",
            Metric::SeqThroughput => "requests/s",
            Metric::KvCacheSize => "GiB",
            Metric::InferenceTime
            | Metric::SeqLatency
            | Metric::FirstTokenTime
            | Metric::OutputTokenTime
            | Metric::DisaggServerE2el
            | Metric::DisaggServerTtft => "ms",
        }
    }

    /// Which way is good.
    pub fn better(self) -> Better {
        match self {
            Metric::TokenThroughput | Metric::SeqThroughput | Metric::KvCacheSize => Better::Higher,
            _ => Better::Lower,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

/// How far a value may move before it counts, as recorded in every result row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Relative limit; **negative means higher is better** (the CSV's convention).
    pub threshold: f64,
    /// Absolute limit in the metric's unit.
    pub absolute_threshold: f64,
}

/// `perf-tests/metrics.yml`: the limits of every metric.
#[derive(Debug, Clone)]
pub struct MetricTable(BTreeMap<Metric, Limits>);

/// Why the table of metrics cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetricTableError {
    #[error("read the metric table: {0}")]
    Yaml(#[from] serde_yaml::Error),
    #[error("metric table has no entry for {0}")]
    Missing(Metric),
    #[error("metric table gives {0} the wrong sign: a negative threshold means higher is better")]
    Sign(Metric),
}

impl MetricTable {
    /// Parses `metrics.yml`.
    ///
    /// # Errors
    /// When it is not a mapping of metric names to limits, lacks a metric, or contradicts a metric's direction.
    pub fn parse(yaml: &str) -> Result<Self, MetricTableError> {
        let table: BTreeMap<Metric, Limits> = serde_yaml::from_str(yaml)?;
        for metric in Metric::ALL {
            let limits = table.get(&metric).ok_or(MetricTableError::Missing(metric))?;
            if (limits.threshold < 0.0) != (metric.better() == Better::Higher) {
                return Err(MetricTableError::Sign(metric));
            }
        }
        Ok(Self(table))
    }

    /// The limits of `metric`.
    pub fn limits(&self, metric: Metric) -> Limits {
        self.0[&metric]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_name_is_what_serde_writes() {
        for metric in Metric::ALL {
            let json = serde_json::to_string(&metric).expect("serialize");
            assert_eq!(json, format!("\"{metric}\""));
        }
    }

    #[test]
    fn our_own_table_is_complete_and_a_wrong_sign_is_refused() {
        let yaml = include_str!("../perf-tests/metrics.yml");
        let table = MetricTable::parse(yaml).expect("our table");
        assert_eq!(table.limits(Metric::TokenThroughput).threshold, -0.1);
        let wrong = yaml.replacen(
            "TOKEN_THROUGHPUT: { threshold: -0.1",
            "TOKEN_THROUGHPUT: { threshold: 0.1",
            1,
        );
        assert_ne!(wrong, yaml);
        assert!(matches!(
            MetricTable::parse(&wrong),
            Err(MetricTableError::Sign(Metric::TokenThroughput))
        ));
    }
}
