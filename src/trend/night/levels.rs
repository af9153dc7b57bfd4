//! The earlier points of a night as a level, and that level beside those that stand still.

use std::collections::BTreeSet;

use super::{Night, NightRun};
use crate::history::{Aspect, Blessing, Series};
use crate::trend::earlier::{Earlier, LeftOut};
use crate::verdict::change_points::Point;
use crate::verdict::drift::{self, Drift, LEAST_OF_LEVEL, Standard};
use crate::verdict::night::{Judgement, Level, Run, judge};
use crate::verdict::one_point::LEAST_HISTORY;
use crate::verdict::{Limit, is_measurement};

/// A level that the newest one is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Still {
    Blessed(Blessing),
    Release(String),
}

impl Still {
    /// The release that the level is of, when it is of one.
    pub fn release(&self) -> Option<&str> {
        match self {
            Self::Blessed(blessing) => blessing.release.as_deref(),
            Self::Release(name) => Some(name),
        }
    }
}

/// The points that the cause is looked for in: those of the release that the level drifted from, else those that count.
pub(super) fn base<'a>(
    before: &'a [Earlier],
    judgement: &Judgement,
    since: Option<&str>,
) -> Vec<&'a Earlier> {
    let of_release = |it: &&Earlier| since.is_some() && it.release.as_deref() == since;
    let found: Vec<&Earlier> = before.iter().filter(of_release).collect();
    if found.is_empty() { before[judgement.level.used.clone()].iter().collect() } else { found }
}

/// Judges the runs against the earlier ones.
pub(super) fn judged(before: &[Earlier], runs: &[NightRun], limit: Limit) -> Judgement {
    let points: Vec<Point<'_>> = before
        .iter()
        .map(|it| Point { value: it.value, node: it.facts.get(&Aspect::Node).map(String::as_str) })
        .collect();
    let runs: Vec<Run<'_>> =
        runs.iter().map(|run| Run { value: run.value, node: run.node.as_deref() }).collect();
    judge(&points, &runs, limit)
}

/// Counts what the level leaves out.
pub(super) fn count(level: &Level, left_out: &mut LeftOut) {
    if level.begins_at_step() {
        left_out.before_step = level.used.start;
    } else {
        left_out.older = level.used.start;
    }
}

/// What must be known of the level.
pub(super) fn notes(level: &Level, earlier: usize) -> Vec<String> {
    let step = level.step.filter(|_| level.holds_step()).map(|at| {
        format!(
            "the level stepped {} earlier points ago: before {LEAST_HISTORY} of them, those from before it count, too",
            earlier - at
        )
    });
    let pending = match level.pending {
        0 => None,
        1 => Some("the newest earlier point is off already".to_owned()),
        n => Some(format!("the newest {n} earlier points are off already")),
    };
    step.into_iter().chain(pending).collect()
}

impl Night<'_> {
    /// The newest level against those that stand still.
    pub(super) fn drifts(
        &self,
        series: &Series,
        before: &[Earlier],
        runs: &[NightRun],
        judgement: &Judgement,
        limit: Limit,
    ) -> Vec<(Still, Drift)> {
        let new: Vec<f64> =
            runs.iter().map(|run| run.value).filter(|it| is_measurement(*it)).collect();
        if new.is_empty() {
            return Vec::new();
        }
        let since = &before[judgement.level.step.unwrap_or(0)..];
        let newest: Vec<f64> = since.iter().map(|it| it.value).chain(new).collect();
        let budget = self.rules.budget;
        let blessed = self.rules.entries.blessed(
            &series.case,
            series.metric,
            &series.machine_class,
            &series.engine,
        );
        let blessed = blessed.map(|blessing| {
            let found = drift::judge(&newest, Standard::Blessed(blessing.level), limit, budget);
            (Still::Blessed(blessing.clone()), found)
        });
        let release = last_release(before, runs.iter().find_map(|run| run.release.as_deref()));
        let release = release.map(|(name, values)| {
            let found = drift::judge(&newest, Standard::Release(&values), limit, budget);
            (Still::Release(name.to_owned()), found)
        });
        blessed.into_iter().chain(release).collect()
    }
}

/// The last release before the new one that has points enough for a level. `None` where the new one is not known.
fn last_release<'a>(before: &'a [Earlier], new: Option<&str>) -> Option<(&'a str, Vec<f64>)> {
    let new = new?;
    let mut seen = BTreeSet::from([new]);
    for name in before.iter().rev().filter_map(|it| it.release.as_deref()) {
        let of_it = |it: &&Earlier| it.release.as_deref() == Some(name);
        if seen.insert(name) && before.iter().filter(of_it).count() >= LEAST_OF_LEVEL {
            return Some((name, before.iter().filter(of_it).map(|it| it.value).collect()));
        }
    }
    None
}
