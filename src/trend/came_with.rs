//! What changed together with the level of a series.

use super::remarks::Remark;
use super::steps::Seen;
use crate::compare::{CameWith, Cause, CauseClass, between};
use crate::history::{Aspect, Facts};

/// A step is placed within so many points.
const NEAR: usize = 3;

/// So many points on each side must agree, or all that there are.
const SIDE: usize = 4;

/// The release, then all facts, that have one value in the newest points before a place and another in the first points
/// after it. The place is that of the step, `at`, or up to three points off: the nearest one counts.
///
/// What is not known of a point says nothing, but each side must know something. What varies from point to point, as the
/// node may, came with nothing.
pub(super) fn came_with(points: &[&Seen<'_>], at: usize) -> Vec<CameWith> {
    let first = at.saturating_sub(NEAR + SIDE);
    let near = &points[first..points.len().min(at + NEAR + SIDE)];
    let change = |what: &'static str, values: &[Option<&str>]| {
        let (place, from, to) = change(values, at - first)?;
        let runs_off = runs_between(near, at - first, place);
        Some(CameWith { what, from: from.to_owned(), to: to.to_owned(), runs_off })
    };
    let releases: Vec<_> = near.iter().map(|point| point.release).collect();
    let aspects = Aspect::ALL.into_iter().filter_map(|aspect| {
        let values: Vec<_> = near.iter().map(|point| point.fact(aspect)).collect();
        change(aspect.word(), &values)
    });
    change("release", &releases).into_iter().chain(aspects).collect()
}

/// The place nearest to `at` where values change, and from what to what.
fn change<'a>(values: &[Option<&'a str>], at: usize) -> Option<(usize, &'a str, &'a str)> {
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let last = values.len().checked_sub(1)?.min(at + NEAR);
    let mut places: Vec<usize> = (at.saturating_sub(NEAR).max(1)..=last).collect();
    places.sort_by_key(|place| place.abs_diff(at));
    places.into_iter().find_map(|place| {
        let before = same(&values[place.saturating_sub(SIDE)..place])?;
        let after = same(&values[place..values.len().min(place + SIDE)])?;
        (before != after).then_some((place, before, after))
    })
}

/// The one value of those that are known.
fn same<'a>(values: &[Option<&'a str>]) -> Option<&'a str> {
    let mut known = values.iter().flatten();
    let first = *known.next()?;
    known.all(|value| *value == first).then_some(first)
}

/// How many runs `place` is after `at`. A run may have several points: its attempts.
fn runs_between(points: &[&Seen<'_>], at: usize, place: usize) -> i32 {
    let between = &points[at.min(place)..=at.max(place)];
    let runs = between.windows(2).filter(|pair| pair[0].run_id != pair[1].run_id).count() as i32;
    if place < at { -runs } else { runs }
}

/// The cause of a step, by what is known of up to four points on each side; what came with it up to three points off counts
/// as if it had come at the step. Where nothing differs the cause is unknown, and not noise: a step is more than that.
pub(super) fn cause(points: &[&Seen<'_>], at: usize, came_with: &[CameWith]) -> Cause {
    let side = |points: &[&Seen<'_>], value: fn(&CameWith) -> &String| -> Vec<Facts> {
        let facts = |point: &&Seen<'_>| {
            let mut facts = point.all_facts();
            for it in came_with {
                if let Some(aspect) =
                    Aspect::ALL.into_iter().find(|aspect| aspect.word() == it.what)
                {
                    facts.insert(aspect, value(it).clone());
                }
            }
            facts
        };
        points.iter().map(facts).collect()
    };
    let before = side(&points[at.saturating_sub(SIDE)..at], |it| &it.from);
    let after = side(&points[at..points.len().min(at + SIDE)], |it| &it.to);
    let mut cause = between(&before, &after);
    if cause.class == CauseClass::Noise {
        cause.class = CauseClass::Unknown;
    }
    cause
}

/// What was remarked from three points before a step to three points after it.
pub(super) fn remarks(remarks: &[Remark], points: &[&Seen<'_>], at: usize) -> Vec<String> {
    let before = at.checked_sub(NEAR + 1).map(|place| points[place].time);
    let after = points[(at + NEAR).min(points.len() - 1)].time;
    let near =
        remarks.iter().filter(|it| before.is_none_or(|before| before < it.at) && it.at <= after);
    near.map(|it| it.text.clone()).collect()
}
