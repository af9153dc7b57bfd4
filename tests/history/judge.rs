//! `trtllm-perf history judge` and `history bless`: nights in a real SQLite file, judged by the program.

use serde_json::Value;
use trtllm_perf::history::{Aspect, Ended, Mode, Origin, Place, RunRecord, Store};

use trtllm_perf::record::result::State;

use crate::harness::{self, TRTLLM_PERF, Work, command, json_lines};
use crate::support::*;

const FILE: &str = "perf-history.sqlite";

fn history(work: &Work, words: &[&str]) -> harness::Ended {
    harness::run(command(TRTLLM_PERF, work.folder()).arg("history").args(words))
}

/// The history of the folder.
fn store(work: &Work) -> Box<dyn Store> {
    Place::File(work.path(FILE)).open(Mode::Create).expect("a store")
}

/// A throughput that scatters by about 0.6 % around `level`, the same each time for the same night.
fn scattered(level: f64, night: i64) -> f64 {
    level * (1.0 + 0.01 * ((night * 41 % 101) as f64 / 50.0 - 1.0))
}

/// A night with LLAMA at this throughput and QWEN at its usual one.
fn night(number: i64, release: &str, llama: f64) -> RunRecord {
    let attempts = vec![
        attempt(LLAMA, day(number), llama),
        attempt(QWEN, day(number), scattered(5000.0, number + 7)),
    ];
    run(&format!("night-{number}"), day(number), release, attempts)
}

/// Nights without a change.
fn steady(nights: std::ops::RangeInclusive<i64>) -> Vec<RunRecord> {
    nights.map(|number| night(number, "1.2.0", scattered(1000.0, number))).collect()
}

/// The same with another node.
fn on(node: &str, mut run: RunRecord) -> RunRecord {
    run.facts.insert(Aspect::Node, node.to_owned());
    run
}

fn also(mut runs: Vec<RunRecord>, more: impl IntoIterator<Item = RunRecord>) -> Vec<RunRecord> {
    runs.extend(more);
    runs
}

/// A folder with a history of these runs.
fn kept(runs: Vec<RunRecord>) -> Work {
    let work = Work::new();
    add(store(&work).as_mut(), runs);
    work
}

/// Judges, and gives the object of a case.
fn judged(work: &Work, words: &[&str], label: &str, code: i32) -> Value {
    let words = [&["judge", "--json"], words].concat();
    let lines = json_lines(&history(work, &words).exits(code).out);
    let found = lines.into_iter().find(|it| it["case"] == identity(label).label);
    found.unwrap_or_else(|| panic!("no line of {label}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Whether a reason holds this text.
fn reason(case: &Value, text: &str) -> bool {
    case["reasons"]
        .as_array()
        .is_some_and(|all| all.iter().any(|it| it.as_str().is_some_and(|it| it.contains(text))))
}

#[test]
fn the_newest_run_is_judged_by_the_metric_that_decides() {
    let mut slow = night(21, "1.2.0", 950.0);
    slow.attempts[0].facts.insert(Aspect::EngineVersion, "1.3.0".to_owned());
    let work = kept(also(steady(1..=20), [slow]));
    let llama = judged(&work, &[], LLAMA, 1);
    assert_eq!(
        (&llama["verdict"], &llama["words"]),
        (&"regress".into(), &"regress (one run)".into())
    );
    assert_eq!((&llama["metric"], &llama["earlier"]), (&"TOKEN_THROUGHPUT".into(), &20.into()));
    assert!((number(&llama["ratio"]) - 0.95).abs() < 2e-3, "{llama}");
    assert!(number(&llama["p"]) < 1e-6 && number(&llama["bound"]) > 0.95, "{llama}");
    assert_eq!(llama["others"][0]["metric"], "INFERENCE_TIME");
    assert_eq!(llama["others"][0]["worse"], true);
    assert!(reason(&llama, " % worse against 20 earlier points, of which noise explains "));
    assert!(reason(&llama, "worse in INFERENCE_TIME ×1.05"));
    assert_eq!(llama["cause"]["class"], "code");
    assert!(reason(&llama, "cause: code, not certain: engine_version 1.2.0 → 1.3.0"), "{llama}");
    let qwen = judged(&work, &["--case", "qwen*"], QWEN, 0);
    assert_eq!((&qwen["verdict"], &qwen["improved"]), (&"pass".into(), &false.into()));
    assert!(reason(&qwen, "cannot be seen in one run at this noise"));
    let text = history(&work, &["judge"]).exits(1).out;
    let first = text.lines().nth(1).expect("a row");
    let label = identity(LLAMA).label;
    assert!(first.starts_with("regress (one run)  -4.9 %") && first.ends_with(&label), "{text}");
    assert!(
        text.contains(
            "run night-21 (release 1.2.0); on H100_80GB_HBM3, tensorrt_llm; 2 cases: 1 regress, 0 improved, 1 pass, \
             0 inconclusive, 0 invalid"
        ),
        "{text}"
    );
    let again = format!(
        "trtllm-perf run --case '{label}' --history {FILE} && trtllm-perf history judge night-21 NEW-RUN --history {FILE}"
    );
    assert!(text.contains(&again), "{text}");
    let gate = format!("trtllm-perf gate --base GOOD --candidate NEW --case '{label}'");
    assert!(text.contains(&gate), "{text}");
    let page = history(&work, &["judge", "--markdown"]).exits(1).out;
    assert!(page.starts_with("### ⚠️ Night against history: 1 of 2 cases slower\n"), "{page}");
    assert_eq!(page.lines().filter(|line| line.starts_with("| <code>")).count(), 2, "{page}");
}

#[test]
fn an_older_run_is_judged_by_what_was_before_it() {
    let work = kept(also(steady(1..=15), [night(16, "1.2.0", 940.0)]));
    add(store(&work).as_mut(), (17..=20).map(|it| night(it, "1.2.0", 940.0)).collect());
    let first = judged(&work, &["night-16"], LLAMA, 1);
    assert_eq!((&first["earlier"], &first["runs"][0]["run_id"]), (&15.into(), &"night-16".into()));
    let newest = judged(&work, &[], LLAMA, 3);
    assert_eq!((&newest["verdict"], &newest["earlier"]), (&"inconclusive".into(), &19.into()));
    assert!(reason(&newest, "the level stepped 4 earlier points ago"), "{newest}");
    history(&work, &["judge", "night-"]).exits(2).says("judge night-: 20 runs begin so");
    history(&work, &["judge", "no-such"]).exits(2).says("has no run of this name");
    history(&work, &["judge", "--case", "x*"]).exits(2).says("no case that ran in it fits");
}

#[test]
fn nine_earlier_nights_decide_nothing_and_ten_do() {
    let work = kept(also(steady(1..=9), [night(10, "1.2.0", 700.0)]));
    let case = judged(&work, &[], LLAMA, 3);
    assert_eq!(case["verdict"], "inconclusive");
    assert!(reason(&case, "nothing is said before 10 earlier points, and there are 9"), "{case}");
    let work = kept(also(steady(1..=10), [night(11, "1.2.0", 700.0)]));
    judged(&work, &[], LLAMA, 1);
}

#[test]
fn another_node_confirms_a_regression_or_puts_the_node_under_suspicion() {
    let slow = night(21, "1.2.0", 940.0);
    let mut again = on("node2", night(22, "1.2.0", 938.0));
    again.attempts.truncate(1);
    let mut well = on("node3", night(23, "1.2.0", 1001.0));
    well.attempts.truncate(1);
    let mut same = night(24, "1.2.0", 939.0);
    same.attempts.truncate(1);
    let work = kept(also(steady(1..=20), [slow, again, well, same]));
    let words = |runs: &[&str], code| {
        let case = judged(&work, runs, LLAMA, code);
        assert!(number(&case["earlier"]) <= 20.0, "no run of the night is earlier");
        case["words"].as_str().expect("words").to_owned()
    };
    assert_eq!(words(&["night-21"], 1), "regress (one run)");
    assert_eq!(words(&["night-21", "night-22"], 1), "regress (confirmed on node2)");
    assert_eq!(words(&["night-22", "night-21", "night-21"], 1), "regress (confirmed on node2)");
    assert_eq!(words(&["night-21", "night-24"], 1), "regress (one node)");
    assert_eq!(words(&["night-21", "night-23"], 3), "inconclusive");
    let case = judged(&work, &["night-21", "night-23"], LLAMA, 3);
    assert!(reason(&case, "the runs disagree: regress on node1"), "{case}");
    assert!(reason(&case, "pass on node3"), "{case}");
}

#[test]
fn a_point_with_other_settings_is_left_out_and_one_with_unknown_ones_is_not() {
    let mut runs = steady(1..=25);
    for (index, run) in runs.iter_mut().enumerate() {
        let locked = if index < 12 { "1980 MHz" } else { "1700 MHz" };
        if index != 20 {
            run.facts.insert(Aspect::Clocks, locked.to_owned());
        }
        if index < 12 {
            run.attempts[0].samples[1].value *= 1.2;
        }
    }
    let mut new = night(26, "1.2.0", 1000.0);
    new.facts.insert(Aspect::Clocks, "1700 MHz".to_owned());
    let work = kept(also(runs, [new]));
    let case = judged(&work, &[], LLAMA, 0);
    assert_eq!((&case["verdict"], &case["earlier"]), (&"pass".into(), &13.into()));
    assert_eq!(case["left_out"]["settings"]["clocks"], 12);
    assert!(reason(&case, "left out: 12 with another clocks"), "{case}");
    history(&work, &["judge", "--json"]).exits(0).says("left out: 24 with another clocks");
}

#[test]
fn since_a_step_that_is_old_enough_the_new_level_is_what_counts() {
    let stepped = |new: f64| {
        let after = (21..=32).map(|it| night(it, "1.2.0", scattered(900.0, it)));
        kept(also(also(steady(1..=20), after), [night(33, "1.2.0", new)]))
    };
    let case = judged(&stepped(900.0), &[], LLAMA, 0);
    assert_eq!((&case["verdict"], &case["earlier"]), (&"pass".into(), &12.into()));
    assert_eq!(case["left_out"]["before_step"], 20);
    let case = judged(&stepped(850.0), &[], LLAMA, 1);
    assert!(reason(&case, "left out: 20 before a step of the level"), "{case}");
}

#[test]
fn a_machine_class_has_its_own_nights() {
    let elsewhere = |number: i64, value: f64| {
        let mut one = attempt(LLAMA, day(number), value);
        one.machine_class = "B200".to_owned();
        on("node9", run(&format!("b200-{number}"), day(number), "1.2.0", vec![one]))
    };
    let faster = (1..=20).map(|it| elsewhere(it, scattered(2000.0, it)));
    let new = [night(21, "1.2.0", 1000.0), elsewhere(21, 1800.0)];
    let work = kept(also(also(steady(1..=20), faster), new));
    let words = ["judge", "--json", "night-21", "b200-21", "--case", "llama*"];
    let lines = json_lines(&history(&work, &words).exits(1).out);
    let [slow, well] = &lines[..] else { panic!("two lines: {lines:?}") };
    assert_eq!(
        (&slow["machine_class"], &slow["words"]),
        (&"B200".into(), &"regress (one run)".into())
    );
    assert_eq!((&well["machine_class"], &well["words"]), (&H100.into(), &"pass".into()));
    for case in [slow, well] {
        assert_eq!(case["runs"].as_array().map(Vec::len), Some(1), "{case}");
    }
    let text = history(&work, &["judge", "night-21", "b200-21"]).exits(1).out;
    assert!(
        text.contains("machine class") && text.contains("on B200, tensorrt_llm; H100_80GB_HBM3, "),
        "{text}"
    );
    let one = ["judge", "--json", "night-21", "b200-21", "--machine", "b200"];
    assert_eq!(json_lines(&history(&work, &one).exits(1).out).len(), 1);
}

#[test]
fn what_does_not_count_is_left_out_and_told() {
    let mut runs = steady(1..=24);
    runs[2].attempts[0].samples[1].state = State::Invalid;
    runs[2].attempts[0].samples[1].value = 10.0;
    runs[3].attempts[0].samples[1].value = 20.0;
    runs[4].origin = Origin::Synthetic;
    runs[5].origin = Origin::BaselineCsv;
    runs[6].release = Some("1.1.0".to_owned());
    let work = kept(also(runs, [night(25, "1.2.0", 1000.0)]));
    history(&work, &["invalidate", "--run", "night-4", "--reason", "throttled"]).exits(0);
    let case = judged(&work, &["night-25", "--release", "1.2*"], LLAMA, 0);
    assert_eq!(case["earlier"], 19);
    for what in ["invalid", "marked", "other_origin", "baselines", "filtered"] {
        assert_eq!(case["left_out"][what], 1, "{what}");
    }
    history(&work, &["judge", "night-6"]).exits(2).says("it is a baseline");
    history(&work, &["judge", "night-5", "night-25"]).exits(2).says("judge them apart");
    let made = history(&work, &["judge", "night-5"]).exits(3).out;
    assert!(made.contains("SYNTHETIC: these numbers were made by a script"), "{made}");
}

#[test]
fn repeats_of_a_run_are_their_median_and_one_night() {
    let mut runs = steady(1..=12);
    for run in &mut runs {
        let mut again = run.attempts[0].clone();
        (again.number, again.samples[1].value) = (2, run.attempts[0].samples[1].value);
        run.attempts.push(again);
    }
    let mut new = night(13, "1.2.0", 700.0);
    for (number, value) in [(2, 1000.0), (3, 1002.0), (4, 100.0)] {
        let mut again = attempt(LLAMA, day(13), value);
        again.number = number;
        if number == 4 {
            again.samples.iter_mut().for_each(|sample| sample.state = State::Invalid);
        }
        new.attempts.push(again);
    }
    let work = kept(also(runs, [new]));
    let case = judged(&work, &[], LLAMA, 0);
    assert_eq!((&case["earlier"], &case["runs"][0]["repeats"]), (&12.into(), &3.into()));
    assert_eq!(case["runs"][0]["value"], 1000.0);
}

#[test]
fn a_case_without_a_number_is_invalid_and_says_why() {
    let mut new = night(21, "1.2.0", 1000.0);
    new.attempts[0].samples.clear();
    new.attempts[0].ended =
        Ended::Failed { kind: "gpu_oom".into(), message: "out of memory".into() };
    new.attempts[1].samples.iter_mut().for_each(|sample| sample.state = State::Invalid);
    let work = kept(also(steady(1..=20), [new]));
    let llama = judged(&work, &[], LLAMA, 4);
    assert_eq!((&llama["verdict"], &llama["metric"]), (&"invalid".into(), &Value::Null));
    assert!(reason(&llama, "run night-21: gpu_oom: out of memory"), "{llama}");
    let qwen = judged(&work, &[], QWEN, 4);
    assert_eq!((&qwen["verdict"], &qwen["runs"][0]["value"]), (&"invalid".into(), &Value::Null));
}

#[test]
fn a_case_without_its_primary_metric_is_judged_by_another_and_says_so() {
    let odd = |number: i64| {
        let mut odd = attempt("some new-serve", day(number), scattered(50.0, number));
        odd.samples.truncate(1);
        let mut llama = attempt(LLAMA, day(number), scattered(1000.0, number));
        llama.samples.truncate(1);
        run(&format!("night-{number}"), day(number), "1.2.0", vec![odd, llama])
    };
    let work = kept((1..=16).map(odd).collect());
    let case = judged(&work, &[], "some new-serve", 0);
    assert_eq!((&case["metric"], &case["verdict"]), (&"INFERENCE_TIME".into(), &"pass".into()));
    assert!(reason(&case, "its label has no meaning here; INFERENCE_TIME decides"), "{case}");
    let case = judged(&work, &[], LLAMA, 0);
    assert!(reason(&case, "it has no TOKEN_THROUGHPUT, which decides for it"), "{case}");
    let work = kept(steady(1..=16));
    let case = judged(&work, &["--metric", "inference_time"], LLAMA, 0);
    assert_eq!(
        (&case["metric"], &case["others"]),
        (&"INFERENCE_TIME".into(), &Value::Array(vec![]))
    );
}

#[test]
fn a_decline_of_one_percent_a_release_is_a_drift_though_each_night_passes() {
    let level = |release: i64| 1000.0 * 0.99_f64.powi(i32::try_from(release).expect("small"));
    let nights = |release: i64| {
        (1..=10).map(move |it| {
            let number = 10 * release + it;
            let version = format!("1.{release}.0");
            let mut night = night(number, &version, scattered(level(release), number));
            night.attempts[0].facts.insert(Aspect::EngineVersion, version);
            night
        })
    };
    let work = kept(nights(0).collect());
    history(
        &work,
        &[
            "bless",
            "--release",
            "1.0.0",
            "--metric",
            "TOKEN_THROUGHPUT",
            "--reason",
            "first release",
        ],
    )
    .exits(0)
    .says("blessed 2 levels by ");
    let mut drifted = Vec::new();
    for release in 1..=8 {
        add(store(&work).as_mut(), nights(release).collect());
        for it in [1, 4, 7, 10] {
            let id = format!("night-{}", 10 * release + it);
            let words = ["judge", "--json", "--case", "llama*", &id];
            let ended = history(&work, &words);
            let case = &json_lines(&ended.out)[0];
            // What the numbers of the night alone say.
            assert_eq!(case["runs"][0]["verdict"], "pass", "{case}");
            assert_eq!(ended.code, Some(i32::from(case["drifted"] == true)), "{case}");
            if case["drifted"] == true {
                assert_eq!(
                    (&case["verdict"], &case["words"]),
                    (&"regress".into(), &"regress (drift)".into())
                );
                assert!(reason(case, "drift: the level of the newest 10 points is "), "{case}");
                assert!(reason(case, "beyond the budget of 5 %"), "{case}");
                // The newest points are of another release than the level that was blessed.
                assert_eq!(case["cause"]["class"], "code", "{case}");
                drifted.push(10 * release + it);
            }
        }
    }
    // 0.99⁵ is 4.9 % down, of which 1/1.05 is 4.8 %: from release 1.5.0 on, once it makes up most of the newest ten.
    let first = *drifted.first().expect("a drift");
    assert!((52..=62).contains(&first), "{drifted:?}");
    let judged_nights = (1..=8).flat_map(|release| [1, 4, 7, 10].map(|it| 10 * release + it));
    assert_eq!(drifted, judged_nights.filter(|it| *it >= first).collect::<Vec<i64>>());
    let wide = judged(&work, &["--drift-budget", "10%", "--case", "llama*"], LLAMA, 0);
    assert_eq!(
        (&wide["drifted"], &wide["drifts"][0]["against"]),
        (&false.into(), &"blessed".into())
    );
    assert_eq!(wide["drifts"][1]["release"], "1.7.0", "the last release before this one");
}

#[test]
fn a_level_takes_three_samples_and_is_never_changed() {
    let work = kept(steady(1..=12));
    add(store(&work).as_mut(), vec![night(13, "2.0.0", 900.0), night(14, "2.0.0", 901.0)]);
    let bless = |words: &[&str]| history(&work, &[&["bless", "--reason", "good"], words].concat());
    bless(&["--release", "2.0.0"])
        .exits(2)
        .says("2 valid samples, and a level takes 3; not blessed");
    bless(&["--run", "night-13"]).exits(2).says("no series of ");
    bless(&["--run", "no-such"]).exits(2).says("there is no run of this name");
    history(&work, &["bless", "--reason", " "]).exits(2).says("the reason is empty");
    history(&work, &["bless"]).exits(2).says("--reason");
    let chosen = ["--case", "llama*", "--metric", "token_throughput", "--release", "1.2.0"];
    bless(&chosen).exits(0).says("blessed 1 level by ");
    let shown = history(&work, &["show", LLAMA, "--metric", "TOKEN_THROUGHPUT"]).exits(0).out;
    assert!(shown.contains("blessed: ") && shown.contains(": good"), "{shown}");
    let entries = |work: &Work| store(work).entries().expect("entries").blessings;
    let first = entries(&work);
    assert_eq!((first.len(), first[0].release.as_deref()), (1, Some("1.2.0")));
    let middle = (scattered(1000.0, 1)..=scattered(1000.0, 12)).contains(&first[0].level);
    assert!(middle || (first[0].level - 1000.0).abs() < 10.0, "{first:?}");
    bless(&chosen).exits(0).says(" in place of ");
    let both = entries(&work);
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "the first stays as it was");
    // Everything: the newest nights since the last step, of which there are enough.
    bless(&["--machine", "h100*"]).exits(0).says("blessed 4 levels by ");
    assert_eq!(history(&work, &["bless", "--machine", "B200*", "--reason", "x"]).code, Some(2));
}

#[test]
fn a_renamed_case_keeps_its_nights_and_its_blessing() {
    let new_label = LLAMA.replace("128,128", "128,128-con:8");
    let work = kept(steady(1..=20));
    history(&work, &["bless", "--metric", "TOKEN_THROUGHPUT", "--reason", "good"]).exits(0);
    let attempts = vec![attempt(&new_label, day(21), 930.0)];
    add(store(&work).as_mut(), vec![run("night-21", day(21), "1.2.0", attempts)]);
    let case = judged(&work, &[], &new_label, 3);
    assert_eq!(case["earlier"], 0, "another case");
    history(&work, &["alias", LLAMA, &new_label]).exits(0);
    let case = judged(&work, &[], &new_label, 1);
    assert_eq!((&case["earlier"], &case["drifts"][0]["against"]), (&20.into(), &"blessed".into()));
}

#[test]
fn nothing_to_judge_is_said() {
    let work = Work::new();
    history(&work, &["judge"]).exits(2).says("there is no such file");
    drop(store(&work));
    history(&work, &["judge"]).exits(2).says("judge the newest run: ");
    history(&work, &["judge", "--delta", "0"]).exits(2).says("must lie between 0 and 100 %");
    history(&work, &["judge", "--drift-budget=-1"]).exits(2).says("it takes percent");
}

/// One attempt more of a real case that takes a moment.
const SHORT: &str = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8-reqs:4";

#[test]
fn real_runs_of_the_embedded_engine_are_judged_by_their_own_noise() {
    let work = Work::new();
    let words = ["--case", SHORT, "--history", FILE, "--format", "terse"];
    for number in 1..=12 {
        let ended = work.run(&words).exits(0);
        let hint = format!("slower than before? trtllm-perf history judge --history {FILE}\n");
        assert_eq!(ended.err.contains(&hint), number > 10, "run {number}: {}", ended.err);
    }
    let ended = history(&work, &["judge", "--json"]);
    let [case] = &json_lines(&ended.out)[..] else { panic!("one case") };
    assert_eq!((&case["metric"], &case["earlier"]), (&"TOKEN_THROUGHPUT".into(), &11.into()));
    assert_eq!(case["engine"], "refbench");
    assert_eq!(case["left_out"]["settings"], serde_json::json!({}));
    // What the rule says by the numbers that are kept, reckoned here anew.
    let points = json_lines(
        &history(&work, &["show", SHORT, "--metric", "TOKEN_THROUGHPUT", "--json"]).exits(0).out,
    );
    let values: Vec<f64> = points.iter().map(|it| number(&it["value"])).collect();
    let logs: Vec<f64> = values[..11].iter().map(|it| it.ln()).collect();
    let mean = logs.iter().sum::<f64>() / 11.0;
    let sd = (logs.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 10.0).sqrt();
    // The 99.9 % quantile of 10 degrees of freedom.
    let reach = 4.143_700_5 * sd * (12.0_f64 / 11.0).sqrt();
    let (loss, delta) = (mean - values[11].ln(), 1.03_f64.ln());
    assert!((number(&case["ratio"]) - (-loss).exp()).abs() < 1e-9, "{case}");
    assert!((number(&case["bound"]) - (-reach).exp()).abs() < 1e-6, "{case} {reach}");
    let expected = match loss {
        loss if loss > reach.max(delta) => (1, "regress"),
        loss if loss > delta => (3, "inconclusive"),
        _ => (0, "pass"),
    };
    assert_eq!((ended.code, case["verdict"].as_str()), (Some(expected.0), Some(expected.1)));
    assert!(ended.err.contains("1 case: "), "{}", ended.err);
}
