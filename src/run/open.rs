//! The world opened for a run: programs found, flow chosen, output directory taken.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::earlier::Earlier;
use super::prepare::Prepared;
use super::world::World;
use super::{Asked, absolute};
use crate::case::Engine;
use crate::cli::OnIoError;
use crate::dataset::Cache;
use crate::engine::Flow;
use crate::failure::Exit;
use crate::gpu::{self, Gpus};
use crate::machine;
use crate::process::{Interrupt, Supervisor};
use crate::program::{self, About};
use crate::record::result::{AttemptResult, Failure, FailureKind, Outcome};
use crate::record::{
    Busy, Copies, OutputDir, Patience, Problem, RecordError, Recorder, RunId, RunInfo, Session,
    ViewOptions,
};
use crate::settings::Settings;
use crate::tables;
use crate::trial::Stage;

/// The same with a run folder: enough to run.
pub struct OpenWorld {
    pub world: World,
    pub stage: Stage,
    /// How many trials have run, whatever came of them.
    pub ran: AtomicUsize,
    stop_on_io_error: bool,
    /// An I/O error has stopped the run.
    halted: AtomicBool,
}

impl World {
    /// Looks for the programs of `engines`, takes the output directory and begins the run.
    ///
    /// # Errors
    /// [`Exit::CannotRun`], with what is missing and what to do; it is in junit.xml, too.
    pub fn open(
        mut self,
        asked: &Asked,
        engines: &[Engine],
        selected: usize,
        earlier: Option<&Earlier>,
        interrupt: &Interrupt,
    ) -> Result<OpenWorld, Exit> {
        let settings = &asked.settings;
        self.programs = self.programs.absolute();
        let cannot = |error: RecordError| Exit::CannotRun(error.to_string());
        let run_id = run_id(earlier)?;
        let missing = engines.iter().find_map(|&engine| self.programs.find(engine).err());
        let supervisor = Supervisor::default();
        let output = OutputDir::new(absolute(&settings.output_dir));
        let mut about = About::default();
        if missing.is_none() && engines.contains(&Engine::TrtllmBench) {
            about = self.choose_flow(settings, output.path(), &supervisor, interrupt)?;
        }
        let mut info = run_info(settings, &run_id, self.flow, session(&asked.gpus, &about));
        // A process of nextest's knows only its own test.
        info.selected = (!run_id.is_shared() && earlier.is_none()).then_some(selected);
        let copies = Copies {
            junit_xml: settings.junit_xml.clone(),
            pytest_csv: settings.pytest_csv.clone(),
        };
        let (recorder, problems) =
            Recorder::begin(&output, &run_id, info, copies, &mut |busy| wait(busy, interrupt))
                .map_err(cannot)?;
        say(&problems);
        if let Some(message) = missing {
            recorder.finish(&no_program(&run_id, &message)).map_err(cannot)?;
            return Err(Exit::CannotRun(message));
        }
        if engines.contains(&Engine::Refbench) {
            tables::place_refbench_models(Path::new(&self.refbench_models)).map_err(|error| {
                Exit::CannotRun(format!("write {}: {error}", self.refbench_models))
            })?;
        }
        let stage = Stage {
            recorder,
            run_id: run_id.as_str().to_owned(),
            supervisor,
            interrupt: interrupt.clone(),
            datasets: Cache::new(output.path().join("datasets")),
            tokenizers: Mutex::new(HashMap::new()),
            workspace: settings.workspace.as_deref().map(absolute),
            show_steps: settings.show_steps,
            show_commands: settings.verbose > 0,
            facts: self.facts(&about),
            library_path: self.library_path(engines),
            about,
        };
        Ok(OpenWorld {
            world: self,
            stage,
            ran: AtomicUsize::new(0),
            stop_on_io_error: settings.on_io_error == OnIoError::Stop,
            halted: AtomicBool::new(false),
        })
    }

    /// The flow asked for, or the one of the program's release.
    fn choose_flow(
        &mut self,
        settings: &Settings,
        output: &Path,
        supervisor: &Supervisor,
        interrupt: &Interrupt,
    ) -> Result<About, Exit> {
        let cannot = |message: String| Exit::CannotRun(message);
        let program: PathBuf = self.programs.find(Engine::TrtllmBench).map_err(cannot)?;
        std::fs::create_dir_all(output)
            .map_err(|error| cannot(format!("make {}: {error}", output.display())))?;
        let about = program::ask(&program, output, supervisor, interrupt).map_err(|error| {
            cannot(format!("ask {} for its version: {error}", program.display()))
        })?;
        if settings.flow.is_some() {
            return Ok(about);
        }
        match about
            .version
            .as_deref()
            .and_then(|version| Flow::of_version(version).map(|flow| (version, flow)))
        {
            Some((version, flow)) => {
                self.flow = flow;
                eprintln!(
                    "{} is TensorRT-LLM {version}: commands of flow {flow}",
                    program.display()
                );
            }
            None => eprintln!(
                "{} does not say which release of TensorRT-LLM it is: commands of flow {}; choose with --flow",
                program.display(),
                self.flow
            ),
        }
        Ok(about)
    }

    /// `LD_LIBRARY_PATH` for benchmarks of TensorRT-LLM.
    fn library_path(&self, engines: &[Engine]) -> Option<String> {
        let program = engines
            .contains(&Engine::TrtllmBench)
            .then(|| self.programs.find(Engine::TrtllmBench).ok())??;
        let inherited = std::env::var_os("LD_LIBRARY_PATH");
        let path = program::library_path(&program, inherited.as_deref())?;
        Some(path.to_string_lossy().into_owned())
    }

    fn facts(&self, about: &About) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::from([
            ("harness_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("flow".to_owned(), self.flow.to_string()),
        ]);
        facts.extend(
            about.version.iter().map(|version| ("trtllm_version".to_owned(), version.clone())),
        );
        facts.extend(machine::cpu_model().map(|model| ("cpu".to_owned(), model)));
        facts
    }
}

impl OpenWorld {
    /// Puts the trials that are known not to run into the views.
    pub fn record_ignored(
        &self,
        prepared: &[Prepared],
        libtest: &libtest_mimic::Arguments,
    ) -> Result<(), Exit> {
        let results: Vec<AttemptResult> = prepared
            .iter()
            .filter_map(|trial| trial.ignored_result(&self.stage, libtest))
            .collect();
        if results.is_empty() {
            return Ok(());
        }
        let problems = self.stage.recorder.finish_all(&results);
        say(&problems.map_err(|error| Exit::CannotRun(error.to_string()))?);
        Ok(())
    }

    /// Why nothing more is started, when that is so.
    pub fn stopped(&self) -> Option<&'static str> {
        if self.stage.interrupt.is_raised() {
            return Some("interrupted");
        }
        self.halted
            .load(Ordering::SeqCst)
            .then_some("stopped after an I/O error (--on-io-error stop)")
    }

    /// A trial failed for the surroundings' sake.
    pub fn io_error(&self) {
        self.halted.fetch_or(self.stop_on_io_error, Ordering::SeqCst);
    }

    /// Writes a result and folds the views.
    pub fn record(&self, result: &AttemptResult) -> Result<(), RecordError> {
        say(&self.stage.recorder.finish(result)?);
        self.ran.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Waits until everything is on disk.
///
/// # Errors
/// When a view could not be written; the results are there, and `rebuild` makes the views again.
pub fn close(world: Arc<OpenWorld>) -> Result<(), Exit> {
    let ended = match Arc::into_inner(world) {
        Some(world) => world.stage.recorder.end(),
        None => Ok(Vec::new()),
    };
    say(&ended.map_err(|error| Exit::CannotRun(error.to_string()))?);
    Ok(())
}

pub(super) fn say(problems: &[Problem]) {
    for problem in problems {
        eprintln!("note: {problem}");
    }
}

/// The run that is gone on with; under nextest all processes of a run share its id.
fn run_id(earlier: Option<&Earlier>) -> Result<RunId, Exit> {
    if let Some(earlier) = earlier {
        return RunId::given(&earlier.run_id).map_err(|error| Exit::usage(error.to_string()));
    }
    match std::env::var("NEXTEST_RUN_ID") {
        Ok(id) => RunId::given(&id).map_err(|error| Exit::usage(error.to_string())),
        Err(_) => Ok(RunId::fresh(Timestamp::now())),
    }
}

/// Another run in the same directory: wait for it, and say so once.
fn wait(busy: &Busy, interrupt: &Interrupt) -> Patience {
    if busy.waited.is_zero() {
        eprintln!("waiting: {busy}");
    }
    if interrupt.is_raised() { Patience::Refuse } else { Patience::Wait }
}

fn run_info(settings: &Settings, run_id: &RunId, flow: Flow, session: Session) -> RunInfo {
    let views = ViewOptions {
        csv: settings.csv,
        yaml: settings.yaml,
        device_subtype: flow >= Flow::V1_2,
        append: settings.append,
        junit_family: settings.junit_family,
        junit_logging: settings.junit_logging,
    };
    RunInfo::new(run_id, Timestamp::now(), settings.prefix.clone(), views, session)
}

fn session(gpus: &Gpus, about: &About) -> Session {
    let first = gpus.devices.first().map(|device| device.name.as_str());
    let system = machine::system();
    Session {
        hostname: system.hostname,
        ip: None,
        nvidia_driver_version: gpus.driver_version.clone(),
        nvidia_device_count: gpus.devices.len() as u32,
        os_name: Some(system.name),
        platform: Some(system.platform),
        platform_version: Some(system.version),
        cpu_count: std::thread::available_parallelism().ok().map(|count| count.get() as u32),
        cpu_freq: None,
        cpu_model: machine::cpu_model(),
        gpus: gpus.devices.iter().map(|device| device.name.clone()).collect(),
        device_product_name: first.map(gpu::product_name),
        pci_device_id: None,
        device_subtype: first.map(gpu::device_subtype),
        trtllm_version: about.version.clone(),
    }
}

/// The one entry of a run that could not begin.
fn no_program(run_id: &RunId, message: &str) -> AttemptResult {
    let (what, advice) = message.split_once('\n').unwrap_or((message, ""));
    let failure = Failure {
        kind: FailureKind::Infra,
        message: what.to_owned(),
        hint: Some(advice.trim().to_owned()).filter(|advice| !advice.is_empty()),
        details: String::new(),
    };
    AttemptResult {
        outcome: Outcome::Failed(failure),
        ..AttemptResult::new(run_id.as_str(), "bench_program", String::new(), Timestamp::now())
    }
}
