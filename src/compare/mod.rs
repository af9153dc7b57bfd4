//! Station 12, comparisons: two sides, each one or several runs, laid beside each other.
//!
//! Pure. The plot: what differs between the sides ([`Provenance`]) comes first, since a number says nothing without it.
//! Then the numbers of each case, machine and engine are put together (`pool`) and judged metric by metric (`judge`);
//! cases that only one side has are told with the reason (`absent`), and ratios are averaged (`means`). The result
//! is one value, [`Comparison`], that is JSON as it stands; `text` and `markdown` print it.

mod absent;
mod judge;
mod markdown;
mod means;
mod model;
mod pool;
mod provenance;
mod row;
mod text;
pub mod words;

pub use markdown::{MARKDOWN_LIMIT, markdown};
pub use means::{Family, Mean};
pub use model::{Absent, Comparison, Failed, Options, RunNote, Side, SideNote};
pub use provenance::{Difference, Provenance, SingleVariable};
pub use row::{Change, Row, Values};
pub use text::{mean_table as text_means, summary as text_summary, text};

use std::collections::{BTreeMap, BTreeSet};

use pool::{CasePool, Place, Pool};

use crate::history::{Aspect, CaseIdentity, Origin};

/// A case that both sides have at one place, or with `across_machines` at different ones.
struct Pair<'a> {
    case: CaseIdentity,
    machine: String,
    base: Pool<'a>,
    candidate: Pool<'a>,
}

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
        let differs = collector.add(&pair.base, &pair.candidate);
        let judged = row::rows(pair, options);
        rows.extend(judged.into_iter().map(|row| (pair.case.clone(), row, differs.clone())));
    }
    let means = means::means(rows.iter().map(|(case, row, _)| (case, row)));
    let common = collector.common();
    let told = |(_, mut row, differs): (_, Row, BTreeSet<Aspect>)| {
        row.differs = differs.difference(&common).copied().collect();
        row
    };
    let mut rows: Vec<Row> = rows.into_iter().map(told).collect();
    rows.sort_by(Row::by_harm);
    let notes = [(base, &pools[0]), (candidate, &pools[1])];
    let [base_note, candidate_note] = notes.map(|(side, pools)| side_note(side, pools));
    Comparison {
        format: Comparison::FORMAT,
        base: base_note,
        candidate: candidate_note,
        warnings: warnings(base, candidate, &found, options),
        provenance: collector.provenance(),
        rows,
        missing: found.missing,
        new: found.new,
        apart: found.apart,
        failed: found.failed,
        means,
    }
}

/// What was found of the cases.
#[derive(Default)]
struct Found<'a> {
    pairs: Vec<Pair<'a>>,
    missing: Vec<Absent>,
    new: Vec<Absent>,
    apart: Vec<Absent>,
    failed: Vec<Failed>,
    /// Whether a pair is of different places.
    across: bool,
}

impl<'a> Found<'a> {
    fn case(
        &mut self,
        case: &CaseIdentity,
        base: Option<&CasePool<'a>>,
        candidate: Option<&CasePool<'a>>,
        options: &Options,
    ) {
        for (side, pool) in [("base", base), ("candidate", candidate)] {
            self.failed.extend(pool.into_iter().flat_map(|pool| absent::failed(case, side, pool)));
        }
        let none = BTreeMap::new();
        let [left, right] = [base, candidate].map(|it| it.map_or(&none, |pool| &pool.measured));
        let absent =
            |machine: String, reason: String| Absent { case: case.label.clone(), machine, reason };
        let shared: Vec<&Place> = left.keys().filter(|place| right.contains_key(place)).collect();
        if shared.is_empty() && !left.is_empty() && !right.is_empty() {
            let machine = format!("{} → {}", places(left), places(right));
            if options.across_machines {
                self.across = true;
                let [base, candidate] = [left, right].map(whole);
                self.pairs.push(Pair { case: case.clone(), machine, base, candidate });
            } else {
                let reason = "another machine class or engine; --across-machines pairs them";
                self.apart.push(absent(machine, reason.to_owned()));
            }
            return;
        }
        for place in shared {
            self.pairs.push(Pair {
                case: case.clone(),
                machine: place.text(),
                base: left[place].clone(),
                candidate: right[place].clone(),
            });
        }
        let alone = |places: &BTreeMap<Place, _>, other: &BTreeMap<Place, _>, pool| {
            let alone = places.keys().filter(|place| !other.contains_key(place));
            let reason = |_: &Place| match other.is_empty() {
                true => absent::why(pool),
                false => "it was measured on other machines only".to_owned(),
            };
            alone.map(|place| absent(place.text(), reason(place))).collect::<Vec<_>>()
        };
        self.missing.extend(alone(left, right, candidate));
        self.new.extend(alone(right, left, base));
    }
}

fn places(pools: &BTreeMap<Place, Pool<'_>>) -> String {
    pools.keys().map(Place::text).collect::<Vec<_>>().join(", ")
}

fn whole<'a>(pools: &BTreeMap<Place, Pool<'a>>) -> Pool<'a> {
    let mut whole = Pool::default();
    pools.values().for_each(|pool| whole.extend(pool));
    whole
}

fn side_note(side: &Side, pools: &BTreeMap<CaseIdentity, CasePool<'_>>) -> SideNote {
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
fn warnings(base: &Side, candidate: &Side, found: &Found<'_>, options: &Options) -> Vec<String> {
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
