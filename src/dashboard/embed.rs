//! The numbers of all series as compact JSON within the page, for what is drawn on demand.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::data::{CaseData, ReportData, Series};
use super::row::{Sign, short_name};
use super::steps::sign;
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
    /// Words of steps that the cases name by their place: class, sign, word, and what came with it.
    steps: Vec<Words>,
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
    /// Steps: place in `s`, run, change in tenths of a per cent, place in `steps`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    k: Vec<(usize, usize, i64, usize)>,
}

type Words = (&'static str, &'static str, String, String);

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
    let mut words = Interned::default();
    let cases = data.cases.iter().map(|case| of_case(case, data, &places, &mut words)).collect();
    let release = |run: &super::data::RunNote| visible(run.release.as_deref().unwrap_or_default());
    let whole = Embedded {
        runs: data.runs.iter().map(|it| (it.started.as_second() / 60, release(it))).collect(),
        metrics: metrics
            .iter()
            .map(|it| (short_name(*it), it.unit(), it.better() == Better::Higher))
            .collect(),
        cases,
        steps: words.all,
    };
    let text = serde_json::to_string(&whole).expect("numbers and texts are JSON");
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// Words that many cases share, each kept once.
#[derive(Default)]
struct Interned {
    all: Vec<Words>,
    places: HashMap<Words, usize>,
}

impl Interned {
    fn place(&mut self, words: Words) -> usize {
        *self.places.entry(words).or_insert_with_key(|words| {
            self.all.push(words.clone());
            self.all.len() - 1
        })
    }
}

fn of_case(
    case: &CaseData,
    data: &ReportData,
    places: &BTreeMap<Metric, usize>,
    words: &mut Interned,
) -> Case {
    let mut steps = Vec::new();
    for (place, series) in case.series.iter().enumerate() {
        for step in &series.steps {
            let run = series.points[step.change.index].run;
            let change = (step.change.magnitude() * 1000.0).round() as i64;
            let Sign { class, sign, word } = sign(step);
            let circumstances = visible(&step.circumstances());
            steps.push((place, run, change, words.place((class, sign, word, circumstances))));
        }
    }
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
        k: steps,
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
