//! The object of `history judge --json`; the fields and their order are part of the interface.

use serde::Serialize;

use super::text::reasons;
use crate::compare::Cause;
use crate::metric::Metric;
use crate::trend::LeftOut;
use crate::trend::night::{CaseNight, NightRun, Still};
use crate::verdict::Verdict;
use crate::verdict::drift::Drift;
use crate::verdict::one_point::PointJudgement;

/// One case.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    case: &'a str,
    machine_class: &'a str,
    engine: &'a str,
    /// The metric that decides; null when no run has a number.
    metric: Option<Metric>,
    verdict: Verdict,
    /// `verdict` with how far a regression is confirmed, or `improved`.
    words: String,
    improved: bool,
    /// A drift makes it a regression.
    drifted: bool,
    /// New over earlier.
    ratio: Option<f64>,
    /// The ratio at which noise ends on the worse side.
    bound: Option<f64>,
    /// The smallest loss that one run can show.
    resolution: Option<f64>,
    /// One-sided p of no loss; of several runs the largest.
    p: Option<f64>,
    /// How many earlier points count.
    earlier: usize,
    /// The deciding sentence, then what else there is to say.
    reasons: Vec<String>,
    runs: Vec<RunLine<'a>>,
    others: Vec<OtherLine>,
    drifts: Vec<DriftLine<'a>>,
    left_out: &'a LeftOut,
    /// Of a regression.
    cause: Option<Cause>,
}

#[derive(Serialize)]
struct RunLine<'a> {
    run_id: &'a str,
    node: Option<&'a str>,
    release: Option<&'a str>,
    /// In the metric's unit; null when no repeat counts.
    value: Option<f64>,
    repeats: usize,
    verdict: Verdict,
    ratio: Option<f64>,
    p: Option<f64>,
}

#[derive(Serialize)]
struct OtherLine {
    metric: Metric,
    ratio: f64,
    /// Corrected for the number of metrics (Holm).
    p: f64,
    worse: bool,
}

#[derive(Serialize)]
struct DriftLine<'a> {
    /// `blessed` or `release`.
    against: &'static str,
    /// The release: the one that was blessed, or the earlier one.
    release: Option<&'a str>,
    /// The level that stands still; null without enough points.
    standard: Option<f64>,
    level: Option<f64>,
    points: usize,
    ratio: Option<f64>,
    /// Null when nothing can be said.
    drifted: Option<bool>,
}

impl<'a> Line<'a> {
    pub fn of(case: &'a CaseNight, budget: f64) -> Self {
        let noise = case.judgement.noise();
        let run = |(run, judged)| RunLine::of(run, judged);
        Self {
            case: &case.case.label,
            machine_class: &case.machine_class,
            engine: &case.engine,
            metric: case.metric,
            verdict: case.verdict,
            words: case.words(),
            improved: case.judgement.improved && case.verdict == Verdict::Pass,
            drifted: case.drifted(),
            ratio: case.judgement.ratio,
            bound: noise.and_then(|it| it.bound),
            resolution: noise.and_then(|it| it.resolution),
            p: case.judgement.p(),
            earlier: noise.map_or(0, |it| it.history),
            reasons: reasons(case, budget),
            runs: case.runs.iter().zip(&case.judgement.runs).map(run).collect(),
            others: case
                .others
                .iter()
                .map(|(metric, it)| OtherLine {
                    metric: *metric,
                    ratio: it.ratio,
                    p: it.p,
                    worse: it.worse,
                })
                .collect(),
            drifts: case.drifts.iter().map(|(still, drift)| DriftLine::of(still, drift)).collect(),
            left_out: &case.left_out,
            cause: (case.verdict == Verdict::Regress).then(|| case.cause()),
        }
    }
}

impl<'a> RunLine<'a> {
    fn of(run: &'a NightRun, judged: &PointJudgement) -> Self {
        Self {
            run_id: &run.id,
            node: run.node.as_deref(),
            release: run.release.as_deref(),
            value: Some(run.value).filter(|value| value.is_finite()),
            repeats: run.repeats,
            verdict: judged.verdict,
            ratio: judged.ratio,
            p: judged.p,
        }
    }
}

impl<'a> DriftLine<'a> {
    fn of(still: &'a Still, drift: &Drift) -> Self {
        let (against, release) = match still {
            Still::Blessed(blessing) => ("blessed", blessing.release.as_deref()),
            Still::Release(name) => ("release", Some(name.as_str())),
        };
        Self {
            against,
            release,
            standard: drift.standard,
            level: drift.level,
            points: drift.points,
            ratio: drift.ratio(),
            drifted: drift.drifted,
        }
    }
}
