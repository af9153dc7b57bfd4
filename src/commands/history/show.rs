//! `trtllm-perf history show WHAT`

mod series;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;

use super::super::steps::Finder;
use super::filter::FilterArgs;
use super::named::named;
use super::table::{Column, lines, minute, number};
use crate::history::{
    AttemptRecord, CaseIdentity, Entries, Filter, Point, RunRecord, Series, Store,
};
use crate::list::{glob_matches, nearest};
use crate::run;
use crate::tables::Tables;
use series::{point_json, series_text};

/// Show one run, or the series of a case with their newest points.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// A run id, or the start of one; else a label, or a shell pattern of labels.
    #[arg(value_name = "WHAT")]
    what: String,
    /// Show no more than the N newest points of a series; 0 is all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// One JSON object a line: an attempt of a run, or a point of a series.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Prints what is asked for.
pub(super) fn run(args: &ShowArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let entries = store.entries()?;
    let text = match named("show", &args.what, store)? {
        Some(summary) => {
            let run = store.run(&summary)?;
            if args.json { run_json(&run, &entries) } else { run_text(&run, &entries) }
        }
        None => the_series(args, store, &entries)?,
    };
    Ok(run::print("history", |out| out.write_all(text.as_bytes()))?)
}

fn the_series(args: &ShowArgs, store: &mut dyn Store, entries: &Entries) -> anyhow::Result<String> {
    let filter = args.filter.filter()?;
    let all = store.series()?;
    // A label is known by its meaning, however it is written.
    let fields = CaseIdentity::of(&args.what, &Tables::load(None)?.models).fields;
    let fields = entries.renamed(&fields).map_or(fields.clone(), |case| case.fields.clone());
    let wanted = |series: &&Series| {
        (series.case.fields == fields || glob_matches(&args.what, &series.case.label))
            && filter.series(series)
    };
    let series: Vec<_> = all.iter().filter(wanted).collect();
    if series.is_empty() {
        let known = all.iter().map(|series| series.case.label.as_str());
        let near = nearest(&args.what, known).map(|near| format!("; did you mean {near}?"));
        anyhow::bail!(
            "show {}: no run and no series of {} has this name{}",
            args.what,
            store.place(),
            near.unwrap_or_else(|| "; `history list` and `history list --series` name them".into())
        );
    }
    let finder = Finder::new(entries, &store.runs(&Filter::default())?);
    let mut text = String::new();
    for series in series {
        let last = Some(args.last).filter(|last| *last > 0);
        let points = store.points(series, &filter, last)?;
        // The whole series: a level may have begun before the points that are shown.
        let all = store.points(series, &Filter::default(), None)?;
        let steps = finder.steps(series, &all);
        let begins = |point: &Point| {
            let here = |it: &Point| {
                (it.time, &it.run_id, it.attempt) == (point.time, &point.run_id, point.attempt)
            };
            steps.iter().find(|step| here(&all[step.change.index]))
        };
        if args.json {
            let line = |point: &Point| format!("{}\n", point_json(series, point, begins(point)));
            text.extend(points.iter().map(line));
        } else {
            text += &series_text(series, &points, entries, &begins);
        }
    }
    Ok(text)
}

fn run_json(run: &RunRecord, entries: &Entries) -> String {
    let samples = |attempt: &AttemptRecord| -> Vec<_> {
        let invalidated = |metric| entries.invalid(&run.id, &attempt.case.label, metric);
        let sample = |sample: &crate::history::SampleRecord| {
            json!({
                "metric": sample.metric,
                "unit": sample.metric.unit(),
                "value": sample.value,
                "state": sample.state,
                "invalidated": invalidated(sample.metric).map(|entry| &entry.reason),
            })
        };
        attempt.samples.iter().map(sample).collect()
    };
    let line = |attempt: &AttemptRecord| {
        let line = json!({
            "run_id": run.id,
            "origin": run.origin,
            "release": run.release,
            "case": attempt.case.label,
            "test": attempt.test_name,
            "attempt": attempt.number,
            "start": attempt.start,
            "end": attempt.end,
            "outcome": attempt.ended.word(),
            "machine_class": attempt.machine_class,
            "engine": attempt.engine,
            "facts": run.facts_of(attempt),
            "certificate": attempt.certificate,
            "samples": samples(attempt),
        });
        format!("{line}\n")
    };
    run.attempts.iter().map(line).collect()
}

fn run_text(run: &RunRecord, entries: &Entries) -> String {
    let mut text = format!("run {}, started {} UTC", run.id, minute(run.started));
    if let Some(release) = &run.release {
        write!(text, ", release {release}").expect("a string");
    }
    text.push('\n');
    let width = run.facts.keys().map(|aspect| aspect.word().len()).max().unwrap_or(0);
    for (aspect, fact) in &run.facts {
        writeln!(text, "  {:<width$}  {fact}", aspect.word()).expect("a string");
    }
    for entry in entries.invalidations.iter().filter(|entry| entry.run_id == run.id) {
        let what = if entry.taken_back { "valid again" } else { "invalid" };
        let case = entry.case.as_deref().unwrap_or("all cases");
        let metric = entry.metric.map_or("all metrics", |metric| metric.wire_name());
        let (by, reason) = (&entry.made.by, &entry.reason);
        writeln!(text, "  {what}: {case}, {metric}, by {by}: {reason}").expect("a string");
    }
    let columns = [
        Column("case", false),
        Column("attempt", true),
        Column("outcome", false),
        Column("metric", false),
        Column("value", true),
        Column("unit", false),
        Column("state", false),
    ];
    let mut rows = Vec::new();
    for attempt in &run.attempts {
        let front = [attempt.case.label.clone(), attempt.number.to_string()];
        let front: Vec<_> = front.into_iter().chain([attempt.ended.word().to_owned()]).collect();
        for sample in &attempt.samples {
            let marked = entries.invalid(&run.id, &attempt.case.label, sample.metric);
            let state = marked.map_or(sample.state.word(), |_| "invalid");
            let (metric, value) = (sample.metric.to_string(), number(sample.value));
            let rest = [metric, value, sample.metric.unit().to_owned(), state.to_owned()];
            rows.push(front.iter().cloned().chain(rest).collect());
        }
        if attempt.samples.is_empty() {
            let rest = ["-", "-", "-", "-"].map(str::to_owned);
            rows.push(front.into_iter().chain(rest).collect());
        }
    }
    text + &lines(&columns, &rows).concat()
}
