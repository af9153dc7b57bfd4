//! The table of cases: one row a case.

use super::data::{CaseData, Change, Outcome, ReportData, Way};
use super::text::{number, percent};
use crate::metric::Metric;
use crate::sample::{Certificate, Standing};

/// A state as it is shown: a class for the colour, a sign for those who do not see it, and a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    pub class: &'static str,
    pub sign: &'static str,
    pub word: String,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    pub id: usize,
    pub model: String,
    /// The label without the model.
    pub rest: String,
    pub machine: String,
    pub outcome: Sign,
    /// One a column; empty where there is no number.
    pub numbers: Vec<String>,
    pub change: Option<Sign>,
    pub certificate: Option<Sign>,
}

/// Which columns there are.
#[derive(Debug)]
pub struct Columns {
    /// Metrics that a case has.
    pub metrics: Vec<(Metric, &'static str, &'static str)>,
    pub machine: bool,
    pub change: bool,
    pub certificate: bool,
}

/// The columns that hold something.
pub fn columns(data: &ReportData) -> Columns {
    let mut metrics: Vec<Metric> = Metric::ALL
        .into_iter()
        .filter(|it| data.cases.iter().any(|case| case.of(*it).is_some()))
        .collect();
    let first = [
        Metric::TokenThroughput,
        Metric::SeqThroughput,
        Metric::InferenceTime,
        Metric::FirstTokenTime,
        Metric::OutputTokenTime,
    ];
    metrics.sort_by_key(|it| first.iter().position(|other| other == it).unwrap_or(first.len()));
    let mut machines = data.cases.iter().map(|case| &case.machine);
    let machine = machines.next();
    Columns {
        metrics: metrics.into_iter().map(|it| (it, short_name(it), it.unit())).collect(),
        machine: machines.any(|other| Some(other) != machine),
        change: data.runs.len() > 1,
        certificate: data.cases.iter().any(|case| case.certificate.is_some()),
    }
}

/// The rows, in the order of the cases.
pub fn rows(data: &ReportData, columns: &Columns) -> Vec<Row> {
    data.cases.iter().enumerate().map(|(id, case)| row(id, case, columns)).collect()
}

fn row(id: usize, case: &CaseData, columns: &Columns) -> Row {
    let text = |metric: Metric| case.number(metric).map(|it| number(it.value)).unwrap_or_default();
    let newest = case.main().filter(|it| it.newest().is_some_and(|point| point.run == case.run));
    Row {
        id,
        rest: case.label.strip_prefix(&format!("{}-", case.model)).unwrap_or("").to_owned(),
        model: case.model.clone(),
        machine: case.machine.clone(),
        outcome: outcome_sign(&case.outcome),
        numbers: columns.metrics.iter().map(|(metric, ..)| text(*metric)).collect(),
        change: newest.and_then(|it| it.change()).map(|it| change_sign(&it)),
        certificate: case.certificate.as_ref().map(certificate_sign),
    }
}

/// The name of a metric as people say it; the unit stands beside it.
pub fn short_name(metric: Metric) -> &'static str {
    match metric {
        Metric::TokenThroughput => "Token throughput",
        Metric::SeqThroughput => "Sequence throughput",
        Metric::InferenceTime => "Inference time",
        Metric::FirstTokenTime => "TTFT",
        Metric::OutputTokenTime => "TPOT",
        Metric::BuildTime => "Build time",
        Metric::KvCacheSize => "KV cache",
        other => other.wire_name(),
    }
}

/// How an outcome is shown.
pub fn outcome_sign(outcome: &Outcome) -> Sign {
    let (class, sign) = match outcome {
        Outcome::Passed => ("good", "✓"),
        Outcome::Flaky => ("warn", "◆"),
        Outcome::Regression(_) => ("bad", "▼"),
        Outcome::Unmeasurable(_) => ("warn", "?"),
        Outcome::Failed { .. } => ("bad", "✗"),
        Outcome::Skipped(_) => ("off", "–"),
        Outcome::Absent => ("warn", "○"),
    };
    Sign { class, sign, word: outcome.word().to_owned() }
}

/// How a change is shown: the sign says good or bad, not up or down. Noise has none.
pub fn change_sign(change: &Change) -> Sign {
    let percent = percent(change.share);
    let (class, sign, word) = match change.way {
        Way::Worse if change.beyond => ("bad", "▼", format!("{percent} worse")),
        Way::Worse if change.noticeable => ("warn", "▽", format!("{percent} worse")),
        Way::Better if change.noticeable => ("good", "▲", format!("{percent} better")),
        _ => ("off", "", percent),
    };
    Sign { class, sign, word }
}

/// How a certificate is shown.
pub fn certificate_sign(certificate: &Certificate) -> Sign {
    standing_sign(certificate.standing())
}

/// How a standing is shown.
pub fn standing_sign(standing: Standing) -> Sign {
    let (class, sign) = match standing {
        Standing::Verified => ("good", "✓"),
        Standing::Unverified => ("off", "?"),
        Standing::Invalid => ("bad", "✗"),
    };
    Sign { class, sign, word: standing.word().to_owned() }
}
