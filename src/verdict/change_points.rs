//! Change points: where the level of a series steps, told from outliers, from its newest end, and from its nodes.
//!
//! Outliers are set aside, the rest is cut on logarithms. A step needs four points after it and the
//! certainty of a test; until then what the newest points say is **pending**. A step that comes with another node is a **node switch**, as long as nothing tells the two apart.

use super::detector::{Cut, KEPT_P, LEAST, LEAST_CHANGE, cuts};
use super::node::cuts_of_nodes;
use super::outlier::outliers;
use super::{is_measurement, stats};

/// How many of the newest points may be pending: Welch's test is certain of no more than that.
const NEWEST: usize = 6;

/// A value of a series, in the order of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point<'a> {
    /// What was measured. A value that is no measurement (NaN, infinite, zero, negative) is passed over; its place counts.
    pub value: f64,
    /// Where it was measured, where that is known.
    pub node: Option<&'a str>,
}

impl From<f64> for Point<'_> {
    fn from(value: f64) -> Self {
        Point { value, node: None }
    }
}

/// What a change point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The level has changed.
    Step,
    /// The level and the node have changed together.
    NodeSwitch,
    /// The newest points are off, and too few to say.
    Pending,
}

impl Kind {
    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::NodeSwitch => "node_switch",
            Self::Pending => "pending",
        }
    }
}

/// A place where the level of a series changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    pub kind: Kind,
    /// The first point of the new level, counted from 0 over all points of the series.
    pub index: usize,
    /// Geometric mean of the level before, back to the change before it; with known nodes, of the average node.
    pub before: f64,
    /// The same of the level after.
    pub after: f64,
    /// Two-sided p of Welch's t-test between the two; of a pending one, that of points which continue the level.
    pub p: f64,
}

impl ChangePoint {
    /// after/before − 1: 0.05 is 5 % up, −0.05 is 5 % down.
    pub fn magnitude(&self) -> f64 {
        self.after / self.before - 1.0
    }
}

/// The change points of a series, in order; a pending one is the last. A series that never varies has none.
pub fn change_points(points: &[Point<'_>]) -> Vec<ChangePoint> {
    let measured: Vec<usize> =
        (0..points.len()).filter(|index| is_measurement(points[*index].value)).collect();
    let logs: Vec<f64> = measured.iter().map(|index| points[*index].value.ln()).collect();
    let node = |place: usize| points[measured[place]].node.unwrap_or_default();
    let nodes: Vec<&str> = (0..logs.len()).map(node).collect();
    let named = points.iter().any(|point| point.node.is_some());
    let several = named && nodes.windows(2).any(|pair| pair[0] != pair[1]);

    // Places of `measured` that are no outliers, and what is cut: their logarithms.
    let marks = outliers(&logs);
    let kept: Vec<usize> = (0..logs.len()).filter(|place| !marks[*place]).collect();
    let values: Vec<f64> = kept.iter().map(|place| logs[*place]).collect();
    let (steps, switches, effects) = if several {
        let nodes: Vec<&str> = kept.iter().map(|place| nodes[*place]).collect();
        let of_nodes = cuts_of_nodes(&values, &nodes);
        let effect = |(place, node): (usize, &&str)| {
            ((*node).to_owned(), values[place] - of_nodes.adjusted[place])
        };
        let effects = nodes.iter().enumerate().map(effect).collect();
        (of_nodes.cuts, of_nodes.switches, effects)
    } else {
        (cuts(&values), Vec::new(), std::collections::BTreeMap::new())
    };
    let change = |kind: Kind, cut: &Cut| ChangePoint {
        kind,
        index: measured[kept[cut.at]],
        before: cut.before.exp(),
        after: cut.after.exp(),
        p: cut.p,
    };
    let last = steps.iter().chain(&switches).map(|cut| kept[cut.at]).max().unwrap_or(0);
    let mut found: Vec<ChangePoint> = steps.iter().map(|cut| change(Kind::Step, cut)).collect();
    found.extend(switches.iter().map(|cut| change(Kind::NodeSwitch, cut)));
    found.sort_by_key(|change| change.index);

    let effect = |place: usize| effects.get(nodes[place]).copied().unwrap_or(0.0);
    let level: Vec<(f64, bool)> =
        (last..logs.len()).map(|place| (logs[place] - effect(place), marks[place])).collect();
    if let Some(cut) = pending(&level) {
        let change = ChangePoint {
            kind: Kind::Pending,
            index: measured[last + cut.at],
            before: cut.before.exp(),
            after: cut.after.exp(),
            p: cut.p,
        };
        found.push(change);
    }
    found
}

/// The newest values of the last level, at most six, when each is off by the least change and together they do not
/// continue the values before: t = (m₂ − m₁)/(s₁·√(1/n₁ + 1/n₂)) with n₁ − 1 degrees of freedom. Values of the level that are
/// marked as outliers count only among the newest.
fn pending(level: &[(f64, bool)]) -> Option<Cut> {
    let kept = |values: &[(f64, bool)]| -> Vec<f64> {
        values.iter().filter(|(_, outlier)| !outlier).map(|(value, _)| *value).collect()
    };
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let all = kept(level);
    let total = sum(&all);
    (1..=NEWEST).rev().find_map(|newest| {
        let at = level.len().checked_sub(newest)?;
        let out = kept(&level[at..]);
        let before = &all[..all.len() - out.len()];
        if before.len() < LEAST {
            return None;
        }
        let (n, m) = (before.len() as f64, newest as f64);
        let mean = (total - sum(&out)) / n;
        let new = level[at..].iter().map(|(value, _)| value).sum::<f64>() / m;
        let off = |(value, _): &(f64, bool)| (value - mean) * (new - mean).signum() >= LEAST_CHANGE;
        if !level[at..].iter().all(off) {
            return None;
        }
        let sd = stats::sd(before)?;
        let p = stats::t_two_sided((new - mean) / (sd * (1.0 / n + 1.0 / m).sqrt()), n - 1.0);
        (p <= KEPT_P).then_some(Cut { at, before: mean, after: new, p })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Vec<(Kind, usize)> {
        let points: Vec<Point<'_>> = values.into_iter().map(Point::from).collect();
        change_points(&points).iter().map(|change| (change.kind, change.index)).collect()
    }

    fn noisy(index: usize, level: f64) -> f64 {
        level * (1.0 + 0.01 * ((index * 7919 % 101) as f64 / 50.0 - 1.0))
    }

    #[test]
    fn the_newest_three_points_are_pending_and_four_can_be_a_step() {
        for (newest, kind) in [(1, Kind::Pending), (3, Kind::Pending), (4, Kind::Step)] {
            let start = 60 - newest;
            let found = of((0..60).map(|i| noisy(i, if i < start { 100.0 } else { 110.0 })));
            assert_eq!(found, [(kind, start)], "{newest}");
        }
        let back = (0..60).map(|i| noisy(i, if (57..59).contains(&i) { 110.0 } else { 100.0 }));
        assert_eq!(of(back), []);
    }

    #[test]
    fn places_count_all_points_also_those_that_were_passed_over() {
        let mut values: Vec<f64> =
            (0..60).map(|i| noisy(i, if i < 30 { 100.0 } else { 106.0 })).collect();
        values[3] = f64::NAN;
        values[7] = 0.0;
        values[12] = 80.0;
        assert_eq!(of(values.iter().copied()), [(Kind::Step, 30)]);
        let points: Vec<Point<'_>> = values.into_iter().map(Point::from).collect();
        let step = change_points(&points)[0];
        assert!((step.magnitude() - 0.06).abs() < 0.005, "{step:?}");
    }

    #[test]
    fn nothing_a_point_and_what_never_varies_have_no_change() {
        assert_eq!(of([]), []);
        assert_eq!(of([1.0]), []);
        assert_eq!(of([f64::NAN; 20]), []);
        assert_eq!(of([3.5; 100]), []);
    }
}
