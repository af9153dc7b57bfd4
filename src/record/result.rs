//! `result.json`: everything that is known about one attempt of one trial, written last and atomically.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::baseline::BaselineVerdict;
use crate::metric::{Limits, Metric};
use crate::sample::{Certificate, Standing};

/// Version of the file; raised when an older reader would get it wrong. A field that may be absent does not raise it.
pub const FORMAT: u32 = 1;

/// One attempt of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptResult {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Name of the run folder.
    pub run_id: String,
    /// Place of the trial in the run's selection, from 0: the order of all views.
    pub ordinal: usize,
    /// `[PREFIX/]` + id, the libtest trial name and `original_test_name`,
    /// e.g. `H100_80GB_HBM3/perf/test_perf.py::test_perf[llama…]`.
    pub name: String,
    /// The canonical label (`network_name`); the raw label where it could not be parsed.
    pub network_name: String,
    /// The list and line the trial came from, `FILE:LINE`; `None` for `--case`.
    pub origin: Option<String>,
    /// Attempt number, from 1.
    pub attempt: u32,
    /// When the attempt began and ended.
    pub start: Timestamp,
    pub end: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// One entry a metric, in the order of the CSV's rows.
    pub metrics: Vec<MetricRow>,
    /// The steps that ran, in order.
    pub steps: Vec<StepRecord>,
    /// How its numbers stood to the baseline, in the order of `metrics`; empty without a baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<BaselineVerdict>,
    /// Things worth a person's attention that are no failure, e.g. "report and log disagree …".
    pub problems: Vec<String>,
    /// Facts for people and for history: bench version, engine backend, GPU, driver, data-set tool …
    pub facts: BTreeMap<String, String>,
}

impl AttemptResult {
    /// The first attempt of a trial at `at`, with nothing in it yet: passed, no metric, no step.
    pub fn new(run_id: &str, name: &str, network_name: String, at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            run_id: run_id.to_owned(),
            ordinal: 0,
            name: name.to_owned(),
            network_name,
            origin: None,
            attempt: 1,
            start: at,
            end: at,
            outcome: Outcome::Passed,
            metrics: Vec::new(),
            steps: Vec::new(),
            baseline: Vec::new(),
            problems: Vec::new(),
            facts: BTreeMap::new(),
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every step succeeded and every expected metric was read.
    Passed,
    /// It failed; why.
    Failed(Failure),
    /// It was not run: waived, or it cannot run here. The text is the reason.
    Skipped(String),
}

/// Why an attempt failed, in words for people and one word for machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// One line: what happened.
    pub message: String,
    /// What to do about it, when that is known.
    pub hint: Option<String>,
    /// The full text: cause, the line that shows it, last log lines. May hold anything a log holds.
    pub details: String,
}

/// The `type` attribute of JUnit's `<failure>` and `<error>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The product is slower than allowed: the only one that is a `<failure>`.
    Regression,
    /// The harness's surroundings failed (program missing, machine, unknown cause).
    Infra,
    Timeout,
    Hang,
    GpuOom,
    HostOom,
    Nccl,
    MpiLaunch,
    MissingEngine,
    MissingModel,
    BadOption,
    Assertion,
    Segfault,
    /// The steps ran, but there is no number to trust.
    Unmeasurable,
    /// A file could not be read or written.
    Io,
}

impl FailureKind {
    /// The wire word, e.g. `gpu_oom`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Infra => "infra",
            Self::Timeout => "timeout",
            Self::Hang => "hang",
            Self::GpuOom => "gpu_oom",
            Self::HostOom => "host_oom",
            Self::Nccl => "nccl",
            Self::MpiLaunch => "mpi_launch",
            Self::MissingEngine => "missing_engine",
            Self::MissingModel => "missing_model",
            Self::BadOption => "bad_option",
            Self::Assertion => "assertion",
            Self::Segfault => "segfault",
            Self::Unmeasurable => "unmeasurable",
            Self::Io => "io",
        }
    }
}

/// One row of the perf CSV, less what the views derive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    pub metric: Metric,
    /// Short metric name, `test_perf_metric_<metric>[<label>]`.
    pub name: String,
    /// The number, in the metric's unit.
    pub value: f64,
    pub limits: Limits,
    /// Where the number was read: `report` or `log`.
    pub source: String,
    /// Index into `steps` of the command that gave it.
    pub step: usize,
}

/// Whether a number counts. Only [`State::Valid`] and [`State::Flaky`] enter statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Valid,
    /// Of a pass after a failure.
    Flaky,
    /// The certificate says that it cannot be trusted.
    Invalid,
    /// Numbers of its step are missing.
    Unmeasurable,
}

impl State {
    /// The word in `perf_samples.csv`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Flaky => "flaky",
            Self::Invalid => "invalid",
            Self::Unmeasurable => "unmeasurable",
        }
    }

    /// Whether it enters statistics.
    pub fn counts(self) -> bool {
        matches!(self, Self::Valid | Self::Flaky)
    }
}

/// One step as it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// `dataset`, `build` or `bench`.
    pub kind: String,
    /// The argument vector.
    pub argv: Vec<String>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// How it ended, e.g. `exit 0`, `exit 1`, `signal 9`, `timed out after 3600 s`.
    pub ended: String,
    /// Whether its numbers are not to be trusted: some are missing, or not all requests are in them.
    #[serde(default)]
    pub unmeasurable: bool,
    /// What is known about the validity of its numbers; of a bench.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Its log, relative to the attempt folder; `None` for a step done by the harness itself.
    pub log: Option<String>,
    /// Clocks and GPUs of the step, empty without a GPU.
    pub gpu: GpuColumns,
}

impl StepRecord {
    /// Whether its numbers count, and if they do not, why.
    pub fn state(&self, flaky: bool) -> State {
        let certified = self.certificate.as_ref().map(Certificate::standing);
        match certified {
            Some(Standing::Invalid) => State::Invalid,
            _ if self.unmeasurable => State::Unmeasurable,
            _ if flaky => State::Flaky,
            _ => State::Valid,
        }
    }
}

/// The GPU columns of the perf CSV.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuColumns {
    /// SM clock of the last monitor record, MHz.
    pub sm_clk: Option<u32>,
    /// Memory clock of the same record, MHz.
    pub mem_clk: Option<u32>,
    /// Monitored GPUs, e.g. `0,1`.
    pub gpu_idx: Option<String>,
    /// The product name as part of a series' name, e.g. `H100_80GB_HBM3`; a column from flow `v1.2` on.
    #[serde(default)]
    pub device_subtype: Option<String>,
}
