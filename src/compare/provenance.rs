//! What differs between two sides, and whether it is one thing alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::pool::Pool;
use crate::history::{Aspect, Kind};

/// What differs between the sides, over all cases that were compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Provenance {
    /// In the order of the aspects.
    pub differs: Vec<Difference>,
    /// Aspects of which at least one side does not know everything.
    pub unknown: Vec<Unknown>,
    /// Aspects that vary on both sides, over the same values.
    pub varies: Vec<Aspect>,
    pub single_variable: SingleVariable,
    /// Cases looked at.
    pub cases: usize,
}

/// An aspect that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub aspect: Aspect,
    pub kind: Kind,
    /// In how many cases.
    pub cases: usize,
    /// What the sides have, when it is the same in all these cases.
    pub base: Option<Vec<String>>,
    pub candidate: Option<Vec<String>>,
}

/// An aspect that is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unknown {
    pub aspect: Aspect,
    pub base: bool,
    pub candidate: bool,
}

/// Whether a difference of the numbers has one cause that is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SingleVariable {
    /// `true` when all that could be a cause is known and one kind of it differs; `null` when it may be so.
    pub answer: Option<bool>,
    /// The kinds of cause that differ.
    pub kinds: Vec<Kind>,
    /// Causes that are not known on a side, or that vary on both.
    pub open: Vec<Aspect>,
}

/// Collects what differs, case by case.
#[derive(Debug, Default)]
pub(super) struct Collector {
    cases: usize,
    /// For each aspect the pairs of value sets, and how many cases have them.
    pairs: BTreeMap<Aspect, BTreeMap<[BTreeSet<String>; 2], usize>>,
    unknown: BTreeMap<Aspect, [bool; 2]>,
    varies: BTreeSet<Aspect>,
}

impl Collector {
    /// Takes a compared case in; returns the aspects that differ for it.
    pub fn add(&mut self, base: &Pool<'_>, candidate: &Pool<'_>) -> BTreeSet<Aspect> {
        self.cases += 1;
        let mut differs = BTreeSet::new();
        for aspect in Aspect::ALL {
            let sets = [base, candidate].map(|pool| {
                let known = pool.facts(aspect).flatten().map(str::to_owned);
                known.collect::<BTreeSet<_>>()
            });
            let lacks = [base, candidate].map(|pool| pool.facts(aspect).any(|it| it.is_none()));
            if lacks != [false; 2] {
                let unknown = self.unknown.entry(aspect).or_default();
                *unknown = [unknown[0] || lacks[0], unknown[1] || lacks[1]];
            }
            if sets.iter().any(BTreeSet::is_empty) {
                continue;
            }
            if sets[0] != sets[1] {
                differs.insert(aspect);
                *self.pairs.entry(aspect).or_default().entry(sets).or_default() += 1;
            } else if sets[0].len() > 1 {
                self.varies.insert(aspect);
            }
        }
        differs
    }

    /// The aspects that differ in all cases in the same way: what differs for each case anyway is no news of one.
    pub fn common(&self) -> BTreeSet<Aspect> {
        let alike = |pairs: &BTreeMap<_, usize>| pairs.values().eq([&self.cases]);
        self.pairs.iter().filter(|(_, pairs)| alike(pairs)).map(|(aspect, _)| *aspect).collect()
    }

    /// The whole.
    pub fn provenance(&self) -> Provenance {
        let differs: Vec<Difference> = self
            .pairs
            .iter()
            .map(|(&aspect, pairs)| {
                let only = pairs.keys().next().filter(|_| pairs.len() == 1);
                let side = |index: usize| Some(only?[index].iter().cloned().collect());
                Difference {
                    aspect,
                    kind: aspect.kind(),
                    cases: pairs.values().sum(),
                    base: side(0),
                    candidate: side(1),
                }
            })
            .collect();
        let unknown = self.unknown.iter().map(|(&aspect, &[base, candidate])| Unknown {
            aspect,
            base,
            candidate,
        });
        Provenance {
            single_variable: self.single_variable(),
            differs,
            unknown: unknown.collect(),
            varies: self.varies.iter().copied().collect(),
            cases: self.cases,
        }
    }

    fn single_variable(&self) -> SingleVariable {
        let is_cause = |aspect: &&Aspect| aspect.kind() != Kind::Harness;
        let kinds: BTreeSet<Kind> =
            self.pairs.keys().filter(is_cause).map(|aspect| aspect.kind()).collect();
        let open: BTreeSet<Aspect> =
            self.unknown.keys().chain(&self.varies).filter(is_cause).copied().collect();
        let answer = match kinds.len() {
            _ if self.cases == 0 => None,
            2.. => Some(false),
            _ if !open.is_empty() => None,
            count => Some(count == 1),
        };
        SingleVariable {
            answer,
            kinds: kinds.into_iter().collect(),
            open: open.into_iter().collect(),
        }
    }
}
