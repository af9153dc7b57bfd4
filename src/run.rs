//! All trials of one invocation: the harness itself.
//!
//! `cargo test --test perf` and `trtllm-perf run` both end up in [`main`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Parser;
use jiff::civil::Date;

use crate::baseline::Yardstick;
use crate::case::Engine;
use crate::cli::Cli;
use crate::failure::Exit;
use crate::gpu::{self, Driver, Gpu, GpuError, Gpus};
use crate::list::{Facts, TestList, Waives};
use crate::machine;
use crate::process::Interrupt;
use crate::record::HeldOutput;
use crate::selection::{self, CASE_OPTION, Fate, Filters, Line, Split};
use crate::settings::Settings;
use crate::tables::{self, EMBEDDED_LIST, RELEASE_LIST};

mod check_up;
mod chosen;
mod dry_run;
mod earlier;
mod explain;
mod gate;
mod judged;
mod keep;
mod lacking;
mod notes;
mod open;
mod output;
mod prepare;
mod stdout;
mod test;
mod world;

pub use check_up::{CheckUp, check_up};
pub use chosen::{Chosen, chosen};
use earlier::Earlier;
pub use gate::{CaseVerdict, GateOptions, Gated, gate};
use judged::Coverage;
use keep::Keeper;
use open::Occasion;
use prepare::Prepared;
pub use stdout::print;
use world::World;

/// What the executable knows that was started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host {
    /// Where Cargo put the embedded engine, for executables that Cargo told.
    pub refbench: Option<&'static str>,
}

/// Runs the harness on this process's command line; prints what stopped it.
pub fn main(host: Host) -> ExitCode {
    finish(run(Cli::parse(), host))
}

/// The exit code of a run, with its reason on stderr when it has one.
pub fn finish(result: Result<ExitCode, Exit>) -> ExitCode {
    result.unwrap_or_else(|exit| {
        eprintln!("error: {exit}");
        exit.code()
    })
}

/// Runs the harness on a parsed command line.
///
/// # Errors
/// When it ends for another reason than its tests.
pub fn run(cli: Cli, host: Host) -> Result<ExitCode, Exit> {
    let libtest = cli.libtest.clone();
    let asked = Asked::new(cli, libtest.list)?;
    let settings = &asked.settings;
    let lines = asked.lines();
    notes::print(settings, &lines, &asked.waives, &asked.facts, asked.today);
    if !settings.explain.is_empty() {
        return explain::explain(&settings.explain, &lines, &asked.facts);
    }
    let mut world = World::new(settings, host)?;
    if asked.gpus.driver.is_some() {
        // What cannot be used is told when a case would use it.
        world.usable_gpus = asked.gpus.usable().ok().map(|gpus| gpus.len());
    }
    if let Some(format) = settings.dry_run {
        return dry_run::print(format, &lines, settings, &world, &libtest);
    }
    if libtest.list && !libtest.ignored && !settings.strict_names {
        // The names alone: whether each can run takes longer than all the rest, and a listing does not say it.
        let shown = lines.iter().filter(|line| is_shown(line, settings.include_unmatched));
        let names = shown.map(|line| line.name.as_str());
        return prepare::list(names.filter(|name| prepare::passes(name, &libtest)));
    }
    if libtest.list {
        let prepared = prepare::prepare(&lines, settings, &world, None, &libtest);
        if settings.strict_names {
            prepare::refuse_broken(&prepared)?;
        }
        let listed = prepared.iter().filter(|trial| !libtest.ignored || trial.is_ignored());
        return prepare::list(listed.map(|trial| trial.name.as_str()));
    }
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Exit::CannotRun(format!("listen for ctrl-c: {error}")))?;
    let (earlier, held) = Earlier::load(settings, &interrupt)?.unzip();
    // What a line means depends on the release that will run it.
    let starts = |line: &&Line<'_>| prepare::would_start(line, settings, &libtest);
    let wanted = |line| world.engine_of(line) == Some(Engine::TrtllmBench);
    if world.programs.find(Engine::TrtllmBench).is_ok() && lines.iter().filter(starts).any(wanted) {
        let folder = output::directory(settings);
        world
            .learn(folder.path(), output::group().as_deref(), &interrupt)
            .map_err(Exit::CannotRun)?;
        world.say_flow();
    }
    let prepared = prepare::prepare(&lines, settings, &world, earlier.as_ref(), &libtest);
    if settings.strict_names {
        prepare::refuse_broken(&prepared)?;
    }
    let kept_out = notes::kept_out(&lines, &prepared, &libtest);
    let lacking = match settings.allow_empty {
        true => Vec::new(),
        false => lacking::engines(&lines, &prepared, &world, &libtest),
    };
    let yardstick = judged::load(settings, &asked.gpus.found)?;
    let coverage = yardstick
        .as_ref()
        .map(|yardstick| Coverage::of(yardstick, &lines, &prepared, &world, settings, &libtest));
    if let Some(coverage) = coverage.as_ref().filter(|_| !settings.allow_empty) {
        coverage.begin(prepared.iter().any(|trial| trial.needs_program(&libtest)))?;
    }
    let job = Job { prepared, lacking, earlier, held, yardstick, coverage };
    match execute(&asked, world, job, &libtest, &interrupt)? {
        Some(code) => Ok(code),
        None if settings.allow_empty => Ok(ExitCode::SUCCESS),
        None => notes::nothing_ran(&kept_out, &libtest, settings.selects()),
    }
}

/// A command line with everything read that it names.
struct Asked {
    settings: Settings,
    lists: Vec<TestList>,
    waives: Waives,
    /// Facts that conditions are held against.
    facts: Facts,
    gpus: HostGpus,
    split: Option<Split>,
    today: Date,
}

impl Asked {
    /// Reads settings, lists, waives and facts; a listing never touches a GPU.
    fn new(cli: Cli, listing: bool) -> Result<Self, Exit> {
        let settings = Settings::new(cli)?;
        let lists = lists(&settings)?;
        let waives = waives(&settings)?;
        let (facts, gpus) = machine_facts(&settings, listing)?;
        let split = notes::split(&settings)?;
        Ok(Self {
            lists,
            waives,
            facts,
            gpus,
            split,
            today: jiff::ZonedDateTime::now().date(),
            settings,
        })
    }

    /// Every line of the lists, judged.
    fn lines(&self) -> Vec<Line<'_>> {
        let filters = Filters {
            prefix: self.settings.prefix.as_deref(),
            regexp: self.settings.regexp.as_ref(),
            suites: &self.settings.suites,
            split: self.split.as_ref(),
        };
        selection::lines(&self.lists, &self.facts, &self.waives, &filters, self.today)
    }
}

/// What there is to run.
struct Job {
    prepared: Vec<Prepared>,
    /// Engines whose program is missing, of tests that would not run here anyway.
    lacking: Vec<Engine>,
    /// The run to go on with, and the output directory held for it.
    earlier: Option<Earlier>,
    held: Option<HeldOutput>,
    /// What numbers are held against, and what of it this run must check.
    yardstick: Option<Yardstick>,
    coverage: Option<Coverage>,
}

/// Runs the prepared trials; `None` when none of them ran.
fn execute(
    asked: &Asked,
    world: World,
    job: Job,
    libtest: &libtest_mimic::Arguments,
    interrupt: &Interrupt,
) -> Result<Option<ExitCode>, Exit> {
    let Job { prepared, lacking, earlier, held, yardstick, coverage } = job;
    let settings = &asked.settings;
    let will_run = |trial: &&Prepared| trial.needs_program(libtest);
    let mut engines: Vec<_> =
        prepared.iter().filter(will_run).filter_map(Prepared::engine).collect();
    engines.extend(lacking);
    if prepared.is_empty() && engines.is_empty() {
        // `cargo test NAME` hands NAME to every test binary: nothing of ours, nothing to write.
        return Ok(libtest_mimic::run(libtest, Vec::new())
            .has_failed()
            .then_some(ExitCode::FAILURE));
    }
    let selected = prepared.iter().filter(|trial| !libtest.ignored || trial.is_ignored()).count();
    let properties = &[];
    let occasion = Occasion { asked, settings, engines: &engines, selected, properties, interrupt };
    let mut world = world.open(&occasion, held)?;
    let run = world.stage.recorder.run();
    let keeper = Keeper::new(asked, &world.world.tables.models, run, &prepared);
    world.stage.yardstick = yardstick;
    world.record_ignored(&prepared, libtest)?;
    if let Some(earlier) = &earlier {
        earlier.say(&prepared.iter().map(Prepared::name).collect());
    }
    let mut arguments = libtest.clone();
    // GPU trials must not overlap unless asked to.
    arguments.test_threads.get_or_insert(1);
    world.watch(&prepared, selected, settings, &arguments);
    let world = Arc::new(world);
    let trials = prepared.into_iter().map(|trial| trial.into_trial(&world)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if interrupt.is_raised() {
        open::close(world)?;
        keeper.keep(settings);
        let results = settings.output_dir.display();
        return Err(Exit::Interrupted(format!("interrupted; results so far are in {results}")));
    }
    let ran = world.ran.load(Ordering::SeqCst);
    let unchecked = coverage.and_then(|coverage| world.unchecked(&coverage));
    open::close(world)?;
    keeper.keep(settings);
    eprintln!("results: {}", settings.output_dir.display());
    match unchecked {
        Some(text) if conclusion.has_failed() || settings.allow_empty => {
            eprintln!("warning: {text}")
        }
        Some(text) => return Err(Exit::NothingRan(text)),
        None => {}
    }
    Ok((ran > 0 || conclusion.has_failed()).then(|| conclusion.exit_code()))
}

/// The lists as asked for; without any, the one that fits the rest of the command line.
fn lists(settings: &Settings) -> Result<Vec<TestList>, Exit> {
    let tables = settings.tables.as_deref();
    let usage = |error: crate::list::ListError| Exit::usage(error.to_string());
    let mut lists = Vec::new();
    for path in &settings.lists {
        lists.push(tables::named_list(path, tables).map_err(usage)?);
    }
    if !settings.cases.is_empty() {
        let ids: Vec<String> = settings
            .cases
            .iter()
            .map(|label| format!("perf/test_perf.py::test_perf[{label}]"))
            .collect();
        lists.push(TestList::parse(CASE_OPTION, &ids.join("\n")).map_err(usage)?);
    }
    if lists.is_empty() {
        let name = if settings.prefix.is_some() || settings.regexp.is_some() {
            RELEASE_LIST
        } else {
            EMBEDDED_LIST
        };
        lists.push(tables::own_list(name, tables).map_err(usage)?);
    }
    Ok(lists)
}

fn waives(settings: &Settings) -> Result<Waives, Exit> {
    let Some(path) = &settings.waives_file else { return Ok(Waives::default()) };
    Waives::load(path, settings.prefix.as_deref()).map_err(|error| Exit::usage(error.to_string()))
}

/// This machine's GPUs.
#[derive(Default)]
struct HostGpus {
    found: Gpus,
    /// Who answers for them; without one, why.
    driver: Option<Arc<dyn Driver>>,
    lacking: String,
}

impl HostGpus {
    /// The GPUs that this process may use, of those that can be measured whole.
    fn usable(&self) -> Result<Vec<Gpu>, String> {
        let variable = |name| std::env::var(name).ok();
        let (cuda, slurm) = (variable("CUDA_VISIBLE_DEVICES"), variable("SLURM_STEP_GPUS"));
        let visible = gpu::visible(&self.found.devices, cuda.as_deref(), slurm.as_deref())?;
        Ok(visible.into_iter().filter(|gpu| gpu.mig != Some(true)).collect())
    }
}

/// The GPUs of this machine, or of the recording that is played in their place. What cannot be counted is said.
fn host_gpus(settings: &Settings) -> Result<HostGpus, Exit> {
    let driver = gpu::driver(settings.gpu_recording.as_deref());
    let (driver, read) = match driver {
        Err(GpuError::Recording(error)) => return Err(Exit::usage(error.to_string())),
        Err(error) => (None, Err(error)),
        Ok(driver) => {
            let read = driver.gpus();
            (Some(driver), read)
        }
    };
    if let Some(path) = &settings.gpu_recording {
        eprintln!("note: the GPUs are those of the recording {}", path.display());
    }
    gpu::faults(&read).iter().for_each(|fault| eprintln!("warning: {fault}"));
    Ok(match read {
        Ok(found) => HostGpus { found, driver, lacking: String::new() },
        Err(error) => HostGpus { lacking: error.to_string(), ..HostGpus::default() },
    })
}

/// Facts of the machine that conditions are held against, and this machine's GPUs; a listing never touches them.
fn machine_facts(settings: &Settings, listing: bool) -> Result<(Facts, HostGpus), Exit> {
    let gpus = if listing { HostGpus::default() } else { host_gpus(settings)? };
    let facts = match &settings.machine_facts {
        Some(path) => Facts::load(path).map_err(|error| Exit::usage(error.to_string()))?,
        None if listing => machine::glance(),
        None => machine::probe(&gpus.found),
    };
    Ok((facts, gpus))
}

/// Whether a line is shown as a trial at all.
fn is_shown(line: &Line<'_>, include_unmatched: bool) -> bool {
    match line.fate {
        Fate::Runs | Fate::Waived(_) => true,
        Fate::Unmatched(_) => include_unmatched,
        Fate::Duplicate(_) | Fate::Out(_) => false,
    }
}

/// A path that stays right when the working directory is another.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
