//! The runs of a night as far as they are of one case, and the cases that gave no number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::levels::judged;
use super::{CaseNight, Night};
use crate::history::{Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Point, RunRecord, Series};
use crate::metric::Better;
use crate::trend::earlier::{LeftOut, other_conditions};
use crate::verdict::{Limit, stats};

/// A run of the night, as far as it is of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct NightRun {
    pub id: String,
    pub node: Option<String>,
    pub release: Option<String>,
    /// The median of its repeats that count, in the metric's unit; NaN without any.
    pub value: f64,
    /// How many repeats count.
    pub repeats: usize,
    /// Why it has no number.
    pub lacks: Option<String>,
    pub(super) facts: Arc<Facts>,
}

impl NightRun {
    /// What people know it by: its node, else its id.
    pub fn name(&self) -> &str {
        self.node.as_deref().unwrap_or(&self.id)
    }
}

impl Night<'_> {
    /// The runs of a series, those that are not comparable with the first left out with a note.
    pub(super) fn runs_of(
        &self,
        series: &Series,
        points: &[Point],
        notes: &mut Vec<String>,
    ) -> Vec<NightRun> {
        let mut runs: Vec<NightRun> = Vec::new();
        for record in self.runs {
            let own = points.iter().filter(|point| point.run_id == record.id);
            let Some(run) = self.run_of(series, record, &own.collect::<Vec<_>>()) else { continue };
            let differs = runs.first().and_then(|first| other_conditions(&first.facts, &run.facts));
            match differs {
                Some(aspect) => notes.push(format!(
                    "run {} has another {} than {} and confirms nothing",
                    run.id,
                    aspect.word().replace('_', " "),
                    runs[0].id
                )),
                None => runs.push(run),
            }
        }
        runs
    }

    /// A run with its points of a series; without any, as long as the case was tried.
    fn run_of(&self, series: &Series, record: &RunRecord, points: &[&Point]) -> Option<NightRun> {
        let values: Vec<f64> =
            points.iter().filter(|point| point.state.counts()).map(|point| point.value).collect();
        let counting = points.iter().find(|point| point.state.counts()).or(points.first());
        // What an attempt without a number ran on is not always known.
        let here = |attempt: &AttemptRecord| {
            attempt.samples.is_empty()
                || (&attempt.machine_class, &attempt.engine)
                    == (&series.machine_class, &series.engine)
        };
        let of_case = |attempt: &&AttemptRecord| self.identity(attempt) == &series.case;
        let tried = record.attempts.iter().rfind(|it| of_case(it) && here(it));
        let facts = match (counting, tried) {
            (Some(point), _) => Arc::clone(&point.facts),
            (None, Some(attempt)) => Arc::new(record.facts_of(attempt)),
            (None, None) => return None,
        };
        let marked = points.iter().find_map(|point| point.invalidated.clone());
        let lacks = || match (marked, tried) {
            (Some(reason), _) => format!("marked as invalid: {reason}"),
            (None, Some(attempt)) => why(attempt),
            (None, None) => "no number that counts".to_owned(),
        };
        Some(NightRun {
            id: record.id.clone(),
            node: facts.get(&Aspect::Node).cloned(),
            release: record.release.clone(),
            value: stats::median(&values).unwrap_or(f64::NAN),
            repeats: values.len(),
            lacks: values.is_empty().then(lacks),
            facts,
        })
    }

    /// The case of an attempt, under its last name.
    fn identity<'a>(&'a self, attempt: &'a AttemptRecord) -> &'a CaseIdentity {
        self.rules.entries.renamed(&attempt.case.fields).unwrap_or(&attempt.case)
    }

    /// The cases that were tried and gave no number at all.
    pub(super) fn without_a_number(&self, measured: &BTreeSet<&CaseIdentity>) -> Vec<CaseNight> {
        let mut lost: BTreeMap<&CaseIdentity, Vec<(&RunRecord, &AttemptRecord)>> = BTreeMap::new();
        for run in self.runs {
            for attempt in &run.attempts {
                let case = self.identity(attempt);
                let wanted = self.rules.filter.case_on(&case.label, &attempt.machine_class);
                let ran = !matches!(attempt.ended, Ended::Skipped(_));
                if ran && wanted && !measured.contains(case) {
                    lost.entry(case).or_default().push((run, attempt));
                }
            }
        }
        // What gave numbers that are not asked for has not failed.
        lost.retain(|_, attempts| attempts.iter().all(|(_, it)| it.samples.is_empty()));
        let one = |(case, attempts): (&CaseIdentity, Vec<(&RunRecord, &AttemptRecord)>)| {
            let (_, last) = attempts.last()?;
            let mut runs: Vec<NightRun> = Vec::new();
            for (run, attempt) in &attempts {
                runs.retain(|known| known.id != run.id);
                let facts = Arc::new(run.facts_of(attempt));
                runs.push(NightRun {
                    id: run.id.clone(),
                    node: facts.get(&Aspect::Node).cloned(),
                    release: run.release.clone(),
                    value: f64::NAN,
                    repeats: 0,
                    lacks: Some(why(attempt)),
                    facts,
                });
            }
            let limit = Limit { better: Better::Lower, delta: self.rules.delta };
            let judgement = judged(&[], &runs, limit);
            Some(CaseNight {
                case: case.clone(),
                machine_class: last.machine_class.clone(),
                engine: last.engine.clone(),
                metric: None,
                not_primary: None,
                limit,
                verdict: judgement.verdict,
                judgement,
                runs,
                others: Vec::new(),
                drifts: Vec::new(),
                left_out: LeftOut::default(),
                notes: Vec::new(),
                facts: Default::default(),
            })
        };
        lost.into_iter().filter_map(one).collect()
    }
}

/// Why an attempt has no number that counts.
fn why(attempt: &AttemptRecord) -> String {
    match &attempt.ended {
        Ended::Failed { kind, message } => format!("{kind}: {message}"),
        Ended::Skipped(why) => format!("skipped: {why}"),
        Ended::Passed | Ended::Flaky => "no number that counts".to_owned(),
    }
}
