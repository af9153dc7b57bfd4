//! `trtllm-perf trend --history`: the steps of all series of the history.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::history::{Column, FilterArgs, minute, number, table};
use super::super::steps::{Finder, json_of};
use super::Sort;
use crate::history::{Filter, Series, Store};
use crate::list::glob_matches;
use crate::logs::shown;
use crate::run;
use crate::trend::Step;
use crate::verdict::change_points::Kind;

/// A step and its series.
struct Found<'a> {
    series: &'a Series,
    step: Step,
}

/// How much was looked at.
struct Looked {
    series: usize,
    points: usize,
}

/// Prints the steps that the filter wants.
///
/// # Errors
/// When the history cannot be read, or the output cannot be written.
pub(super) fn run(
    filter: &FilterArgs,
    store: &mut dyn Store,
    json: bool,
    sort: Sort,
) -> anyhow::Result<()> {
    let filter = filter.filter()?;
    let mut all = store.series()?;
    all.retain(|series| filter.series(series));
    let finder = Finder::of(store)?;
    let mut looked = Looked { series: all.len(), points: 0 };
    let mut found = Vec::new();
    for series in &all {
        // The whole series: what lies outside the period is the level that a step within it began from.
        let points = store.points(series, &Filter::default(), None)?;
        looked.points += points.len();
        let steps = finder.steps(series, &points).into_iter().filter(|step| wanted(&filter, step));
        found.extend(steps.map(|step| Found { series, step }));
    }
    match sort {
        Sort::Newest => found.sort_by_key(|it| std::cmp::Reverse(it.step.time)),
        Sort::Worst => found.sort_by(|one, other| other.harm().total_cmp(&one.harm())),
    }
    let text = if json {
        eprint!("{}", counts(&found, &looked));
        found.iter().map(|it| format!("{}\n", it.json())).collect()
    } else {
        text(&found, &looked)
    };
    run::print("change points", |out| out.write_all(text.as_bytes()))?;
    Ok(())
}

/// Whether a step is of the period and the release that are asked for.
fn wanted(filter: &Filter, step: &Step) -> bool {
    let release = step.releases[1].as_deref();
    filter.time(step.time)
        && filter
            .release
            .as_deref()
            .is_none_or(|pattern| release.is_some_and(|release| glob_matches(pattern, release)))
}

/// The object of `--json`: the fields of a step of a file first.
#[derive(Serialize)]
struct Line<'a> {
    series: String,
    /// The first point of the new level, from 0 over all points of the series.
    index: usize,
    /// after/before − 1.
    magnitude: f64,
    p: f64,
    case: &'a str,
    metric: String,
    unit: &'static str,
    machine_class: &'a str,
    engine: &'a str,
    #[serde(flatten)]
    step: Map<String, Value>,
}

impl Found<'_> {
    fn json(&self) -> String {
        let (series, change) = (self.series, self.step.change);
        let (case, metric) = (&series.case.label, series.metric.to_string());
        let (machine_class, engine) = (&series.machine_class, &series.engine);
        let line = Line {
            series: format!("{case} {metric} {machine_class} {engine}"),
            index: change.index,
            magnitude: change.magnitude(),
            p: change.p,
            case,
            metric,
            unit: series.metric.unit(),
            machine_class,
            engine,
            step: json_of(&self.step),
        };
        serde_json::to_string(&line).expect("texts and numbers are JSON")
    }

    /// How much worse it is, on logarithms, so that a half is as much as a double.
    fn harm(&self) -> f64 {
        let size = (self.step.change.after / self.step.change.before).ln().abs();
        if self.step.worse { size } else { -size }
    }

    /// `worse` or `better`, and what makes it less than a step.
    fn is(&self) -> String {
        let kind = match self.step.change.kind {
            Kind::Step => "",
            Kind::NodeSwitch => ", node switch",
            Kind::Pending => ", pending",
        };
        let synthetic = if self.step.synthetic { ", synthetic" } else { "" };
        format!("{}{kind}{synthetic}", self.step.way())
    }
}

/// A table of the steps, and a line that counts.
fn text(found: &[Found<'_>], looked: &Looked) -> String {
    let columns = [
        Column("since (UTC)", false),
        Column("change", true),
        Column("is", false),
        Column("metric", false),
        Column("before", true),
        Column("after", true),
        Column("machine class", false),
        Column("case", false),
        Column("what came with it", false),
    ];
    let row = |it: &Found<'_>| {
        let (series, step) = (it.series, &it.step);
        vec![
            minute(step.time),
            format!("{:+.1} %", step.change.magnitude() * 100.0),
            it.is(),
            series.metric.to_string(),
            number(step.change.before),
            number(step.change.after),
            shown(&series.machine_class),
            shown(&series.case.label),
            step.circumstances(),
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let rows = if rows.is_empty() { String::new() } else { table(&columns, &rows) };
    rows + &counts(found, looked)
}

fn counts(found: &[Found<'_>], looked: &Looked) -> String {
    let count = |wanted: &dyn Fn(&Step) -> bool| found.iter().filter(|it| wanted(&it.step)).count();
    let steps = |worse| count(&|step| step.change.kind == Kind::Step && step.worse == worse);
    let synthetic = match count(&|step| step.synthetic) {
        0 => String::new(),
        count => format!("; {count} of them in points that a script made"),
    };
    format!(
        "{} points in {} series: {} steps to the worse, {} to the better, {} node switches, {} pending{synthetic}\n",
        looked.points,
        looked.series,
        steps(true),
        steps(false),
        count(&|step| step.change.kind == Kind::NodeSwitch),
        count(&|step| step.change.kind == Kind::Pending)
    )
}
