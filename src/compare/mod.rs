//! Station 12, comparisons: two sides, each one or several runs, laid beside each other.
//!
//! Pure. The plot: what differs between the sides ([`Provenance`]) comes first, since a number says nothing without it.
//! Then the numbers of each case, machine and engine are put together (`pool`) and judged metric by metric (`judge`), and
//! each change gets the class of its cause (`cause`);
//! cases that only one side has are told with the reason (`absent`), and ratios are averaged (`means`). The result
//! is one value, [`Comparison`], that is JSON as it stands; `text` and `markdown` print it.

mod absent;
mod cause;
mod judge;
mod markdown;
mod means;
mod model;
mod notes;
mod pairs;
mod pool;
mod provenance;
mod row;
mod since;
mod text;
pub mod words;

pub use cause::{Cause, CauseClass, Differing, between, common, in_turn};
pub use markdown::{MARKDOWN_LIMIT, code, markdown};
pub use means::{Family, Mean};
pub use model::{Absent, Comparison, Failed, Options, RunNote, Side, SideNote};
pub use provenance::{Difference, Provenance, SingleVariable};
pub use row::{Change, Row, Values};
pub use since::{CameWith, Since, circumstances};
pub use text::{mean_table as text_means, summary as text_summary, text};

use std::collections::{BTreeMap, BTreeSet};

use pairs::Found;

use crate::history::{Aspect, CaseIdentity};

/// Lays two sides beside each other.
pub fn compare(base: &Side, candidate: &Side, options: &Options) -> Comparison {
    let pools = [base, candidate].map(|side| pool::pools(side, options));
    let mut found = Found::default();
    let cases: BTreeSet<&CaseIdentity> = pools.iter().flat_map(BTreeMap::keys).collect();
    for case in cases {
        let [base, candidate] = [0, 1].map(|side| pools[side].get(case));
        found.case(case, base, candidate, options);
    }
    let mut collector = provenance::Collector::default();
    let mut rows: Vec<(CaseIdentity, Row, BTreeSet<Aspect>)> = Vec::new();
    for pair in &found.pairs {
        let differs = collector.add(pair.base.facts(), pair.candidate.facts());
        let cause = between(pair.base.facts(), pair.candidate.facts());
        let judged = row::rows(pair, options)
            .into_iter()
            .map(|row| Row { cause: row.change.is_found().then(|| cause.clone()), ..row });
        rows.extend(judged.map(|row| (pair.case.clone(), row, differs.clone())));
    }
    let means = means::means(rows.iter().map(|(case, row, _)| (case, row)));
    let common = collector.common();
    let told = |(_, mut row, differs): (_, Row, BTreeSet<Aspect>)| {
        row.differs = differs.difference(&common).copied().collect();
        row
    };
    let mut rows: Vec<Row> = rows.into_iter().map(told).collect();
    rows.sort_by(Row::by_harm);
    let sides = [(base, &pools[0]), (candidate, &pools[1])];
    let [base_note, candidate_note] = sides.map(|(side, pools)| notes::side_note(side, pools));
    Comparison {
        format: Comparison::FORMAT,
        base: base_note,
        candidate: candidate_note,
        warnings: notes::warnings(base, candidate, &found, options),
        provenance: collector.provenance(),
        rows,
        missing: found.missing,
        new: found.new,
        apart: found.apart,
        failed: found.failed,
        means,
    }
}
