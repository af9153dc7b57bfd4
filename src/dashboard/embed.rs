//! The numbers of all series as compact JSON within the page, for what is drawn on demand.

use std::collections::BTreeMap;

use serde::Serialize;

use super::data::{CaseData, ReportData, Series};
use super::row::short_name;
use super::text::visible;
use crate::metric::{Better, Metric};

/// Numbers keep this many significant digits: half a per mille is told apart.
const DIGITS: i32 = 5;

#[derive(Serialize)]
struct Embedded {
    /// Start in minutes since 1970, and the release.
    runs: Vec<(i64, String)>,
    /// Name, unit, whether higher is better.
    metrics: Vec<(&'static str, &'static str, bool)>,
    cases: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    s: Vec<Numbers>,
    /// Points that are not plainly valid: place in `s`, run, state, note.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    x: Vec<(usize, usize, &'static str, String)>,
    /// Runs that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    f: Vec<usize>,
    /// Runs with a remark.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    r: Vec<usize>,
}

/// Place of the metric, decimal exponent, first run, and for each run from there the number × 10^exponent less that of the
/// run before which has one, null for none: short, since numbers of a series are near each other.
type Numbers = (usize, i32, usize, Vec<Option<i64>>);

/// The JSON text. It holds no character that HTML or XML would read as markup.
pub fn embed(data: &ReportData) -> String {
    let mut metrics: Vec<Metric> = Vec::new();
    for series in data.cases.iter().flat_map(|case| &case.series) {
        if !metrics.contains(&series.metric) {
            metrics.push(series.metric);
        }
    }
    let places: BTreeMap<Metric, usize> =
        metrics.iter().enumerate().map(|(place, metric)| (*metric, place)).collect();
    let release = |run: &super::data::RunNote| visible(run.release.as_deref().unwrap_or_default());
    let whole = Embedded {
        runs: data.runs.iter().map(|it| (it.started.as_second() / 60, release(it))).collect(),
        metrics: metrics
            .iter()
            .map(|it| (short_name(*it), it.unit(), it.better() == Better::Higher))
            .collect(),
        cases: data.cases.iter().map(|case| of_case(case, data, &places)).collect(),
    };
    let text = serde_json::to_string(&whole).expect("numbers and texts are JSON");
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

fn of_case(case: &CaseData, data: &ReportData, places: &BTreeMap<Metric, usize>) -> Case {
    let odd = |(place, series): (usize, &Series)| {
        let points = series.points.iter().filter(|it| it.state.word() != "valid");
        let told = points.map(|it| {
            (place, it.run, it.state.word(), visible(it.note.as_deref().unwrap_or_default()))
        });
        told.collect::<Vec<_>>()
    };
    let run_of = |at| data.runs.iter().rposition(|run| run.started <= at).unwrap_or(0);
    Case {
        s: case.series.iter().map(|series| numbers(series, places[&series.metric])).collect(),
        x: case.series.iter().enumerate().flat_map(odd).collect(),
        f: case.failures.iter().map(|(run, _)| *run).collect(),
        r: case.remarks.iter().map(|remark| run_of(remark.at)).collect(),
    }
}

fn numbers(series: &Series, metric: usize) -> Numbers {
    let largest = series.points.iter().map(|it| it.value.abs()).fold(0.0, f64::max);
    let exponent = if largest > 0.0 { DIGITS - 1 - largest.log10().floor() as i32 } else { 0 };
    let first = series.points.first().map_or(0, |point| point.run);
    let last = series.points.last().map_or(0, |point| point.run);
    let mut values = vec![None; last + 1 - first];
    let mut before = 0;
    for point in &series.points {
        let whole = (point.value * 10_f64.powi(exponent)).round() as i64;
        values[point.run - first] = Some(whole - before);
        before = whole;
    }
    (metric, exponent, first, values)
}
