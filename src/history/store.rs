//! What every store of the history can do, whatever holds it.

use std::sync::Arc;

use jiff::Timestamp;

use super::entry::{Entries, Entry};
use super::error::HistoryError;
use super::filter::Filter;
use super::identity::CaseIdentity;
use super::model::{Facts, Origin, RunRecord};
use crate::metric::{Limits, Metric};
use crate::record::Problem;
use crate::record::result::State;
use crate::sample::Standing;

/// The history. One run id is one run; within it an attempt is known by its test's name and its number.
pub trait Store {
    /// Where it is, for people; without a password.
    fn place(&self) -> &str;

    /// Adds runs, all or, after an error, none. What is there already is passed over; a run that has more attempts now
    /// gets them. An attempt that had no number when it was kept is replaced, as is that of a killed harness which was run
    /// again, and the old one is kept aside; one whose numbers differ stays as it is, which is a problem.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn append(
        &mut self,
        runs: &mut dyn Iterator<Item = RunRecord>,
    ) -> Result<Appended, HistoryError>;

    /// The runs that `filter` wants, the oldest first. Of its period, the start of the run counts; case, metric and machine
    /// are passed over.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn runs(&mut self, filter: &Filter) -> Result<Vec<RunSummary>, HistoryError>;

    /// How many attempts and samples a run has.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn counts(&mut self, run: &RunSummary) -> Result<Counts, HistoryError>;

    /// A whole run, less what could not be read when it was kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn run(&mut self, run: &RunSummary) -> Result<RunRecord, HistoryError>;

    /// Every series, by label, metric, machine class and engine. Those of a renamed case are one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn series(&mut self) -> Result<Vec<Series>, HistoryError>;

    /// The points of a series, the oldest first; with `last`, no more than that many of the newest.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn points(
        &mut self,
        series: &Series,
        filter: &Filter,
        last: Option<usize>,
    ) -> Result<Vec<Point>, HistoryError>;

    /// The numbers of each series that `filter` wants, invalid ones left out, in the order of time. A series without any is
    /// left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn values(&mut self, filter: &Filter) -> Result<Vec<(Series, Vec<f64>)>, HistoryError>;

    /// What people said.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn entries(&mut self) -> Result<Entries, HistoryError>;

    /// Keeps what somebody says.
    ///
    /// # Errors
    /// When the store cannot be written, or the entry makes no sense: an alias in a circle, a run that is not there.
    fn add(&mut self, entry: &Entry) -> Result<(), HistoryError>;

    /// Hands each run that `filter` wants to `each`, cut to what is wanted, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read, or those of `each`.
    fn export(
        &mut self,
        filter: &Filter,
        each: &mut dyn FnMut(RunRecord) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        // The period is that of attempts: a run that began before it may reach into it.
        let period = Filter { since: None, ..filter.clone() };
        for summary in self.runs(&period)? {
            if let Some(run) = filter.cut(self.run(&summary)?) {
                each(run)?;
            }
        }
        Ok(())
    }
}

/// What came of an append.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Runs that were not there before.
    pub runs: usize,
    pub attempts: usize,
    pub samples: usize,
    /// Attempts that were there as they are.
    pub known: usize,
    /// Attempts that had no number before and were replaced.
    pub replaced: usize,
    /// Attempts that differ from those in the history, which stay.
    pub problems: Vec<Problem>,
}

/// A run as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    pub id: String,
    pub origin: Origin,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub prefix: Option<String>,
    pub release: Option<String>,
    pub facts: Facts,
    /// The store's own key.
    pub(super) key: i64,
}

/// How much of a run there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    /// Passed after a failure.
    pub flaky: usize,
    pub failed: usize,
    pub skipped: usize,
    pub samples: usize,
}

/// One case × metric × machine class × engine over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub case: CaseIdentity,
    pub metric: Metric,
    pub machine_class: String,
    pub engine: String,
    /// The store's own keys: several where a case was renamed.
    pub(super) keys: Vec<i64>,
}

/// One sample of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// When its attempt began.
    pub time: Timestamp,
    /// In the metric's unit.
    pub value: f64,
    pub limits: Limits,
    /// [`State::Invalid`] also of one that was marked so afterwards.
    pub state: State,
    /// Why it was marked as invalid afterwards.
    pub invalidated: Option<String>,
    pub run_id: String,
    pub release: Option<String>,
    pub origin: Origin,
    pub attempt: u32,
    /// What is known of its validity; `None` without a certificate.
    pub standing: Option<Standing>,
    /// What is known of the attempt; the same for many points, and so shared.
    pub facts: Arc<Facts>,
}
