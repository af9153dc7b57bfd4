//! What recording one trial costs in a run that has 300 already: folder, plan.json, result.json, all views.
//!
//! `cargo bench --bench record`. Most of it is the one sync of `result.json` that the harness waits for; set
//! `TMPDIR` to the file system that matters, or to a `tmpfs` to see the rest.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use trtllm_perf::metric::{Limits, Metric};
use trtllm_perf::record::result::{AttemptResult, FORMAT, MetricRow, Outcome, StepRecord};
use trtllm_perf::record::{
    Copies, HeldOutput, JunitLogging, OutputDir, Patience, Recorder, RunId, RunInfo, Session,
    Started, ViewOptions,
};

fn main() {
    divan::main();
}

#[divan::bench(args = [JunitLogging::No, JunitLogging::OutErr])]
fn one_trial_after_300(bencher: divan::Bencher, junit_logging: JunitLogging) {
    measure(bencher, ViewOptions { junit_logging, ..Default::default() });
}

#[divan::bench]
fn one_trial_after_300_with_yaml(bencher: divan::Bencher) {
    measure(bencher, ViewOptions { yaml: true, ..Default::default() });
}

/// Beginning a run that joins 300 results of other processes, as each process under nextest does.
#[divan::bench]
fn joining_a_run_of_300(bencher: divan::Bencher) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let recorder = begin(dir.path(), ViewOptions::default());
    (0..300).for_each(|ordinal| record(&recorder, ordinal));
    bencher.bench(|| begin(dir.path(), ViewOptions::default()));
}

fn measure(bencher: divan::Bencher, views: ViewOptions) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let recorder = begin_fresh(dir.path(), views);
    (0..300).for_each(|ordinal| record(&recorder, ordinal));
    let next = std::cell::Cell::new(300);
    bencher.bench_local(|| {
        record(&recorder, next.get());
        next.set(next.get() + 1);
    });
}

fn begin(output: &Path, views: ViewOptions) -> Recorder {
    begin_as(output, RunId::given("bench").expect("a run id"), Some("bench"), views)
}

fn begin_fresh(output: &Path, views: ViewOptions) -> Recorder {
    begin_as(output, RunId::fresh(Timestamp::now()), None, views)
}

fn begin_as(output: &Path, run_id: RunId, group: Option<&str>, views: ViewOptions) -> Recorder {
    let info = RunInfo::new(&run_id, Timestamp::UNIX_EPOCH, None, views, Session::default());
    let output = OutputDir::new(output);
    // With a group: a run that other processes may write into, as under nextest.
    let held = HeldOutput::take(&output, &run_id, group, &mut |_| Patience::Refuse).expect("free");
    Recorder::begin(held, info, Copies::default()).expect("begin").0
}

fn record(recorder: &Recorder, ordinal: usize) {
    let result = result(recorder, ordinal);
    let folder = recorder.attempt_dir(&result.name, 1).expect("a folder");
    let started = Started::of(&result, serde_json::Value::Null);
    recorder.start(started).expect("a plan");
    fs::write(folder.join("bench.log"), "a line of a log\n".repeat(2000)).expect("a log");
    recorder.finish(&result).expect("a result");
}

fn result(recorder: &Recorder, ordinal: usize) -> AttemptResult {
    let run_id = recorder.run().path().file_name().unwrap_or_default().to_string_lossy();
    let label = format!(
        "llama_v3.1_8b_instruct-bench-pytorch-bfloat16-maxbs:512-input_output_len:128,{ordinal}"
    );
    let row = |metric: Metric| MetricRow {
        metric,
        name: format!("test_perf_metric_{}[{label}]", metric.wire_name().to_lowercase()),
        value: 4801.1234,
        limits: Limits { threshold: 0.1, absolute_threshold: 50.0 },
        source: "report".to_owned(),
        step: 0,
    };
    AttemptResult {
        format: FORMAT,
        run_id: run_id.into_owned(),
        ordinal,
        name: format!("H100_80GB_HBM3/perf/test_perf.py::test_perf[{label}]"),
        network_name: label.clone(),
        origin: None,
        attempt: 1,
        start: Timestamp::UNIX_EPOCH,
        end: Timestamp::UNIX_EPOCH,
        outcome: Outcome::Passed,
        metrics: [Metric::InferenceTime, Metric::TokenThroughput, Metric::SeqThroughput]
            .map(row)
            .into(),
        steps: vec![StepRecord {
            kind: "bench".to_owned(),
            argv: ["trtllm-bench", "--model=llama", "throughput", "--backend=pytorch"]
                .map(str::to_owned)
                .into(),
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::UNIX_EPOCH,
            ended: "exit 0".to_owned(),
            unmeasurable: false,
            certificate: None,
            log: Some("bench.log".to_owned()),
            gpu: Default::default(),
        }],
        baseline: Vec::new(),
        problems: Vec::new(),
        facts: Default::default(),
    }
}
