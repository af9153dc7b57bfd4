//! `trtllm-perf history …`: what was measured, kept over time.

mod bless;
mod export;
mod filter;
mod import;
mod judge;
mod list;
mod named;
mod query;
mod say;
mod show;
pub(super) mod table;

use std::process::ExitCode;

pub(super) use filter::FilterArgs;
pub(super) use table::{Column, minute, number, table};

use crate::history::{Mode, Store};
use crate::settings;

/// Look into the history of all runs, add to it, and hand it on.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// The history: a SQLite file or postgres://… [default: `history` of perf.toml, then perf-history.sqlite].
    #[arg(
        long,
        value_name = "PLACE",
        env = "TRTLLM_PERF_HISTORY",
        global = true,
        hide_env_values = true
    )]
    history: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add run folders, output directories, and CSVs of results or baselines.
    Import(import::ImportArgs),
    /// List runs, or series.
    List(list::ListArgs),
    /// Show one run, or the series of a case with their newest points.
    Show(show::ShowArgs),
    /// Mean, median, spread and percentiles of each series.
    Query(query::QueryArgs),
    /// Write samples for other programs: CSV, JSON lines, Parquet, OpenSearch.
    Export(export::ExportArgs),
    Judge(judge::JudgeArgs),
    Bless(bless::BlessArgs),
    /// Put a remark at a moment, a run or a release.
    Annotate(say::AnnotateArgs),
    /// Mark samples of a run as not to be trusted, or take that back.
    Invalidate(say::InvalidateArgs),
    /// Let the history of a renamed case go on under its new label.
    Alias(say::AliasArgs),
}

/// Does what the command says.
///
/// # Errors
/// When the history cannot be opened, read or written, or the command line makes no sense.
pub fn run(args: HistoryArgs) -> anyhow::Result<ExitCode> {
    let place = settings::history(args.history.as_deref())?;
    let open = || -> anyhow::Result<Box<dyn Store>> { Ok(place.open(Mode::Existing)?) };
    match args.command {
        Command::Import(args) => import::run(&args, &place),
        Command::List(args) => list::run(&args, open()?.as_mut()),
        Command::Show(args) => show::run(&args, open()?.as_mut()),
        Command::Query(args) => query::run(&args, open()?.as_mut()),
        Command::Export(args) => export::run(&args, open()?.as_mut()),
        Command::Judge(args) => judge::run(&args, open()?.as_mut()),
        Command::Bless(args) => bless::run(&args, open()?.as_mut()),
        Command::Annotate(args) => say::annotate(&args, open()?.as_mut()),
        Command::Invalidate(args) => say::invalidate(&args, open()?.as_mut()),
        Command::Alias(args) => say::alias(&args, open()?.as_mut()),
    }
}
