//! `trtllm-perf history list`

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::filter::FilterArgs;
use super::table::{Column, minute, table};
use crate::history::{Aspect, RunSummary, Series, Store};
use crate::run;

/// List the runs of the history, the newest last; or its series.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// List series instead of runs.
    #[arg(long)]
    series: bool,
    /// List no more than the N newest runs; 0 is all.
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "series")]
    last: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

/// Prints the list.
pub(super) fn run(args: &ListArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let filter = args.filter.filter()?;
    let text = if args.series {
        let mut series = store.series()?;
        series.retain(|series| filter.series(series));
        if args.json { lines(series.iter().map(series_json)) } else { series_table(&series) }
    } else {
        let mut runs = store.runs(&filter)?;
        let older = if args.last == 0 { 0 } else { runs.len().saturating_sub(args.last) };
        runs.drain(..older);
        if older > 0 {
            eprintln!("{older} older runs are not shown; --last 0 shows all");
        }
        if args.json { runs_json(&runs, store)? } else { runs_table(&runs, store)? }
    };
    Ok(run::print("history", |out| out.write_all(text.as_bytes()))?)
}

/// One value a line.
fn lines(values: impl Iterator<Item = serde_json::Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

fn series_json(series: &Series) -> serde_json::Value {
    json!({
        "case": series.case.label,
        "metric": series.metric,
        "unit": series.metric.unit(),
        "machine_class": series.machine_class,
        "engine": series.engine,
    })
}

fn series_table(series: &[Series]) -> String {
    let columns = ["metric", "machine class", "engine", "case"].map(|title| Column(title, false));
    let row = |series: &Series| {
        vec![
            series.metric.to_string(),
            series.machine_class.clone(),
            series.engine.clone(),
            series.case.label.clone(),
        ]
    };
    table(&columns, &series.iter().map(row).collect::<Vec<_>>())
}

fn runs_json(runs: &[RunSummary], store: &mut dyn Store) -> anyhow::Result<String> {
    let mut values = Vec::new();
    for run in runs {
        let counts = store.counts(run)?;
        values.push(json!({
            "run_id": run.id,
            "origin": run.origin,
            "started": run.started,
            "ended": run.ended,
            "prefix": run.prefix,
            "release": run.release,
            "facts": run.facts,
            "passed": counts.passed,
            "flaky": counts.flaky,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "samples": counts.samples,
        }));
    }
    Ok(lines(values.into_iter()))
}

fn runs_table(runs: &[RunSummary], store: &mut dyn Store) -> anyhow::Result<String> {
    let columns = [
        Column("started (UTC)", false),
        Column("run", false),
        Column("release", false),
        Column("machine", false),
        Column("passed", true),
        Column("failed", true),
        Column("skipped", true),
        Column("samples", true),
    ];
    let mut rows = Vec::new();
    for run in runs {
        let counts = store.counts(run)?;
        let machine = run.facts.get(&Aspect::GpuVariant).or(run.facts.get(&Aspect::Cpu));
        let machine = machine.or(run.prefix.as_ref());
        rows.push(vec![
            minute(run.started),
            run.id.clone(),
            run.release.clone().unwrap_or_else(|| "-".to_owned()),
            machine.cloned().unwrap_or_else(|| "-".to_owned()),
            (counts.passed + counts.flaky).to_string(),
            counts.failed.to_string(),
            counts.skipped.to_string(),
            counts.samples.to_string(),
        ]);
    }
    Ok(table(&columns, &rows))
}
