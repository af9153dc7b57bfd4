//! One side of the gate: a bench program with an output directory of its own, in which each run is an attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::case::Engine;
use crate::failure::Exit;
use crate::gpu::Lease;
use crate::history::Facts;
use crate::history::source::read_tests_of_run_folder;
use crate::program;
use crate::record::result::AttemptResult;
use crate::record::{RecordError, read_attempts};
use crate::run::open::{Occasion, OpenWorld};
use crate::run::prepare::{Prepared, Ready};
use crate::run::world::World;
use crate::run::{Host, output};
use crate::settings::Settings;
use crate::trial;

/// Tells the steps that a gate runs them; the embedded engine lets itself be slowed then.
pub const GATE_VARIABLE: &str = "TRTLLM_PERF_GATE";

/// A bench program under the gate.
pub struct Side {
    /// `base` or `candidate`: its folder in the gate's output directory.
    pub name: &'static str,
    pub program: String,
    pub open: OpenWorld,
    /// Attempts of an earlier process of the run, by test and number.
    known: BTreeMap<(String, u32), AttemptResult>,
}

/// What both sides are opened with.
pub struct Opening<'a> {
    /// What the gate is about; each side has its own program and folder.
    pub occasion: Occasion<'a>,
    pub host: Host,
    pub run_id: &'a str,
}

impl Side {
    /// Finds the program and takes the folder.
    ///
    /// # Errors
    /// When one of them cannot be had.
    pub fn open(
        name: &'static str,
        program: Option<&str>,
        opening: &Opening<'_>,
    ) -> Result<Self, Exit> {
        let Occasion { settings, engines, interrupt, .. } = opening.occasion;
        let settings = Settings {
            bench_bin: program.map(str::to_owned),
            output_dir: settings.output_dir.join(name),
            junit_xml: None,
            pytest_csv: None,
            ..settings.clone()
        };
        let mut world = World::new(&settings, opening.host)?;
        if engines.contains(&Engine::TrtllmBench) {
            let folder = output::directory(&settings);
            world
                .learn(folder.path(), None, interrupt)
                .map_err(|error| Exit::CannotRun(format!("{name}: {error}")))?;
        }
        let held = output::hold(&settings, Some(opening.run_id), interrupt)?;
        let cannot = |error: RecordError| Exit::CannotRun(error.to_string());
        let run = held.run();
        let (attempts, problems) = match run.path().is_dir() {
            true => read_attempts(&run, &BTreeSet::new()).map_err(cannot)?,
            false => Default::default(),
        };
        output::say(&problems);
        let known = attempts.into_iter().filter(|attempt| attempt.finished);
        let known = known.map(|it| ((it.result.name.clone(), it.result.attempt), it.result));
        let known = known.collect();
        let occasion =
            Occasion { settings: &settings, selected: 0, properties: &[], ..opening.occasion };
        let mut open = world.open(&occasion, Some(held))?;
        open.stage.environment.push((GATE_VARIABLE.to_owned(), opening.run_id.to_owned()));
        let program = open.world.programs.command(engines[0]);
        Ok(Self { name, program, open, known })
    }

    /// Runs a case once under the attempt's number and records what came of it.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn run(
        &self,
        prepared: &Prepared,
        ready: &Ready,
        number: u32,
        lease: Option<Arc<Lease>>,
    ) -> Result<AttemptResult, RecordError> {
        let live = self.open.stage.board.begin(&prepared.name);
        let trial = trial::Trial { attempt: number, lease, ..prepared.trial(ready, number, &live) };
        let run =
            |context: &crate::plan::Context<'_>| trial::run(&trial, context, &self.open.stage);
        let result = self.open.world.with_context(ready.engine, run);
        live.end();
        let result = result?;
        if !self.open.stage.interrupt.is_raised() {
            self.open.record(&result)?;
        }
        Ok(result)
    }

    /// What an earlier process of the run has measured under this number.
    pub fn known(&self, name: &str, number: u32) -> Option<&AttemptResult> {
        self.known.get(&(name.to_owned(), number))
    }

    /// What is known of the attempts of a test with these numbers.
    ///
    /// # Errors
    /// When the run's folder cannot be read.
    pub fn facts(&self, test: &str, numbers: &BTreeSet<u32>) -> Result<Vec<Facts>, RecordError> {
        let run = self.open.stage.recorder.run();
        let run = read_tests_of_run_folder(run, [test], &self.open.world.tables.models)?;
        let wanted = run.attempts.iter().filter(|attempt| numbers.contains(&attempt.number));
        Ok(wanted.map(|attempt| run.facts_of(attempt)).collect())
    }

    /// The program as people know it: its name, and the release where it tells one.
    pub fn title(&self) -> String {
        let release = self.open.stage.about.version.as_deref();
        match release {
            Some(release) => format!("{} (TensorRT-LLM {release})", self.program),
            None => self.program.clone(),
        }
    }
}

/// Whether a program can be found under this name.
///
/// # Errors
/// What is wrong with it, and the flag that named it.
pub fn check_program(flag: &str, name: Option<&str>) -> Result<(), Exit> {
    let Some(name) = name else { return Ok(()) };
    let programs = program::Programs::new(Some(name.to_owned()), None, None);
    let found = programs.absolute().find(Engine::TrtllmBench);
    found.map(drop).map_err(|error| Exit::CannotRun(format!("{flag}: {error}")))
}
