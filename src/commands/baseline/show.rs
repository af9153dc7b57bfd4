//! `trtllm-perf baseline show`: levels, what they were blessed at, and how far they have drifted.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::super::sanity;
use super::say;
use crate::baseline::{self, Blessings, Column, DRIFT_BUDGET, Drift, Series, blessed_path};
use crate::run;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The baseline
    base: PathBuf,
    /// Print one JSON object a series on stdout
    #[arg(long)]
    json: bool,
    /// How far a series may be from its blessed level, in percent
    #[arg(long, value_name = "PCT", default_value_t = DRIFT_BUDGET, value_parser = baseline::drift_budget)]
    drift_budget: f64,
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

/// Runs the command.
pub(super) fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
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
