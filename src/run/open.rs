//! The world opened for a run: programs found, flow chosen, output directory taken.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::judged::{Coverage, Seen};
use super::keep;
use super::output::{self, lines, say};
use super::prepare::Prepared;
use super::world::World;
use super::{Asked, HostGpus, absolute};
use crate::case::Engine;
use crate::cli::{OnIoError, Unmeasurable};
use crate::dataset::Cache;
use crate::engine::Flow;
use crate::failure::Exit;
use crate::gpu::{self, ClockTable, Gpus, Leases};
use crate::machine;
use crate::process::{Interrupt, Supervisor};
use crate::program::{self, About};
use crate::progress::{Announced, Board};
use crate::record::result::{AttemptResult, Failure, FailureKind, Outcome};
use crate::record::{
    Copies, Expected, HeldOutput, Problem, RecordError, Recorder, RunId, RunInfo, Session,
    ViewOptions,
};
use crate::settings::Settings;
use crate::tables;
use crate::trial::{GpuAccess, Stage};

/// Name of the one entry of a run whose bench program is missing.
pub(super) const NO_PROGRAM: &str = "bench_program";

/// What a world is opened for.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    pub(super) asked: &'a Asked,
    /// Those of `asked`, but for what one side of a gate has of its own.
    pub settings: &'a Settings,
    pub engines: &'a [Engine],
    /// How many tests the run is about.
    pub selected: usize,
    /// What junit.xml says of the run as a whole, by name.
    pub properties: &'a [(String, String)],
    pub interrupt: &'a Interrupt,
}

/// The same with a run folder: enough to run.
pub struct OpenWorld {
    pub world: World,
    pub stage: Stage,
    /// How many trials have run, whatever came of them.
    pub ran: AtomicUsize,
    /// A test whose numbers cannot be trusted counts as ignored.
    pub ignore_unmeasurable: bool,
    stop_on_io_error: bool,
    /// An I/O error has stopped the run.
    halted: AtomicBool,
    seen: Mutex<Seen>,
}

impl World {
    /// Looks for the programs of `engines`, takes the output directory and begins the run.
    ///
    /// # Errors
    /// [`Exit::CannotRun`], with what is missing and what to do; it is in junit.xml, too.
    pub fn open(
        mut self,
        occasion: &Occasion<'_>,
        held: Option<HeldOutput>,
    ) -> Result<OpenWorld, Exit> {
        let Occasion { asked, settings, engines, selected, properties, interrupt } = *occasion;
        let gpus = &asked.gpus;
        self.programs = self.programs.absolute();
        let cannot = |error: RecordError| Exit::CannotRun(error.to_string());
        let missing = engines.iter().find_map(|&engine| self.programs.find(engine).err());
        let goes_on = held.is_some();
        let held = match held {
            Some(held) => held,
            None => output::hold(settings, None, interrupt)?,
        };
        let run_id = held.run_id().clone();
        if !goes_on && output::group().is_none() {
            say_cut_short(settings);
        }
        let session = session(&gpus.found, &self.about);
        let device_subtype = session.device_subtype.clone();
        let mut info = run_info(settings, &run_id, self.flow, session);
        info.provenance = keep::provenance(asked, self.flow);
        info.properties = properties.to_vec();
        // A process of nextest's knows only its own test.
        info.selected = (output::group().is_none() && !goes_on).then_some(selected);
        let copies = Copies {
            junit_xml: settings.junit_xml.clone(),
            pytest_csv: settings.pytest_csv.clone(),
        };
        let (recorder, problems) = Recorder::begin(held, info.clone(), copies).map_err(cannot)?;
        say(&problems);
        if goes_on {
            say_kept(&info, &recorder.run().info().map_err(cannot)?);
        }
        if let Some(message) = missing {
            recorder.finish(&no_program(&run_id, &message)).map_err(cannot)?;
            return Err(Exit::CannotRun(message));
        }
        if engines.contains(&Engine::Refbench) {
            tables::place_refbench_models(Path::new(&self.refbench_models)).map_err(|error| {
                Exit::CannotRun(format!("write {}: {error}", self.refbench_models))
            })?;
        }
        let run_folder = recorder.run().path().to_owned();
        let stage = Stage {
            recorder,
            run_id: run_id.as_str().to_owned(),
            supervisor: Supervisor::default(),
            interrupt: interrupt.clone(),
            datasets: Cache::new(output::directory(settings).path().join("datasets")),
            tokenizers: Mutex::new(HashMap::new()),
            workspace: settings.workspace.as_deref().map(absolute),
            gpus: gpu_access(gpus, settings, &self.tables.clocks, &run_folder, engines)?,
            yardstick: None,
            tolerances: self.tables.tolerances,
            show_steps: settings.show_steps,
            show_commands: settings.verbose > 0,
            facts: facts(settings),
            library_path: self.library_path(engines),
            device_subtype,
            about: self.about.clone(),
            environment: Vec::new(),
            board: Board::default(),
        };
        Ok(OpenWorld {
            world: self,
            stage,
            ran: AtomicUsize::new(0),
            ignore_unmeasurable: settings.unmeasurable == Unmeasurable::Ignore,
            stop_on_io_error: settings.on_io_error == OnIoError::Stop,
            halted: AtomicBool::new(false),
            seen: Mutex::default(),
        })
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
}

/// The GPUs that trials may use, and how they share them with other harnesses; without any to watch, why.
fn gpu_access(
    host: &HostGpus,
    settings: &Settings,
    clocks: &ClockTable,
    run_folder: &Path,
    engines: &[Engine],
) -> Result<Result<GpuAccess, String>, Exit> {
    if !engines.contains(&Engine::TrtllmBench) {
        return Ok(Err("no case of the run uses GPUs".to_owned()));
    }
    let lock = settings.lock_clocks;
    let cannot_lock = |reason: &str| Exit::CannotRun(format!("--lock-clocks: {reason}"));
    let Some(driver) = host.driver.clone() else {
        return if lock { Err(cannot_lock(&host.lacking)) } else { Ok(Err(host.lacking.clone())) };
    };
    let usable = host.usable().map_err(Exit::CannotRun)?;
    if lock {
        usable
            .iter()
            .try_for_each(|gpu| clocks.of(gpu).map(drop))
            .map_err(|it| cannot_lock(&it))?;
    }
    let poisoned = run_folder.join("poisoned");
    let exclusive = settings.exclusive_node;
    let all = host.found.devices.clone();
    let leases = Leases::new(&settings.lease_dir, usable, all, &poisoned, exclusive)
        .map_err(|error| Exit::CannotRun(error.to_string()))?;
    Ok(Ok(GpuAccess {
        driver,
        gpus: host.found.clone(),
        leases,
        clocks: lock.then(|| clocks.clone()),
        recording: settings.gpu_recording.as_deref().map(absolute),
    }))
}

/// What every result says of harness and machine.
fn facts(settings: &Settings) -> BTreeMap<String, String> {
    let version = ("harness_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let cpu = machine::cpu_model().map(|model| ("cpu".to_owned(), model));
    let played = settings.gpu_recording.as_deref();
    let played = played.map(|path| ("gpu_recording".to_owned(), path.display().to_string()));
    [version].into_iter().chain(cpu).chain(played).collect()
}

/// A run before this one that was killed is not lost: it can be gone on with.
fn say_cut_short(settings: &Settings) {
    // Where nothing can be read there is nothing to be said of it.
    let Ok(run) = output::directory(settings).newest_run() else { return };
    let cut = run.unfinished().unwrap_or(0);
    if cut > 0 {
        let id = run.path().file_name().unwrap_or_default().to_string_lossy();
        eprintln!(
            "note: the run before, {id}, was cut short: {cut} of its tests began and have no result; --resume goes on \
             with the newest run"
        );
    }
}

/// A run that is gone on with stays as it was begun, whatever the flags say now.
fn say_kept(asked: &RunInfo, kept: &RunInfo) {
    let (new, old) = (&asked.views, &kept.views);
    let flags = [
        ("--test-prefix", asked.prefix == kept.prefix),
        ("--perf-log-formats", (new.csv, new.yaml) == (old.csv, old.yaml)),
        ("--append", new.append == old.append),
        ("--junit-family", new.junit_family == old.junit_family),
        ("-o junit_logging", new.junit_logging == old.junit_logging),
        ("--flow", new.device_subtype == old.device_subtype),
    ];
    let kept: Vec<&str> = flags.iter().filter(|(_, same)| !same).map(|(flag, _)| *flag).collect();
    if !kept.is_empty() {
        eprintln!("note: the run's files stay as it was begun with another {}", kept.join(", "));
    }
}

impl OpenWorld {
    /// Has what is going on shown, here and to those who look from outside.
    pub fn watch(
        &mut self,
        prepared: &[Prepared],
        selected: usize,
        settings: &Settings,
        libtest: &libtest_mimic::Arguments,
    ) {
        let names = prepared.iter().filter(|trial| trial.needs_program(libtest));
        let names = names.map(Prepared::name);
        // A process of nextest's knows only its own test, and there are many.
        let expected = match output::group() {
            Some(_) => Expected::default(),
            None => {
                let output = output::directory(settings);
                let now = Timestamp::now();
                Expected::from_earlier(&output, &self.stage.run_id, names, now)
            }
        };
        if expected.is_known() {
            let written = self.stage.recorder.run().write_expected(&expected);
            written.unwrap_or_else(|error| eprintln!("note: {error}"));
        }
        let done = prepared.iter().filter(|trial| trial.is_settled(libtest)).count();
        self.stage.board = Board::stderr(announced(prepared, libtest), selected, done, expected);
    }

    /// Says on stderr what a person should know of the files of the run.
    fn say(&self, problems: &[Problem]) {
        lines(problems).for_each(|line| self.stage.board.say(&line));
    }

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
        self.say(&problems.map_err(|error| Exit::CannotRun(error.to_string()))?);
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

    /// What the baseline names and this run did not judge, in words.
    pub fn unchecked(&self, coverage: &Coverage) -> Option<String> {
        coverage.end(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes a result and folds the views.
    pub fn record(&self, result: &AttemptResult) -> Result<(), RecordError> {
        let recorded = self.stage.recorder.finish(result);
        if matches!(recorded, Err(RecordError::File { .. })) {
            self.io_error();
        }
        self.say(&recorded?);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take(result);
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

/// What libtest prints before a test, as libtest-mimic has it: the names filled up to the longest.
fn announced(prepared: &[Prepared], libtest: &libtest_mimic::Arguments) -> Announced {
    let several = libtest.test_threads.is_some_and(|threads| threads > 1);
    let pretty = !libtest.quiet
        && matches!(libtest.format, None | Some(libtest_mimic::FormatSetting::Pretty));
    let there = pretty && !several && libtest.logfile.is_none() && io::stdout().is_terminal();
    let longest = prepared.iter().map(|trial| trial.name.chars().count()).max().unwrap_or(0);
    let columns = "test ".len() + longest + " ... ".len();
    Announced { columns: there.then_some(columns), several }
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
        pci_device_id: gpus
            .devices
            .first()
            .and_then(|gpu| gpu.pci_device_id)
            .map(|id| format!("0x{id:08X}")),
        device_subtype: first.map(gpu::device_subtype),
        trtllm_version: about.version.clone(),
        cuda_version: gpus.cuda_version.clone(),
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
        ..AttemptResult::new(run_id.as_str(), NO_PROGRAM, String::new(), Timestamp::now())
    }
}
