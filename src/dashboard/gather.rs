//! Runs put together into what a report shows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::data::{CaseData, Outcome, Remark, ReportData, RunNote, SelfChecked};
use super::evidence::Evidence;
use super::series::series;
use crate::history::{Aspect, AttemptRecord, CaseIdentity, Ended, RunRecord};
use crate::metric::Metric;
use crate::record::result::FailureKind;
use crate::verdict::selfcheck::Tally;

/// Runs of a machine that began so close to its newest one are of one night: shards of one list, or the run of what failed.
const NIGHT: SignedDuration = SignedDuration::from_hours(12);

/// Facts that differ from case to case and stand with the case.
const OF_A_CASE: [Aspect; 4] =
    [Aspect::BenchOptions, Aspect::EngineOptions, Aspect::Dataset, Aspect::GpuCount];

/// What people said of the history, asked as it is needed.
pub struct Said<'a> {
    /// Why samples of a run (its id), a label and a metric are marked as invalid, when they are.
    pub invalid: &'a dyn Fn(&str, &str, Metric) -> Option<String>,
    /// The remarks on a label.
    pub remarks: &'a dyn Fn(&str) -> Vec<Remark>,
    /// The self-checks of the gate on a machine class with an engine.
    pub self_check: &'a dyn Fn(&str, &str) -> Tally,
}

impl Said<'static> {
    /// Nobody said anything.
    pub fn nothing() -> Self {
        Self {
            invalid: &|_, _, _| None,
            remarks: &|_| Vec::new(),
            self_check: &|_, _| Tally::default(),
        }
    }
}

/// Where a case was measured: its fields, the machine class, the engine.
type Key<'a> = (&'a str, &'a str, &'a str);

/// The attempts of a case, each with the place of its run.
type Attempts<'a> = Vec<(usize, &'a AttemptRecord)>;

/// Puts runs together. `evidence` is that of newest attempts, by run id and test name.
pub fn gather(
    runs: &[RunRecord],
    said: &Said<'_>,
    mut evidence: BTreeMap<(String, String), Evidence>,
    made: Timestamp,
) -> ReportData {
    let mut runs: Vec<&RunRecord> = runs.iter().collect();
    runs.sort_by_key(|run| run.started);
    let groups = groups(&runs);
    let newest = newest_of_machines(&runs, &groups);
    let mut notes: Vec<RunNote> = runs.iter().map(|run| note(run)).collect();
    for (_, recent) in newest.values() {
        recent.iter().for_each(|run| notes[*run].newest = true);
    }
    let mut cases: Vec<(usize, usize, CaseData)> = Vec::new();
    for (key, attempts) in &groups {
        let Some((run, last)) = attempts.last() else { continue };
        let place = runs[*run].attempts.iter().position(|it| std::ptr::eq(it, *last));
        let recent = newest.get(key.1).is_some_and(|(_, recent)| recent.contains(run));
        let mut case = case(attempts, &runs, &notes, said, recent);
        case.evidence = evidence.remove(&(runs[*run].id.clone(), last.test_name.clone()));
        cases.push((usize::MAX - run, place.unwrap_or(0), case));
    }
    cases.sort_by_key(|(run, place, _)| (*run, *place));
    let places: BTreeSet<(&str, &str)> =
        cases.iter().map(|(.., case)| (&*case.machine, &*case.engine)).collect();
    let self_checks = places.into_iter().map(|(machine, engine)| SelfChecked {
        machine: machine.to_owned(),
        engine: engine.to_owned(),
        tally: (said.self_check)(machine, engine),
    });
    let self_checks = self_checks.collect();
    let newest_runs: Vec<&RunRecord> =
        runs.iter().zip(&notes).filter(|(_, note)| note.newest).map(|(run, _)| *run).collect();
    ReportData {
        subject: subject(&newest_runs),
        made,
        facts: facts(&newest_runs),
        cases: cases.into_iter().map(|(_, _, case)| case).collect(),
        problems: runs.iter().flat_map(|run| &run.problems).map(ToString::to_string).collect(),
        self_checks,
        runs: notes,
    }
}

fn note(run: &RunRecord) -> RunNote {
    RunNote {
        id: run.id.clone(),
        origin: run.origin,
        started: run.started,
        ended: run.ended,
        release: run.release.clone(),
        newest: false,
    }
}

/// The attempts by case and machine, the oldest first. One without a number may not know its machine: it goes to where
/// the case was measured.
fn groups<'a>(runs: &[&'a RunRecord]) -> BTreeMap<Key<'a>, Attempts<'a>> {
    let key = |attempt: &'a AttemptRecord| -> Key<'a> {
        (&attempt.case.fields, &attempt.machine_class, &attempt.engine)
    };
    let mut places: BTreeMap<&str, BTreeSet<Key<'a>>> = BTreeMap::new();
    for attempt in runs.iter().flat_map(|run| &run.attempts).filter(|it| !it.samples.is_empty()) {
        places.entry(&attempt.case.fields).or_default().insert(key(attempt));
    }
    let mut groups: BTreeMap<Key<'a>, Attempts<'a>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        for attempt in &run.attempts {
            let own = key(attempt);
            let known = places.get(own.0);
            let at = match known {
                Some(known) if !known.contains(&own) => *known.iter().next().unwrap_or(&own),
                _ => own,
            };
            groups.entry(at).or_default().push((place, attempt));
        }
    }
    groups
}

/// The newest run of each machine class, with the runs of the same night.
fn newest_of_machines<'a>(
    runs: &[&RunRecord],
    groups: &BTreeMap<Key<'a>, Attempts<'_>>,
) -> BTreeMap<&'a str, (usize, BTreeSet<usize>)> {
    let mut of_machine: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for ((_, machine, _), attempts) in groups {
        of_machine.entry(machine).or_default().extend(attempts.iter().map(|(run, _)| *run));
    }
    let recent = |(machine, all): (&'a str, BTreeSet<usize>)| {
        let newest = *all.last()?;
        let begin = runs[newest].started;
        let near = |run: &usize| begin.duration_since(runs[*run].started) < NIGHT;
        Some((machine, (newest, all.into_iter().filter(near).collect())))
    };
    of_machine.into_iter().filter_map(recent).collect()
}

fn case(
    attempts: &Attempts<'_>,
    runs: &[&RunRecord],
    notes: &[RunNote],
    said: &Said<'_>,
    recent: bool,
) -> CaseData {
    let (run, last) = attempts.last().expect("a group has an attempt");
    // The place where the numbers are from, when the newest attempt has none.
    let measured =
        attempts.iter().rfind(|(_, it)| !it.samples.is_empty()).map_or(last, |(_, it)| it);
    let label = &last.case.label;
    let invalid = |run: usize, metric| (said.invalid)(&runs[run].id, label, metric);
    let failed = |(run, attempt): &(usize, &AttemptRecord)| match &attempt.ended {
        Ended::Failed { kind, .. } => Some((*run, kind.clone())),
        _ => None,
    };
    let mut failures: Vec<_> = attempts.iter().filter_map(failed).collect();
    failures.dedup_by_key(|(run, _)| *run);
    let remarks = (said.remarks)(label);
    CaseData {
        label: label.clone(),
        test_name: last.test_name.clone(),
        prefix: runs[*run].prefix.clone(),
        model: last.case.model(),
        machine: measured.machine_class.clone(),
        engine: measured.engine.clone(),
        concurrency: last.case.field("concurrency").and_then(|value| value.as_u64()),
        family: family(&last.case),
        outcome: if recent { outcome(&last.ended) } else { Outcome::Absent },
        run: *run,
        start: last.start,
        end: last.end,
        attempts: attempts.iter().filter(|(of, _)| of == run).count(),
        certificate: last.certificate.clone(),
        facts: last.facts.iter().map(|(aspect, text)| (*aspect, text.clone())).collect(),
        series: series(attempts, runs, notes, &invalid, &remarks),
        failures,
        remarks,
        evidence: None,
    }
}

fn outcome(ended: &Ended) -> Outcome {
    match ended {
        Ended::Passed => Outcome::Passed,
        Ended::Flaky => Outcome::Flaky,
        Ended::Skipped(why) => Outcome::Skipped(why.clone()),
        Ended::Failed { kind, message } if kind == FailureKind::Regression.word() => {
            Outcome::Regression(message.clone())
        }
        Ended::Failed { kind, message } if kind == FailureKind::Unmeasurable.word() => {
            Outcome::Unmeasurable(message.clone())
        }
        Ended::Failed { kind, message } => {
            Outcome::Failed { kind: kind.clone(), message: message.clone() }
        }
    }
}

/// The fields that must be equal for numbers to differ by concurrency alone, in words.
fn family(case: &CaseIdentity) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(&case.fields) else {
        return String::new();
    };
    let of = |key: &str| match fields.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Array(items) => {
            Some(items.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"))
        }
        Value::Number(number) if number.as_i64() != Some(-1) => Some(number.to_string()),
        _ => None,
    };
    let lengths = [of("input_lens"), of("output_lens")].map(Option::unwrap_or_default).join(",");
    let many = |name: &str, key: &str| {
        of(key).filter(|count| count != "1" && count != "0").map(|count| format!("{name} {count}"))
    };
    let parts = [
        case.precision(),
        of("backend"),
        Some(format!("ISL,OSL {lengths}")),
        many("GPUs", "num_gpus"),
        many("tp", "tp_size"),
        many("pp", "pp_size"),
        many("ep", "ep_size"),
        many("LoRAs", "num_loras"),
        of("max_batch_size").map(|limit| format!("maxbs {limit}")),
        of("max_num_tokens").map(|limit| format!("maxnt {limit}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn subject(newest: &[&RunRecord]) -> String {
    let prefixes: BTreeSet<&str> = newest.iter().filter_map(|run| run.prefix.as_deref()).collect();
    let machines = newest.iter().flat_map(|run| &run.attempts).map(|it| it.machine_class.as_str());
    let names = if prefixes.is_empty() { machines.collect() } else { prefixes };
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn facts(newest: &[&RunRecord]) -> Vec<(Aspect, Vec<String>)> {
    let mut found: BTreeMap<Aspect, BTreeSet<String>> = BTreeMap::new();
    for run in newest {
        let attempts = run.attempts.iter().flat_map(|attempt| &attempt.facts);
        for (aspect, text) in run.facts.iter().chain(attempts) {
            if !OF_A_CASE.contains(aspect) {
                found.entry(*aspect).or_default().insert(text.clone());
            }
        }
    }
    found.into_iter().map(|(aspect, texts)| (aspect, texts.into_iter().collect())).collect()
}
