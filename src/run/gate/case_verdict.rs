//! A verdict with all that is said of it: in words, as JSON, as the result of a test.

use serde::{Deserialize, Serialize};

use super::pairs::value;
use crate::case::Case;
use crate::compare::Cause;
use crate::gpu::{Gpu, Lease};
use crate::history::source::measured_on;
use crate::metric::Metric;
use crate::record::result::{AttemptResult, Failure, FailureKind, Outcome};
use crate::verdict::{Judgement, Limit, Pair, Verdict, holm::holm, paired, stats};

/// Corrected p values up to this are told.
const TOLD: f64 = 0.01;

/// One pair of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Number of the attempts.
    pub number: u32,
    pub base_first: bool,
    pub primary: Pair,
    /// Machine class and engine of the base.
    pub measured_on: (String, String),
    /// The other metrics that both runs have.
    pub others: Vec<(Metric, Pair)>,
}

impl Measured {
    pub fn new(
        primary: Metric,
        number: u32,
        base_first: bool,
        base: &AttemptResult,
        candidate: &AttemptResult,
    ) -> Self {
        let pair = |metric| {
            Some(Pair { base: value(base, metric)?, candidate: value(candidate, metric)? })
        };
        let others = Metric::ALL.into_iter().filter(|metric| *metric != primary);
        Self {
            number,
            base_first,
            measured_on: measured_on(base),
            primary: pair(primary).unwrap_or(Pair { base: f64::NAN, candidate: f64::NAN }),
            others: others.filter_map(|metric| Some((metric, pair(metric)?))).collect(),
        }
    }
}

/// Where pairs were measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The GPUs; none where the engine uses none.
    pub gpus: Vec<String>,
}

impl Place {
    /// The GPUs of a lease.
    pub fn of(lease: Option<&Lease>) -> Self {
        Self { gpus: lease.map(Lease::gpus).unwrap_or_default().iter().map(Gpu::title).collect() }
    }
}

/// What a metric that does not decide says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Other {
    pub metric: Metric,
    /// Geometric mean of candidate/base.
    pub ratio: f64,
    /// Two-sided p of no change, corrected for the number of metrics (Holm).
    pub p: f64,
}

/// A case judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseVerdict {
    /// The test's name.
    pub series: String,
    pub label: String,
    pub metric: Metric,
    /// From 1; a gate has one.
    pub round: u32,
    /// Number of the first attempt that is not of this round.
    pub next: u32,
    pub verdict: Verdict,
    /// Better by more than δ, with the same care as a regression.
    pub improved: bool,
    /// Geometric mean of candidate/base.
    pub ratio: Option<f64>,
    /// The interval that decided.
    pub ci: Option<(f64, f64)>,
    pub pairs: usize,
    /// Pairs that do not count.
    pub lost: u32,
    /// Coefficient of variation of one run, as far as the pairs show it.
    pub run_cv: Option<f64>,
    pub place: Place,
    /// What series of history it belongs to: class of the machine, and engine; empty without a pair.
    pub machine_class: String,
    pub engine: String,
    /// Other GPUs on which a regression was seen again, or not.
    pub confirmed: Option<bool>,
    /// No self-check shows how often such verdicts are wrong there: it is advice.
    #[serde(default)]
    pub advisory: bool,
    /// GPU time spent, in minutes of one GPU.
    pub gpu_minutes: f64,
    pub reasons: Vec<String>,
    /// What a regression or an improvement is most likely due to; `None` of all others, and where it cannot be told.
    #[serde(default)]
    pub cause: Option<Cause>,
    pub others: Vec<Other>,
    /// The pairs that count.
    pub pairs_measured: Vec<PairRow>,
}

/// A pair that counts, by its primary metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    /// Number of the attempts.
    pub number: u32,
    pub base_first: bool,
    /// In the metric's unit.
    pub base: f64,
    pub candidate: f64,
}

impl CaseVerdict {
    pub(super) fn new(
        name: &str,
        case: &Case,
        metric: Metric,
        round: u32,
        judgement: &Judgement,
        limit: Limit,
    ) -> Self {
        Self {
            series: name.to_owned(),
            label: case.to_string(),
            metric,
            round,
            next: 0,
            verdict: judgement.verdict,
            improved: judgement.improved,
            ratio: judgement.ratio,
            ci: judgement.deciding.map(|interval| (interval.0, interval.1)),
            pairs: judgement.pairs,
            lost: 0,
            run_cv: judgement.run_cv(),
            place: Place::default(),
            machine_class: String::new(),
            engine: String::new(),
            confirmed: None,
            advisory: false,
            gpu_minutes: 0.0,
            reasons: vec![judgement.sentence(limit)],
            cause: None,
            others: Vec::new(),
            pairs_measured: Vec::new(),
        }
    }

    /// The metrics that do not decide, corrected for their number.
    pub(super) fn compare_others(&mut self, measured: &[Measured], delta: f64) {
        let metrics = measured.first().map(|it| it.others.as_slice()).unwrap_or_default();
        let mut others: Vec<Other> = Vec::new();
        for (metric, _) in metrics {
            let of =
                |it: &Measured| it.others.iter().find(|(other, _)| other == metric).map(|it| it.1);
            let pairs: Vec<Pair> = measured.iter().filter_map(of).collect();
            let judgement = paired::look(&pairs, Limit { better: metric.better(), delta });
            let (Some(ratio), Some(p)) = (judgement.ratio, p_value(&judgement)) else { continue };
            others.push(Other { metric: *metric, ratio, p });
        }
        let corrected = holm(&others.iter().map(|other| other.p).collect::<Vec<_>>());
        others.iter_mut().zip(corrected).for_each(|(other, p)| other.p = p);
        self.others = others;
    }

    /// Keeps the pairs.
    pub(super) fn keep(&mut self, measured: &[Measured]) {
        if let Some(first) = measured.first() {
            (self.machine_class, self.engine) = first.measured_on.clone();
        }
        self.pairs_measured.extend(measured.iter().map(|it| PairRow {
            number: it.number,
            base_first: it.base_first,
            base: it.primary.base,
            candidate: it.primary.candidate,
        }));
    }

    /// Takes in what other GPUs say of a regression.
    pub(super) fn confirm(&mut self, second: CaseVerdict) {
        let place = second.place.gpus.join(", ");
        let ratio =
            second.ratio.map_or_else(|| "no ratio".to_owned(), |it| format!("ratio {it:.4}"));
        self.confirmed = Some(second.verdict == Verdict::Regress);
        self.gpu_minutes += second.gpu_minutes;
        if second.verdict == Verdict::Regress {
            self.reasons.push(format!("confirmed on {place} ({ratio})"));
        } else {
            self.verdict = Verdict::Inconclusive;
            self.reasons.push(format!(
                "regress on {}, but {} on {place} ({ratio}): suspect the GPUs",
                self.place.gpus.join(", "),
                second.verdict.word()
            ));
        }
    }

    /// Whether a difference was found, for the worse or for the better.
    pub(super) fn is_found(&self) -> bool {
        self.verdict == Verdict::Regress || self.improved && self.verdict == Verdict::Pass
    }

    /// The verdict in words, and whether it is advice.
    pub fn words(&self) -> String {
        let advisory = if self.advisory { ", advisory" } else { "" };
        format!("{}{advisory}", self.verdict_words())
    }

    /// The verdict in words: a regression that no other GPU has shown is called by that.
    pub fn verdict_words(&self) -> &'static str {
        match (self.verdict, self.confirmed, self.improved) {
            (Verdict::Regress, Some(true), _) => "regress (confirmed)",
            (Verdict::Regress, _, _) => "regress (one node)",
            (Verdict::Pass, _, true) => "pass (improved)",
            (verdict, _, _) => verdict.word(),
        }
    }

    /// The numbers in one line.
    pub fn numbers(&self) -> String {
        let mut text = super::metric_title(self.metric);
        if let (Some(ratio), Some((low, high))) = (self.ratio, self.ci) {
            text.push_str(&format!(" ×{ratio:.4} [{low:.4}, {high:.4}]"));
        }
        text.push_str(&format!(", {} pairs", self.pairs));
        if self.lost > 0 {
            text.push_str(&format!(" and {} lost", self.lost));
        }
        if let Some(cv) = self.run_cv {
            text.push_str(&format!(", CV {:.1} %", cv * 100.0));
        }
        text
    }

    /// What else there is to say, a line each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.reasons.clone();
        remarks.extend(self.cause.as_ref().map(|cause| format!("cause: {}", cause.sentence())));
        for other in self.others.iter().filter(|other| other.p <= TOLD) {
            remarks.push(format!("also {} ×{:.4} (p {:.1e})", other.metric, other.ratio, other.p));
        }
        remarks
    }
}

/// Two-sided p of no change.
fn p_value(judgement: &Judgement) -> Option<f64> {
    let (mean, sd) = (judgement.ratio?.ln(), judgement.pair_sd?);
    let error = sd / (judgement.pairs as f64).sqrt();
    if error == 0.0 {
        return Some(if mean == 0.0 { 1.0 } else { 0.0 });
    }
    Some(stats::t_two_sided(mean / error, judgement.pairs as f64 - 1.0))
}

/// The verdict as the result of the test `blank`.
pub(super) fn result(judged: &CaseVerdict, blank: AttemptResult) -> AttemptResult {
    let line = format!("{}: {}", judged.words(), judged.numbers());
    let details = judged.remarks().iter().map(|remark| format!("{remark}\n")).collect::<String>();
    let failed = |kind, hint: &str| {
        Outcome::Failed(Failure {
            kind,
            message: line.clone(),
            hint: Some(hint.to_owned()),
            details: details.clone(),
        })
    };
    let outcome = match judged.verdict {
        Verdict::Pass => Outcome::Passed,
        Verdict::Inconclusive => {
            Outcome::Skipped(format!("{line}; {}", judged.remarks().join("; ")))
        }
        Verdict::Regress => failed(
            FailureKind::Regression,
            "the runs of both sides are in the folders base and candidate beside this one",
        ),
        Verdict::Invalid => failed(
            FailureKind::Unmeasurable,
            "junit.xml in the folders base and candidate says what was wrong with each run",
        ),
    };
    let mut problems = blank.problems;
    if judged.verdict == Verdict::Pass {
        problems.push(line);
        problems.extend(judged.remarks());
    }
    AttemptResult { outcome, problems, end: jiff::Timestamp::now(), ..blank }
}
