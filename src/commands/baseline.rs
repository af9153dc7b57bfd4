//! `trtllm-perf baseline`: make, move, bless and show a baseline.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::sanity;
use crate::baseline::{Column, Problem, Table, Weight};

mod bless;
mod show;
mod update;

/// Make, move, bless and show a baseline.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Move a baseline to the median of several runs, where it moved beyond what is allowed; prints the patch.
    ///
    /// Exit codes: 0 done or nothing to do, 1 refused, 2 usage.
    Update(update::UpdateArgs),
    /// Freeze the levels of a baseline, with who, when and why, in a file beside it.
    Bless(bless::BlessArgs),
    /// Show a baseline with its blessed levels and how far it has drifted from them.
    ///
    /// Exit codes: 0, 1 when a series is beyond the drift budget, 2 usage.
    Show(show::ShowArgs),
}

/// Runs the command.
///
/// # Errors
/// Exit 2: when a file cannot be read, is no perf CSV, or cannot be written.
pub fn run(args: BaselineArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Action::Update(args) => update::run(&args),
        Action::Bless(args) => bless::run(&args),
        Action::Show(args) => show::run(&args),
    }
}

/// A baseline that can be written again: every row of it was read.
fn whole(path: &Path) -> anyhow::Result<(Table, String)> {
    let (table, text, problems) = sanity::read(path)?;
    table.require(&Column::BASELINE)?;
    if let Some(lost) = problems.iter().find(|problem| problem.weight == Weight::RowLost) {
        bail!("{lost}; mend it first, or it would be lost");
    }
    say(&problems);
    Ok((table, text))
}

fn say(problems: &[Problem]) {
    for problem in problems {
        let weight = if problem.weight == Weight::RowLost { "warning" } else { "note" };
        eprintln!("{weight}: {problem}");
    }
}
