//! The steps of a series of the history: where its level changed, which way, and what came with it.

use jiff::Timestamp;

use super::came_with::{came_with, cause, remarks};
use super::remarks::Remark;
use crate::compare::{CameWith, Cause, circumstances};
use crate::history::{self, Aspect, Facts, Origin};
use crate::metric::Better;
use crate::verdict::change_points::{self, ChangePoint, change_points};
use crate::verdict::is_measurement;

static NOTHING: Facts = Facts::new();

/// One point of a series, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub time: Timestamp,
    /// In the metric's unit.
    pub value: f64,
    /// Whether it counts: it is neither invalid nor unmeasurable, and nobody marked it since.
    pub counts: bool,
    pub run_id: &'a str,
    pub release: Option<&'a str>,
    pub origin: Origin,
    /// What is known of the attempt, then of its run. The first wins.
    pub facts: [&'a Facts; 2],
}

impl<'a> From<&'a history::Point> for Seen<'a> {
    fn from(point: &'a history::Point) -> Self {
        Self {
            time: point.time,
            value: point.value,
            counts: point.state.counts(),
            run_id: &point.run_id,
            release: point.release.as_deref(),
            origin: point.origin,
            facts: [&point.facts, &NOTHING],
        }
    }
}

impl<'a> Seen<'a> {
    /// What is known of an aspect.
    pub(super) fn fact(&self, aspect: Aspect) -> Option<&'a str> {
        self.facts.iter().find_map(|facts| facts.get(&aspect)).map(String::as_str)
    }

    /// All that is known.
    pub(super) fn all_facts(&self) -> Facts {
        let [own, run] = self.facts;
        let mut facts = run.clone();
        facts.extend(own.iter().map(|(aspect, value)| (*aspect, value.clone())));
        facts
    }
}

/// A change of level, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its index is that of the point it begins at, counted over all points that were handed in.
    pub change: ChangePoint,
    /// When the new level began.
    pub time: Timestamp,
    /// The first run of the new level.
    pub run_id: String,
    /// Release of the last point before, and of the first point after.
    pub releases: [Option<String>; 2],
    /// Whether it is worse, by the direction of the metric.
    pub worse: bool,
    /// Whether it is one of points that a script made.
    pub synthetic: bool,
    pub came_with: Vec<CameWith>,
    /// What it is most likely due to, by what is known of the points before and after.
    pub cause: Cause,
    /// What people remarked near it.
    pub remarks: Vec<String>,
}

impl Step {
    /// `worse` or `better`.
    pub fn way(&self) -> &'static str {
        if self.worse { "worse" } else { "better" }
    }

    /// What came with it, in words.
    pub fn circumstances(&self) -> String {
        circumstances(&self.came_with, &self.cause, &self.remarks)
    }
}

/// The steps of a series, its points in the order of time; node switches and a pending one are among them, by their kind.
///
/// Only points that count are looked at, those that a script made apart from those that were measured: neither is ever the
/// level that the other is held against. The node is a factor where it is known.
pub fn steps(points: &[Seen<'_>], better: Better, said: &[Remark]) -> Vec<Step> {
    let of = |synthetic: bool| {
        let wanted = |index: &usize| {
            let point = &points[*index];
            point.counts
                && is_measurement(point.value)
                && (point.origin == Origin::Synthetic) == synthetic
        };
        let places: Vec<usize> = (0..points.len()).filter(wanted).collect();
        found(points, &places, better, said)
    };
    let mut all = [of(false), of(true)].concat();
    all.sort_by_key(|step| step.change.index);
    all
}

/// The steps of the points at `places`.
fn found(points: &[Seen<'_>], places: &[usize], better: Better, said: &[Remark]) -> Vec<Step> {
    let counting: Vec<&Seen<'_>> = places.iter().map(|place| &points[*place]).collect();
    let values: Vec<_> = counting
        .iter()
        .map(|point| change_points::Point { value: point.value, node: point.fact(Aspect::Node) })
        .collect();
    let step = |change: ChangePoint| {
        let at = change.index;
        let (first, before) = (counting[at], at.checked_sub(1).map(|before| counting[before]));
        let came_with = came_with(&counting, at);
        let release = |point: &Seen<'_>| point.release.map(str::to_owned);
        Step {
            change: ChangePoint { index: places[at], ..change },
            time: first.time,
            run_id: first.run_id.to_owned(),
            releases: [before.and_then(release), release(first)],
            worse: match better {
                Better::Higher => change.after < change.before,
                Better::Lower => change.after > change.before,
            },
            synthetic: first.origin == Origin::Synthetic,
            cause: cause(&counting, at, &came_with),
            came_with,
            remarks: remarks(said, &counting, at),
        }
    };
    change_points(&values).into_iter().map(step).collect()
}
