//! A night against earlier ones: which of them count, what each run of the night says, and whether runs confirm each other.
//!
//! Each run is judged alone by [`one_point`] against the same earlier points. The new ones are no part of those, nor of the
//! search for steps among them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::change_points::{Kind, Point, change_points};
use super::holm::holm;
use super::one_point::{self, ALPHA, LEAST_HISTORY, PointJudgement};
use super::{Limit, Verdict, is_measurement, stats};

/// No more earlier points count: what a machine did long ago says little of its noise today.
pub const WINDOW: usize = 30;

/// So many of the newest earlier points are searched for steps: a step must still be seen when it leaves the window.
const SEARCHED: usize = 60;

/// The earlier points that a night is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Their places: at most [`WINDOW`], and only those since the newest step when they are enough.
    pub used: Range<usize>,
    /// The first point since the newest step.
    pub step: Option<usize>,
    /// How many of the newest are off, too few to be a step.
    pub pending: usize,
}

impl Level {
    /// The level of `earlier`, measurements in the order of time.
    pub fn of(earlier: &[Point<'_>]) -> Self {
        let all = earlier.len();
        let searched = all.saturating_sub(SEARCHED);
        let found = change_points(&earlier[searched..]);
        let newest = |kind| found.iter().rfind(|it| it.kind == kind).map(|it| searched + it.index);
        let (step, pending) = (newest(Kind::Step), newest(Kind::Pending));
        let window = all.saturating_sub(WINDOW);
        let since = step.filter(|at| all - at >= LEAST_HISTORY).unwrap_or(0);
        Self { used: window.max(since)..all, step, pending: pending.map_or(0, |at| all - at) }
    }

    /// Whether a step lies among the points that count, since too few lie after it.
    pub fn holds_step(&self) -> bool {
        self.step.is_some_and(|at| at > self.used.start)
    }

    /// Whether older points were left out because of a step.
    pub fn begins_at_step(&self) -> bool {
        self.used.start > 0 && self.step == Some(self.used.start)
    }
}

/// One run of the night.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run<'a> {
    /// What it measured. What is no measurement decides nothing.
    pub value: f64,
    /// Where, when that is known.
    pub node: Option<&'a str>,
}

/// How far a regression can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// One run shows it, and nothing else was asked.
    OneRun,
    /// All runs show it, all on this one node: a bad node would, too.
    OneNode(String),
    /// All runs show it, on several nodes, of which this is another than the first; `None` when nodes are not known.
    Confirmed(Option<String>),
}

/// What a night says of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// That of one run; of several the one on which they agree, and **inconclusive** where they do not. **Invalid** when no
    /// run has a measurement.
    pub verdict: Verdict,
    /// Every run is better beyond the noise and beyond δ.
    pub improved: bool,
    /// Of a regression.
    pub confirmation: Option<Confirmation>,
    /// The runs over the geometric mean of the earlier points; of several runs their geometric mean.
    pub ratio: Option<f64>,
    pub level: Level,
    /// What each run says, in the given order.
    pub runs: Vec<PointJudgement>,
}

/// Judges the runs of a night against `earlier`: valid points of the same case, machine class and settings, in the order of
/// time. Those that are no measurements do not count.
pub fn judge(earlier: &[Point<'_>], runs: &[Run<'_>], limit: Limit) -> Judgement {
    let measured: Vec<Point<'_>> =
        earlier.iter().filter(|point| is_measurement(point.value)).copied().collect();
    let level = Level::of(&measured);
    let values: Vec<f64> = measured[level.used.clone()].iter().map(|point| point.value).collect();
    let judged: Vec<PointJudgement> =
        runs.iter().map(|run| one_point::judge(&values, run.value, limit)).collect();
    let count = |run: &&PointJudgement| run.verdict != Verdict::Invalid;
    let telling: Vec<&PointJudgement> = judged.iter().filter(count).collect();
    let verdict = match telling.split_first() {
        None => Verdict::Invalid,
        Some((first, rest)) if rest.iter().all(|run| run.verdict == first.verdict) => first.verdict,
        Some(_) => Verdict::Inconclusive,
    };
    let logs: Vec<f64> = telling.iter().filter_map(|run| run.ratio).map(f64::ln).collect();
    Judgement {
        verdict,
        improved: verdict == Verdict::Pass && telling.iter().all(|run| run.improved),
        confirmation: (verdict == Verdict::Regress).then(|| confirmation(runs)),
        ratio: stats::mean(&logs).map(f64::exp),
        level,
        runs: judged,
    }
}

/// How far runs that all show a regression confirm it.
fn confirmation(runs: &[Run<'_>]) -> Confirmation {
    let telling: Vec<&Run<'_>> = runs.iter().filter(|run| is_measurement(run.value)).collect();
    let nodes: BTreeSet<&str> = telling.iter().filter_map(|run| run.node).collect();
    let another =
        telling.iter().filter_map(|run| run.node).find(|node| telling[0].node != Some(node));
    match (telling.len(), nodes.first()) {
        (1, _) => Confirmation::OneRun,
        (_, Some(node)) if nodes.len() == 1 && telling.iter().all(|run| run.node.is_some()) => {
            Confirmation::OneNode((*node).to_owned())
        }
        _ if nodes.len() > 1 => Confirmation::Confirmed(another.map(str::to_owned)),
        _ => Confirmation::Confirmed(None),
    }
}

impl Judgement {
    /// The ratio at which noise ends on the worse side, the smallest loss that can be seen, and the number of earlier points:
    /// the same for every run.
    pub fn noise(&self) -> Option<&PointJudgement> {
        self.runs.first()
    }

    /// How often a night without a loss is this bad: the largest p of its runs. `None` with too few earlier points.
    pub fn p(&self) -> Option<f64> {
        let known = self.runs.iter().filter(|run| run.history >= LEAST_HISTORY);
        known.filter_map(|run| run.p).max_by(f64::total_cmp)
    }

    /// The verdict in words.
    pub fn words(&self) -> String {
        match &self.confirmation {
            Some(Confirmation::OneRun) => "regress (one run)".to_owned(),
            Some(Confirmation::OneNode(_)) => "regress (one node)".to_owned(),
            Some(Confirmation::Confirmed(Some(node))) => format!("regress (confirmed on {node})"),
            Some(Confirmation::Confirmed(None)) => "regress (confirmed)".to_owned(),
            None if self.improved => "improved".to_owned(),
            None => self.verdict.word().to_owned(),
        }
    }
}

/// What a metric says that does not decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Other {
    /// As [`Judgement::ratio`].
    pub ratio: f64,
    /// One-sided p of no loss, corrected for the number of metrics (Holm).
    pub p: f64,
    /// The loss is beyond δ, and p at most [`ALPHA`].
    pub worse: bool,
}

/// The metrics that do not decide, as one family. `None` for one of which nothing can be said.
pub fn others(judged: &[(Judgement, Limit)]) -> Vec<Option<Other>> {
    let told: Vec<Option<(f64, f64, Limit)>> =
        judged.iter().map(|(it, limit)| Some((it.ratio?, it.p()?, *limit))).collect();
    let mut corrected =
        holm(&told.iter().flatten().map(|(_, p, _)| *p).collect::<Vec<_>>()).into_iter();
    let other = |told: Option<(f64, f64, Limit)>| {
        let (ratio, _, limit) = told?;
        let p = corrected.next()?;
        let worse = p <= ALPHA && limit.loss(ratio.ln()) > limit.log();
        Some(Other { ratio, p, worse })
    };
    told.into_iter().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;

    /// Even noise of at most this share, with a standard deviation of 0.58 of it.
    fn noise(count: usize, level: f64, most: f64) -> Vec<Point<'static>> {
        let share = |i: usize| (i * 41 % 101) as f64 / 50.0 - 1.0;
        (0..count).map(|i| Point::from(level * (1.0 + most * share(i)))).collect()
    }

    fn noisy(count: usize, level: f64) -> Vec<Point<'static>> {
        noise(count, level, 0.01)
    }

    fn night(earlier: &[Point<'_>], runs: &[(f64, Option<&str>)]) -> Judgement {
        let runs: Vec<Run<'_>> =
            runs.iter().map(|(value, node)| Run { value: *value, node: *node }).collect();
        judge(earlier, &runs, Limit::new(Better::Lower))
    }

    #[test]
    fn the_newest_thirty_count_and_only_those_since_a_step_once_they_are_ten() {
        let steady = noisy(50, 100.0);
        assert_eq!(Level::of(&steady), Level { used: 20..50, step: None, pending: 0 });
        for (since, used) in [(9, 0..29), (10, 20..30), (28, 20..48), (35, 25..55)] {
            let stepped = [noisy(20, 100.0), noisy(since, 110.0)].concat();
            let level = Level::of(&stepped);
            assert_eq!((level.step, level.used.clone()), (Some(20), used), "{since}");
            assert_eq!(level.holds_step(), since == 9, "{since}");
            assert_eq!(level.begins_at_step(), since == 10 || since == 28, "{since}");
        }
        let off = [noisy(30, 100.0), noisy(2, 110.0)].concat();
        assert_eq!(Level::of(&off), Level { used: 2..32, step: None, pending: 2 });
    }

    #[test]
    fn after_a_step_that_is_old_enough_the_new_level_is_the_usual_one() {
        let stepped = [noisy(20, 100.0), noisy(12, 110.0)].concat();
        assert_eq!(night(&stepped, &[(110.0, None)]).words(), "pass");
        assert_eq!(night(&stepped, &[(100.0, None)]).words(), "improved");
        assert_eq!(night(&stepped, &[(118.0, None)]).words(), "regress (one run)");
    }

    #[test]
    fn a_regression_is_confirmed_by_a_run_on_another_node_and_by_no_other() {
        let earlier = noisy(20, 100.0);
        let words = |runs: &[(f64, Option<&str>)]| night(&earlier, runs).words();
        let (a, b) = (Some("a"), Some("b"));
        assert_eq!(words(&[(110.0, a)]), "regress (one run)");
        assert_eq!(words(&[(110.0, a), (111.0, a)]), "regress (one node)");
        assert_eq!(words(&[(110.0, a), (111.0, a), (112.0, b)]), "regress (confirmed on b)");
        assert_eq!(words(&[(110.0, a), (111.0, None)]), "regress (confirmed)");
        assert_eq!(words(&[(110.0, a), (100.0, b)]), "inconclusive");
        assert_eq!(words(&[(110.0, a), (f64::NAN, b)]), "regress (one run)");
        assert_eq!(words(&[(f64::NAN, a), (100.0, b)]), "pass");
        assert_eq!(words(&[(90.0, a), (100.0, b)]), "pass", "one better run is no improvement");
        assert_eq!(words(&[(90.0, a), (91.0, b)]), "improved");
        assert_eq!(words(&[(0.0, a)]), "invalid");
        assert_eq!(words(&[]), "invalid");
    }

    #[test]
    fn other_metrics_are_one_family() {
        let earlier = noise(20, 100.0, 0.014);
        let limit = Limit::new(Better::Lower);
        let of = |value| (night(&earlier, &[(value, None)]), limit);
        let alone = others(&[of(103.2)])[0].expect("twenty");
        assert!(alone.worse && alone.p > 5e-5, "{alone:?}");
        let many: Vec<_> = std::iter::once(103.2).chain([100.0; 19]).map(of).collect();
        let first = others(&many)[0].expect("twenty");
        assert!((first.p / alone.p - 20.0).abs() < 1e-9 && !first.worse, "{first:?}");
        assert!(!others(&[of(102.9)])[0].expect("twenty").worse, "below δ");
        let few = noisy(9, 100.0);
        assert_eq!(others(&[(night(&few, &[(150.0, None)]), limit)]), [None]);
    }
}
