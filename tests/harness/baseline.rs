//! Runs held against a baseline.

use std::fmt::Write as _;
use std::path::Path;

use trtllm_perf::case::{Case, ModelTable};

use crate::support::*;

/// The scripted program's total latency, in ms.
const MEASURED: f64 = 1500.0;

const HEADER: &str =
    "network_name,perf_case_name,test_name,threshold,absolute_threshold,metric_type,perf_metric\n";

/// The name of a row: the metric of a label under a prefix. Rows have the canonical label.
pub fn case_name(prefix: &str, label: &str, metric: &str) -> String {
    let models = ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("a table");
    let case = Case::parse(label, &models).expect("a label");
    format!("{prefix}perf/test_perf.py::test_perf_metric_{metric}[{case}]")
}

/// A baseline of times; `(name of the row, ms)`.
pub fn times(rows: &[(String, f64)]) -> String {
    let mut text = HEADER.to_owned();
    for (case, value) in rows {
        let (_, test) = case.rsplit_once("::").expect("a domain");
        _ = writeln!(text, "x,\"{case}\",\"{test}\",0.1,50,INFERENCE_TIME,{value}");
    }
    text
}

fn time_of(label: &str) -> String {
    case_name("", label, "inference_time")
}

/// Runs [`PYTORCH`] on the scripted program against a baseline with one time.
fn judged(base: f64, more: &[&str]) -> (Work, Ended) {
    let work = Work::new();
    work.write("b.csv", times(&[(time_of(PYTORCH), base)]));
    let words = [&["--baseline", "b.csv"], more].concat();
    let ended = work.run_case(PYTORCH, "good", &words);
    (work, ended)
}

#[test]
fn a_number_within_its_baseline_passes_and_says_so() {
    let (work, ended) = judged(1490.0, &[]);
    ended.exits(0);
    let (_, result) = work.attempt();
    let verdict = &result["baseline"][0];
    assert_eq!((&verdict["standing"], &verdict["base"]), (&"within".into(), &1490.0.into()));
    assert_eq!(verdict["perf_case_name"], time_of(PYTORCH));
    assert_eq!(result["metrics"][0]["value"], MEASURED);
    assert!(work.problems().contains("TOKEN_THROUGHPUT: no row in the baseline b.csv"));
    let samples = read_csv(&work.path("perf-output/perf_samples.csv"));
    assert_eq!(samples[0]["baseline"], "1490");
    assert_eq!(samples[0]["baseline_verdict"], "within");
    assert_eq!(samples[0]["perf_case_name"], time_of(PYTORCH));
    assert_eq!(samples[1]["baseline_verdict"], "");
}

#[test]
fn a_regression_fails_the_trial_with_base_new_ratio_and_limit_in_words() {
    let (work, ended) = judged(1000.0, &[]);
    let ended = ended.exits(101);
    let words = "INFERENCE_TIME worse than its baseline allows: base 1000, new 1500: +50.0 %, ratio 1.5000, limit ±100";
    assert!(ended.out.contains(&format!("regression: {words}")), "{}", ended.out);
    let failure = work.failure();
    assert_eq!((&failure["kind"], &failure["message"]), (&"regression".into(), &words.into()));
    let junit = work.read("perf-output/junit.xml");
    assert!(junit.contains("<failure type=\"regression\""), "{junit}");
    assert!(junit.contains("baseline: INFERENCE_TIME regression"), "{junit}");
    assert!(junit.contains("failures=\"1\"") && junit.contains("errors=\"0\""), "{junit}");
    assert_eq!(work.rows().len(), 3, "the numbers are valid and stay in the perf CSV");
}

#[test]
fn better_than_allowed_is_told_and_passes() {
    let (work, ended) = judged(3000.0, &[]);
    ended.exits(0);
    let problems = work.problems();
    assert!(problems.contains("INFERENCE_TIME better than its baseline allows"), "{problems}");
    assert!(problems.contains("(b.csv:2)"), "{problems}");
}

#[test]
fn the_rule_is_ours_unless_upstreams_is_asked_for() {
    assert_eq!(judged(1360.0, &[]).1.code, Some(101));
    assert_eq!(judged(1360.0, &["--policy", "upstream"]).1.code, Some(0));
}

#[test]
fn a_number_beyond_the_drift_budget_fails_though_its_baseline_has_followed() {
    let work = Work::new();
    work.write("b.csv", times(&[(time_of(PYTORCH), 1350.0)]));
    let reason = ["baseline", "bless", "b.csv", "--reason", "release 1.1", "--who", "ada"];
    run(command(TRTLLM_PERF, work.folder()).args(reason)).exits(0);
    work.write("b.csv", times(&[(time_of(PYTORCH), 1490.0)]));
    let ended = work.run_case(PYTORCH, "good", &["--baseline", "b.csv"]).exits(101);
    assert!(ended.out.contains("+11.1 % from the level 1350 blessed"), "{}", ended.out);
    assert!(ended.out.contains("by ada, budget 5 %"), "{}", ended.out);
    work.run_case(PYTORCH, "good", &["--baseline", "b.csv", "--drift-budget", "12"]).exits(0);
}

#[test]
fn the_settings_file_names_baseline_rule_and_budget() {
    let work = Work::new();
    work.write("b.csv", times(&[(time_of(PYTORCH), 1360.0)]));
    work.write("perf.toml", "baseline = 'b.csv'\n");
    work.run_case(PYTORCH, "good", &[]).exits(101);
    work.run_case(PYTORCH, "good", &["--baseline", "none"]).exits(0);
    work.write("perf.toml", "baseline = 'b.csv'\npolicy = 'upstream'\ndrift_budget = 3\n");
    work.run_case(PYTORCH, "good", &[]).exits(0);
    work.write("perf.toml", "policy = 'lenient'\n");
    work.run_case(PYTORCH, "good", &[]).exits(2).says("perf.toml: policy: unknown value `lenient`");
    work.write("perf.toml", "drift_budget = -1\n");
    work.run_case(PYTORCH, "good", &[]).exits(2).says("drift_budget: it takes percent");
}

#[test]
fn a_regression_is_tried_again_like_any_failure() {
    let (work, ended) = judged(1000.0, &["--retries", "1"]);
    ended.exits(101).says("attempt 1 failed; trying again");
    assert_eq!(work.attempts().len(), 2);
}

#[test]
fn a_baseline_that_judges_nothing_stops_the_run_before_it_begins() {
    let work = Work::new();
    work.write("b.csv", times(&[(case_name("H100/", PYTORCH, "inference_time"), 1.0)]));
    let ended = work.run_case(PYTORCH, "good", &["--baseline", "b.csv"]).exits(4);
    let ended = ended.says("it has no row for any test of this run");
    ended.says("its rows are under the prefix H100 (1)").says("--baseline none");
    assert!(!work.path("perf-output/runs").exists());
    let right = ["--baseline", "b.csv", "--test-prefix", "H100"];
    work.run_case(PYTORCH, "good", &right).exits(101);
}

#[test]
fn a_row_whose_test_gave_no_value_fails_a_green_run() {
    let work = Work::new();
    let rows = [(time_of(PYTORCH), 1500.0), (case_name("", PYTORCH, "kv_cache_size"), 1.0)];
    work.write("b.csv", times(&rows));
    let ended = work.run_case(PYTORCH, "good", &["--baseline", "b.csv"]).exits(4);
    let ended = ended.says("1 rows of b.csv were not checked");
    ended.says("test_perf_metric_kv_cache_size").says("no value from its test");
    // A failing test says the rest itself.
    work.run_case(PYTORCH, "silent", &["--baseline", "b.csv"]).exits(101);
    work.run_case(PYTORCH, "good", &["--baseline", "b.csv", "--allow-empty"]).exits(0);
}

#[test]
fn a_full_list_must_give_every_row_and_a_filtered_one_only_its_own() {
    let work = Work::new();
    let gone = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:9,9-reqs:48";
    let rows = [(time_of(PYTORCH), 1500.0), (time_of(STREAMING), 1500.0), (time_of(gone), 1500.0)];
    work.write("b.csv", times(&rows));
    let list = work.list("l.txt", &[PYTORCH, STREAMING]);
    let words = ["-F", &list, "--baseline", "b.csv", "--bench-bin", &bench("good")];
    let ended = work.run(&words).exits(4);
    ended.says("input_output_len:9,9-reqs:48]: no line of the lists gives it");
    work.run(&[&words[..], &["-R", "streaming"]].concat()).exits(0);
    work.run(&[&words[..], &["streaming"]].concat()).exits(0);
    // A waived test is accounted for.
    work.write("b.csv", times(&rows[..2]));
    work.write("w.txt", format!("{} SKIP (slow)\n", id(STREAMING)));
    work.run(&[&words[..], &["-S", "w.txt"]].concat()).exits(0);
}

#[test]
fn a_baseline_that_cannot_be_read_whole_is_refused() {
    let work = Work::new();
    let whole = times(&[(time_of(PYTORCH), 1500.0)]);
    for (text, message) in [
        (whole.replace(",1500", ",fast"), "b.csv:2: perf_metric is `fast`"),
        (whole.replace("perf_metric\n", "value\n"), "b.csv:1: no column perf_metric"),
    ] {
        work.write("b.csv", text);
        work.run_case(PYTORCH, "good", &["--baseline", "b.csv"]).exits(2).says(message);
    }
    work.run_case(PYTORCH, "good", &["--baseline", "none.csv"]).exits(2).says("read none.csv");
    assert!(!work.path("perf-output").exists());
}

#[test]
fn the_baseline_of_this_machines_gpu_is_found_and_told() {
    let work = Work::new();
    crate::gpus::recording(&work, "gpu.jsonl", 1, &[crate::gpus::quiet()]);
    let product = "H100_80GB_HBM3";
    let row = times(&[(time_of(PYTORCH), 1000.0)]);
    let more = ["--gpu-recording", "gpu.jsonl"];
    for (folder, tables) in [("perf-tests", None), ("site", Some("site"))] {
        let work_path = format!("{folder}/baselines/{product}.csv");
        work.write(&work_path, &row);
        let words: Vec<&str> =
            more.into_iter().chain(tables.iter().flat_map(|dir| ["--tables", dir])).collect();
        let ended = work.run_case(PYTORCH, "good", &words).exits(101);
        ended.says(&format!("results are judged against {work_path}"));
        std::fs::remove_file(work.path(&work_path)).expect("removed");
    }
    // One that has nothing to do with the run does no harm.
    let other = times(&[(case_name("B200/", PYTORCH, "inference_time"), 1000.0)]);
    work.write(&format!("perf-tests/baselines/{product}.csv"), other);
    work.run_case(PYTORCH, "good", &more).exits(0).says("it has no row for any test of this run");
    assert!(Path::new(&work.word("perf-output")).is_dir());
}
