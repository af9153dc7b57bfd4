//! `trtllm-perf history query`

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::filter::FilterArgs;
use super::table::{Column, number, table};
use crate::history::{Series, Store};
use crate::run;
use crate::verdict::stats;

/// Reckon over the samples of each series. Invalid ones are left out.
#[derive(Debug, clap::Args)]
pub(super) struct QueryArgs {
    /// Percentiles to give, comma-separated.
    #[arg(long, value_name = "P", value_delimiter = ',', default_value = "5,95", value_parser = percent)]
    percentiles: Vec<f64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

/// A percentile.
fn percent(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or("it takes numbers from 0 to 100")
}

/// Prints a line for each series.
pub(super) fn run(args: &QueryArgs, store: &mut dyn Store) -> anyhow::Result<ExitCode> {
    let found = store.values(&args.filter.filter()?)?;
    let text = if args.json {
        found.iter().map(|(series, values)| format!("{}\n", json(series, values, args))).collect()
    } else {
        text(&found, args)
    };
    if found.is_empty() {
        eprintln!("no sample of {} fits; `history list --series` names the series", store.place());
    }
    Ok(run::print("history", |out| out.write_all(text.as_bytes()))?)
}

fn json(series: &Series, values: &[f64], args: &QueryArgs) -> serde_json::Value {
    let percentile = |p: &f64| (format!("p{p}"), json!(stats::percentile(values, p / 100.0)));
    let percentiles: serde_json::Map<_, _> = args.percentiles.iter().map(percentile).collect();
    json!({
        "case": series.case.label,
        "metric": series.metric,
        "unit": series.metric.unit(),
        "machine_class": series.machine_class,
        "engine": series.engine,
        "count": values.len(),
        "mean": stats::mean(values),
        "median": stats::median(values),
        "min": values.iter().copied().reduce(f64::min),
        "max": values.iter().copied().reduce(f64::max),
        "cv": stats::cv(values),
        "percentiles": percentiles,
    })
}

fn text(found: &[(Series, Vec<f64>)], args: &QueryArgs) -> String {
    let names: Vec<String> = args.percentiles.iter().map(|p| format!("p{p}")).collect();
    let mut columns = vec![Column("metric", false)];
    let numbers = ["count", "mean", "median", "min", "max", "cv"];
    columns.extend(numbers.map(|title| Column(title, true)));
    columns.extend(names.iter().map(|title| Column(title, true)));
    columns.extend(["machine class", "case"].map(|title| Column(title, false)));
    let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    let row = |(series, values): &(Series, Vec<f64>)| {
        let mut row = vec![series.metric.to_string(), values.len().to_string()];
        row.extend([
            shown(stats::mean(values)),
            shown(stats::median(values)),
            shown(values.iter().copied().reduce(f64::min)),
            shown(values.iter().copied().reduce(f64::max)),
            stats::cv(values).map_or_else(|| "-".to_owned(), |cv| format!("{:.2} %", cv * 100.0)),
        ]);
        row.extend(args.percentiles.iter().map(|p| shown(stats::percentile(values, p / 100.0))));
        row.extend([series.machine_class.clone(), series.case.label.clone()]);
        row
    };
    table(&columns, &found.iter().map(row).collect::<Vec<_>>())
}
