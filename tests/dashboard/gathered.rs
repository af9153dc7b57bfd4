//! From runs to what is shown.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use trtllm_perf::dashboard::{Outcome, Remark, Said, Way, gather, page};
use trtllm_perf::history::{CaseIdentity, Ended, RunRecord};
use trtllm_perf::metric::Metric;
use trtllm_perf::record::result::State;
use trtllm_perf::verdict::selfcheck::Tally;

use crate::made::*;

fn case(concurrency: u32) -> CaseIdentity {
    CaseIdentity::of(&label("llama_v3.1_8b_instruct", "128,128", concurrency), &models())
}

/// One case with these token throughputs, a night each.
fn nights(values: &[f64], release: impl Fn(usize) -> &'static str) -> Vec<RunRecord> {
    let night = |(night, tokens): (usize, &f64)| {
        let start = time("2026-11-01T01:00:00Z") + SignedDuration::from_hours(24 * night as i64);
        run(&format!("n{night}"), start, release(night), vec![attempt(&case(8), start, *tokens)])
    };
    values.iter().enumerate().map(night).collect()
}

fn failed(kind: &str) -> Ended {
    Ended::Failed { kind: kind.to_owned(), message: format!("because of {kind}") }
}

#[test]
fn a_change_is_held_against_the_newest_earlier_point_that_counts_and_both_limits() {
    let mut runs = nights(&[1000.0, 500.0, 880.0], |_| "1.0");
    for sample in &mut runs[1].attempts[0].samples {
        sample.state = State::Invalid;
    }
    let data = report(&runs);
    let [case] = &data.cases[..] else { panic!("{:?}", data.cases) };
    let main = case.main().expect("numbers");
    assert_eq!(main.metric, Metric::TokenThroughput);
    let change = main.change().expect("two points count");
    assert!((change.share + 0.12).abs() < 1e-9, "{change:?}");
    assert_eq!((change.way, change.beyond), (Way::Worse, true));
    // A time that is shorter is better.
    let time = case.of(Metric::InferenceTime).expect("numbers").change().expect("a change");
    assert_eq!((time.way, time.beyond), (Way::Worse, true));
    let faster = report(&nights(&[1000.0, 1300.0], |_| "1.0"));
    let change = faster.cases[0].main().and_then(|it| it.change()).expect("a change");
    assert_eq!((change.way, change.beyond), (Way::Better, false));
    let little = report(&nights(&[1000.0, 950.0], |_| "1.0"));
    let change = little.cases[0].main().and_then(|it| it.change()).expect("a change");
    assert_eq!((change.way, change.beyond), (Way::Worse, false), "within the limit");
}

#[test]
fn each_release_has_a_band_of_its_own_from_five_points_on() {
    let values: Vec<f64> =
        (0..12).map(|it| if it < 6 { 1000.0 } else { 1100.0 } + it as f64).collect();
    let data = report(&nights(&values, |night| match night {
        0..6 => "1.0",
        6..8 => "1.1",
        _ => "1.2",
    }));
    let main = data.cases[0].main().expect("numbers");
    // 1.1 has two points and 1.2 four: neither is enough.
    let [old] = &main.bands[..] else { panic!("{:?}", main.bands) };
    assert_eq!((old.first, old.last, old.median, old.mad), (0, 5, 1002.5, 1.5));
}

#[test]
fn a_newest_point_outside_the_noise_of_those_before_needs_a_look_also_within_its_limits() {
    // A loss of 6 %, of which the limits let 10 % pass.
    for (earlier, expected) in [(9, false), (12, true)] {
        let before = (0..earlier).map(|it| 1000.0 + f64::from(it % 3));
        let data = report(&nights(&before.chain([940.0]).collect::<Vec<_>>(), |_| "1.0"));
        let main = data.cases[0].main().expect("numbers");
        let change = main.change().expect("a change");
        assert_eq!((main.outside(), change.beyond), (expected, false), "{earlier}");
        assert_eq!(page(&data).contains(", outside its noise"), expected, "{earlier}");
    }
}

#[test]
fn repeats_of_a_run_are_one_point_at_their_median() {
    let start = time("2026-11-01T01:00:00Z");
    let attempts = [980.0, 1020.0, 1010.0].map(|tokens| attempt(&case(8), start, tokens));
    let data = report(&[run("one", start, "1.0", attempts.to_vec())]);
    let point = data.cases[0].main().and_then(|it| it.newest()).expect("a point").clone();
    assert_eq!((point.value, point.repeats.len(), point.state), (1010.0, 3, State::Valid));
    assert_eq!(data.cases[0].attempts, 3);
}

#[test]
fn a_failure_that_does_not_know_its_gpu_is_told_with_the_case() {
    let mut runs = nights(&[1000.0, 1000.0], |_| "1.0");
    let broken = &mut runs[1].attempts[0];
    broken.machine_class = "Intel Xeon".to_owned();
    broken.samples.clear();
    broken.ended = failed("missing_model");
    let data = report(&runs);
    let [case] = &data.cases[..] else { panic!("{:?}", data.cases) };
    assert_eq!((case.machine.as_str(), case.outcome.word()), (GPU, "missing_model"));
    assert_eq!(case.failures, [(1, "missing_model".to_owned())]);
    assert!(case.number(Metric::TokenThroughput).is_none(), "an older number does not stand in");
}

#[test]
fn a_case_that_the_newest_night_lacks_is_not_run_and_a_shard_of_the_night_is_enough() {
    let start = time("2026-11-02T01:00:00Z");
    let earlier = start - SignedDuration::from_hours(24);
    let later = start + SignedDuration::from_hours(3);
    let one = |concurrency, at| attempt(&case(concurrency), at, 1000.0);
    let data = report(&[
        run("old", earlier, "1.0", vec![one(1, earlier), one(2, earlier), one(4, earlier)]),
        run("shard 1", start, "1.0", vec![one(1, start)]),
        run("shard 2", later, "1.0", vec![one(2, later)]),
    ]);
    let words: Vec<_> =
        data.cases.iter().map(|case| (case.concurrency, case.outcome.word())).collect();
    assert_eq!(words, [(Some(2), "passed"), (Some(1), "passed"), (Some(4), "not run")]);
    assert_eq!(data.runs.iter().map(|run| run.newest).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn outcomes_keep_their_kinds_apart() {
    let ends = [
        Ended::Passed,
        Ended::Flaky,
        failed("regression"),
        failed("unmeasurable"),
        failed("hang"),
        Ended::Skipped("waived".to_owned()),
    ];
    let start = time("2026-11-01T01:00:00Z");
    let attempts = ends.into_iter().enumerate().map(|(place, ended)| {
        let mut attempt = attempt(&case(1 << place), start, 1000.0);
        attempt.ended = ended;
        attempt
    });
    let data = report(&[run("one", start, "1.0", attempts.collect())]);
    let outcomes: Vec<_> = data.cases.iter().map(|case| case.outcome.clone()).collect();
    let told = |kind: &str| format!("because of {kind}");
    let expected = [
        Outcome::Passed,
        Outcome::Flaky,
        Outcome::Regression(told("regression")),
        Outcome::Unmeasurable(told("unmeasurable")),
        Outcome::Failed { kind: "hang".to_owned(), message: told("hang") },
        Outcome::Skipped("waived".to_owned()),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn what_people_said_is_at_its_place() {
    let runs = nights(&[1000.0, 700.0, 1000.0], |_| "1.0");
    let said = Said {
        invalid: &|run, label, metric| {
            let marked =
                run == "n1" && label.contains("con:8") && metric == Metric::TokenThroughput;
            marked.then(|| "a wrong driver".to_owned())
        },
        remarks: &|_| {
            vec![Remark { at: time("2026-11-02T12:00:00Z"), text: "new image".to_owned() }]
        },
        ..Said::nothing()
    };
    let data = gather(&runs, &said, BTreeMap::new(), time("2026-11-24T12:00:00Z"));
    let main = data.cases[0].main().expect("numbers");
    assert_eq!(main.points[1].state, State::Invalid);
    assert_eq!(main.points[1].note.as_deref(), Some("a wrong driver"));
    assert_eq!(main.change().map(|it| it.way), Some(Way::Same));
    let other = data.cases[0].of(Metric::SeqThroughput).expect("numbers");
    assert_eq!(other.points[1].state, State::Valid, "that metric alone is marked");
    assert_eq!(data.cases[0].remarks.len(), 1);
}

#[test]
fn what_verdicts_are_worth_is_told_once_for_each_machine_class_and_engine() {
    let mut runs = nights(&[1000.0, 1001.0], |_| "1.0");
    runs[1].attempts[0].machine_class = "H200".to_owned();
    let tally = |machine: &str, engine: &str| match (machine, engine) {
        ("H200", "tensorrt_llm") => Tally { pass: 400, ..Tally::default() },
        _ => Tally::default(),
    };
    let said = Said { self_check: &tally, ..Said::nothing() };
    let data = gather(&runs, &said, BTreeMap::new(), time("2026-11-24T12:00:00Z"));
    let told: Vec<_> = data
        .self_checks
        .iter()
        .map(|it| (it.machine.as_str(), it.engine.as_str(), it.tally.verdicts()))
        .collect();
    assert_eq!(told, [(GPU, "tensorrt_llm", 0), ("H200", "tensorrt_llm", 400)]);
    let html = page(&data);
    let header = html.split("</header>").next().expect("a header");
    for part in ["gate advisory", "self-check: none on record", "gate checked", "0 of 400 verdicts"]
    {
        assert!(header.contains(part), "{part}: {header}");
    }
}

#[test]
fn a_gate_that_errs_to_one_side_is_called_biased_in_the_header() {
    let runs = nights(&[1000.0, 1001.0], |_| "1.0");
    let tally =
        |_: &str, _: &str| Tally { pass: 1000, regress: 1, improved: 12, ..Tally::default() };
    let said = Said { self_check: &tally, ..Said::nothing() };
    let data = gather(&runs, &said, BTreeMap::new(), time("2026-11-24T12:00:00Z"));
    let html = page(&data);
    assert!(html.contains("gate biased") && html.contains("regress to improve 1 : 12"));
}

#[test]
fn steps_are_found_in_medians_of_runs_with_the_release_that_they_came_with() {
    let level = |night: usize| if night < 20 { 1000.0 } else { 900.0 } * wobble(0, night);
    let values: Vec<f64> = (0..40).map(level).collect();
    let mut runs = nights(&values, |night| if night < 20 { "1.0" } else { "1.1" });
    // A second attempt of a night is of the same point.
    let mut again = runs[25].attempts[0].clone();
    again.number = 2;
    runs[25].attempts.push(again);
    let data = report(&runs);
    let case = &data.cases[0];
    for series in &case.series {
        let [step] = &series.steps[..] else { panic!("{:?}", series.steps) };
        assert_eq!(series.points[step.change.index].run, 20, "{}", series.metric);
        assert!(step.worse && step.circumstances().starts_with("came with release 1.0 → 1.1;"));
    }
    // What people marked as invalid does not count, so that there is no level to step to.
    let invalid: Vec<String> = (20..40).map(|night| format!("n{night}")).collect();
    let said = Said {
        invalid: &|run, _, _| invalid.iter().any(|it| it == run).then(|| "bad node".to_owned()),
        ..Said::nothing()
    };
    let data = gather(&runs, &said, BTreeMap::new(), time("2026-12-24T12:00:00Z"));
    assert!(data.cases[0].series.iter().all(|series| series.steps.is_empty()));
}
