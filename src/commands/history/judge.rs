//! `trtllm-perf history judge`: is a night slower than those before it?

mod line;
mod markdown;
mod text;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::SignedDuration;

use super::filter::FilterArgs;
use super::named::named;
use crate::baseline::drift_budget;
use crate::commands::gate::{exit_code, share};
use crate::history::{Entries, Filter, Origin, RunRecord, RunSummary, Store};
use crate::run;
use crate::tables::Tables;
use crate::trend::night::{self, CaseNight, Rules, SeriesPoints};

/// No more of the newest points of a series are looked at: years of nights.
const LOOKED_AT: usize = 1000;

/// Say which cases of a night are slower than in the nights before, and which have drifted.
///
/// Each case is held against its newest 30 earlier points of the same machine class, settings and data set, by the metric that
/// decides for it (gate.yml): regress beyond the 99.9 % prediction interval and beyond --delta. Several runs are those of one
/// night: a regression is confirmed when all of them show it and they are of several nodes. --case and --machine choose what is
/// judged, --metric puts another metric in the primary one's place; --release, --since and --until choose among the earlier
/// points.
///
/// Exit code: 0 pass, 1 regress, 3 inconclusive, 4 invalid, of the worst case; regress is the worst, then invalid, then
/// inconclusive. 2 for a usage error, and when there is nothing to judge.
#[derive(Debug, clap::Args)]
pub(super) struct JudgeArgs {
    /// A run id, or the start of one; several are repeats of one night [default: the newest run].
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Practical limit: how large a loss must be to matter, such as 3% or 0.03.
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = share)]
    delta: f64,
    /// How far a level may be worse than its blessed one, and than that of the release before, in percent.
    #[arg(
        long,
        value_name = "PCT",
        env = "TRTLLM_PERF_DRIFT_BUDGET",
        default_value = "5",
        value_parser = drift_budget
    )]
    drift_budget: f64,
    /// One JSON object a case on stdout; text for people goes to stderr.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Markdown, for a comment or a chat.
    #[arg(long)]
    markdown: bool,
    /// Tables in place of the embedded ones: gate.yml, and the names of models.
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_TABLES")]
    tables: Option<PathBuf>,
    #[command(flatten)]
    filter: FilterArgs,
}

/// A night and what came of it.
struct Judged {
    runs: Vec<RunRecord>,
    /// The worst first.
    cases: Vec<CaseNight>,
    /// As a share.
    budget: f64,
    /// The history, for the commands that are told.
    place: String,
}

/// Judges, and prints what came of it.
pub(super) fn run(args: &JudgeArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let tables = Tables::load(args.tables.as_deref())?;
    let filter = args.filter.filter()?;
    let entries = store.entries()?;
    let runs = runs(args, store)?;
    let history = series(&runs, &filter, &entries, store)?;
    let rules = Rules {
        primary: &tables.primary,
        models: &tables.models,
        entries: &entries,
        filter: &filter,
        delta: args.delta,
        budget: args.drift_budget / 100.0,
    };
    let cases = night::cases(&runs, &history, rules);
    if cases.is_empty() {
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        anyhow::bail!(
            "judge {}: no case that ran in it fits; `history show {}` tells what there is",
            ids.join(" "),
            ids[0]
        );
    }
    let verdicts: Vec<_> = cases.iter().map(|case| case.verdict).collect();
    let judged = Judged { runs, cases, budget: rules.budget, place: store.place().to_owned() };
    if args.json {
        run::print("verdicts", |out| {
            judged.cases.iter().try_for_each(|case| {
                serde_json::to_writer(&mut *out, &line::Line::of(case, judged.budget))?;
                writeln!(out)
            })
        })?;
        eprint!("{}", text::text(&judged));
    } else {
        let text = if args.markdown { markdown::markdown(&judged) } else { text::text(&judged) };
        run::print("verdicts", |out| out.write_all(text.as_bytes()))?;
    }
    Ok(exit_code(verdicts))
}

/// The runs of the night, the earliest first.
fn runs(args: &JudgeArgs, store: &mut dyn Store) -> anyhow::Result<Vec<RunRecord>> {
    let mut found: Vec<RunSummary> = Vec::new();
    for name in &args.runs {
        let run = named("judge", name, store)?;
        let run = run.ok_or_else(|| {
            anyhow::anyhow!(
                "judge {name}: {} has no run of this name; `history list` names them",
                store.place()
            )
        })?;
        if found.iter().all(|known| known.id != run.id) {
            found.push(run);
        }
    }
    if args.runs.is_empty() {
        let all = store.runs(&Filter::default())?;
        let newest = all.into_iter().rfind(|run| run.origin != Origin::BaselineCsv);
        found.push(newest.ok_or_else(|| {
            anyhow::anyhow!(
                "judge the newest run: {} has none; a run of the harness makes one",
                store.place()
            )
        })?);
    }
    if let Some(run) = found.iter().find(|run| run.origin == Origin::BaselineCsv) {
        anyhow::bail!(
            "judge {}: it is a baseline, whose levels nobody measured; name a run",
            run.id
        );
    }
    let synthetic = |run: &&RunSummary| run.origin == Origin::Synthetic;
    if let (Some(made), Some(measured)) =
        (found.iter().find(synthetic), found.iter().find(|run| !synthetic(run)))
    {
        anyhow::bail!(
            "judge {} with {}: the first was made by a script and the second was measured; judge them apart",
            made.id,
            measured.id
        );
    }
    found.sort_by_key(|run| run.started);
    found.iter().map(|run| Ok(store.run(run)?)).collect()
}

/// The series of the cases that were tried, with their points up to the end of the night.
fn series(
    runs: &[RunRecord],
    filter: &Filter,
    entries: &Entries,
    store: &mut dyn Store,
) -> anyhow::Result<Vec<SeriesPoints>> {
    let attempts = runs.iter().flat_map(|run| &run.attempts);
    let cases: BTreeSet<&str> = attempts
        .map(|attempt| {
            let now = entries.renamed(&attempt.case.fields).unwrap_or(&attempt.case);
            now.fields.as_str()
        })
        .collect();
    let end = night::period(runs).map(|(_, last)| last + SignedDuration::from_micros(1));
    let night = Filter { until: end, ..Filter::default() };
    let mut found = Vec::new();
    for series in store.series()? {
        if cases.contains(series.case.fields.as_str()) && filter.series(&series) {
            let points = store.points(&series, &night, Some(LOOKED_AT))?;
            found.push((series, points));
        }
    }
    Ok(found)
}
