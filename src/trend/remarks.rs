//! What people remarked, each at its moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::history::{About, Annotation, Entries, RunSummary};
use crate::list::glob_matches;

/// A remark of a person at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub at: Timestamp,
    pub text: String,
}

/// All remarks of a history, with what it takes to give each its moment.
#[derive(Debug, Clone, Default)]
pub struct Remarks {
    annotations: Vec<Annotation>,
    /// When each run began, and the first run of each release.
    starts: BTreeMap<String, Timestamp>,
    releases: BTreeMap<String, Timestamp>,
}

impl Remarks {
    /// Those of a history with these runs.
    pub fn new(entries: &Entries, runs: &[RunSummary]) -> Self {
        let mut releases: BTreeMap<String, Timestamp> = BTreeMap::new();
        for run in runs {
            if let Some(release) = &run.release {
                let first = releases.entry(release.clone()).or_insert(run.started);
                *first = run.started.min(*first);
            }
        }
        let starts = runs.iter().map(|run| (run.id.clone(), run.started)).collect();
        Self { annotations: entries.annotations.clone(), starts, releases }
    }

    /// The remarks on a label. One on a run or a release that the history does not have has no moment, and is left out.
    pub fn on(&self, label: &str) -> Vec<Remark> {
        let concerns = |it: &&Annotation| {
            it.case.as_deref().is_none_or(|pattern| glob_matches(pattern, label))
        };
        let remark = |it: &Annotation| {
            let at = match &it.about {
                About::Time(at) => *at,
                About::Run(id) => *self.starts.get(id)?,
                About::Release(release) => *self.releases.get(release)?,
            };
            Some(Remark { at, text: format!("{} ({})", it.text, it.made.by) })
        };
        self.annotations.iter().filter(concerns).filter_map(remark).collect()
    }
}
