//! What differs between two sides, and whether it is one thing alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::history::{Aspect, Facts, Kind};

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
    /// Causes that are not known on a side, or that vary on both; of a single kind that differs only those of others.
    pub open: Vec<Aspect>,
}

/// Collects what differs, case by case. The one rule for what a difference may be put down to.
#[derive(Debug, Default)]
pub(super) struct Collector {
    cases: usize,
    /// For each aspect the pairs of value sets, and how many cases have them.
    pairs: BTreeMap<Aspect, BTreeMap<[BTreeSet<String>; 2], usize>>,
    unknown: BTreeMap<Aspect, [bool; 2]>,
    varies: BTreeSet<Aspect>,
    /// Those that differ and may be a cause.
    causes: BTreeSet<Aspect>,
    /// Those that may be a cause, and of which it is not known whether they differ.
    open: BTreeSet<Aspect>,
}

impl Collector {
    /// Takes in what is known of the attempts of a compared case; returns the aspects that differ for it.
    pub fn add<'a>(
        &mut self,
        base: impl IntoIterator<Item = &'a Facts>,
        candidate: impl IntoIterator<Item = &'a Facts>,
    ) -> BTreeSet<Aspect> {
        self.cases += 1;
        let sides: [Vec<&Facts>; 2] = [base.into_iter().collect(), candidate.into_iter().collect()];
        let mut differs = BTreeSet::new();
        let mut same_dataset = false;
        for aspect in Aspect::ALL {
            let values = |facts: &Vec<&Facts>| -> Vec<Option<String>> {
                facts.iter().map(|facts| facts.get(&aspect).cloned()).collect()
            };
            let values = [values(&sides[0]), values(&sides[1])];
            // A side without an attempt knows nothing.
            let lacks = [0, 1].map(|side| values[side].is_empty() || values[side].contains(&None));
            let sets = values.map(|side| side.into_iter().flatten().collect::<BTreeSet<_>>());
            if lacks != [false; 2] {
                let unknown = self.unknown.entry(aspect).or_default();
                *unknown = [unknown[0] || lacks[0], unknown[1] || lacks[1]];
            }
            let known = sets.iter().all(|set| !set.is_empty());
            let differ = known && sets[0] != sets[1];
            let varies = known && !differ && sets[0].len() > 1;
            let is_open = lacks != [false; 2] || varies;
            if aspect == Aspect::Dataset {
                same_dataset = known && !differ && !is_open;
            }
            // Whatever made a data set, its bytes are what counts.
            let is_moot = aspect == Aspect::DatasetTool && same_dataset;
            let may_be_cause = aspect.kind() != Kind::Harness && !is_moot;
            if varies {
                self.varies.insert(aspect);
            }
            if may_be_cause && is_open {
                self.open.insert(aspect);
            }
            if differ {
                differs.insert(aspect);
                *self.pairs.entry(aspect).or_default().entry(sets).or_default() += 1;
                if may_be_cause {
                    self.causes.insert(aspect);
                }
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

    /// Whether what differs is one kind of cause alone.
    pub fn single_variable(&self) -> SingleVariable {
        let kinds: BTreeSet<Kind> = self.causes.iter().map(|aspect| aspect.kind()).collect();
        // What else of the only kind differs changes nothing about its being the only one.
        let matters = |aspect: &&Aspect| kinds.len() != 1 || !kinds.contains(&aspect.kind());
        let open: Vec<Aspect> = self.open.iter().filter(matters).copied().collect();
        let answer = match kinds.len() {
            _ if self.cases == 0 => None,
            2.. => Some(false),
            _ if !open.is_empty() => None,
            count => Some(count == 1),
        };
        SingleVariable { answer, kinds: kinds.into_iter().collect(), open }
    }

    /// The aspects that may be a cause and differ.
    pub fn causes(&self) -> &BTreeSet<Aspect> {
        &self.causes
    }
}
