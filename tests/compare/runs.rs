//! Runs made by hand.

use jiff::Timestamp;
use trtllm_perf::case::ModelTable;
use trtllm_perf::compare::Side;
use trtllm_perf::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Origin, RunRecord, SampleRecord,
};
use trtllm_perf::metric::{Better, Limits, Metric};
use trtllm_perf::record::result::State;

pub fn models() -> ModelTable {
    ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table")
}

/// A label of one concurrency.
pub fn label(concurrency: usize) -> String {
    format!(
        "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128-reqs:64-con:{concurrency}"
    )
}

pub fn moment() -> Timestamp {
    "2025-08-12T09:00:00Z".parse().expect("a time")
}

pub fn sample(metric: Metric, value: f64) -> SampleRecord {
    let threshold = if metric.better() == Better::Higher { -0.1 } else { 0.1 };
    let limits = Limits { threshold, absolute_threshold: 10.0 };
    SampleRecord { metric, value, limits, state: State::Valid }
}

/// An attempt that passed on an H100.
pub fn attempt(label: &str, samples: Vec<SampleRecord>) -> AttemptRecord {
    AttemptRecord {
        case: CaseIdentity::of(label, &models()),
        test_name: format!("perf/test_perf.py::test_perf[{label}]"),
        number: 1,
        start: moment(),
        end: moment(),
        ended: Ended::Passed,
        machine_class: "H100_80GB_HBM3".to_owned(),
        engine: "tensorrt_llm".to_owned(),
        facts: Facts::new(),
        samples,
        certificate: None,
    }
}

/// One that failed before it gave a number.
pub fn failure(label: &str, kind: &str, message: &str) -> AttemptRecord {
    let ended = Ended::Failed { kind: kind.to_owned(), message: message.to_owned() };
    // Its machine is not known: no report names it.
    AttemptRecord { ended, machine_class: "unknown".to_owned(), ..attempt(label, Vec::new()) }
}

/// A run that knows everything of itself.
pub fn run(id: &str, attempts: Vec<AttemptRecord>) -> RunRecord {
    RunRecord {
        id: id.to_owned(),
        origin: Origin::RunFolder,
        started: moment(),
        ended: Some(moment()),
        prefix: None,
        release: Some("1.1.0".to_owned()),
        facts: Aspect::ALL.map(|aspect| (aspect, "same".to_owned())).into(),
        attempts,
        problems: Vec::new(),
    }
}

pub fn side(name: &str, runs: Vec<RunRecord>) -> Side {
    Side { name: name.to_owned(), runs }
}

/// A side of one run of one case with one throughput.
pub fn single(id: &str, tokens: f64) -> Side {
    let attempt = attempt(&label(1), vec![sample(Metric::TokenThroughput, tokens)]);
    side(id, vec![run(id, vec![attempt])])
}
