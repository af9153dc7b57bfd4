//! The points of a series, and the steps that begin at them.

use std::fmt::Write as _;

use serde_json::json;

use super::super::table::{Column, lines, minute, number};
use crate::commands::steps::json_of;
use crate::history::{About, Entries, Point, Series};
use crate::list::glob_matches;
use crate::trend::Step;
use crate::verdict::change_points::Kind;

/// A point as JSON, with the step that begins at it.
pub(super) fn point_json(series: &Series, point: &Point, step: Option<&Step>) -> serde_json::Value {
    let step = step.map(|step| {
        let change = step.change;
        let mut fields = json_of(step);
        fields.insert("magnitude".to_owned(), json!(change.magnitude()));
        fields.insert("p".to_owned(), json!(change.p));
        fields
    });
    json!({
        "case": series.case.label,
        "metric": series.metric,
        "unit": series.metric.unit(),
        "machine_class": series.machine_class,
        "engine": series.engine,
        "time": point.time,
        "value": point.value,
        "state": point.state,
        "invalidated": point.invalidated,
        "certificate": point.standing,
        "run_id": point.run_id,
        "attempt": point.attempt,
        "release": point.release,
        "origin": point.origin,
        "threshold": point.limits.threshold,
        "absolute_threshold": point.limits.absolute_threshold,
        "step": step,
    })
}

/// The points in a table; below the first point of a new level, a line that tells of the step.
pub(super) fn series_text<'a>(
    series: &Series,
    points: &[Point],
    entries: &Entries,
    begins: &dyn Fn(&Point) -> Option<&'a Step>,
) -> String {
    let mut text = format!(
        "{}\n{} in {} on {} ({})\n",
        series.case.label,
        series.metric,
        series.metric.unit(),
        series.machine_class,
        series.engine
    );
    if let Some(blessing) =
        entries.blessed(&series.case, series.metric, &series.machine_class, &series.engine)
    {
        let by = &blessing.made.by;
        let level = number(blessing.level);
        writeln!(text, "blessed: {level} by {by}: {}", blessing.reason).expect("a string");
    }
    let columns = [
        Column("time (UTC)", false),
        Column("value", true),
        Column("state", false),
        Column("certificate", false),
        Column("release", false),
        Column("run", false),
        Column("remark", false),
    ];
    let row = |point: &Point| {
        vec![
            minute(point.time),
            number(point.value),
            point.state.word().to_owned(),
            point.standing.map_or("-", |standing| standing.word()).to_owned(),
            point.release.clone().unwrap_or_else(|| "-".to_owned()),
            point.run_id.clone(),
            remark(point, &series.case.label, entries),
        ]
    };
    let mut lines = lines(&columns, &points.iter().map(row).collect::<Vec<_>>()).into_iter();
    text.extend(lines.next());
    for (line, point) in lines.zip(points) {
        text += &line;
        text.extend(begins(point).map(|step| format!("  ^ {}\n", told(step))));
    }
    text + "\n"
}

/// A step in a line: which way, from what to what, what came with it.
fn told(step: &Step) -> String {
    let kind = match step.change.kind {
        Kind::Step => "step",
        Kind::NodeSwitch => "node switch",
        Kind::Pending => "pending, too few points yet",
    };
    let change = step.change;
    let (before, after) = (number(change.before), number(change.after));
    let synthetic = if step.synthetic { ", synthetic" } else { "" };
    format!(
        "{kind}: {:+.1} %, {}{synthetic}: {before} → {after}; {}",
        change.magnitude() * 100.0,
        step.way(),
        step.circumstances()
    )
}

/// What people said of a point.
fn remark(point: &Point, label: &str, entries: &Entries) -> String {
    let mut remarks: Vec<String> = point.invalidated.iter().cloned().collect();
    let told = entries.annotations.iter().filter(|annotation| {
        annotation.case.as_deref().is_none_or(|glob| glob_matches(glob, label))
            && match &annotation.about {
                About::Run(run) => *run == point.run_id,
                About::Release(release) => Some(release) == point.release.as_ref(),
                About::Time(_) => false,
            }
    });
    remarks.extend(told.map(|annotation| annotation.text.clone()));
    remarks.join("; ")
}
