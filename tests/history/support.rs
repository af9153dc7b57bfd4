//! Runs to keep, made up.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use trtllm_perf::case::ModelTable;
use trtllm_perf::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Filter, Origin, Point, RunRecord, RunSummary,
    SampleRecord, Series, Store,
};
use trtllm_perf::metric::{Limits, Metric};
use trtllm_perf::record::result::State;
use trtllm_perf::sample::Certificate;

pub const LLAMA: &str = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128";
pub const QWEN: &str = "qwen3_4b-bench-pytorch-bfloat16-input_output_len:500,100";
pub const H100: &str = "H100_80GB_HBM3";

/// The names of models.
static MODELS: LazyLock<ModelTable> = LazyLock::new(|| {
    ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table")
});

pub fn identity(label: &str) -> CaseIdentity {
    CaseIdentity::of(label, &MODELS)
}

/// Noon of a day of November.
pub fn day(day: i64) -> Timestamp {
    let first: Timestamp = "2026-11-01T12:00:00Z".parse().expect("time");
    first + SignedDuration::from_hours(24 * (day - 1))
}

pub fn certificate() -> Certificate {
    serde_json::from_str(
        r#"[{"check":"requests","standing":"verified","text":"8192"},
            {"check":"faults","standing":"unverified","text":"no driver"}]"#,
    )
    .expect("findings")
}

pub fn sample(metric: Metric, value: f64) -> SampleRecord {
    let threshold = if metric == Metric::InferenceTime { 0.1 } else { -0.1 };
    let limits = Limits { threshold, absolute_threshold: 10.0 };
    SampleRecord { metric, value, limits, state: State::Valid }
}

/// An attempt that passed, with a time and a throughput.
pub fn attempt(label: &str, start: Timestamp, throughput: f64) -> AttemptRecord {
    AttemptRecord {
        case: identity(label),
        test_name: format!("{H100}/perf/test_perf.py::test_perf[{label}]"),
        number: 1,
        start,
        end: start + SignedDuration::from_secs(90),
        ended: Ended::Passed,
        machine_class: H100.to_owned(),
        engine: "tensorrt_llm".to_owned(),
        facts: [(Aspect::EngineVersion, "1.2.0".to_owned())].into(),
        samples: vec![
            sample(Metric::InferenceTime, 1e6 / throughput),
            sample(Metric::TokenThroughput, throughput),
        ],
        certificate: Some(certificate()),
    }
}

/// The run of a day, with these attempts.
pub fn run(id: &str, at: Timestamp, release: &str, attempts: Vec<AttemptRecord>) -> RunRecord {
    RunRecord {
        id: id.to_owned(),
        origin: Origin::RunFolder,
        started: at,
        ended: attempts.iter().map(|attempt| attempt.end).max(),
        prefix: Some(H100.to_owned()),
        release: Some(release.to_owned()),
        facts: [(Aspect::Node, "node1".to_owned()), (Aspect::Who, "ann".to_owned())].into(),
        attempts,
        problems: Vec::new(),
    }
}

/// A run a day, of two cases; throughput is 1000 and the day.
pub fn nights(days: std::ops::RangeInclusive<i64>, release: &str) -> Vec<RunRecord> {
    let night = |number: i64| {
        let value = 1000.0 + number as f64;
        let attempts =
            vec![attempt(LLAMA, day(number), value), attempt(QWEN, day(number), 10.0 * value)];
        run(&format!("night-{number}"), day(number), release, attempts)
    };
    days.map(night).collect()
}

pub fn add(store: &mut dyn Store, runs: Vec<RunRecord>) -> trtllm_perf::history::Appended {
    store.append(&mut runs.into_iter()).expect("added")
}

pub fn all_runs(store: &mut dyn Store) -> Vec<RunSummary> {
    store.runs(&Filter::default()).expect("runs")
}

/// All that the store has, run by run.
pub fn content(store: &mut dyn Store) -> Vec<RunRecord> {
    let runs = all_runs(store);
    runs.iter().map(|summary| store.run(summary).expect("a run")).collect()
}

pub fn series(store: &mut dyn Store, label: &str, metric: Metric) -> Series {
    let all = store.series().expect("series");
    let mut found = all
        .into_iter()
        .filter(|it| it.metric == metric && it.case.fields == identity(label).fields);
    let one = found.next().unwrap_or_else(|| panic!("no series of {label}"));
    assert_eq!(found.next(), None, "one series a case, metric, machine and engine");
    one
}

pub fn points(store: &mut dyn Store, label: &str, last: Option<usize>) -> Vec<Point> {
    let series = series(store, label, Metric::TokenThroughput);
    store.points(&series, &Filter::default(), last).expect("points")
}

pub fn values(points: &[Point]) -> Vec<f64> {
    points.iter().map(|point| point.value).collect()
}
