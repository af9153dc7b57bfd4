//! What the history has for a report: runs of a period, and what people said of them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::dashboard::Said;
use crate::history::{CaseIdentity, Entries, Filter, HistoryError, RunRecord, RunSummary, Store};
use crate::metric::Metric;
use crate::trend::Remarks;

/// Runs that began so close to the newest one may have evidence that is worth reading.
const LAST_NIGHT: SignedDuration = SignedDuration::from_hours(12);

/// A part of the history.
#[derive(Default)]
pub struct Past {
    /// The oldest first; of renamed cases, under the last name.
    pub runs: Vec<RunRecord>,
    entries: Entries,
    remarks: Remarks,
}

impl Past {
    /// Reads the last `days` of a history.
    pub fn read(store: &mut dyn Store, days: u32) -> Result<Self, HistoryError> {
        let entries = store.entries()?;
        let all = store.runs(&Filter::default())?;
        let newest = all.iter().map(|run| run.started).max().unwrap_or(Timestamp::UNIX_EPOCH);
        let from = newest
            .saturating_sub(SignedDuration::from_hours(i64::from(days) * 24))
            .unwrap_or(Timestamp::MIN);
        let mut renamed = BTreeMap::new();
        let mut runs = Vec::new();
        for summary in all.iter().filter(|run| run.started >= from) {
            runs.push(Self::one(store, summary, &entries, &mut renamed)?);
        }
        let remarks = Remarks::new(&entries, &all);
        Ok(Self { runs, entries, remarks })
    }

    /// The self-checks of a history alone.
    pub fn self_checks(store: &mut dyn Store) -> Result<Self, HistoryError> {
        let self_checks = store.entries()?.self_checks;
        Ok(Self { entries: Entries { self_checks, ..Entries::default() }, ..Self::default() })
    }

    fn one(
        store: &mut dyn Store,
        summary: &RunSummary,
        entries: &Entries,
        renamed: &mut BTreeMap<String, Option<CaseIdentity>>,
    ) -> Result<RunRecord, HistoryError> {
        let mut run = store.run(summary)?;
        for attempt in &mut run.attempts {
            let fields = attempt.case.fields.clone();
            let now =
                renamed.entry(fields.clone()).or_insert_with(|| entries.renamed(&fields).cloned());
            if let Some(now) = now {
                attempt.case = now.clone();
            }
        }
        Ok(run)
    }

    /// The ids of the newest run and those near it.
    pub fn last_night(&self) -> impl Iterator<Item = &str> {
        let newest = self.runs.iter().map(|run| run.started).max();
        let near = move |run: &&RunRecord| {
            newest.is_some_and(|it| it.duration_since(run.started) < LAST_NIGHT)
        };
        self.runs.iter().filter(near).map(|run| run.id.as_str())
    }

    /// Hands on what people said, as a report asks for it.
    pub fn said<T>(&self, then: impl FnOnce(&Said<'_>) -> T) -> T {
        let invalid = |run: &str, label: &str, metric: Metric| {
            let entry = self.entries.invalid(run, label, metric)?;
            Some(format!("marked by {}: {}", entry.made.by, entry.reason))
        };
        let remarks = |label: &str| self.remarks.on(label);
        let self_check = |machine: &str, engine: &str| self.entries.self_check(machine, engine);
        then(&Said { invalid: &invalid, remarks: &remarks, self_check: &self_check })
    }
}
