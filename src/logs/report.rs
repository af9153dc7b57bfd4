//! One benchmark report, however it was written: its quantities and the facts about the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a report measures, as it is printed (not yet as the perf CSV names it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Total latency of the run, ms. For the serve client: the mean end-to-end latency, which its
    /// INFERENCE_TIME has always been.
    TotalLatency,
    /// Requests per second.
    RequestThroughput,
    /// Output tokens per second of the whole system.
    SystemOutput,
    /// Output tokens per second per GPU.
    GpuOutput,
    /// Mean time to first token, ms.
    Ttft,
    /// Mean time per output token after the first, ms.
    Tpot,
}

impl Quantity {
    /// All of them, in the order of the perf CSV.
    pub const ALL: [Quantity; 6] = [
        Quantity::TotalLatency,
        Quantity::GpuOutput,
        Quantity::SystemOutput,
        Quantity::RequestThroughput,
        Quantity::Ttft,
        Quantity::Tpot,
    ];

    /// The name in messages: that of the metric it gives.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::TotalLatency => "INFERENCE_TIME",
            Quantity::RequestThroughput => "SEQ_THROUGHPUT",
            Quantity::SystemOutput => "SYSTEM_OUTPUT_THROUGHPUT",
            Quantity::GpuOutput => "TOKEN_THROUGHPUT",
            Quantity::Ttft => "FIRST_TOKEN_TIME",
            Quantity::Tpot => "OUTPUT_TOKEN_TIME",
        }
    }
}

/// A number as read, already in the quantity's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub value: f64,
    /// How far printing may have moved it; 0 for the report JSON.
    pub rounding: f64,
    /// Line of the log, from 1; `None` for the report JSON.
    pub line: Option<u64>,
}

/// One complete report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub readings: BTreeMap<Quantity, Reading>,
    pub facts: Facts,
    /// First and last line in the log, from 1; zeros for the report JSON.
    pub lines: (u64, u64),
    /// From the serve client, whose "total latency" is a mean over requests.
    pub serving: bool,
}

impl Report {
    /// Whether both tell the same numbers.
    pub fn same_numbers(&self, other: &Report) -> bool {
        let numbers = |report: &Report| {
            report.readings.iter().map(|(q, r)| (*q, r.value)).collect::<Vec<_>>()
        };
        numbers(self) == numbers(other)
    }
}

/// What a report says about the engine and the run, for certificates and records. Absent is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Version in the program's first output line: the one to trust.
    pub banner_version: Option<String>,
    /// Version printed inside the report, which has been wrong in releases.
    pub report_version: Option<String>,
    /// `Pytorch`, `TRT`, or the word before `BACKEND` in lower case (`refbench`).
    pub backend: Option<String>,
    pub model: Option<String>,
    pub dtype: Option<String>,
    pub kv_cache_dtype: Option<String>,
    pub quantization: Option<String>,
    /// Name of the device the report names.
    pub machine: Option<String>,
    /// Requests completed.
    pub requests: Option<u64>,
    /// Mean number of requests in flight.
    pub concurrency: Option<f64>,
    /// Mean input length, tokens.
    pub average_input_tokens: Option<f64>,
    /// Mean output length, tokens.
    pub average_output_tokens: Option<f64>,
    pub tp: Option<u32>,
    pub pp: Option<u32>,
    pub ep: Option<u32>,
    pub max_batch_size: Option<u64>,
    pub max_num_tokens: Option<u64>,
    /// Fraction of free GPU memory for the KV cache, 0 to 1 whatever the version printed.
    pub kv_cache_fraction: Option<f64>,
}

impl Facts {
    /// Fills what is unknown here from `other`.
    #[must_use]
    pub fn or(self, other: &Facts) -> Facts {
        let other = other.clone();
        Facts {
            banner_version: self.banner_version.or(other.banner_version),
            report_version: self.report_version.or(other.report_version),
            backend: self.backend.or(other.backend),
            model: self.model.or(other.model),
            dtype: self.dtype.or(other.dtype),
            kv_cache_dtype: self.kv_cache_dtype.or(other.kv_cache_dtype),
            quantization: self.quantization.or(other.quantization),
            machine: self.machine.or(other.machine),
            requests: self.requests.or(other.requests),
            concurrency: self.concurrency.or(other.concurrency),
            average_input_tokens: self.average_input_tokens.or(other.average_input_tokens),
            average_output_tokens: self.average_output_tokens.or(other.average_output_tokens),
            tp: self.tp.or(other.tp),
            pp: self.pp.or(other.pp),
            ep: self.ep.or(other.ep),
            max_batch_size: self.max_batch_size.or(other.max_batch_size),
            max_num_tokens: self.max_num_tokens.or(other.max_num_tokens),
            kv_cache_fraction: self.kv_cache_fraction.or(other.kv_cache_fraction),
        }
    }
}

/// A KV-cache fraction as any version writes it: 90.0 in 0.20, 0.9 from 1.1 on, `90.00%` in text.
pub fn fraction(value: f64) -> f64 {
    if value > 1.0 { value / 100.0 } else { value }
}
