//! What a run of these flags would use, looked at without running it.

use std::collections::BTreeMap;

use super::prepare::{self, Prepared};
use super::world::World;
use super::{Asked, Host};
use crate::case::{Case, Engine};
use crate::cli::Cli;
use crate::doctor::{self, Finding};
use crate::engine::Flow;
use crate::failure::Exit;
use crate::gpu;
use crate::plan::{DatasetTool, plan};
use crate::process::Interrupt;
use crate::selection::{Fate, Line};
use crate::settings::Settings;

/// The state of everything that the selected tests need.
pub struct CheckUp {
    pub findings: Vec<Finding>,
    /// Options that the bench program does not know, once for each selected test that uses one; `None` when it was not
    /// asked, or its help was not understood.
    pub unknown_options: Option<Vec<String>>,
}

/// Looks at programs, models, GPUs and disk for the tests that the command line selects.
///
/// # Errors
/// When the command line, a list or a table cannot be understood.
pub fn check_up(cli: Cli, host: Host, contract: bool) -> Result<CheckUp, Exit> {
    let libtest = cli.libtest.clone();
    let asked = Asked::new(cli, false)?;
    let settings = &asked.settings;
    let lines = asked.lines();
    let mut world = World::new(settings, host)?;
    let idle = !lines.iter().any(|line| line.fate == Fate::Runs);
    let engines: Vec<Engine> = lines
        .iter()
        .filter(|line| is_meant(line, idle))
        .filter_map(|line| world.engine_of(line))
        .collect();
    let wants = |engine| engines.contains(&engine);
    let mut findings = Vec::new();
    let mut unknown_options = None;
    findings.extend(
        idle.then(|| doctor::nothing_selected(lines.len(), &crate::selection::counts(&lines))),
    );
    if wants(Engine::Refbench) {
        findings.extend(doctor::bench(&world.programs, Engine::Refbench, None));
    }
    if wants(Engine::TrtllmBench) {
        let there = world.programs.find(Engine::TrtllmBench).is_ok();
        let about = there.then(|| learn(&mut world).map(|()| world.about.clone()));
        if contract && world.about.contract.is_known() {
            let prepared = prepare::prepare(&lines, settings, &world, None, &libtest);
            unknown_options = Some(unknown(&prepared, &world));
        }
        findings.extend(doctor::bench(&world.programs, Engine::TrtllmBench, about.as_ref()));
        findings
            .extend(doctor::models(&world.models_roots, &wanted_models(&lines, &world).wanted()));
    }
    if settings.dataset_tool == DatasetTool::Script && world.flow < Flow::V1_2 {
        findings.extend(doctor::dataset_script(settings.llm_root.as_deref()));
    }
    findings.extend(gpus(settings, &world, wants(Engine::TrtllmBench)));
    findings.extend(doctor::disk(&settings.output_dir, settings.workspace.as_deref()));
    findings.extend(doctor::helpers());
    Ok(CheckUp { findings, unknown_options })
}

/// The GPUs, and what keeps them from being used now.
fn gpus(settings: &Settings, world: &World, needed: bool) -> Vec<Finding> {
    let driver = match gpu::driver(settings.gpu_recording.as_deref()) {
        Ok(driver) => driver,
        Err(error) => return doctor::gpus(&Err(error), needed),
    };
    let gpus = driver.gpus();
    let mut findings = doctor::gpus(&gpus, needed);
    if let Ok(gpus) = &gpus {
        let empty_mib = world.tables.tolerances.empty_memory_mib;
        findings.extend(doctor::in_use(driver.as_ref(), gpus, empty_mib));
    }
    findings
}

/// Asks the program in a folder of its own, since there is no run to keep the answer in.
fn learn(world: &mut World) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    world.learn(folder.path(), None, &Interrupt::default())
}

fn unknown(prepared: &[Prepared], world: &World) -> Vec<String> {
    let mut unknown = Vec::new();
    for (case, engine) in prepared.iter().filter_map(Prepared::case) {
        if engine != Engine::TrtllmBench {
            continue;
        }
        let planned = world.with_context(engine, |context| plan(case, "work", context));
        // A case that cannot be planned is the run's to report.
        let Ok(planned) = planned else { continue };
        unknown.extend(world.about.contract.unknown(&planned).iter().map(ToString::to_string));
    }
    unknown
}

/// Whether a line is looked after: it is selected here, or, where none is, it is for another machine.
fn is_meant(line: &Line<'_>, idle: bool) -> bool {
    line.fate == Fate::Runs || idle && matches!(line.fate, Fate::Unmatched(_))
}

/// Checkpoint directories by label, each once.
struct Models(BTreeMap<String, String>);

impl Models {
    fn wanted(&self) -> Vec<doctor::Wanted<'_>> {
        self.0.iter().map(|(label, dir)| doctor::Wanted { label, dir }).collect()
    }
}

fn wanted_models(lines: &[Line<'_>], world: &World) -> Models {
    let runs = lines.iter().filter(|line| line.fate == Fate::Runs).filter_map(Line::label);
    let cases = runs.filter_map(|label| Case::parse(label, &world.tables.models).ok());
    let known = cases.filter_map(|case| {
        let model = world.tables.models.checkpoint(&case.model)?;
        let dir = world.locate(model.engine, &model.path);
        (model.engine == Engine::TrtllmBench).then_some((case.model, dir))
    });
    Models(known.collect())
}
