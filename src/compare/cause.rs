//! What a difference between two groups of attempts is most likely due to. The rules in prose: `docs/VERDICT.md`.

use serde::Serialize;

use super::provenance::{Collector, Provenance, SingleVariable};
use super::words;
use crate::history::{Aspect, Facts, Kind};
use crate::logs::shown;

/// Columns of one side of a difference in a sentence.
const WIDTH: usize = 40;

/// What most likely made the difference between two groups of attempts. It looks at facts, never at numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    pub class: CauseClass,
    /// `true` when one kind of cause differs and all others are known to be equal; `false` when several differ or none;
    /// `null` when what is not known leaves it open.
    pub single_variable: Option<bool>,
    /// The causes that differ, in the order of the aspects.
    pub differs: Vec<Differing>,
    /// Those of which it is not known whether they differ; see [`SingleVariable::open`].
    pub open: Vec<Aspect>,
}

/// The classes of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        }
    }

    /// One line for people: the class, whether the comparison that decides it is single-variable, and what differs.
    pub fn sentence(&self) -> String {
        let class = self.class.word();
        let differs = self.differs.iter().map(Differing::words).collect::<Vec<_>>().join(", ");
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

impl Differing {
    /// The aspect and its values, e.g. `engine_version 1.1.0 → 1.2.0`; of long ones where they part.
    pub fn words(&self) -> String {
        let name = self.aspect.word();
        if self.base.is_empty() || self.candidate.is_empty() {
            return format!("{name} (in several ways)");
        }
        let [base, candidate] = [&self.base, &self.candidate]
            .map(|values| shown(&values.join(" | ")).replace('\n', " "));
        let [base, candidate] = words::apart([&base, &candidate], WIDTH);
        format!("{name} {base} → {candidate}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(value: &str) -> Facts {
        Aspect::ALL.map(|aspect| (aspect, value.to_owned())).into()
    }

    /// Two single attempts that know all and the same, but for what `change` does to the second.
    fn after(change: impl Fn(&mut Facts)) -> Cause {
        let mut candidate = all("a");
        change(&mut candidate);
        between([&all("a")], [&candidate])
    }

    fn set(aspect: Aspect) -> impl Fn(&mut Facts) {
        move |facts| drop(facts.insert(aspect, "b".to_owned()))
    }

    #[test]
    fn one_kind_that_differs_while_all_else_is_equal_is_the_class() {
        for (aspect, class) in [
            (Aspect::EngineVersion, CauseClass::Code),
            (Aspect::BenchOptions, CauseClass::Settings),
            (Aspect::Node, CauseClass::Hardware),
            (Aspect::Driver, CauseClass::Dependency),
            (Aspect::Dataset, CauseClass::Dataset),
        ] {
            let cause = after(set(aspect));
            assert_eq!((cause.class, cause.single_variable), (class, Some(true)), "{aspect:?}");
            assert_eq!(
                cause.sentence(),
                format!("{}, single-variable: {} a → b", class.word(), aspect.word())
            );
        }
        let two_of_a_kind = after(|facts| {
            set(Aspect::Driver)(facts);
            set(Aspect::Cuda)(facts);
        });
        assert_eq!(two_of_a_kind.class, CauseClass::Dependency);
        assert_eq!(two_of_a_kind.single_variable, Some(true));
        assert_eq!(two_of_a_kind.differs.len(), 2);
    }

    #[test]
    fn one_kind_while_another_is_not_known_is_the_class_and_not_certain() {
        let cause = after(|facts| {
            set(Aspect::EngineVersion)(facts);
            facts.remove(&Aspect::Node);
            facts.remove(&Aspect::EngineCommit);
        });
        assert_eq!((cause.class, cause.single_variable), (CauseClass::Code, None));
        assert_eq!(cause.open, [Aspect::Node], "a commit would be code as well");
        assert_eq!(cause.sentence(), "code, not certain: engine_version a → b; open: node");
    }

    #[test]
    fn several_kinds_that_differ_decide_nothing_and_are_all_listed() {
        let cause = after(|facts| {
            set(Aspect::EngineVersion)(facts);
            set(Aspect::Driver)(facts);
        });
        assert_eq!((cause.class, cause.single_variable), (CauseClass::Unknown, Some(false)));
        assert_eq!(
            cause.sentence(),
            "unknown, not single-variable: engine_version a → b, driver a → b"
        );
    }

    #[test]
    fn where_nothing_differs_it_is_noise_only_when_all_is_known() {
        let cause = after(|_| ());
        assert_eq!((cause.class, cause.single_variable), (CauseClass::Noise, Some(false)));
        assert!(cause.sentence().contains("chance or the state of the machine"));
        let cause = after(|facts| drop(facts.remove(&Aspect::Clocks)));
        assert_eq!((cause.class, cause.single_variable), (CauseClass::Unknown, None));
        assert_eq!(cause.sentence(), "unknown: nothing that is known differs; open: clocks");
        assert_eq!(
            between([], [&all("a")]).class,
            CauseClass::Unknown,
            "an empty side knows nothing"
        );
    }

    #[test]
    fn what_varies_on_both_sides_is_open_and_a_value_more_differs() {
        let nodes: Vec<Facts> = ["n1", "n2", "n3"]
            .map(|node| {
                Facts::from_iter(all("a").into_iter().chain([(Aspect::Node, node.to_owned())]))
            })
            .into();
        let cause = between(&nodes, &nodes);
        assert_eq!((cause.class, &cause.open[..]), (CauseClass::Unknown, &[Aspect::Node][..]));
        let cause = between(&nodes, &nodes[..2]);
        assert_eq!(cause.sentence(), "hardware/node, single-variable: node n1 | n2 | n3 → n1 | n2");
    }

    #[test]
    fn the_harness_and_the_maker_of_the_same_data_set_are_no_causes() {
        for aspect in [Aspect::Harness, Aspect::List, Aspect::DatasetTool] {
            assert_eq!(after(set(aspect)).class, CauseClass::Noise, "{aspect:?}");
        }
        let cause = after(|facts| {
            set(Aspect::DatasetTool)(facts);
            facts.remove(&Aspect::Dataset);
        });
        assert_eq!((cause.class, cause.single_variable), (CauseClass::Dataset, Some(true)));
    }

    #[test]
    fn swapped_sides_have_the_same_class_and_mirrored_values() {
        let (a, b) = (all("a"), Facts::from([(Aspect::Driver, "b".to_owned())]));
        let [there, back] = [between([&a], [&b]), between([&b], [&a])];
        assert_eq!((there.class, &there.open), (back.class, &back.open));
        assert_eq!(there.differs[0].base, back.differs[0].candidate);
    }

    #[test]
    fn of_long_values_the_place_where_they_part_is_shown() {
        let options = |concurrency: &str| {
            let words = "throughput --dataset --backend pytorch --max_batch_size 512 --kv_cache_free_gpu_mem_fraction 0.9";
            format!(
                "{words} --concurrency {concurrency} --streaming --report_json --warmup 10 --num_requests 512"
            )
        };
        let mut facts = [all("a"), all("a")];
        for (facts, concurrency) in facts.iter_mut().zip(["1", "8"]) {
            facts.insert(Aspect::BenchOptions, options(concurrency));
        }
        let words = between([&facts[0]], [&facts[1]]).sentence();
        assert!(words.contains("--concurrency 1 "), "{words}");
        assert!(words.contains("--concurrency 8 "), "{words}");
        assert!(words.len() < 160, "{words}");
    }
}
