//! The level of a series that is worth an answer: what somebody may bless.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::earlier::{Earlier, New, earlier};
use crate::history::{Aspect, Filter, Origin, Point};
use crate::verdict::change_points::Point as Value;
use crate::verdict::drift::NEWEST;
use crate::verdict::night::Level;
use crate::verdict::{is_measurement, stats};

/// A level is the median of at least so many valid samples.
pub const LEAST_BLESSED: usize = crate::verdict::drift::LEAST_OF_LEVEL;

/// The level of `points`, in the order of time, and the release that all of it is of: the median of the valid ones with the
/// settings of the newest. Of points that were `chosen` by run or release all count; else those of the newest runs since the
/// last step, up to ten.
///
/// # Errors
/// How many samples there are, when they are too few.
pub fn level_to_bless(points: &[Point], chosen: bool) -> Result<(f64, Option<String>), usize> {
    let counts = |point: &&Point| {
        point.state.counts() && point.origin != Origin::BaselineCsv && is_measurement(point.value)
    };
    let newest = points.iter().rfind(counts).ok_or(0_usize)?;
    let (runs, filter) = (BTreeSet::new(), Filter::default());
    let new = New {
        runs: &runs,
        begun: Timestamp::MAX,
        origin: newest.origin,
        facts: &newest.facts,
        filter: &filter,
    };
    let (nights, _) = earlier(points, new);
    let since = if chosen { 0 } else { since_step(&nights) };
    let used = &nights[since..];
    // A single run may be blessed by its repeats.
    let values: Vec<f64> = if chosen && used.len() < LEAST_BLESSED {
        used.iter().flat_map(|night| night.repeats.iter().copied()).collect()
    } else {
        used.iter().map(|night| night.value).collect()
    };
    let release = used.first().and_then(|night| night.release.clone());
    let release = release.filter(|one| used.iter().all(|it| it.release.as_ref() == Some(one)));
    match stats::median(&values) {
        Some(level) if values.len() >= LEAST_BLESSED => Ok((level, release)),
        _ => Err(values.len()),
    }
}

/// Where the newest nights of the last level begin.
fn since_step(nights: &[Earlier]) -> usize {
    let values: Vec<Value<'_>> = nights
        .iter()
        .map(|it| Value { value: it.value, node: it.facts.get(&Aspect::Node).map(String::as_str) })
        .collect();
    let step = Level::of(&values).step.unwrap_or(0);
    step.max(nights.len().saturating_sub(NEWEST))
}
