//! What a difference between two groups of attempts is most likely due to. The rules in prose: `docs/VERDICT.md`.

use serde::{Deserialize, Serialize};

use super::provenance::{Collector, Provenance, SingleVariable};
use super::words;
use crate::history::{Aspect, Facts, Kind};

/// Columns of one side of a difference in a sentence.
const WIDTH: usize = 40;

/// What most likely made the difference between two groups of attempts. It looks at facts, never at numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub class: CauseClass,
    /// `true` when one kind of cause differs and all others are known to be equal; `false` when several differ or none;
    /// `null` when what is not known leaves it open.
    pub single_variable: Option<bool>,
    /// The causes that differ, in the order of the aspects.
    pub differs: Vec<Differing>,
    /// Those of which it is not known whether they differ; see [`SingleVariable::open`].
    pub open: Vec<Aspect>,
    /// Two bench programs that were measured in turn, base and candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<[String; 2]>,
}

/// The classes of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseClass {
    /// The program under test.
    Code,
    /// How it was called.
    Settings,
    /// Another machine.
    Hardware,
    /// Driver, CUDA, operating system.
    Dependency,
    Dataset,
    /// Nothing differs: chance, or a state of the machine that no fact tells.
    Noise,
    /// Several kinds differ, or too little is known.
    Unknown,
}

/// An aspect that differs, with what each group has; both are empty where that is not the same in all cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    pub aspect: Aspect,
    pub base: Vec<String>,
    pub candidate: Vec<String>,
}

/// The cause of a difference between two groups of attempts of the same case, by what is known of each attempt.
pub fn between<'a>(
    base: impl IntoIterator<Item = &'a Facts>,
    candidate: impl IntoIterator<Item = &'a Facts>,
) -> Cause {
    let mut collector = Collector::default();
    collector.add(base, candidate);
    Cause::of(&collector)
}

/// The same of attempts that two programs took in turn on one machine, by name. What belongs to the machine, and with one
/// program on both sides what belongs to that, cannot differ unless facts say so.
pub fn in_turn<'a>(
    programs: [&str; 2],
    base: impl IntoIterator<Item = &'a Facts>,
    candidate: impl IntoIterator<Item = &'a Facts>,
) -> Cause {
    let differ = programs[0] != programs[1];
    let shared = |aspect: &Aspect| match aspect.kind() {
        Kind::Hardware | Kind::Dependency => true,
        Kind::Code => !differ,
        _ => *aspect == Aspect::Clocks,
    };
    let mut collector = Collector::sharing(Aspect::ALL.into_iter().filter(shared));
    if differ {
        collector.differs_anyway(Kind::Code);
    }
    collector.add(base, candidate);
    Cause { programs: differ.then(|| programs.map(str::to_owned)), ..Cause::of(&collector) }
}

impl CauseClass {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Settings => "settings",
            Self::Hardware => "hardware/node",
            Self::Dependency => "dependency",
            Self::Dataset => "data set",
            Self::Noise => "noise",
            Self::Unknown => "unknown",
        }
    }

    fn of(single: &SingleVariable) -> Self {
        match single.kinds[..] {
            [Kind::Code] => Self::Code,
            [Kind::Settings] => Self::Settings,
            [Kind::Hardware] => Self::Hardware,
            [Kind::Dependency] => Self::Dependency,
            [Kind::Dataset] => Self::Dataset,
            [] if single.answer == Some(false) => Self::Noise,
            _ => Self::Unknown,
        }
    }
}

impl Cause {
    /// The cause of what a collector has seen.
    pub(super) fn of(collector: &Collector) -> Self {
        let single = collector.single_variable();
        let Provenance { differs, .. } = collector.provenance();
        let differs = differs.into_iter().filter(|it| collector.causes().contains(&it.aspect));
        let differing = |it: super::Difference| Differing {
            aspect: it.aspect,
            base: it.base.unwrap_or_default(),
            candidate: it.candidate.unwrap_or_default(),
        };
        Self {
            class: CauseClass::of(&single),
            single_variable: single.answer,
            differs: differs.map(differing).collect(),
            open: single.open,
            programs: None,
        }
    }

    /// One line for people: the class, whether the comparison that decides it is single-variable, and what differs.
    pub fn sentence(&self) -> String {
        let class = self.class.word();
        let programs = self.programs.as_ref();
        let programs = programs.map(|[base, candidate]| {
            let [base, candidate] = [base, candidate].map(|name| words::line(name));
            let [base, candidate] = words::apart([&base, &candidate], WIDTH);
            format!("program {base} → {candidate}")
        });
        let differs = programs.into_iter().chain(self.differs.iter().map(Differing::words));
        let differs = differs.collect::<Vec<_>>().join(", ");
        let open = self.open.iter().map(|it| it.word()).collect::<Vec<_>>().join(", ");
        match (self.class, self.single_variable) {
            (CauseClass::Noise, _) => {
                format!(
                    "{class}: nothing differs that could be the cause, so it is chance or the state of the machine"
                )
            }
            (CauseClass::Unknown, Some(_)) => {
                format!("{class}, not single-variable: {differs}")
            }
            (CauseClass::Unknown, None) => {
                format!("{class}: nothing that is known differs; open: {open}")
            }
            (_, Some(_)) => format!("{class}, single-variable: {differs}"),
            (_, None) => format!("{class}, not certain: {differs}; open: {open}"),
        }
    }
}

/// The cause that all of these have; where the values of an aspect are not the same in all, they are left out. `None`
/// when they are of several kinds, or there are none.
pub fn common<'a>(causes: impl IntoIterator<Item = &'a Cause>) -> Option<Cause> {
    let mut causes = causes.into_iter();
    let mut common = causes.next()?.clone();
    for cause in causes {
        let kind = |cause: &Cause| (cause.class, cause.single_variable, cause.open.clone());
        let aspects = |cause: &Cause| cause.differs.iter().map(|it| it.aspect).collect::<Vec<_>>();
        if kind(&common) != kind(cause) || aspects(&common) != aspects(cause) {
            return None;
        }
        for (known, other) in common.differs.iter_mut().zip(&cause.differs) {
            if known != other {
                *known = Differing { aspect: known.aspect, base: vec![], candidate: vec![] };
            }
        }
    }
    Some(common)
}

impl Differing {
    /// The aspect and its values, e.g. `engine_version 1.1.0 → 1.2.0`; of long ones where they part.
    pub fn words(&self) -> String {
        let name = self.aspect.word();
        if self.base.is_empty() || self.candidate.is_empty() {
            return format!("{name} (in several ways)");
        }
        let [base, candidate] =
            [&self.base, &self.candidate].map(|values| words::line(&values.join(" | ")));
        let [base, candidate] = words::apart([&base, &candidate], WIDTH);
        format!("{name} {base} → {candidate}")
    }
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
