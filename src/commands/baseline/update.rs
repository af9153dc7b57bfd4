//! `trtllm-perf baseline update`: the median of several runs, as a patch or applied.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::bless::Blesser;
use super::{say, whole};
use crate::baseline::{
    self, Blessings, Change, DRIFT_BUDGET, MIN_SAMPLES, Policy, Rules, Series, Source, Table,
    Update, blessed_path,
};
use crate::run;
use crate::tables::Tables;

/// The samples of an output directory.
const SAMPLES: &str = "perf_samples.csv";
/// How many names of series are listed before the rest is only counted.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// Result files or output directories (their perf_samples.csv), and last the baseline
    #[arg(required = true, num_args = 2.., value_name = "TARGET… BASE.csv")]
    files: Vec<PathBuf>,
    /// Write the baseline instead of printing the patch
    #[arg(long)]
    apply: bool,
    /// Take fewer than three valid samples, too
    #[arg(long)]
    force: bool,
    /// What counts as moved: docs/VERDICT.md has both rules
    #[arg(long, value_enum, default_value = "default")]
    policy: Policy,
    /// How far a series may be from its blessed level, in percent
    #[arg(long, value_name = "PCT", default_value_t = DRIFT_BUDGET, value_parser = baseline::drift_budget)]
    drift_budget: f64,
    /// The new levels of series beyond the drift budget are right: bless them, for this reason (with --apply)
    #[arg(long, value_name = "REASON", requires = "apply")]
    bless: Option<String>,
    /// Who blesses them [default: the user's name]
    #[arg(long, value_name = "NAME", requires = "bless")]
    who: Option<String>,
    /// Folder with a metrics.yml in place of the embedded one: limits of rows that bring none along
    #[arg(long, value_name = "DIR")]
    tables: Option<PathBuf>,
}

/// The rows of a result file, or of the samples of an output directory.
fn results(path: &Path) -> anyhow::Result<Table> {
    let file = if path.is_dir() { path.join(SAMPLES) } else { path.to_owned() };
    let (table, problems) = Table::read(&file)?;
    say(&problems);
    Ok(table)
}

/// Runs the command.
pub(super) fn run(args: &UpdateArgs) -> anyhow::Result<ExitCode> {
    let Some((base, targets)) = args.files.split_last() else { bail!("name a baseline") };
    let blesser = match &args.bless {
        Some(reason) => Some(Blesser::new(reason, args.who.as_deref())?),
        None => None,
    };
    let tables = Tables::load(args.tables.as_deref())?;
    let results: Vec<Table> = targets.iter().map(|path| results(path)).collect::<Result<_, _>>()?;
    let exists = base.try_exists().with_context(|| format!("read {}", base.display()))?;
    let (table, text) = match exists {
        true => whole(base)?,
        false => {
            let devices = results.iter().flat_map(Table::rows);
            baseline::empty_baseline(
                base,
                devices.clone().any(|row| row.device_subtype().is_some()),
            )
        }
    };
    let samples = baseline::samples(&results);
    if samples.is_empty() {
        bail!("find a valid sample in {}: there is none", list(targets));
    }
    let blessings = Blessings::read(&blessed_path(base))?;
    let rules = Rules {
        policy: args.policy,
        min_samples: if args.force { 1 } else { MIN_SAMPLES },
        drift_budget: args.drift_budget,
        limits: &|metric| Some(tables.limits.limits(metric.metric()?)),
    };
    let source = Source { table: &table, text: &text };
    let update = baseline::update(source, &samples, &blessings, rules);
    if refused(&update, args) {
        return Ok(ExitCode::FAILURE);
    }
    tell(&update, base);
    if update.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if args.apply {
        // The blessing first: without it the new levels would be beyond their budget.
        if let Some(blesser) = &blesser {
            let (new, _) = Table::parse(update.text.as_bytes(), base)?;
            let meant = |series: &Series| update.drifted.iter().any(|it| it.series == *series);
            let rows = new.latest().into_iter().filter(|row| meant(&Series::of(row)));
            blesser.write(base, &rows.collect::<Vec<_>>())?;
        }
        replace(base, &update.text)?;
        eprintln!("wrote {}", base.display());
        return Ok(ExitCode::SUCCESS);
    }
    let old = exists.then_some(text.as_str());
    let patch = baseline::patch(old, &update.text, &baseline::name_in_patch(base));
    Ok(run::print("patch", |out| out.write_all(patch.as_bytes()))?)
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Says why an update must not be.
fn refused(update: &Update, args: &UpdateArgs) -> bool {
    let few = |change: &Change| {
        format!("{}: {} of {MIN_SAMPLES} valid samples", change.series, change.samples)
    };
    let drifted = |change: &Change| {
        let drift = change.drift.map(|drift| drift.to_string()).unwrap_or_default();
        format!("{}: {drift} from its blessed level", change.series)
    };
    let groups = [
        (
            "one run makes no baseline; measure again, or --force",
            update.too_few.iter().map(few).collect::<Vec<_>>(),
        ),
        (
            "beyond the drift budget; if the new levels are right, say why with --apply --bless REASON",
            update.drifted.iter().filter(|_| args.bless.is_none()).map(drifted).collect(),
        ),
        (
            "no limits known; add the metric to metrics.yml and name it with --tables",
            update.without_limits.iter().map(Series::to_string).collect(),
        ),
    ];
    let mut refused = false;
    for (why, lines) in groups.iter().filter(|(_, lines)| !lines.is_empty()) {
        refused = true;
        eprintln!(
            "error: {} not updated, of {} series: {why}",
            args.files[args.files.len() - 1].display(),
            lines.len()
        );
        shown(lines);
    }
    refused
}

fn shown(lines: &[String]) {
    lines.iter().take(SHOWN).for_each(|line| eprintln!("  {line}"));
    if lines.len() > SHOWN {
        eprintln!("  and {} more", lines.len() - SHOWN);
    }
}

fn tell(update: &Update, base: &Path) {
    let moved: Vec<String> = update
        .changed
        .iter()
        .map(|it| format!("{}: {}, {} samples", it.series, it.judgement, it.samples))
        .collect();
    let new: Vec<String> = update
        .added
        .iter()
        .map(|it| format!("{}: new, {} samples", it.series, it.samples))
        .collect();
    shown(&moved);
    shown(&new);
    let gone: Vec<String> = update.unmeasured.iter().map(Series::to_string).collect();
    eprintln!(
        "{}: {} moved, {} new, {} without a valid sample stay as they are",
        base.display(),
        moved.len(),
        new.len(),
        gone.len()
    );
}

/// Replaces a file as a whole.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let folder =
            path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        if let Ok(old) = fs::metadata(path) {
            file.as_file().set_permissions(old.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}
