//! The steps of cases in words: below the trend of each, in its chart, and at the top of the page.

use jiff::SignedDuration;

use super::data::{CaseData, ReportData, Series};
use super::row::{Sign, short_name};
use super::text::{day, percent};
use crate::trend::Step;
use crate::verdict::change_points::Kind;

/// Steps that began so long before the newest run are news.
const NEWS: SignedDuration = SignedDuration::from_hours(14 * 24);

/// No more rows than these at the top of the page; the pages of the cases have them all.
const SHOWN: usize = 20;

/// The steps of a case that begin in one run: mostly of all its metrics.
#[derive(Debug)]
pub struct Place<'a> {
    pub run: usize,
    /// The main metric first, where it is one of them.
    pub steps: Vec<(&'a Series, &'a Step)>,
}

/// A row of the newest steps to the worse.
#[derive(Debug)]
pub struct News {
    pub id: usize,
    pub label: String,
    pub since: String,
    pub sign: Sign,
    pub change: String,
    pub circumstances: String,
}

/// A place below the trend of a case.
#[derive(Debug)]
pub struct StepLine {
    pub since: String,
    pub sign: Sign,
    pub change: String,
    pub circumstances: String,
}

/// The places of a case at which metrics step, the oldest first.
pub fn places(case: &CaseData) -> Vec<Place<'_>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    for series in &case.series {
        for step in &series.steps {
            let run = series.points[step.change.index].run;
            match places.iter_mut().find(|place| place.run == run) {
                Some(place) => place.steps.push((series, step)),
                None => places.push(Place { run, steps: vec![(series, step)] }),
            }
        }
    }
    places.sort_by_key(|place| place.run);
    places
}

/// The lines below a trend.
pub fn lines(case: &CaseData, data: &ReportData) -> Vec<StepLine> {
    let line = |place: Place<'_>| StepLine {
        since: day(data.runs[place.run].started),
        sign: sign(place.steps[0].1),
        change: changes(&place.steps, data.lean(case)),
        circumstances: place.steps[0].1.circumstances(),
    };
    places(case).into_iter().map(line).collect()
}

/// The newest steps to the worse, a row for each case and run, and how many there are; what is no step yet comes last.
pub fn news(data: &ReportData) -> (Vec<News>, usize) {
    let Some(newest) = data.runs.iter().map(|run| run.started).max() else {
        return (Vec::new(), 0);
    };
    let mut found: Vec<((bool, usize), f64, News)> = Vec::new();
    for (id, case) in data.cases.iter().enumerate() {
        for mut place in places(case) {
            place.steps.retain(|(_, step)| step.worse);
            let started = data.runs[place.run].started;
            let Some((_, first)) = place.steps.first().copied() else { continue };
            if newest.duration_since(started) > NEWS {
                continue;
            }
            let news = News {
                id,
                label: case.label.clone(),
                since: day(started),
                sign: sign(first),
                change: changes(&place.steps, true),
                circumstances: first.circumstances(),
            };
            let rank = (first.change.kind == Kind::Step, place.run);
            found.push((rank, harm(first), news));
        }
    }
    found.sort_by(|one, other| other.0.cmp(&one.0).then(other.1.total_cmp(&one.1)));
    let count = found.len();
    (found.into_iter().take(SHOWN).map(|(.., news)| news).collect(), count)
}

fn harm(step: &Step) -> f64 {
    (step.change.after / step.change.before).ln().abs()
}

/// E.g. `Token throughput −15.0 %, TTFT +17.6 %`; in `short` the first alone and how many more.
fn changes(steps: &[(&Series, &Step)], short: bool) -> String {
    let one = |(series, step): &(&Series, &Step)| {
        format!("{} {}", short_name(series.metric), percent(step.change.magnitude()))
    };
    match steps {
        [first, others @ ..] if short && !others.is_empty() => {
            format!("{} and {} more", one(first), others.len())
        }
        all => all.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// Which way a step goes, and what makes it less than one.
pub fn sign(step: &Step) -> Sign {
    let (class, sign) = match (step.change.kind, step.worse) {
        (Kind::Step, true) => ("bad", "▼"),
        (Kind::Step, false) => ("good", "▲"),
        (_, true) => ("warn", "▽"),
        (_, false) => ("off", "△"),
    };
    let kind = match step.change.kind {
        Kind::Step => "",
        Kind::NodeSwitch => ", node switch",
        Kind::Pending => ", pending",
    };
    let synthetic = if step.synthetic { ", synthetic" } else { "" };
    Sign { class, sign, word: format!("{}{kind}{synthetic}", step.way()) }
}
