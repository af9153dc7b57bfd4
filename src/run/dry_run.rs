//! `--dry-run`: the plans of all lines, also of those that would not run.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::Arguments;

use super::prepare::{passes, planned_line};
use super::world::World;
use super::{absolute, stdout};
use crate::case::Case;
use crate::cli::DryRunFormat;
use crate::failure::Exit;
use crate::plan::{self, DryRun, Fault, PlannedLine};
use crate::record::trial_folder;
use crate::selection::Line;
use crate::settings::Settings;

/// Prints the plan of each line that libtest's filter lets through.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(
    format: DryRunFormat,
    lines: &[Line<'_>],
    settings: &Settings,
    world: &World,
    libtest: &Arguments,
) -> Result<ExitCode, Exit> {
    eprintln!("dry run: commands of flow {}; nothing is started", world.flow);
    let shown = lines.iter().filter(|line| passes(&line.name, libtest));
    stdout::print("plans", |out| {
        for planned in shown.map(|line| line_plan(line, settings, world)) {
            match format {
                DryRunFormat::Text => out.write_all(planned.text().as_bytes())?,
                DryRunFormat::Json => {
                    serde_json::to_writer(&mut *out, &planned)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        Ok(())
    })
}

fn line_plan(line: &Line<'_>, settings: &Settings, world: &World) -> DryRun {
    let shown = planned_line(line, settings);
    let Some(raw_label) = line.label() else { return DryRun::new(shown, None, None, None) };
    let case = match Case::parse(raw_label, &world.tables.models) {
        Ok(case) => case,
        Err(error) => return DryRun::new(shown, None, None, Some(Fault::from(&error))),
    };
    let engine = world.engine(&case);
    let cwd = match &settings.workspace {
        Some(workspace) => plan::work_dir(&absolute(workspace), raw_label),
        None => attempt_folder(&settings.output_dir, &line.name),
    };
    match world.with_context(engine, |context| plan::plan(&case, &cwd, context)) {
        Err(error) => DryRun::new(shown, Some(&case), None, Some(Fault::from(&error))),
        Ok(plan) => {
            let cannot = plan
                .skip
                .clone()
                .or_else(|| world.missing(engine, case.parallel.gpus, &plan.model_dir));
            let shown = PlannedLine { reason: shown.reason.clone().or(cannot), ..shown };
            DryRun::new(shown, Some(&case), Some((&plan, &cwd)), None)
        }
    }
}

/// Where the attempt would lie, in a run that is not there.
fn attempt_folder(output_dir: &Path, name: &str) -> String {
    let folder =
        absolute(output_dir).join("runs/dry-run").join(trial_folder(name)).join("attempt-1");
    folder.to_string_lossy().into_owned()
}
