//! Programs of tests that do not run here for another reason: a missing program is told before a missing model or GPU.

use std::collections::HashSet;

use libtest_mimic::Arguments;

use super::prepare::{self, Prepared};
use super::world::World;
use crate::case::{Case, Engine, Runtime};
use crate::selection::{Fate, Line};

/// The engines whose program is not here, of the selected tests that lack a model, and of those for other machines
/// where nothing else would run.
pub fn engines(
    lines: &[Line<'_>],
    prepared: &[Prepared],
    world: &World,
    libtest: &Arguments,
) -> Vec<Engine> {
    let cannot = prepared.iter().filter(|trial| trial.cannot_run().is_some());
    let cannot: HashSet<&str> = cannot.map(Prepared::name).collect();
    let idle = !prepared.iter().any(|trial| trial.needs_program(libtest));
    let wants = |line: &&Line<'_>| match line.fate {
        Fate::Runs => cannot.contains(line.name.as_str()),
        Fate::Unmatched(_) => idle && prepare::passes(&line.name, libtest),
        Fate::Waived(_) | Fate::Out(_) => false,
    };
    let mut engines = Vec::new();
    for engine in lines.iter().filter(wants).filter_map(|line| engine(line, world)) {
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    engines.retain(|&engine| world.programs.find(engine).is_err());
    engines
}

/// The engine that could run a line somewhere.
fn engine(line: &Line<'_>, world: &World) -> Option<Engine> {
    let case = Case::parse(line.label()?, &world.tables.models).ok()?;
    let model = world.tables.models.checkpoint(&case.model);
    let nobody =
        case.runtime != Runtime::Bench || model.is_some_and(|model| model.cannot_run.is_some());
    (!nobody).then(|| world.engine(&case))
}
