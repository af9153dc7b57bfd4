//! The figures of a run, in the arrangement of the report JSON (field order is part of it).
//!
//! Formulas are the real tool's, in its order of operations, so that the last digits are too: times are integer
//! nanoseconds; milliseconds are `ns * 1e-6`, rates per second are `per-ns * 1e9`.

use serde::Serialize;

use super::stats::{Percentiles, compensated_sum};
use crate::dataset::Entry;
use crate::engine::Completion;

const MS: f64 = 1e-6;
const PER_SECOND: f64 = 1e9;

/// Everything that is reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub engine: EngineDetails,
    pub machine: Option<Machine>,
    pub world_info: WorldInfo,
    pub request_info: RequestInfo,
    pub performance: Performance,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streaming_metrics: Option<StreamingMetrics>,
    pub dataset: DatasetDetails,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineDetails {
    pub model: String,
    /// `None` is spelt out, here and in `engine_dir`.
    pub model_path: String,
    pub engine_dir: String,
    pub revision: Option<String>,
    pub version: String,
    pub backend: &'static str,
    pub dtype: &'static str,
    pub kv_cache_dtype: Option<String>,
    pub quantization: Option<String>,
    /// With a built engine only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sequence_length: Option<usize>,
}

/// What it ran on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    pub name: String,
    /// GiB.
    #[serde(rename = "memory.total")]
    pub memory_total: f64,
    /// GHz.
    #[serde(rename = "clocks.mem")]
    pub clocks_mem: Option<f64>,
}

/// How it was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorldInfo {
    pub tp_size: usize,
    pub pp_size: usize,
    pub ep_size: Option<usize>,
    pub world_size: usize,
    pub max_batch_size: usize,
    pub max_num_tokens: usize,
    pub scheduling_policy: &'static str,
    /// A fraction; `None` when the options file left it open.
    pub kv_cache_percentage: Option<f64>,
    pub issue_rate: f64,
}

/// The requests as they were served.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestInfo {
    pub num_requests: usize,
    pub avg_num_concurrent_requests: f64,
    pub avg_input_length: f64,
    pub avg_output_length: f64,
}

/// Latencies and throughputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Performance {
    pub total_latency_ms: f64,
    pub avg_request_latency_ms: f64,
    pub request_throughput_req_s: f64,
    pub system_output_throughput_tok_s: f64,
    pub system_total_throughput_tok_s: f64,
    pub output_throughput_per_user_tok_s: f64,
    pub output_throughput_per_gpu_tok_s: f64,
    pub request_latency_percentiles_ms: Percentiles,
}

/// What only streaming shows: time to first token (TTFT), time per output token (TPOT).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamingMetrics {
    pub token_output_speed_tok_s: f64,
    pub avg_ttft_ms: f64,
    pub avg_tpot_ms: f64,
    pub tpot_percentiles: Percentiles,
    pub ttft_percentiles: Percentiles,
    pub gen_tps_percentiles: Percentiles,
}

/// The data set as it was read: lengths asked for, not those that came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetDetails {
    pub isl_stats: Percentiles,
    pub osl_stats: Percentiles,
    pub seq_len_stats: Percentiles,
    pub num_requests: usize,
    pub dataset_path: String,
    pub max_isl: u64,
    pub max_osl: u64,
    pub max_sequence_length: u64,
    pub avg_isl: u64,
    pub avg_osl: u64,
    pub avg_sequence_length: u64,
}

/// One request's derived times; all in nanoseconds and tokens per nanosecond.
impl Completion {
    pub fn latency(&self) -> u64 {
        self.end - self.start
    }

    /// 0 without streaming.
    pub fn time_to_first_token(&self) -> u64 {
        self.first.map_or(0, |first| first - self.start)
    }

    pub fn generation_time(&self) -> u64 {
        self.latency() - self.time_to_first_token()
    }

    /// Time per output token after the first. Without streaming the real tool's stand-in for the first token's time,
    /// -1, goes into the formula; the result means nothing and appears only in the list of requests.
    pub fn intertoken_latency(&self) -> f64 {
        let first = self.first.map_or(-1.0, |first| first as f64);
        let later = self.tokens.len() - 1;
        if later == 0 { 0.0 } else { (self.end as f64 - first) / later as f64 }
    }

    pub fn output_rate(&self) -> f64 {
        self.tokens.len() as f64 / self.latency() as f64
    }

    /// 0 where nothing was generated after the first token.
    pub fn generation_rate(&self) -> f64 {
        let later = self.tokens.len() - 1;
        if later == 0 { 0.0 } else { later as f64 / self.generation_time() as f64 }
    }
}

fn mean(sum: u64, n: usize) -> f64 {
    sum as f64 / n as f64
}

fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    compensated_sum(&values) / values.len() as f64
}

/// From the first start to the last end. There must be at least one request.
fn total_latency(served: &[Completion]) -> u64 {
    let start = served.iter().map(|c| c.start).min().unwrap_or(0);
    served.iter().map(|c| c.end).max().unwrap_or(0) - start
}

fn output_tokens(served: &[Completion]) -> u64 {
    served.iter().map(|c| c.tokens.len() as u64).sum()
}

/// `(last start - first start) / n` per second: no rate in truth, but what the report has under that name.
pub fn issue_rate(served: &[Completion]) -> f64 {
    let first = served.iter().map(|c| c.start).min().unwrap_or(0);
    let last = served.iter().map(|c| c.start).max().unwrap_or(0);
    mean(last - first, served.len()) * PER_SECOND
}

impl RequestInfo {
    /// Of requests in order of completion, at least one.
    pub fn of(served: &[Completion]) -> Self {
        let n = served.len();
        let latency = mean(served.iter().map(Completion::latency).sum(), n);
        Self {
            num_requests: n,
            avg_num_concurrent_requests: latency * n as f64 / total_latency(served) as f64,
            avg_input_length: mean(served.iter().map(|c| c.input_tokens as u64).sum(), n),
            avg_output_length: mean(output_tokens(served), n),
        }
    }
}

impl Performance {
    /// Of requests in order of completion, at least one, served by `gpus` devices.
    pub fn of(served: &[Completion], gpus: usize) -> Self {
        let total = total_latency(served) as f64;
        let outputs = output_tokens(served);
        let inputs: u64 = served.iter().map(|c| c.input_tokens as u64).sum();
        let latencies: Vec<u64> = served.iter().map(Completion::latency).collect();
        let latencies = Percentiles::of_integers(&latencies).scaled(MS);
        let output_throughput = outputs as f64 / total * PER_SECOND;
        Self {
            total_latency_ms: total * MS,
            avg_request_latency_ms: latencies.average,
            request_throughput_req_s: served.len() as f64 / total * PER_SECOND,
            system_output_throughput_tok_s: output_throughput,
            system_total_throughput_tok_s: (inputs + outputs) as f64 / total * PER_SECOND,
            output_throughput_per_user_tok_s: mean_of(served.iter().map(Completion::output_rate))
                * PER_SECOND,
            output_throughput_per_gpu_tok_s: output_throughput / gpus as f64,
            request_latency_percentiles_ms: latencies,
        }
    }
}

impl StreamingMetrics {
    /// Of streamed requests in order of completion, at least one.
    pub fn of(served: &[Completion]) -> Self {
        let ttft: Vec<u64> = served.iter().map(Completion::time_to_first_token).collect();
        let tpot: Vec<f64> = served.iter().map(Completion::intertoken_latency).collect();
        let rates: Vec<f64> = served.iter().map(Completion::generation_rate).collect();
        let ttft = Percentiles::of_integers(&ttft).scaled(MS);
        let tpot = Percentiles::of_floats(&tpot).scaled(MS);
        let rates = Percentiles::of_floats(&rates).scaled(PER_SECOND);
        Self {
            token_output_speed_tok_s: rates.average,
            avg_ttft_ms: ttft.average,
            avg_tpot_ms: tpot.average,
            tpot_percentiles: tpot,
            ttft_percentiles: ttft,
            gen_tps_percentiles: rates,
        }
    }
}

impl DatasetDetails {
    /// Of a data set with at least one request.
    pub fn of(entries: &[Entry], path: &str) -> Self {
        let inputs: Vec<u64> = entries.iter().map(|e| e.prompt.len() as u64).collect();
        let outputs: Vec<u64> = entries.iter().map(|e| e.output_tokens as u64).collect();
        let sums: Vec<u64> = inputs.iter().zip(&outputs).map(|(i, o)| i + o).collect();
        let (isl, osl, seq) = (
            Percentiles::of_integers(&inputs),
            Percentiles::of_integers(&outputs),
            Percentiles::of_integers(&sums),
        );
        Self {
            num_requests: entries.len(),
            dataset_path: path.to_owned(),
            max_isl: isl.maximum as u64,
            max_osl: osl.maximum as u64,
            max_sequence_length: seq.maximum as u64,
            avg_isl: isl.average as u64,
            avg_osl: osl.average as u64,
            avg_sequence_length: seq.average as u64,
            isl_stats: isl,
            osl_stats: osl,
            seq_len_stats: seq,
        }
    }
}
