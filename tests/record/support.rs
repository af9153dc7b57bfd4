//! A run in a temporary directory, and the facts that the golden fixtures were written from.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;
use trtllm_perf::metric::{Limits, Metric};
use trtllm_perf::record::result::{
    AttemptResult, FORMAT, Failure, FailureKind, GpuColumns, MetricRow, Outcome, StepRecord,
};
use trtllm_perf::record::{
    Busy, Copies, HeldOutput, OutputDir, Patience, Problem, Recorder, RunId, RunInfo, Session,
    ViewOptions,
};

pub const RUN: &str = "2026-11-24T08-15-02Z-0badcafe";
pub const PREFIX: &str = "H100_80GB_HBM3";
pub const LABEL: &str =
    "llama_v3.1_8b-bench-pytorch-bfloat16-maxbs:512-maxnt:2048-input_output_len:512,32";
pub const ID: &str =
    "perf/test_perf.py::test_perf[llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:512,32]";

/// A file of `tests/fixtures/record`.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/record").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn time(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().expect("a time of day")
}

pub fn session() -> Session {
    Session {
        hostname: "node1".into(),
        ip: Some("10.0.0.7".into()),
        nvidia_driver_version: Some("570.124.06".into()),
        nvidia_device_count: 1,
        os_name: Some("Linux".into()),
        platform: Some("Linux-6.1.0-x86_64".into()),
        platform_version: Some("#1 SMP Debian's".into()),
        cpu_count: Some(16),
        cpu_freq: Some(2400.0),
        cpu_model: Some("A CPU".into()),
        gpus: vec!["NVIDIA H100 80GB HBM3".into()],
        device_product_name: Some("H100 80GB HBM3".into()),
        pci_device_id: Some("0x233010DE".into()),
        device_subtype: Some(PREFIX.into()),
        trtllm_version: Some("1.2.0".into()),
        cuda_version: Some("12.8".into()),
    }
}

/// A passed attempt with three metrics of one benchmark, like the sample rows of upstream's results.
pub fn passed() -> AttemptResult {
    let limits = |threshold, absolute_threshold| Limits { threshold, absolute_threshold };
    let row = |metric: Metric, value, limits| MetricRow {
        metric,
        name: format!("test_perf_metric_{}[{LABEL}]", metric.wire_name().to_lowercase()),
        value,
        limits,
        source: "report".into(),
        step: 1,
    };
    AttemptResult {
        format: FORMAT,
        run_id: RUN.into(),
        ordinal: 0,
        name: format!("{PREFIX}/{ID}"),
        network_name: LABEL.into(),
        origin: Some("lists/a.yml:12".into()),
        attempt: 1,
        start: time("09:14:01"),
        end: time("09:15:38"),
        outcome: Outcome::Passed,
        metrics: vec![
            row(Metric::InferenceTime, 4801.1234, limits(0.1, 50.0)),
            row(Metric::TokenThroughput, 3412.5, limits(-0.1, 10.0)),
            row(Metric::SeqThroughput, 107.0, limits(-0.1, 10.0)),
        ],
        steps: vec![
            step("dataset", &["trtllm-perf", "dataset", "token-norm-dist"], "09:14:01", "09:14:02"),
            step(
                "bench",
                &["trtllm-bench", "--model=llama_v3.1_8b_hf", "throughput", "--backend=pytorch"],
                "09:14:02.5",
                "09:15:37.917223",
            ),
        ],
        baseline: Vec::new(),
        problems: vec!["report and log disagree on KV_CACHE_SIZE".into()],
        facts: [("engine.backend", "pytorch"), ("gpu", "H100")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    }
}

fn step(kind: &str, argv: &[&str], start: &str, end: &str) -> StepRecord {
    let gpu = if kind == "bench" {
        GpuColumns {
            sm_clk: Some(1980),
            mem_clk: Some(2619),
            gpu_idx: Some("0".into()),
            device_subtype: Some(PREFIX.into()),
        }
    } else {
        GpuColumns::default()
    };
    StepRecord {
        kind: kind.into(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        start: time(start),
        end: time(end),
        ended: "exit 0".into(),
        unmeasurable: false,
        certificate: None,
        log: (kind == "bench").then(|| "bench.log".into()),
        gpu,
    }
}

/// A trial beside [`passed`], told apart by its place and label.
pub fn trial(ordinal: usize, outcome: Outcome) -> AttemptResult {
    let name = format!("{PREFIX}/perf/test_perf.py::test_perf[trial_{ordinal}]");
    let mut result = AttemptResult { ordinal, name, outcome, ..passed() };
    if result.outcome != Outcome::Passed {
        result.metrics.clear();
    }
    if matches!(result.outcome, Outcome::Skipped(_)) {
        result.steps.clear();
    }
    result
}

pub fn failure(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure {
        kind,
        message: format!("what happened: {}", kind.word()),
        hint: Some("pass --thing".into()),
        details: "cause, then the last log lines".into(),
    })
}

pub fn refuse(_: &Busy) -> Patience {
    Patience::Refuse
}

/// An output directory that goes when the test ends.
pub struct Output {
    pub dir: TempDir,
    pub out: OutputDir,
}

impl Output {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let out = OutputDir::new(dir.path().join("perf-output"));
        Self { dir, out }
    }

    pub fn begin(&self, views: ViewOptions) -> Recorder {
        let (recorder, problems) = self.begin_as(RUN, views, Copies::default());
        assert_eq!(problems, []);
        recorder
    }

    pub fn begin_as(
        &self,
        run: &str,
        views: ViewOptions,
        copies: Copies,
    ) -> (Recorder, Vec<Problem>) {
        let run_id = RunId::given(run).expect("a run id");
        let info = RunInfo::new(&run_id, time("08:15:02"), Some(PREFIX.into()), views, session());
        Recorder::begin(self.held(&run_id), info, copies).expect("begin")
    }

    /// The directory held for a run, together with other processes of it.
    pub fn held(&self, run_id: &RunId) -> HeldOutput {
        HeldOutput::take(&self.out, run_id, Some(run_id.as_str()), &mut refuse).expect("free")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Records `result` with `log` as its `bench.log`.
pub fn record(recorder: &Recorder, result: &AttemptResult, log: &[u8]) {
    let folder = recorder.attempt_dir(&result.name, result.attempt).expect("attempt folder");
    fs::write(folder.join("bench.log"), log).expect("log");
    assert_eq!(recorder.finish(result).expect("finish"), []);
    assert_eq!(recorder.settle().expect("views"), []);
}
