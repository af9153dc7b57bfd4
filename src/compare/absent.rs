//! Why a case has no number on a side, and which cases failed.

use super::model::Failed;
use super::pool::CasePool;
use crate::history::{AttemptRecord, CaseIdentity, Ended};

/// Why a side has no number of a case.
pub(super) fn why(pool: Option<&CasePool<'_>>) -> String {
    let Some(pool) = pool else { return "it is not there".to_owned() };
    let of = |pick: fn(&Ended) -> Option<String>| {
        pool.attempts.iter().rev().find_map(|(_, attempt)| pick(&attempt.ended))
    };
    let failed = of(|ended| match ended {
        Ended::Failed { kind, message } => Some(format!("failed as {kind}: {message}")),
        _ => None,
    });
    let skipped = of(|ended| match ended {
        Ended::Skipped(why) => Some(format!("skipped: {why}")),
        _ => None,
    });
    failed.or(skipped).unwrap_or_else(|| "it gave no number".to_owned())
}

/// The runs in which the last attempt of a case failed.
pub(super) fn failed(case: &CaseIdentity, side: &'static str, pool: &CasePool<'_>) -> Vec<Failed> {
    let mut last: Vec<(&str, &AttemptRecord)> = Vec::new();
    for (run, attempt) in &pool.attempts {
        match last.iter_mut().find(|(id, of)| *id == run.id && of.test_name == attempt.test_name) {
            Some(known) if known.1.number <= attempt.number => known.1 = attempt,
            Some(_) => {}
            None => last.push((&run.id, attempt)),
        }
    }
    let failure = |(run, attempt): (&str, &AttemptRecord)| match &attempt.ended {
        Ended::Failed { kind, message } => Some(Failed {
            case: case.label.clone(),
            side,
            run: run.to_owned(),
            kind: kind.clone(),
            message: message.clone(),
        }),
        _ => None,
    };
    last.into_iter().filter_map(failure).collect()
}
