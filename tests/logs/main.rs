//! The log reader on every report layout and on what logs go through on their way.

mod causes;
mod layouts;
mod properties;
mod report_json;
mod transport;
mod trust;

use std::path::{Path, PathBuf};

use trtllm_perf::logs::{Observations, combine, scan_log};
use trtllm_perf::metric::Metric;

const STREAMING: &str = include_str!("../fixtures/logs/1.2-pytorch-streaming.log");
const PLAIN: &str = include_str!("../fixtures/logs/1.1-pytorch.log");
const OLD: &str = include_str!("../fixtures/logs/0.16-tabs-streaming.log");

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs").join(name)
}

fn seen(log: impl AsRef<[u8]>) -> Observations {
    combine(scan_log(log.as_ref()).expect("memory reads"), None, None)
}

fn value(seen: &Observations, metric: Metric) -> Option<f64> {
    seen.get(metric).map(|observed| observed.value)
}

/// INFERENCE_TIME, TOKEN_THROUGHPUT, SEQ_THROUGHPUT, FIRST_TOKEN_TIME, OUTPUT_TOKEN_TIME, system throughput.
fn numbers(seen: &Observations) -> [Option<f64>; 6] {
    [
        value(seen, Metric::InferenceTime),
        value(seen, Metric::TokenThroughput),
        value(seen, Metric::SeqThroughput),
        value(seen, Metric::FirstTokenTime),
        value(seen, Metric::OutputTokenTime),
        seen.system_output_throughput.map(|observed| observed.value),
    ]
}

const STREAMING_NUMBERS: [Option<f64>; 6] =
    [Some(1500.0), Some(512.0), Some(32.0), Some(41.25), Some(6.2298), Some(1024.0)];
const PLAIN_NUMBERS: [Option<f64>; 6] =
    [Some(1500.0), Some(1024.0), Some(32.0), None, None, Some(1024.0)];
const NOTHING: [Option<f64>; 6] = [None; 6];
