//! `trtllm-perf history annotate`, `invalidate` and `alias`: what people say of the history. Nothing is ever removed.

use std::process::ExitCode;

use jiff::Timestamp;

use super::filter::metric;
use crate::history::{
    About, Alias, Annotation, CaseIdentity, Entry, Invalidation, Made, Store, since,
};
use crate::machine;
use crate::metric::Metric;
use crate::tables::Tables;

/// Put a remark at a moment, a run or a release; reports show it.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("about").required(true)))]
pub(super) struct AnnotateArgs {
    /// What to say.
    #[arg(value_name = "TEXT")]
    text: String,
    /// At this date or time.
    #[arg(long, value_name = "WHEN", group = "about")]
    at: Option<String>,
    /// On this run.
    #[arg(long, value_name = "ID", group = "about")]
    run: Option<String>,
    /// On this release.
    #[arg(long, value_name = "NAME", group = "about")]
    release: Option<String>,
    /// For these labels alone, as a shell pattern.
    #[arg(long, value_name = "GLOB")]
    case: Option<String>,
}

/// Mark samples of a run as not to be trusted. They stay, are shown as invalid, and count nowhere.
#[derive(Debug, clap::Args)]
pub(super) struct InvalidateArgs {
    /// The run.
    #[arg(long, value_name = "ID")]
    run: String,
    /// These labels alone, as a shell pattern.
    #[arg(long, value_name = "GLOB")]
    case: Option<String>,
    /// This metric alone.
    #[arg(long, value_name = "NAME", value_parser = metric)]
    metric: Option<Metric>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Take back an invalidation of just this --run, --case and --metric.
    #[arg(long)]
    undo: bool,
}

/// Let the history of a case go on under the label that it has now. An alias to itself takes back an earlier one.
#[derive(Debug, clap::Args)]
pub(super) struct AliasArgs {
    /// The label that it had.
    #[arg(value_name = "OLD")]
    old: String,
    /// The label that it has.
    #[arg(value_name = "NEW")]
    new: String,
    /// Tables in place of the embedded ones, for the names of models.
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_TABLES")]
    tables: Option<std::path::PathBuf>,
}

fn made() -> Made {
    Made { at: Timestamp::now(), by: machine::user() }
}

pub(super) fn annotate(args: &AnnotateArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let made = made();
    let about = match (&args.at, &args.run, &args.release) {
        (Some(at), ..) => {
            About::Time(since(at, made.at).map_err(|error| anyhow::anyhow!("read --at: {error}"))?)
        }
        (_, Some(run), _) => About::Run(run.clone()),
        (.., release) => About::Release(release.clone().unwrap_or_default()),
    };
    let (case, text) = (args.case.clone(), args.text.clone());
    store.add(&Entry::Annotation(Annotation { made, about, case, text }))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn invalidate(args: &InvalidateArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    store.add(&Entry::Invalidation(Invalidation {
        made: made(),
        run_id: args.run.clone(),
        case: args.case.clone(),
        metric: args.metric,
        reason: args.reason.clone(),
        taken_back: args.undo,
    }))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn alias(args: &AliasArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let tables = Tables::load(args.tables.as_deref())?;
    let identity = |label: &str| CaseIdentity::of(label, &tables.models);
    let (old, new) = (identity(&args.old), identity(&args.new));
    if store.series()?.iter().all(|series| series.case.fields != old.fields) && old != new {
        eprintln!("note: {} has no series of {} yet", store.place(), args.old);
    }
    store.add(&Entry::Alias(Alias { made: made(), old, new }))?;
    Ok(ExitCode::SUCCESS)
}
