//! The numbers of a side by case, then by the place where they were measured.

use std::collections::BTreeMap;

use super::model::{Options, Side};
use crate::history::{AttemptRecord, CaseIdentity, Facts, RunRecord, SampleRecord};
use crate::list::glob_matches;
use crate::metric::{Limits, Metric};

/// The engine that goes without saying.
const TENSORRT_LLM: &str = "tensorrt_llm";

/// Where a number was measured and on what. Numbers of different places are no repeats of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub machine_class: String,
    pub engine: String,
}

impl Place {
    /// The machine class, and the engine where it is not TensorRT-LLM.
    pub fn text(&self) -> String {
        match self.engine.as_str() {
            TENSORRT_LLM => self.machine_class.clone(),
            engine => format!("{} ({engine})", self.machine_class),
        }
    }
}

/// Some attempts of one case, with the facts of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool<'a> {
    attempts: Vec<(&'a AttemptRecord, Facts)>,
}

/// One metric of a pool, of one pair of lengths.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Numbers {
    /// Those that count.
    pub values: Vec<f64>,
    pub not_counted: usize,
    pub limits: Option<Limits>,
}

impl<'a> Pool<'a> {
    /// Adds the attempts of another pool.
    pub fn extend(&mut self, other: &Self) {
        self.attempts.extend(other.attempts.iter().cloned());
    }

    /// By metric and the place of the pair of lengths, from 1: an attempt of several pairs has a metric several times.
    pub fn numbers(&self) -> BTreeMap<(Metric, usize), Numbers> {
        let mut found: BTreeMap<_, Numbers> = BTreeMap::new();
        for (attempt, _) in &self.attempts {
            let mut seen: BTreeMap<Metric, usize> = BTreeMap::new();
            for sample in &attempt.samples {
                let point = seen.entry(sample.metric).or_default();
                *point += 1;
                found.entry((sample.metric, *point)).or_default().add(sample);
            }
        }
        found
    }

    /// What is known of each attempt.
    pub fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.attempts.iter().map(|(_, facts)| facts)
    }
}

impl Numbers {
    fn add(&mut self, sample: &SampleRecord) {
        match sample.state.counts() {
            true => self.values.push(sample.value),
            false => self.not_counted += 1,
        }
        self.limits.get_or_insert(sample.limits);
    }
}

/// The attempts of one case on a side.
#[derive(Debug, Default)]
pub(super) struct CasePool<'a> {
    /// Those that gave numbers, by place. An attempt that failed before may not even know its machine.
    pub measured: BTreeMap<Place, Pool<'a>>,
    /// All, with the run that each is of, in order.
    pub attempts: Vec<(&'a RunRecord, &'a AttemptRecord)>,
}

/// The cases of a side, under their newest identity.
pub(super) fn pools<'a>(side: &'a Side, options: &Options) -> BTreeMap<CaseIdentity, CasePool<'a>> {
    let wanted = |case: &CaseIdentity| {
        options.cases.is_empty()
            || options.cases.iter().any(|pattern| glob_matches(pattern, &case.label))
    };
    let mut cases: BTreeMap<CaseIdentity, CasePool<'a>> = BTreeMap::new();
    for run in &side.runs {
        for attempt in &run.attempts {
            let case = options.aliases.get(&attempt.case).unwrap_or(&attempt.case);
            if !wanted(case) && !wanted(&attempt.case) {
                continue;
            }
            let pool = cases.entry(case.clone()).or_default();
            pool.attempts.push((run, attempt));
            if !attempt.samples.is_empty() {
                let place = Place {
                    machine_class: attempt.machine_class.clone(),
                    engine: attempt.engine.clone(),
                };
                let measured = pool.measured.entry(place).or_default();
                measured.attempts.push((attempt, run.facts_of(attempt)));
            }
        }
    }
    cases
}
