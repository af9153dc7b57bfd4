//! What is held against what, what differs, and what becomes of it.

use proptest::prelude::*;
use trtllm_perf::compare::{
    CauseClass, Change, Family, Options, Row, Side, compare, markdown, text,
};
use trtllm_perf::dashboard::compare_page;
use trtllm_perf::history::{Aspect, CaseIdentity, Kind, Origin};
use trtllm_perf::metric::Metric;
use trtllm_perf::record::result::State;

use crate::runs::*;

#[test]
fn a_throughput_that_falls_and_a_time_that_rises_are_both_worse_and_the_worst_is_first() {
    let at = |tokens, time| {
        let case = |con, tokens, time| {
            let samples = [(Metric::TokenThroughput, tokens), (Metric::InferenceTime, time)];
            attempt(&label(con), samples.map(|(metric, value)| sample(metric, value)).into())
        };
        side("it", vec![run("it", vec![case(1, tokens, 100.0), case(2, 1000.0, time)])])
    };
    let found = compare(&at(1000.0, 100.0), &at(800.0, 150.0), &Options::default());
    let told: Vec<_> = found.rows.iter().map(|row| (row.change, row.metric)).collect();
    assert_eq!(
        told[..2],
        [(Change::Regress, Metric::InferenceTime), (Change::Regress, Metric::TokenThroughput)]
    );
    assert_eq!(found.count(Change::Same), 2);
    let worse: Vec<_> = found.rows.iter().filter_map(|row| row.worse_pct).collect();
    assert!((worse[0] - 50.0).abs() < 1e-9 && (worse[1] - 20.0).abs() < 1e-9, "{worse:?}");
    let all = |family| found.means.iter().find(|it| it.model.is_none() && it.family == family);
    // Ratios 0.8 and 1 of throughputs; 1 and 1/1.5 of times: above 1 would be better.
    assert!((all(Family::Throughput).expect("a mean").gain - 0.8_f64.sqrt()).abs() < 1e-9);
    assert!((all(Family::Latency).expect("a mean").gain - (1.0 / 1.5_f64).sqrt()).abs() < 1e-9);
}

#[test]
fn the_runs_of_a_side_are_repeats_and_give_an_interval() {
    let runs = |id: &str, values: [f64; 3]| {
        let runs = values.iter().enumerate().map(|(n, value)| {
            run(
                &format!("{id}{n}"),
                vec![attempt(&label(1), vec![sample(Metric::TokenThroughput, *value)])],
            )
        });
        side(id, runs.collect())
    };
    let base = runs("a", [100.0, 101.0, 99.0]);
    let found = compare(&base, &runs("b", [80.0, 81.0, 79.0]), &Options::default());
    let row = &found.rows[0];
    assert_eq!((row.change, row.base.n, row.base.median), (Change::Regress, 3, Some(100.0)));
    let [low, high] = row.interval_pct.expect("repeats");
    assert!(low < 20.0 && 20.0 < high && low > 15.0 && high < 25.0, "{low} {high}");
    let noisy = compare(&base, &runs("b", [60.0, 80.0, 110.0]), &Options::default());
    assert_eq!(noisy.rows[0].change, Change::Inconclusive);
}

#[test]
fn numbers_that_cannot_be_trusted_are_never_counted_and_always_told() {
    let mut candidate = single("b", 1.0);
    candidate.runs[0].attempts[0].samples[0].state = State::Invalid;
    let found = compare(&single("a", 1000.0), &candidate, &Options::default());
    let row = &found.rows[0];
    assert_eq!((row.change, row.candidate.n, row.candidate.not_counted), (Change::Missing, 0, 1));
    assert_eq!(row.reason.as_deref(), Some("1 number of the candidate cannot be trusted"));
    assert_eq!(found.candidate.not_counted, 1);
    let mut more = attempt(&label(1), vec![sample(Metric::TokenThroughput, 1001.0)]);
    more.number = 2;
    candidate.runs[0].attempts.push(more);
    let found = compare(&single("a", 1000.0), &candidate, &Options::default());
    assert_eq!(
        (found.rows[0].change, found.rows[0].candidate.median),
        (Change::Same, Some(1001.0))
    );
}

#[test]
fn a_case_that_failed_is_missing_with_its_cause() {
    let failed = run("b", vec![failure(&label(1), "gpu_oom", "CUDA out of memory")]);
    let found = compare(&single("a", 1.0), &side("b", vec![failed]), &Options::default());
    assert_eq!(found.missing[0].reason, "failed as gpu_oom: CUDA out of memory");
    assert_eq!((found.count(Change::Missing), found.count(Change::NotComparable)), (1, 0));
    assert_eq!(found.newly_failed().count(), 1);
    let back = compare(&side("b", vec![]), &single("a", 1.0), &Options::default());
    assert_eq!((back.new.len(), back.new[0].reason.as_str()), (1, "it is not there"));
}

#[test]
fn other_machines_and_engines_are_set_against_each_other_only_when_asked_and_loudly() {
    let on = |class: &str, engine: &str| {
        let mut side = single("b", 500.0);
        side.runs[0].attempts[0].machine_class = class.to_owned();
        side.runs[0].attempts[0].engine = engine.to_owned();
        side
    };
    for candidate in [on("H100_PCIe", "tensorrt_llm"), on("H100_80GB_HBM3", "refbench")] {
        let found = compare(&single("a", 1000.0), &candidate, &Options::default());
        assert_eq!((found.rows.len(), found.apart.len(), found.missing.len()), (0, 1, 0));
        assert!(found.warnings[0].contains("NOT compared"), "{:?}", found.warnings);
        let across = Options { across_machines: true, ..Options::default() };
        let found = compare(&single("a", 1000.0), &candidate, &across);
        assert_eq!((found.rows[0].change, found.apart.len()), (Change::Regress, 0));
        assert!(found.rows[0].machine.contains(" → "), "{}", found.rows[0].machine);
        assert!(found.warnings[0].contains("ACROSS"), "{:?}", found.warnings);
    }
}

/// What is said of a single variable when the candidate's facts are changed like this.
fn single_variable(change: impl Fn(&mut Side)) -> (Option<bool>, Vec<Kind>) {
    let mut candidate = single("b", 1000.0);
    change(&mut candidate);
    let found = compare(&single("a", 1000.0), &candidate, &Options::default());
    (found.provenance.single_variable.answer, found.provenance.single_variable.kinds)
}

#[test]
fn a_comparison_is_single_variable_when_one_kind_of_cause_differs_and_all_is_known() {
    let set = |aspect: Aspect| {
        move |side: &mut Side| {
            side.runs[0].facts.insert(aspect, "other".to_owned());
        }
    };
    assert_eq!(single_variable(|_| ()), (Some(false), vec![]));
    assert_eq!(single_variable(set(Aspect::EngineVersion)), (Some(true), vec![Kind::Code]));
    assert_eq!(single_variable(set(Aspect::Harness)), (Some(false), vec![]), "no cause");
    let both = |side: &mut Side| {
        set(Aspect::EngineVersion)(side);
        set(Aspect::Driver)(side);
    };
    assert_eq!(single_variable(both), (Some(false), vec![Kind::Code, Kind::Dependency]));
    let unknown = |side: &mut Side| {
        set(Aspect::EngineVersion)(side);
        side.runs[0].facts.remove(&Aspect::Node);
    };
    assert_eq!(single_variable(unknown), (None, vec![Kind::Code]), "an unknown one is never equal");
}

#[test]
fn what_differs_for_one_case_alone_stands_at_that_case() {
    let both = |id| {
        let samples = || vec![sample(Metric::TokenThroughput, 1.0)];
        side(id, vec![run(id, vec![attempt(&label(1), samples()), attempt(&label(2), samples())])])
    };
    let mut candidate = both("b");
    candidate.runs[0].facts.insert(Aspect::Driver, "580".to_owned());
    candidate.runs[0].attempts[1].facts.insert(Aspect::Dataset, "other".to_owned());
    let found = compare(&both("a"), &candidate, &Options::default());
    let counts: Vec<_> = found.provenance.differs.iter().map(|it| (it.aspect, it.cases)).collect();
    assert_eq!(counts, [(Aspect::Driver, 2), (Aspect::Dataset, 1)]);
    let differs: Vec<_> = found.rows.iter().map(|row| row.differs.clone()).collect();
    assert_eq!(differs, [vec![], vec![Aspect::Dataset]]);
}

#[test]
fn each_change_has_its_cause_and_what_did_not_change_has_none() {
    let at = |id: &str, tokens: [f64; 3]| {
        let attempts = tokens.iter().enumerate().map(|(con, tokens)| {
            attempt(&label(con + 1), vec![sample(Metric::TokenThroughput, *tokens)])
        });
        side(id, vec![run(id, attempts.collect())])
    };
    let base = at("a", [100.0, 100.0, 100.0]);
    let mut candidate = at("b", [80.0, 120.0, 100.0]);
    let causes = |candidate: &Side| {
        let found = compare(&base, candidate, &Options::default());
        let class = |row: &Row| (row.change, row.cause.as_ref().map(|cause| cause.class));
        found.rows.iter().map(class).collect::<Vec<_>>()
    };
    let expected = |regress, improved| {
        [(Change::Regress, Some(regress)), (Change::Improved, Some(improved)), (Change::Same, None)]
    };
    assert_eq!(causes(&candidate), expected(CauseClass::Noise, CauseClass::Noise));
    candidate.runs[0].facts.insert(Aspect::EngineVersion, "1.2.0".to_owned());
    assert_eq!(causes(&candidate), expected(CauseClass::Code, CauseClass::Code));
    candidate.runs[0].attempts[1].facts.insert(Aspect::Node, "node2".to_owned());
    assert_eq!(causes(&candidate), expected(CauseClass::Code, CauseClass::Unknown));
}

#[test]
fn the_cause_is_told_once_where_all_regressions_share_it_and_else_at_each_case() {
    let at = |id: &str, tokens: f64| {
        let case = |con| attempt(&label(con), vec![sample(Metric::TokenThroughput, tokens)]);
        side(id, vec![run(id, vec![case(1), case(2)])])
    };
    let mut candidate = at("b", 80.0);
    candidate.runs[0].facts.insert(Aspect::Driver, "580".to_owned());
    let told = |candidate: &Side| {
        let found = compare(&at("a", 100.0), candidate, &Options::default());
        [text(&found, false), markdown(&found), compare_page(&found).expect("a page")]
    };
    for form in told(&candidate) {
        assert_eq!(form.matches("dependency, single-variable: driver").count(), 1, "{form}");
    }
    candidate.runs[0].attempts[1].facts.insert(Aspect::Driver, "same".to_owned());
    candidate.runs[0].attempts[1].facts.insert(Aspect::Node, "node2".to_owned());
    for form in told(&candidate) {
        assert_eq!(form.matches("dependency, single-variable: driver").count(), 1, "{form}");
        assert_eq!(form.matches("hardware/node, single-variable: node").count(), 1, "{form}");
        assert!(!form.contains("differs for this case"), "{form}");
    }
}

#[test]
fn a_renamed_case_keeps_its_partner() {
    let renamed = side(
        "b",
        vec![run("b", vec![attempt(&label(7), vec![sample(Metric::TokenThroughput, 1000.0)])])],
    );
    let identity = |label: &str| CaseIdentity::of(label, &models());
    let options = Options {
        aliases: [(identity(&label(1)), identity(&label(7)))].into(),
        ..Options::default()
    };
    let found = compare(&single("a", 1000.0), &renamed, &options);
    assert_eq!((found.rows.len(), found.missing.len(), found.new.len()), (1, 0, 0));
}

#[test]
fn the_pairs_of_lengths_of_one_case_are_kept_apart() {
    let with = |id: &str, second| {
        let samples = [10.0, second].map(|value| sample(Metric::InferenceTime, value));
        side(id, vec![run(id, vec![attempt(&label(1), samples.into())])])
    };
    let found = compare(&with("a", 50.0), &with("b", 60.0), &Options::default());
    let told: Vec<_> = found.rows.iter().map(|row| (row.point, row.change)).collect();
    assert_eq!(told, [(2, Change::Regress), (1, Change::Same)]);
}

#[test]
fn synthetic_runs_are_never_mixed_with_measured_ones_unseen() {
    let mut synthetic = single("b", 1.0);
    synthetic.runs[0].origin = Origin::Synthetic;
    let found = compare(&single("a", 1.0), &synthetic, &Options::default());
    assert!(found.warnings[0].contains("SYNTHETIC"), "{:?}", found.warnings);
}

fn sides() -> impl Strategy<Value = Side> {
    let value = (0..4_usize, 0..2_usize, 1.0..1e5_f64);
    prop::collection::vec(prop::collection::vec(value, 1..12), 1..4).prop_map(|runs| {
        let made = runs.into_iter().enumerate().map(|(id, values)| {
            let attempts = values.into_iter().map(|(con, metric, value)| {
                let metric = [Metric::TokenThroughput, Metric::FirstTokenTime][metric];
                attempt(&label(con + 1), vec![sample(metric, value)])
            });
            run(&id.to_string(), attempts.collect())
        });
        side("it", made.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_side_compared_with_itself_has_nothing_but_the_same(side in sides()) {
        let found = compare(&side, &side, &Options::default());
        prop_assert!(!found.rows.is_empty());
        prop_assert!(found.rows.iter().all(|row| row.change == Change::Same));
        prop_assert_eq!((found.missing.len(), found.new.len(), found.apart.len()), (0, 0, 0));
        prop_assert!(found.means.iter().all(|mean| (mean.gain - 1.0).abs() < 1e-12));
    }

    #[test]
    fn swapped_sides_mirror_ratios_means_and_what_is_missing(a in sides(), b in sides()) {
        let there = compare(&a, &b, &Options::default());
        let back = compare(&b, &a, &Options::default());
        let key = |row: &trtllm_perf::compare::Row| (row.case.clone(), row.metric);
        for row in &there.rows {
            let mirror = back.rows.iter().find(|it| key(it) == key(row)).expect("it is there, too");
            match (row.ratio, mirror.ratio) {
                (Some(one), Some(other)) => prop_assert!((one * other - 1.0).abs() < 1e-9),
                other => prop_assert_eq!(other, (None, None)),
            }
        }
        for mean in &there.means {
            let same = |it: &&trtllm_perf::compare::Mean| {
                (&it.model, it.gpus, it.family) == (&mean.model, mean.gpus, mean.family)
            };
            let mirror = back.means.iter().find(same).expect("it is there, too");
            prop_assert!((mean.gain * mirror.gain - 1.0).abs() < 1e-9);
        }
        let names = |cases: &[trtllm_perf::compare::Absent]| {
            cases.iter().map(|it| it.case.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(names(&there.missing), names(&back.new));
        prop_assert_eq!(there.count(Change::Missing), back.count(Change::New));
    }
}
