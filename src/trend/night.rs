//! The runs of a night, case by case, against the points of a history.

mod levels;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use levels::Still;
pub use runs::NightRun;

use super::earlier::{LeftOut, New, earlier};
use crate::case::{Case, ModelTable};
use crate::compare::{Cause, between};
use crate::history::{CaseIdentity, Entries, Facts, Filter, Origin, Point, RunRecord, Series};
use crate::metric::Metric;
use crate::verdict::drift::Drift;
use crate::verdict::night::{Judgement, Other, others};
use crate::verdict::{Limit, PrimaryTable, Verdict, is_measurement};

/// A series with its points, in the order of time.
pub type SeriesPoints = (Series, Vec<Point>);

/// The series of a case on one class of machines with one engine.
type OfCase<'a> = BTreeMap<(&'a CaseIdentity, &'a str, &'a str), Vec<&'a SeriesPoints>>;

/// By what the cases of a night are judged.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub primary: &'a PrimaryTable,
    pub models: &'a ModelTable,
    /// What people said: blessed levels, renamed cases.
    pub entries: &'a Entries,
    /// Which cases and machines; of earlier points, which period and release; the metric that decides in place of the primary.
    pub filter: &'a Filter,
    /// The practical limit δ, as a share.
    pub delta: f64,
    /// How far a level may be worse than one that stands still, as a share.
    pub budget: f64,
}

/// One case of a night, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseNight {
    pub case: CaseIdentity,
    pub machine_class: String,
    pub engine: String,
    /// The metric that decides; `None` when no run has any number.
    pub metric: Option<Metric>,
    /// Why it is another than the table of primary metrics names.
    pub not_primary: Option<String>,
    pub limit: Limit,
    /// The worse of what the numbers of the night say and of a drift.
    pub verdict: Verdict,
    /// What the numbers say.
    pub judgement: Judgement,
    pub runs: Vec<NightRun>,
    /// The metrics that do not decide.
    pub others: Vec<(Metric, Other)>,
    pub drifts: Vec<(Still, Drift)>,
    pub left_out: LeftOut,
    /// What else there is to say, a sentence each.
    pub notes: Vec<String>,
    /// What is known of the earlier points that count, or of the release that the level drifted from, and of the new ones.
    pub facts: [Vec<Arc<Facts>>; 2],
}

impl CaseNight {
    /// Whether a drift makes it a regression.
    pub fn drifted(&self) -> bool {
        self.drifts.iter().any(|(_, drift)| drift.drifted == Some(true))
    }

    /// What most likely made it slower, by what is known of the earlier points that count and of the new ones.
    pub fn cause(&self) -> Cause {
        let [earlier, new] = [0, 1].map(|side| self.facts[side].iter().map(Arc::as_ref));
        between(earlier, new)
    }

    /// The verdict in words.
    pub fn words(&self) -> String {
        if self.verdict == Verdict::Regress && self.judgement.verdict != Verdict::Regress {
            return "regress (drift)".to_owned();
        }
        self.judgement.words()
    }

    /// How much worse it is, as a log-ratio; by it equal verdicts are put in order.
    pub fn loss(&self) -> f64 {
        self.judgement.ratio.map_or(0.0, |ratio| self.limit.loss(ratio.ln()))
    }
}

/// When the first attempt of the runs began, and the last.
pub fn period(runs: &[RunRecord]) -> Option<(Timestamp, Timestamp)> {
    let starts =
        || runs.iter().flat_map(|run| run.attempts.iter().map(|it| it.start).chain([run.started]));
    Some((starts().min()?, starts().max()?))
}

/// Judges each case of the runs, the worst first. `history` has the series of these cases with their points, in the order of
/// time, those of the runs among them.
pub fn cases(runs: &[RunRecord], history: &[SeriesPoints], rules: Rules<'_>) -> Vec<CaseNight> {
    let judged: BTreeSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let mut found = OfCase::new();
    for it in history.iter().filter(|(series, _)| rules.filter.series(series)) {
        let key = (&it.0.case, it.0.machine_class.as_str(), it.0.engine.as_str());
        found.entry(key).or_default().push(it);
    }
    let new = |points: &[Point]| points.iter().any(|it| judged.contains(it.run_id.as_str()));
    found.retain(|_, series| series.iter().any(|(_, points)| new(points)));
    let night = Night { runs, judged: &judged, rules };
    let mut cases: Vec<CaseNight> = found.values().map(|series| night.case(series)).collect();
    let measured: BTreeSet<&CaseIdentity> = found.keys().map(|(case, ..)| *case).collect();
    cases.extend(night.without_a_number(&measured));
    cases.sort_by(|one, other| {
        let by_verdict = other.verdict.cmp(&one.verdict);
        let by_harm = || other.loss().total_cmp(&one.loss());
        by_verdict.then_with(by_harm).then_with(|| one.case.cmp(&other.case))
    });
    cases
}

/// What is the same for all cases.
struct Night<'a> {
    runs: &'a [RunRecord],
    judged: &'a BTreeSet<&'a str>,
    rules: Rules<'a>,
}

impl Night<'_> {
    /// Judges a case by its series.
    fn case(&self, series: &[&SeriesPoints]) -> CaseNight {
        let (metric, not_primary) = self.deciding(series);
        let (of_metric, rest): (Vec<&SeriesPoints>, _) =
            series.iter().partition(|(it, _)| it.metric == metric);
        let (series, points) = of_metric.first().expect("the metric is one of them");
        let mut notes = Vec::new();
        let runs = self.runs_of(series, points, &mut notes);
        let mut facts = runs.iter().filter(|run| is_measurement(run.value));
        let facts = facts.next().or(runs.first()).expect("a point of a run").facts.clone();
        let (before, mut left_out) = earlier(points, self.of_night(&facts));
        let limit = self.limit(metric);
        let judgement = levels::judged(&before, &runs, limit);
        let level = &judgement.level;
        levels::count(level, &mut left_out);
        notes.extend(levels::notes(level, before.len()));
        let drifts = self.drifts(series, &before, &runs, &judgement, limit);
        let drifted = drifts.iter().any(|(_, drift)| drift.drifted == Some(true));
        let slow = drifted && judgement.verdict != Verdict::Regress;
        let since = drifts
            .iter()
            .filter(|_| slow)
            .find_map(|(still, drift)| still.release().filter(|_| drift.drifted == Some(true)));
        let base = levels::base(&before, &judgement, since);
        CaseNight {
            case: series.case.clone(),
            machine_class: series.machine_class.clone(),
            engine: series.engine.clone(),
            metric: Some(metric),
            not_primary,
            limit,
            verdict: if drifted { Verdict::Regress } else { judgement.verdict },
            others: self.others(&rest, &facts),
            drifts,
            left_out,
            notes,
            facts: [
                base.into_iter().map(|it| Arc::clone(&it.facts)).collect(),
                runs.iter().map(|it| Arc::clone(&it.facts)).collect(),
            ],
            judgement,
            runs,
        }
    }

    fn limit(&self, metric: Metric) -> Limit {
        Limit { better: metric.better(), delta: self.rules.delta }
    }

    fn of_night<'a>(&'a self, facts: &'a Facts) -> New<'a> {
        New {
            runs: self.judged,
            begun: period(self.runs).map_or(Timestamp::MAX, |(first, _)| first),
            origin: self.runs.first().map_or(Origin::RunFolder, |run| run.origin),
            facts,
            filter: self.rules.filter,
        }
    }

    /// The metric that decides, and why it is not the primary one.
    fn deciding(&self, series: &[&SeriesPoints]) -> (Metric, Option<String>) {
        let new =
            |points: &[Point]| points.iter().any(|it| self.judged.contains(it.run_id.as_str()));
        let metrics: BTreeSet<Metric> =
            series.iter().filter(|(_, points)| new(points)).map(|(it, _)| it.metric).collect();
        let first = *metrics.first().expect("a case of the night has a number");
        if let Some(asked) = self.rules.filter.metric {
            return (asked, None);
        }
        match Case::parse(&series[0].0.case.label, self.rules.models) {
            Ok(case) => {
                let primary = self.rules.primary.of(&case);
                let lacks = || format!("it has no {primary}, which decides for it; {first} does");
                if metrics.contains(&primary) { (primary, None) } else { (first, Some(lacks())) }
            }
            Err(_) => (first, Some(format!("its label has no meaning here; {first} decides"))),
        }
    }

    fn others(&self, rest: &[&SeriesPoints], facts: &Facts) -> Vec<(Metric, Other)> {
        let one = |(series, points): &&SeriesPoints| {
            let limit = self.limit(series.metric);
            let runs = self.runs_of(series, points, &mut Vec::new());
            (levels::judged(&earlier(points, self.of_night(facts)).0, &runs, limit), limit)
        };
        let told = others(&rest.iter().map(one).collect::<Vec<_>>());
        let metrics = rest.iter().map(|(series, _)| series.metric);
        metrics.zip(told).filter_map(|(metric, other)| Some((metric, other?))).collect()
    }
}
