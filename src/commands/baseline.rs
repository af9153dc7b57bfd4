//! `trtllm-perf baseline`: make, move, bless and show a baseline.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::sanity;
use crate::baseline::{
    self, Blessings, Change, Column, DRIFT_BUDGET, Drift, MIN_SAMPLES, Policy, Problem, Row, Rules,
    Series, Source, Table, Update, Weight, blessed_path,
};
use crate::run;
use crate::tables::Tables;

/// The samples of an output directory.
const SAMPLES: &str = "perf_samples.csv";
/// How many names of series are listed before the rest is only counted.
const SHOWN: usize = 20;

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
    Update(UpdateArgs),
    /// Freeze the levels of a baseline, with who, when and why, in a file beside it.
    Bless(BlessArgs),
    /// Show a baseline with its blessed levels and how far it has drifted from them.
    ///
    /// Exit codes: 0, 1 when a series is beyond the drift budget, 2 usage.
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct UpdateArgs {
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
    #[arg(long, value_name = "PCT", default_value_t = DRIFT_BUDGET, value_parser = percent)]
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

#[derive(Debug, Args)]
struct BlessArgs {
    /// The baseline
    base: PathBuf,
    /// Why these levels are right
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so [default: the user's name]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Only the cases whose perf_case_name holds this text (repeatable)
    #[arg(long, value_name = "TEXT")]
    case: Vec<String>,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The baseline
    base: PathBuf,
    /// Print one JSON object a series on stdout
    #[arg(long)]
    json: bool,
    /// How far a series may be from its blessed level, in percent
    #[arg(long, value_name = "PCT", default_value_t = DRIFT_BUDGET, value_parser = percent)]
    drift_budget: f64,
}

/// A share in percent, 0 or more.
pub fn percent(text: &str) -> Result<f64, &'static str> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or("it takes percent, 0 or more")
}

/// Runs the command.
///
/// # Errors
/// Exit 2: when a file cannot be read, is no perf CSV, or cannot be written.
pub fn run(args: BaselineArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Action::Update(args) => update(&args),
        Action::Bless(args) => bless(&args),
        Action::Show(args) => show(&args),
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

/// The rows of a result file, or of the samples of an output directory.
fn results(path: &Path) -> anyhow::Result<Table> {
    let file = if path.is_dir() { path.join(SAMPLES) } else { path.to_owned() };
    let (table, problems) = Table::read(&file)?;
    say(&problems);
    Ok(table)
}

fn update(args: &UpdateArgs) -> anyhow::Result<ExitCode> {
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

/// Who says why.
struct Blesser {
    who: String,
    reason: String,
}

impl Blesser {
    fn new(reason: &str, who: Option<&str>) -> anyhow::Result<Self> {
        if reason.trim().is_empty() {
            bail!("the reason is empty; say why these levels are right");
        }
        let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let who = who.map(str::to_owned).or(user).unwrap_or_default();
        if who.trim().is_empty() {
            bail!("find out who you are: neither USER nor LOGNAME is set; give --who");
        }
        Ok(Self { who: who.trim().to_owned(), reason: reason.trim().to_owned() })
    }

    /// Adds levels to the file beside the baseline.
    fn write(&self, base: &Path, rows: &[&Row]) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let path = blessed_path(base);
        // What is there must be readable before anything is added to it.
        Blessings::read(&path)?;
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
            file.lock()?;
            let new = file.metadata()?.len() == 0;
            let ended = fs::read(&path)?.last().is_none_or(|&byte| byte == b'\n');
            let now = Timestamp::now();
            let lines = baseline::blessing_lines(rows, new, now, &self.who, &self.reason);
            let start = if ended { "" } else { "\n" };
            file.write_all(format!("{start}{lines}").as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("write {}", path.display()))?;
        eprintln!("blessed {} levels by {} in {}", rows.len(), self.who, path.display());
        Ok(())
    }
}

fn bless(args: &BlessArgs) -> anyhow::Result<ExitCode> {
    let blesser = Blesser::new(&args.reason, args.who.as_deref())?;
    let (table, _) = whole(&args.base)?;
    let wanted =
        |name: &str| args.case.is_empty() || args.case.iter().any(|it| name.contains(it.as_str()));
    let rows: Vec<_> = table
        .latest()
        .into_iter()
        .filter(|row| row.value().is_some() && wanted(&row.perf_case_name()))
        .collect();
    if rows.is_empty() {
        bail!("find a level to bless in {}: no case with a number fits", args.base.display());
    }
    blesser.write(&args.base, &rows)?;
    Ok(ExitCode::SUCCESS)
}

/// One series as `show` tells it.
#[derive(Serialize)]
struct Shown {
    perf_case_name: String,
    device_subtype: Option<String>,
    metric_type: String,
    unit: Option<&'static str>,
    value: Option<f64>,
    threshold: Option<f64>,
    absolute_threshold: Option<f64>,
    blessed: Option<f64>,
    blessed_at: Option<String>,
    who: Option<String>,
    reason: Option<String>,
    drift_pct: Option<f64>,
    beyond_budget: bool,
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let (table, _, problems) = sanity::read(&args.base)?;
    table.require(&Column::BASELINE)?;
    say(&problems);
    let blessings = Blessings::read(&blessed_path(&args.base))?;
    let rows: Vec<Shown> = table
        .latest()
        .into_iter()
        .map(|row| {
            let blessing = blessings.get(&Series::of(row));
            let drift = blessing.zip(row.value()).and_then(|(it, value)| Drift::of(value, it));
            Shown {
                perf_case_name: row.perf_case_name().into_owned(),
                device_subtype: row.device_subtype().map(str::to_owned),
                metric_type: row.metric.to_string(),
                unit: row.metric.metric().map(|metric| metric.unit()),
                value: row.value(),
                threshold: row.threshold,
                absolute_threshold: row.absolute_threshold,
                blessed: blessing.map(|it| it.level),
                blessed_at: blessing.map(|it| it.when.clone()),
                who: blessing.map(|it| it.who.clone()),
                reason: blessing.map(|it| it.reason.clone()),
                drift_pct: drift.map(|drift| (drift.ratio - 1.0) * 100.0),
                beyond_budget: drift.is_some_and(|drift| drift.exceeds(args.drift_budget)),
            }
        })
        .collect();
    run::print("baseline", |out| match args.json {
        true => rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut *out, row)?;
            writeln!(out)
        }),
        false => rows.iter().try_for_each(|row| row.text(out)),
    })?;
    let blessed = rows.iter().filter(|row| row.blessed.is_some()).count();
    let beyond = rows.iter().filter(|row| row.beyond_budget).count();
    eprintln!(
        "{} series, {blessed} blessed, {beyond} beyond the drift budget of {} %",
        rows.len(),
        args.drift_budget
    );
    Ok(ExitCode::from(u8::from(beyond > 0)))
}

impl Shown {
    /// The case, and below it the level, its limits and what it was blessed at.
    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        let device = self.device_subtype.as_ref().map(|it| format!(" on {it}")).unwrap_or_default();
        writeln!(out, "{}{device}", self.perf_case_name)?;
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |it| it.to_string());
        writeln!(
            out,
            "  {:<16} {:>14} {:<13} limits {} and {}",
            self.metric_type,
            number(self.value),
            self.unit.unwrap_or_default(),
            number(self.threshold),
            number(self.absolute_threshold)
        )?;
        let Some(level) = self.blessed else { return writeln!(out, "  never blessed") };
        let drift = self.drift_pct.map_or("-".to_owned(), |pct| format!("{pct:+.1} %"));
        let beyond = if self.beyond_budget { ", BEYOND THE BUDGET" } else { "" };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        writeln!(
            out,
            "  {:<16} {:>14} {} by {}: {}; drift {drift}{beyond}",
            "blessed",
            level,
            text(&self.blessed_at),
            text(&self.who),
            text(&self.reason)
        )
    }
}
