//! The plot of one trial: files, steps, numbers, result.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use crate::baseline::Yardstick;
use crate::case::{Case, Engine};
use crate::dataset::{Cache, TokenizerFacts};
use crate::engine::Flow;
use crate::gpu::{Lease, RecordingWriter};
use crate::plan::{self, Context, DryRun, Plan, PlannedLine};
use crate::process::{Interrupt, Supervisor};
use crate::program::About;
use crate::progress::{Board, Live};
use crate::record::result::{AttemptResult, Failure, FailureKind, Outcome};
use crate::record::{RecordError, Recorder, Started};
use crate::sample::Tolerances;

mod baseline;
mod files;
mod gpus;
mod outcome;
mod silence;
mod steps;

pub use gpus::GpuAccess;
use gpus::Seen;
pub use silence::{Silence, Silences};

/// What trials of one run share.
pub struct Stage {
    pub recorder: Recorder,
    pub run_id: String,
    pub supervisor: Supervisor,
    pub interrupt: Interrupt,
    pub datasets: Cache,
    /// Tokenizers already read, by directory.
    pub tokenizers: Mutex<HashMap<String, TokenizerFacts>>,
    /// Where data sets and engines are made; `None` is the attempt's folder.
    pub workspace: Option<PathBuf>,
    /// `LD_LIBRARY_PATH` for benchmarks, where TensorRT-LLM's libraries were found.
    pub library_path: Option<String>,
    /// What the bench program of TensorRT-LLM knows.
    pub about: About,
    /// The variant of the GPU that it runs on.
    pub device_subtype: Option<String>,
    /// The GPUs to run on; where there are none to watch, why.
    pub gpus: Result<GpuAccess, String>,
    /// What numbers are held against.
    pub yardstick: Option<Yardstick>,
    /// When a measurement is not to be trusted.
    pub tolerances: Tolerances,
    /// Pass the steps' output on to stderr.
    pub show_steps: bool,
    /// Print the commands on stderr.
    pub show_commands: bool,
    /// Facts that every result carries.
    pub facts: BTreeMap<String, String>,
    /// What every step gets in its environment.
    pub environment: Vec<(String, String)>,
    /// Where a person sees what is going on.
    pub board: Board,
}

/// One trial to run.
pub struct Trial<'a> {
    pub case: &'a Case,
    /// What runs it.
    pub engine: Engine,
    /// The label as the list has it.
    pub raw_label: &'a str,
    pub ordinal: usize,
    pub line: PlannedLine,
    pub origin: Option<String>,
    pub attempt: u32,
    /// Time limit of each step.
    pub limit: Option<Duration>,
    /// The line of this trial on the board.
    pub live: &'a Live,
    /// How long a step may be silent.
    pub silences: Silences,
    /// GPUs that the caller holds for several trials; without any, the trial leases its own.
    pub lease: Option<Arc<Lease>>,
}

/// An attempt under way: where it happens and what is known so far.
struct Attempt<'a> {
    stage: &'a Stage,
    trial: &'a Trial<'a>,
    plan: Plan,
    /// Journal folder: plan, logs, reports, result.
    folder: PathBuf,
    /// Working directory of the steps; the same, unless there is a workspace.
    work_dir: PathBuf,
    result: AttemptResult,
    /// GPUs that no other case uses meanwhile.
    lease: Option<Arc<Lease>>,
    telemetry: Option<Arc<Mutex<RecordingWriter>>>,
    /// GPUs and host during the last step.
    seen: Seen,
}

/// Runs a trial up to its result, which the caller records; its beginning is recorded here.
///
/// # Errors
/// When the beginning cannot be recorded; what was recorded before stays whole.
pub fn run(
    trial: &Trial<'_>,
    context: &Context<'_>,
    stage: &Stage,
) -> Result<AttemptResult, RecordError> {
    let folder = stage.recorder.attempt_dir(&trial.line.name, trial.attempt)?;
    let work_dir = match &stage.workspace {
        Some(workspace) => PathBuf::from(plan::work_dir(workspace, trial.raw_label)),
        None => folder.clone(),
    };
    let result = blank(trial, stage, context.flow);
    let cwd = work_dir.to_string_lossy().into_owned();
    let planned = plan::plan(trial.case, &cwd, context);
    let mut attempt = Attempt {
        stage,
        trial,
        plan: Plan::default(),
        folder,
        work_dir,
        result,
        lease: None,
        telemetry: None,
        seen: Seen::default(),
    };
    match planned {
        Ok(plan) => {
            attempt.plan = plan;
            attempt.check_contract(&cwd, context);
        }
        Err(error) => attempt.fail(FailureKind::BadOption, error.to_string(), None, String::new()),
    }
    attempt.start(&cwd)?;
    if attempt.passing() {
        attempt.measure();
    }
    if attempt.passing() {
        attempt.judge();
    }
    attempt.tidy();
    attempt.result.end = Timestamp::now();
    Ok(attempt.result)
}

/// A result before anything happened.
fn blank(trial: &Trial<'_>, stage: &Stage, flow: Flow) -> AttemptResult {
    let release = stage.about.version.clone().filter(|_| trial.engine == Engine::TrtllmBench);
    let mut facts = stage.facts.clone();
    facts.insert("flow".to_owned(), flow.to_string());
    facts.extend(release.map(|release| ("trtllm_version".to_owned(), release)));
    AttemptResult {
        ordinal: trial.ordinal,
        origin: trial.origin.clone(),
        attempt: trial.attempt,
        facts,
        ..AttemptResult::new(
            &stage.run_id,
            &trial.line.name,
            trial.case.to_string(),
            Timestamp::now(),
        )
    }
}

impl Attempt<'_> {
    /// Steps in order until one fails, each read as soon as it has ended.
    fn measure(&mut self) {
        if let Err(failure) = self.prepare_files() {
            self.result.outcome = Outcome::Failed(failure);
            return;
        }
        for step in 0..self.plan.steps.len() {
            if self.run_step(step) {
                self.read_step(step);
            }
            if !self.passing() {
                return;
            }
        }
    }

    /// Writes the plan before the first step, so that a killed harness leaves a trace of what it was doing.
    fn start(&mut self, cwd: &str) -> Result<(), RecordError> {
        let printed = DryRun::new(
            self.trial.line.clone(),
            Some(self.trial.case),
            Some((&self.plan, cwd)),
            None,
        );
        let plan = serde_json::to_value(printed).unwrap_or_default();
        let problems = self.stage.recorder.start(Started::of(&self.result, plan))?;
        self.result.problems.extend(problems.iter().map(ToString::to_string));
        Ok(())
    }

    /// Fails a trial whose command the bench program would refuse, before any GPU time is spent on it.
    fn check_contract(&mut self, cwd: &str, context: &Context<'_>) {
        let about = &self.stage.about;
        let unknown = about.contract.unknown(&self.plan);
        if unknown.is_empty() || self.trial.engine != Engine::TrtllmBench {
            return;
        }
        let fits = |flow: &&Flow| {
            let other = Context { flow: **flow, ..*context };
            plan::plan(self.trial.case, cwd, &other)
                .is_ok_and(|plan| about.contract.unknown(&plan).is_empty())
        };
        let hint = match Flow::ALL.iter().rev().find(fits) {
            Some(flow) => format!("the commands of --flow {flow} fit this program"),
            None => {
                "no flow fits; take the option out of the label or use another release".to_owned()
            }
        };
        let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        let release = about.version.as_deref().unwrap_or("of unknown release");
        let message =
            format!("{} is not known to {} {release}", unknown.join(", "), context.bench_bin);
        self.fail(FailureKind::BadOption, message, Some(hint), String::new());
    }

    fn passing(&self) -> bool {
        self.result.outcome == Outcome::Passed
    }

    fn fail(&mut self, kind: FailureKind, message: String, hint: Option<String>, details: String) {
        self.result.outcome = Outcome::Failed(Failure { kind, message, hint, details });
    }

    /// A path of the journal folder, as the result names it.
    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().into_owned()
    }
}
