//! What is said of the sides before any number.

use std::collections::{BTreeMap, BTreeSet};

use super::pairs::Found;
use super::pool::{CasePool, Pool};
use super::{Options, RunNote, Side, SideNote, words};
use crate::history::{CaseIdentity, Origin};

/// A side as it was found.
pub(super) fn side_note(side: &Side, pools: &BTreeMap<CaseIdentity, CasePool<'_>>) -> SideNote {
    let numbers = pools.values().flat_map(|case| case.measured.values()).flat_map(Pool::numbers);
    let (mut samples, mut not_counted) = (0, 0);
    for (_, numbers) in numbers {
        samples += numbers.values.len();
        not_counted += numbers.not_counted;
    }
    let run = |run: &crate::history::RunRecord| RunNote {
        id: run.id.clone(),
        origin: run.origin,
        started: run.started,
        release: run.release.clone(),
        problems: run.problems.len(),
    };
    let runs = side.runs.iter().map(run).collect();
    SideNote { name: side.name.clone(), runs, cases: pools.len(), samples, not_counted }
}

/// What must be said before any number.
pub(super) fn warnings(
    base: &Side,
    candidate: &Side,
    found: &Found<'_>,
    options: &Options,
) -> Vec<String> {
    let mut said = Vec::new();
    let apart = found.apart.len();
    if apart > 0 {
        said.push(format!(
            "{} on different machine classes or engines and NOT compared; --across-machines pairs them",
            words::count(apart, "case was measured", "cases were measured"),
        ));
    }
    if found.across {
        said.push(
            "cases are paired ACROSS machine classes or engines: their ratios are of machines, not of code".to_owned(),
        );
    }
    let ids = |side: &Side| side.runs.iter().map(|run| run.id.clone()).collect::<BTreeSet<_>>();
    for id in ids(base).intersection(&ids(candidate)) {
        said.push(format!("run {id} is on both sides"));
    }
    for side in [base, candidate] {
        let synthetic = side.runs.iter().filter(|run| run.origin == Origin::Synthetic).count();
        if synthetic > 0 {
            let runs = words::count(synthetic, "run is", "runs are");
            said.push(format!(
                "{}: {runs} SYNTHETIC, made by a script and not measured",
                side.name
            ));
        }
        for problem in side.runs.iter().flat_map(|run| &run.problems) {
            said.push(format!("{}: {problem}", side.name));
        }
    }
    if found.pairs.is_empty() && options.cases.is_empty() && apart == 0 {
        said.push("the sides have no case in common".to_owned());
    }
    said
}
