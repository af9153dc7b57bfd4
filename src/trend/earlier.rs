//! The earlier points that a new one may be held against, and what was left out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::history::{Aspect, Facts, Filter, Kind, Origin, Point};
use crate::record::result::State;
use crate::verdict::{is_measurement, stats};

/// An earlier run of a case, by one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// The median of its repeats, in the metric's unit.
    pub value: f64,
    /// The values of all of them.
    pub repeats: Vec<f64>,
    pub release: Option<String>,
    /// Of its first repeat.
    pub facts: Arc<Facts>,
}

/// How many points of a series are not among the earlier ones, by the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Their certificate says that they are no measurement.
    pub invalid: usize,
    /// Somebody marked them as invalid.
    pub marked: usize,
    /// Zero or less.
    pub no_number: usize,
    /// Made by a script, where the new ones were measured; or the other way round.
    pub other_origin: usize,
    /// Values of a baseline: levels, and no measurements.
    pub baselines: usize,
    /// The filter on time or release.
    pub filtered: usize,
    /// Another value of a setting or of the data set, by the first that differs.
    pub settings: BTreeMap<Aspect, usize>,
    /// Older than those that count.
    pub older: usize,
    /// Before the newest step of the level.
    pub before_step: usize,
}

impl LeftOut {
    /// Both together.
    pub fn and(mut self, other: &Self) -> Self {
        self.invalid += other.invalid;
        self.marked += other.marked;
        self.no_number += other.no_number;
        self.other_origin += other.other_origin;
        self.baselines += other.baselines;
        self.filtered += other.filtered;
        self.older += other.older;
        self.before_step += other.before_step;
        for (aspect, count) in &other.settings {
            *self.settings.entry(*aspect).or_default() += count;
        }
        self
    }

    /// In words, without a full stop; `None` when nothing was left out but what is too old.
    pub fn sentence(&self) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |count: usize, what: &str| {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        };
        add(self.before_step, "before a step of the level");
        for (aspect, count) in &self.settings {
            add(*count, &format!("with another {}", aspect.word().replace('_', " ")));
        }
        add(self.invalid, "invalid");
        add(self.marked, "marked as invalid");
        add(self.no_number, "without a positive number");
        add(self.other_origin, "of another origin (synthetic and measured ones are never mixed)");
        add(self.baselines, "of baselines");
        add(self.filtered, "filtered out");
        (!parts.is_empty()).then(|| format!("left out: {}", parts.join(", ")))
    }
}

/// What the new points are, and what the user wants of the earlier ones.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// The judged runs; nothing of them is earlier.
    pub runs: &'a BTreeSet<&'a str>,
    /// When the first of their attempts began.
    pub begun: Timestamp,
    pub origin: Origin,
    pub facts: &'a Facts,
    /// Of it, period and release.
    pub filter: &'a Filter,
}

/// The setting or fact of the data set that is known of both and differs.
pub fn other_conditions(one: &Facts, other: &Facts) -> Option<Aspect> {
    let matters = |aspect: &Aspect| matches!(aspect.kind(), Kind::Settings | Kind::Dataset);
    Aspect::ALL.into_iter().filter(matters).find(|aspect| {
        one.get(aspect).zip(other.get(aspect)).is_some_and(|(one, other)| one != other)
    })
}

/// The earlier runs among `points`, which are in the order of time. Attempts of one run are repeats and become one; the rows
/// of a CSV do not, since one file may hold many nights.
pub fn earlier(points: &[Point], new: New<'_>) -> (Vec<Earlier>, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut runs: Vec<(Vec<f64>, &Point)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for point in points {
        if point.time >= new.begun || new.runs.contains(point.run_id.as_str()) {
            continue;
        }
        if let Some(reason) = reason(point, new, &mut left_out) {
            *reason += 1;
            continue;
        }
        let place = places.get(point.run_id.as_str()).copied();
        match place.filter(|_| point.origin != Origin::PerfCsv) {
            Some(place) => runs[place].0.push(point.value),
            None => {
                places.insert(&point.run_id, runs.len());
                runs.push((vec![point.value], point));
            }
        }
    }
    let one = |(values, point): (Vec<f64>, &Point)| {
        Some(Earlier {
            value: stats::median(&values)?,
            repeats: values,
            release: point.release.clone(),
            facts: Arc::clone(&point.facts),
        })
    };
    (runs.into_iter().filter_map(one).collect(), left_out)
}

/// Why a point is left out, as the place where that is counted.
fn reason<'a>(point: &Point, new: New<'_>, counts: &'a mut LeftOut) -> Option<&'a mut usize> {
    if point.origin == Origin::BaselineCsv {
        return Some(&mut counts.baselines);
    }
    if (point.origin == Origin::Synthetic) != (new.origin == Origin::Synthetic) {
        return Some(&mut counts.other_origin);
    }
    if point.invalidated.is_some() {
        return Some(&mut counts.marked);
    }
    if !point.state.counts() {
        debug_assert!(matches!(point.state, State::Invalid | State::Unmeasurable));
        return Some(&mut counts.invalid);
    }
    if !is_measurement(point.value) {
        return Some(&mut counts.no_number);
    }
    if !new.filter.point(point) {
        return Some(&mut counts.filtered);
    }
    let aspect = other_conditions(new.facts, &point.facts)?;
    Some(counts.settings.entry(aspect).or_default())
}
