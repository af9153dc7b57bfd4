//! Station 5, the plan: the steps of a case as pure data, printable with `--dry-run`.
//!
//! Planning touches nothing: what it needs to know of the world (roots, programs, whether a directory is there)
//! is handed in with [`Context`].

mod bench;
mod data;
mod metrics;
mod planner;
mod print;

use std::path::Path;

use crate::case::{Case, Engine, Kind, ModelTable, Runtime};
use crate::dataset;
use crate::engine::{EngineOptions, Flow, OptionTable};
use crate::metric::{Limits, Metric, MetricTable};

pub use print::{DryRun, Fault, PlannedLine, config};

/// Everything a plan depends on besides the case.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub flow: Flow,
    pub models: &'a ModelTable,
    pub options: &'a OptionTable,
    pub limits: &'a MetricTable,
    /// Makes a path of the model table absolute: models root, or the embedded engine's models.
    pub locate: &'a dyn Fn(Engine, &str) -> String,
    /// Root of the TensorRT-LLM sources, where `prepare_dataset.py` lies.
    pub llm_root: &'a str,
    /// The bench program as it will be started.
    pub bench_bin: &'a str,
    pub dataset_tool: DatasetTool,
}

/// What makes the data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DatasetTool {
    /// The harness itself.
    #[default]
    Native,
    /// Upstream's script, or from flow v1.2 on its sub-command.
    Script,
}

/// The steps of a case and what is expected of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Links to make before the first step: (adapter directory, link).
    pub adapter_links: Vec<(String, String)>,
    /// The extra LLM API options file, when the commands name one: (path, content).
    pub options_file: Option<(String, EngineOptions)>,
    /// What must be read from the steps' output, in the order of the result rows.
    pub metrics: Vec<PlannedMetric>,
    /// The checkpoint directory, to be looked for before GPU time is spent; empty when none is known.
    pub model_dir: String,
    /// Where the engine is built, to be removed afterwards.
    pub engine_dir: Option<String>,
    /// Why the case cannot be run by anybody; the steps are empty when there are no commands for it either.
    pub skip: Option<String>,
}

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub kind: StepKind,
    pub argv: Vec<String>,
    /// File that takes the command's stdout, when it is not part of its log.
    pub stdout: Option<String>,
}

/// What a step is for.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// Makes the data set `file`. With a spec the harness makes it itself, from this tokenizer directory.
    Dataset { native: Option<(dataset::Spec, String)>, file: String },
    /// Builds a TensorRT engine.
    Build,
    /// Measures one point; the report is the JSON file it writes.
    Bench { report: String },
}

impl StepKind {
    /// The word of plan files and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Dataset { .. } => "dataset",
            Self::Build => "build",
            Self::Bench { .. } => "bench",
        }
    }
}

/// A number that the output of a step must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedMetric {
    pub metric: Metric,
    /// `test_perf_metric_<metric>[<label>]`.
    pub name: String,
    pub limits: Limits,
    /// Index into the plan's steps; `None` where the runtime is gone and nothing runs.
    pub step: Option<usize>,
}

/// Why a valid label cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Upstream refuses the label as such.
    #[error("{0}")]
    Load(String),
    /// Upstream fails when it makes the commands.
    #[error("{0}")]
    Commands(String),
}

impl PlanError {
    /// The word of the dry-run output.
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Commands(_) => "plan",
        }
    }
}

/// Plans a case. `work_dir` is its engine directory: data set, options, report and engine lie in it.
///
/// # Errors
/// When upstream could not make its commands either; the message says what to change.
pub fn plan(case: &Case, work_dir: &str, context: &Context<'_>) -> Result<Plan, PlanError> {
    check_runtime(case, context)?;
    if let Some(reason) = not_run(case.runtime) {
        let metrics = metrics::without_steps(case, context);
        return Ok(Plan { metrics, skip: Some(reason.to_owned()), ..Plan::default() });
    }
    planner::Planner::new(case, work_dir, context)?.plan()
}

/// What is known about running a case before it is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Why nobody can run it.
    pub skip: Option<String>,
    /// The checkpoint directory; empty when none is known.
    pub model_dir: String,
}

/// The part of [`plan`] that says whether a case can run, for thousands of lines at once.
///
/// # Errors
/// As [`plan`].
pub fn outlook(case: &Case, context: &Context<'_>) -> Result<Outlook, PlanError> {
    check_runtime(case, context)?;
    if let Some(reason) = not_run(case.runtime) {
        return Ok(Outlook { skip: Some(reason.to_owned()), model_dir: String::new() });
    }
    let planner = planner::Planner::new(case, "", context)?;
    let skip = match planner.readiness()? {
        planner::Readiness::Ready { .. } => None,
        planner::Readiness::Blocked { reason, .. } | planner::Readiness::Skip(reason) => {
            Some(reason)
        }
    };
    Ok(Outlook { skip, model_dir: planner.model.dir })
}

/// What one runtime or one flow refuses, and the label alone cannot tell.
fn check_runtime(case: &Case, context: &Context<'_>) -> Result<(), PlanError> {
    if case.runtime == Runtime::Cpp && context.models.shape(&case.model).kind != Kind::Bert {
        return Err(PlanError::Load(format!(
            "runtime cpp runs encoder models only, and `{}` is none; write runtime `bench`",
            case.model
        )));
    }
    if context.flow < Flow::V1_2 {
        return case.check_cpp_runtime().map_err(PlanError::Load);
    }
    if case.kv_frac_last {
        let message = "kv_frac stands last, as it did up to 1.1; write it before the lengths";
        return Err(PlanError::Load(message.to_owned()));
    }
    Ok(())
}

/// Why `cpp`, `cppmanager`, `serve` and `disagg_server` cases are not run.
fn not_run(runtime: Runtime) -> Option<&'static str> {
    match runtime {
        Runtime::Bench => None,
        Runtime::Cpp | Runtime::CppManager => {
            Some("runtime removed upstream; write the case for runtime `bench`")
        }
        Runtime::Serve | Runtime::DisaggServer => {
            Some("server runtimes are not run by this harness; only runtime `bench` is")
        }
    }
}

/// The engine directory of a case below a workspace: the raw label, made fit for a path.
pub fn work_dir(workspace: &Path, raw_label: &str) -> String {
    let name = raw_label.replace(['+', ':', ','], "_");
    workspace.join("perf_engines").join(name).to_string_lossy().into_owned()
}
