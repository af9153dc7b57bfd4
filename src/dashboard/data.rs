//! What a report shows, as plain data. Everything is decided before it is drawn; nothing here is formatted.

use jiff::Timestamp;

use super::evidence::Evidence;
use crate::history::{Aspect, Origin};
use crate::metric::{Better, Limits, Metric};
use crate::record::result::State;
use crate::sample::Certificate;
pub use crate::trend::Remark;
use crate::trend::Step;
use crate::verdict::change_points::Point as Value;
use crate::verdict::night::{Judgement, Run, judge};
use crate::verdict::selfcheck::Tally;
use crate::verdict::{Limit, Verdict};

/// A whole report.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportData {
    /// What it is of: the test prefix, or the machines.
    pub subject: String,
    /// When it was made.
    pub made: Timestamp,
    /// The oldest first. Points name a run by its place here.
    pub runs: Vec<RunNote>,
    /// What is known of the newest runs; several values where they differ.
    pub facts: Vec<(Aspect, Vec<String>)>,
    /// In the order of the newest run.
    pub cases: Vec<CaseData>,
    /// What could not be read, and where.
    pub problems: Vec<String>,
    /// What verdicts of the gate are worth on each machine class and engine of the cases.
    pub self_checks: Vec<SelfChecked>,
}

/// The self-checks of the gate in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfChecked {
    pub machine: String,
    pub engine: String,
    /// Of all of them; without a verdict where there is none on record.
    pub tally: Tally,
}

/// One run of the report's period.
#[derive(Debug, Clone, PartialEq)]
pub struct RunNote {
    pub id: String,
    pub origin: Origin,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub release: Option<String>,
    /// Whether its results are those that the report is about: the others are history.
    pub newest: bool,
}

/// One case on one machine class.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseData {
    pub label: String,
    /// The name of its newest attempt, with the prefix.
    pub test_name: String,
    /// The prefix of the run of its newest attempt.
    pub prefix: Option<String>,
    pub model: String,
    pub machine: String,
    pub engine: String,
    /// How many requests are in flight at most; `None` without a limit.
    pub concurrency: Option<u64>,
    /// What its numbers may be set beside in a chart over concurrency: the fields but model and concurrency, in words.
    pub family: String,
    pub outcome: Outcome,
    /// The run of its newest attempt.
    pub run: usize,
    pub start: Timestamp,
    pub end: Timestamp,
    /// How many attempts it took in that run.
    pub attempts: usize,
    pub certificate: Option<Certificate>,
    /// What is known of its newest attempt alone.
    pub facts: Vec<(Aspect, String)>,
    /// The main metric first.
    pub series: Vec<Series>,
    /// Runs in which it failed, with the kind of failure.
    pub failures: Vec<(usize, String)>,
    pub remarks: Vec<Remark>,
    /// What the run folder has beside the numbers, where the report was made from one.
    pub evidence: Option<Evidence>,
}

/// How a case stands in the newest run of its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Flaky,
    /// Slower than allowed.
    Regression(String),
    /// It ran, but no number can be trusted.
    Unmeasurable(String),
    Failed {
        kind: String,
        message: String,
    },
    Skipped(String),
    /// The newest run has no attempt of it.
    Absent,
}

/// One metric of a case over the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub metric: Metric,
    /// Those of the newest point.
    pub limits: Limits,
    /// One a run that has a number, the oldest first.
    pub points: Vec<Point>,
    /// The noise of each release.
    pub bands: Vec<Band>,
    /// Where the level changed. Their index is a place in `points`.
    pub steps: Vec<Step>,
}

/// One metric of a case in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Place in [`ReportData::runs`].
    pub run: usize,
    /// The median of `repeats`, in the metric's unit.
    pub value: f64,
    pub state: State,
    /// Why it does not count.
    pub note: Option<String>,
    /// The numbers that count; those that do not, where none does.
    pub repeats: Vec<f64>,
}

/// How much a series varies within a release: median and median absolute deviation (MAD) of its points that count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// First and last run of the release, places in [`ReportData::runs`].
    pub first: usize,
    pub last: usize,
    pub median: f64,
    /// Unscaled.
    pub mad: f64,
}

/// How the newest point lies to the one before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// New over old, less 1.
    pub share: f64,
    pub way: Way,
    /// Whether it is worse, and by more than both limits of the metric.
    pub beyond: bool,
    /// Whether it is more than noise: beyond what earlier points explain, or more than the relative limit.
    pub noticeable: bool,
}

/// Which way a number moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Better,
    Same,
    Worse,
}

impl Series {
    /// The newest point, of whatever state.
    pub fn newest(&self) -> Option<&Point> {
        self.points.last()
    }

    /// The newest point against the newest earlier one that counts; `None` when it does not count itself.
    pub fn change(&self) -> Option<Change> {
        let (newest, earlier) = self.points.split_last()?;
        let before = earlier.iter().rfind(|point| point.state.counts())?.value;
        if !newest.state.counts() || before == 0.0 {
            return None;
        }
        let (delta, share) = (newest.value - before, newest.value / before - 1.0);
        let worse = match self.metric.better() {
            Better::Lower => delta > 0.0,
            Better::Higher => delta < 0.0,
        };
        let way = match (delta == 0.0, worse) {
            (true, _) => Way::Same,
            (_, true) => Way::Worse,
            (_, false) => Way::Better,
        };
        let beyond = worse
            && share.abs() > self.limits.threshold.abs()
            && delta.abs() > self.limits.absolute_threshold.abs();
        let noticeable = self.outside() || share.abs() > self.limits.threshold.abs();
        Some(Change { share, way, beyond, noticeable })
    }

    /// What the rule of `history judge` says of the newest point against the earlier ones that count. It knows neither
    /// settings nor nodes here.
    pub fn night(&self) -> Option<Judgement> {
        let (newest, earlier) = self.points.split_last()?;
        let counting = earlier.iter().filter(|point| point.state.counts());
        let earlier: Vec<Value<'_>> = counting.map(|point| Value::from(point.value)).collect();
        let value = if newest.state.counts() { newest.value } else { f64::NAN };
        Some(judge(&earlier, &[Run { value, node: None }], Limit::new(self.metric.better())))
    }

    /// Whether the newest point is worse or better than the earlier ones beyond their noise and beyond δ.
    pub fn outside(&self) -> bool {
        self.night().is_some_and(|it| it.verdict == Verdict::Regress || it.improved)
    }
}

impl Band {
    /// How many standard deviations (MAD × 1.4826) the band is wide on each side of the median.
    pub const WIDTH: f64 = 3.0;

    /// Its lower and upper edge.
    pub fn edges(&self) -> (f64, f64) {
        let half = Self::WIDTH * crate::verdict::stats::MAD_TO_SD * self.mad;
        (self.median - half, self.median + half)
    }
}

impl Outcome {
    /// One or two words.
    pub fn word(&self) -> &str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Regression(_) => "regression",
            Self::Unmeasurable(_) => "unmeasurable",
            Self::Failed { kind, .. } => kind,
            Self::Skipped(_) => "skipped",
            Self::Absent => "not run",
        }
    }

    /// What happened, where there is something to tell.
    pub fn message(&self) -> &str {
        match self {
            Self::Passed | Self::Flaky | Self::Absent => "",
            Self::Regression(text)
            | Self::Unmeasurable(text)
            | Self::Failed { message: text, .. }
            | Self::Skipped(text) => text,
        }
    }

    /// Whether somebody should look.
    pub fn is_bad(&self) -> bool {
        !matches!(self, Self::Passed | Self::Flaky | Self::Skipped(_))
    }
}

impl CaseData {
    /// The series of a metric.
    pub fn of(&self, metric: Metric) -> Option<&Series> {
        self.series.iter().find(|series| series.metric == metric)
    }

    /// The number of a metric in the run of the newest attempt.
    pub fn number(&self, metric: Metric) -> Option<&Point> {
        self.of(metric)?.newest().filter(|point| point.run == self.run)
    }

    /// Whether it failed, passed only in the end, was not run, or is slower than before by more than its limits.
    pub fn needs_a_look(&self) -> bool {
        let slower = |series: &Series| {
            let here = series.newest().is_some_and(|point| point.run == self.run);
            here && series.change().is_some_and(|change| change.beyond)
        };
        self.outcome.is_bad() || self.outcome == Outcome::Flaky || self.series.iter().any(slower)
    }

    /// The series that stands for the case: the first.
    pub fn main(&self) -> Option<&Series> {
        self.series.first()
    }
}

impl ReportData {
    /// From so many cases on, what is large is there for cases that need a look alone, so that a mail still takes the file.
    const LEAN_FROM: usize = 400;

    /// Whether the page of a case is the short one.
    pub fn lean(&self, case: &CaseData) -> bool {
        self.cases.len() > Self::LEAN_FROM && !case.needs_a_look()
    }

    /// Whether any of it was made by a script and not measured.
    pub fn synthetic(&self) -> bool {
        self.runs.iter().any(|run| run.origin == Origin::Synthetic)
    }
}
