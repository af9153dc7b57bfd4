//! Programs of tests that do not run here for another reason: a missing program is told before a missing model or GPU.

use std::collections::HashSet;

use libtest_mimic::Arguments;

use super::prepare::{self, Prepared};
use super::world::World;
use crate::case::Engine;
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
        Fate::Waived(_) | Fate::Duplicate(_) | Fate::Out(_) => false,
    };
    let mut engines = Vec::new();
    for engine in lines.iter().filter(wants).filter_map(|line| world.engine_of(line)) {
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    engines.retain(|&engine| world.programs.find(engine).is_err());
    engines
}
