//! A run as history keeps it and as runs are compared: one shape, whatever it was read from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::CaseIdentity;
use crate::metric::{Limits, Metric};
use crate::record::{Problem, result::State};
use crate::sample::Certificate;

/// One run: when, what on, what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Name of the run folder; of a CSV, its file name and a digest of its content.
    pub id: String,
    pub origin: Origin,
    pub started: Timestamp,
    /// When its last attempt ended; `None` of a run without any.
    pub ended: Option<Timestamp>,
    /// The test prefix, e.g. `H100_80GB_HBM3`.
    pub prefix: Option<String>,
    /// The release that was measured, e.g. `1.2.0rc3`.
    pub release: Option<String>,
    /// What is the same for all of the run.
    pub facts: Facts,
    /// In the order of the selection, then of the attempts.
    pub attempts: Vec<AttemptRecord>,
    /// What could not be read, and where.
    pub problems: Vec<Problem>,
}

/// What a run was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `runs/<run-id>` of an output directory.
    RunFolder,
    /// Upstream's `perf_script_test_results.csv`.
    PerfCsv,
    /// A baseline in upstream's format.
    BaselineCsv,
    /// Made by a script, of stated synthetic noise. Never mixed with measured ones unseen.
    Synthetic,
}

/// One attempt of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    pub case: CaseIdentity,
    /// `[PREFIX/]` + id, as in `original_test_name`.
    pub test_name: String,
    /// From 1. A file without attempts counts the rows of a case.
    pub number: u32,
    pub start: Timestamp,
    pub end: Timestamp,
    pub ended: Ended,
    /// What results may be set side by side: the GPU variant, e.g. `H100_80GB_HBM3`, or the CPU.
    /// How many GPUs a case takes is part of the case.
    pub machine_class: String,
    /// The engine that was measured: `tensorrt_llm`, `refbench`, or what the report calls its backend.
    pub engine: String,
    /// What is known of this attempt beyond the run's facts; it wins over them.
    pub facts: Facts,
    pub samples: Vec<SampleRecord>,
    /// The certificate of the bench; of several, the worst.
    pub certificate: Option<Certificate>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Passed,
    /// It passed after a failure of the same run.
    Flaky,
    /// The kind of failure as in JUnit's `type`, and one line of what happened.
    Failed {
        kind: String,
        message: String,
    },
    /// Excused, or not run; why.
    Skipped(String),
}

impl Ended {
    /// One word: `passed`, `flaky`, `skipped`, or the kind of failure.
    pub fn word(&self) -> &str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Failed { kind, .. } => kind,
            Self::Skipped(_) => "skipped",
        }
    }
}

/// One number of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRecord {
    pub metric: Metric,
    /// In the metric's unit.
    pub value: f64,
    pub limits: Limits,
    pub state: State,
}

/// What may differ between two results and explain them. The order is that in which differences are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The engine's own name of itself in its report.
    EngineBackend,
    EngineVersion,
    EngineCommit,
    /// The flow that planned the commands, e.g. `v1.2`.
    Flow,
    /// Options of the bench command, without paths.
    BenchOptions,
    /// The engine options, as JSON; `none` where there were none.
    EngineOptions,
    /// What the clocks were locked to; `none` where they were not.
    Clocks,
    /// GPU variant with form factor, e.g. `H100_80GB_HBM3`.
    GpuVariant,
    GpuCount,
    /// Host name of the machine.
    Node,
    Cpu,
    /// Driver of the GPU.
    Driver,
    Cuda,
    /// Kernel and distribution.
    System,
    /// SHA-256 of the data set.
    Dataset,
    /// `native` or `script`.
    DatasetTool,
    /// Version of this harness.
    Harness,
    /// The test lists.
    List,
    /// Flags of the harness, secrets stripped.
    Flags,
    Who,
}

/// Which part of the world an aspect belongs to: the class of cause that a difference in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Code,
    Settings,
    Hardware,
    /// Driver, CUDA, operating system.
    Dependency,
    Dataset,
    /// The harness and how it was called: told, but no cause by itself.
    Harness,
}

impl Aspect {
    /// All, in order.
    pub const ALL: [Self; 20] = [
        Self::EngineBackend,
        Self::EngineVersion,
        Self::EngineCommit,
        Self::Flow,
        Self::BenchOptions,
        Self::EngineOptions,
        Self::Clocks,
        Self::GpuVariant,
        Self::GpuCount,
        Self::Node,
        Self::Cpu,
        Self::Driver,
        Self::Cuda,
        Self::System,
        Self::Dataset,
        Self::DatasetTool,
        Self::Harness,
        Self::List,
        Self::Flags,
        Self::Who,
    ];

    /// The word in files, e.g. `engine_version`.
    pub fn word(self) -> &'static str {
        match self {
            Self::EngineBackend => "engine_backend",
            Self::EngineVersion => "engine_version",
            Self::EngineCommit => "engine_commit",
            Self::Flow => "flow",
            Self::BenchOptions => "bench_options",
            Self::EngineOptions => "engine_options",
            Self::Clocks => "clocks",
            Self::GpuVariant => "gpu_variant",
            Self::GpuCount => "gpu_count",
            Self::Node => "node",
            Self::Cpu => "cpu",
            Self::Driver => "driver",
            Self::Cuda => "cuda",
            Self::System => "system",
            Self::Dataset => "dataset",
            Self::DatasetTool => "dataset_tool",
            Self::Harness => "harness",
            Self::List => "list",
            Self::Flags => "flags",
            Self::Who => "who",
        }
    }

    /// The part of the world it belongs to.
    pub fn kind(self) -> Kind {
        match self {
            Self::EngineBackend | Self::EngineVersion | Self::EngineCommit => Kind::Code,
            Self::Flow | Self::BenchOptions | Self::EngineOptions | Self::Clocks => Kind::Settings,
            Self::GpuVariant | Self::GpuCount | Self::Node | Self::Cpu => Kind::Hardware,
            Self::Driver | Self::Cuda | Self::System => Kind::Dependency,
            Self::Dataset | Self::DatasetTool => Kind::Dataset,
            Self::Harness | Self::List | Self::Flags | Self::Who => Kind::Harness,
        }
    }
}

/// What is known, by aspect. An absent aspect is unknown, never equal.
pub type Facts = BTreeMap<Aspect, String>;

impl RunRecord {
    /// What is known of an attempt: its own facts over those of the run.
    pub fn facts_of(&self, attempt: &AttemptRecord) -> Facts {
        let mut facts = self.facts.clone();
        facts.extend(attempt.facts.clone());
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_serde_writes_and_all_is_in_order() {
        for aspect in Aspect::ALL {
            assert_eq!(serde_json::to_value(aspect).expect("a word"), aspect.word());
        }
        assert!(Aspect::ALL.is_sorted());
    }
}
