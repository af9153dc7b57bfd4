//! Which part of the history is asked for.

use jiff::Timestamp;

use super::model::RunRecord;
use super::store::{Point, RunSummary, Series};
use crate::list::glob_matches;
use crate::metric::Metric;

/// All that is given must hold. Patterns are shell patterns over the whole text, in any case of letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Pattern of labels.
    pub case: Option<String>,
    pub metric: Option<Metric>,
    /// Pattern of machine classes.
    pub machine: Option<String>,
    /// Pattern of releases. A run without a release has none.
    pub release: Option<String>,
    pub run_id: Option<String>,
    /// Attempts that began then or later.
    pub since: Option<Timestamp>,
    /// Attempts that began before.
    pub until: Option<Timestamp>,
}

/// Whether a pattern is absent or matches.
fn fits(pattern: Option<&str>, text: &str) -> bool {
    pattern.is_none_or(|pattern| glob_matches(pattern, text))
}

impl Filter {
    /// Whether a series is wanted.
    pub fn series(&self, series: &Series) -> bool {
        fits(self.case.as_deref(), &series.case.label)
            && self.metric.is_none_or(|metric| metric == series.metric)
            && fits(self.machine.as_deref(), &series.machine_class)
    }

    /// Whether what was measured of this label on this machine class is wanted.
    pub fn case_on(&self, label: &str, machine_class: &str) -> bool {
        fits(self.case.as_deref(), label) && fits(self.machine.as_deref(), machine_class)
    }

    /// Whether a point is wanted, by its run and its time.
    pub fn point(&self, point: &Point) -> bool {
        self.time(point.time) && self.of_run(&point.run_id, point.release.as_deref())
    }

    /// Whether a run is wanted, by what is known of it as a whole.
    pub fn run(&self, run: &RunSummary) -> bool {
        self.of_run(&run.id, run.release.as_deref())
    }

    /// Whether it says which runs are wanted.
    pub fn names_runs(&self) -> bool {
        self.run_id.is_some() || self.release.is_some()
    }

    /// Whether an attempt that began at `time` is wanted.
    pub fn time(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
    }

    /// What of a run is wanted: the run with the other attempts and samples left out; `None` when nothing is left.
    pub fn cut(&self, mut run: RunRecord) -> Option<RunRecord> {
        if !self.of_run(&run.id, run.release.as_deref()) {
            return None;
        }
        run.attempts.retain(|attempt| {
            self.time(attempt.start)
                && fits(self.case.as_deref(), &attempt.case.label)
                && fits(self.machine.as_deref(), &attempt.machine_class)
        });
        if let Some(metric) = self.metric {
            run.attempts
                .iter_mut()
                .for_each(|attempt| attempt.samples.retain(|sample| sample.metric == metric));
            run.attempts.retain(|attempt| !attempt.samples.is_empty());
        }
        (!run.attempts.is_empty()).then_some(run)
    }

    fn of_run(&self, id: &str, release: Option<&str>) -> bool {
        self.run_id.as_deref().is_none_or(|wanted| wanted == id)
            && match (&self.release, release) {
                (None, _) => true,
                (Some(pattern), Some(release)) => glob_matches(pattern, release),
                (Some(_), None) => false,
            }
    }
}
