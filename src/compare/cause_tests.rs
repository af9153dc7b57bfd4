//! The rules for the class of a cause, one by one.

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
    assert_eq!(between([], [&all("a")]).class, CauseClass::Unknown, "an empty side knows nothing");
}

#[test]
fn what_varies_on_both_sides_is_open_and_a_value_more_differs() {
    let nodes: Vec<Facts> = ["n1", "n2", "n3"]
        .map(|node| Facts::from_iter(all("a").into_iter().chain([(Aspect::Node, node.to_owned())])))
        .into();
    let cause = between(&nodes, &nodes);
    assert_eq!((cause.class, &cause.open[..]), (CauseClass::Unknown, &[Aspect::Node][..]));
    let cause = between(&nodes, &nodes[..2]);
    assert_eq!(cause.sentence(), "hardware/node, single-variable: node n1 | n2 | n3 → n1 | n2");
}

#[test]
fn what_all_have_in_common_leaves_out_values_that_are_not_the_same() {
    let other = after(|facts| drop(facts.insert(Aspect::Dataset, "c".to_owned())));
    let dataset = after(set(Aspect::Dataset));
    assert_eq!(common([&dataset, &dataset]), Some(dataset.clone()));
    let both = common([&dataset, &other]).expect("both are of the data set");
    assert_eq!(both.sentence(), "data set, single-variable: dataset (in several ways)");
    assert_eq!(common([&dataset, &after(set(Aspect::Node))]), None);
    assert_eq!(common([]), None);
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

#[test]
fn programs_that_were_measured_in_turn_share_the_machine_and_differ_in_code() {
    let mut known = all("a");
    for aspect in [Aspect::Clocks, Aspect::Driver, Aspect::Node, Aspect::EngineCommit] {
        known.remove(&aspect);
    }
    let cause = in_turn(["old", "new"], [&known], [&known]);
    assert_eq!(cause.sentence(), "code, single-variable: program old → new");
    let itself = in_turn(["same", "same"], [&known], [&known]);
    assert_eq!((itself.class, itself.programs), (CauseClass::Noise, None));
    let mut other = known.clone();
    set(Aspect::EngineVersion)(&mut other);
    let cause = in_turn(["old", "new"], [&known], [&other]);
    assert_eq!(cause.sentence(), "code, single-variable: program old → new, engine_version a → b");
    set(Aspect::BenchOptions)(&mut other);
    let cause = in_turn(["old", "new"], [&known], [&other]);
    assert_eq!(cause.class, CauseClass::Unknown, "a release may be called otherwise");
    other = known.clone();
    other.remove(&Aspect::Dataset);
    let cause = in_turn(["old", "new"], [&known], [&other]);
    assert_eq!((cause.class, cause.single_variable), (CauseClass::Code, None));
}

#[test]
fn a_cause_comes_back_from_json() {
    for cause in [after(set(Aspect::Node)), in_turn(["old", "new"], [&all("a")], [&all("a")])] {
        let text = serde_json::to_string(&cause).expect("JSON");
        assert_eq!(serde_json::from_str::<Cause>(&text).expect("a cause"), cause);
    }
}
