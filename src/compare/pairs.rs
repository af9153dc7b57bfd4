//! Which numbers are held against which: those of one case on one machine class and engine.

use std::collections::BTreeMap;

use super::pool::{CasePool, Place, Pool};
use super::{Absent, Failed, Options, absent};
use crate::history::CaseIdentity;

/// A case that both sides have at one place, or with `across_machines` at different ones.
pub(super) struct Pair<'a> {
    pub case: CaseIdentity,
    pub machine: String,
    pub base: Pool<'a>,
    pub candidate: Pool<'a>,
}

/// What was found of the cases.
#[derive(Default)]
pub(super) struct Found<'a> {
    pub pairs: Vec<Pair<'a>>,
    pub missing: Vec<Absent>,
    pub new: Vec<Absent>,
    pub apart: Vec<Absent>,
    pub failed: Vec<Failed>,
    /// Whether a pair is of different places.
    pub across: bool,
}

impl<'a> Found<'a> {
    /// Takes in a case that at least one side has.
    pub fn case(
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
