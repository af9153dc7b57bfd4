//! The commands around the harness, through the installed program: one good and one bad use of each.

use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// `trtllm-perf` with these words.
fn tool(cwd: &Path, words: &[&str]) -> Ended {
    run(command(TRTLLM_PERF, cwd).args(words))
}

fn tokenizer() -> String {
    format!("--tokenizer={}/perf-tests/refbench-models/tiny-llama", env!("CARGO_MANIFEST_DIR"))
}

const LENGTHS: [&str; 6] = [
    "token-norm-dist",
    "--num-requests=48",
    "--input-mean=64",
    "--input-stdev=0",
    "--output-mean=32",
    "--output-stdev=0",
];

#[test]
fn every_command_has_a_help_text_on_stdout() {
    let work = Work::new();
    for words in
        [&[][..], &["run"], &["dataset"], &["dataset", "token-norm-dist"], &["parse"], &["rebuild"]]
    {
        let ended = tool(work.folder(), &[words, &["--help"]].concat()).exits(0);
        assert!(ended.out.contains("Usage: trtllm-perf"), "{words:?}: {}", ended.out);
        assert_eq!(ended.err, "", "{words:?}");
    }
    assert!(tool(work.folder(), &["--version"]).exits(0).out.starts_with("trtllm-perf "));
    let help = tool(work.folder(), &["run", "--help"]).exits(0).out;
    assert!(help.starts_with("Run test lists"), "{help}");
    assert!(
        help.contains("Tests run one at a time") && !help.contains("in parallel. This"),
        "{help}"
    );
    tool(work.folder(), &["frobnicate"]).exits(2).says("unrecognized subcommand 'frobnicate'");
    tool(work.folder(), &[]).exits(2).says("Usage: trtllm-perf");
}

#[test]
fn dataset_prints_json_lines_and_the_harness_makes_the_same_bytes() {
    let work = Work::new();
    let tokenizer = tokenizer();
    let words = [&["dataset", "--stdout", &tokenizer][..], &LENGTHS].concat();
    let ended = tool(work.folder(), &words).exits(0);
    let lines = json_lines(&ended.out);
    assert_eq!(lines.len(), 48);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(
            (&line["task_id"], &line["output_tokens"]),
            (&Value::from(number), &Value::from(32))
        );
        assert_eq!(line["input_ids"].as_array().map(Vec::len), Some(64));
    }
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:48";
    work.run_case(label, "good", &[]).exits(0);
    let (folder, _) = work.attempt();
    let made = std::fs::read_to_string(folder.join("synthetic_data.json")).expect("a data set");
    assert_eq!(made, ended.out);
}

#[test]
fn dataset_says_what_is_wrong_with_a_tokenizer() {
    let work = Work::new();
    let words = [&["dataset", "--stdout", "--tokenizer=/no/such/model"][..], &LENGTHS].concat();
    let ended = tool(work.folder(), &words).exits(2);
    assert_eq!(
        (ended.out.as_str(), ended.err.trim_end()),
        ("", "error: find the tokenizer: /no/such/model is not a directory")
    );
}

#[test]
fn parse_prints_one_object_on_stdout_and_words_for_people_on_stderr() {
    let work = Work::new();
    let log = fixture("../logs/1.2-pytorch-streaming.log");
    let report = fixture("../logs/1.2-pytorch-streaming.json");
    let ended = tool(work.folder(), &["parse", &log, "--report-json", &report, "--json"]).exits(0);
    let [object] = &json_lines(&ended.out)[..] else { panic!("{}", ended.out) };
    assert_eq!((&object["source"], &object["reports"]), (&Value::from("report"), &Value::from(1)));
    assert_eq!(object["metrics"]["SYSTEM_OUTPUT_THROUGHPUT"], 1023.9999916);
    let shown = tool(work.folder(), &["parse", &log]).exits(0).out;
    assert!(shown.contains("INFERENCE_TIME") && shown.contains("log line"), "{shown}");

    let oom = fixture("../logs/fail-gpu-oom-then-echoes.log");
    let ended = tool(work.folder(), &["parse", &oom, "--json"]).exits(1);
    let [object] = &json_lines(&ended.out)[..] else { panic!("{}", ended.out) };
    assert_eq!(
        (&object["cause"], &object["cause_line"]),
        (&Value::from("gpu_oom"), &Value::from(8))
    );
    assert!(ended.err.contains("hint: "), "{}", ended.err);
    tool(work.folder(), &["parse", "no-such.log"]).exits(2).says("no-such.log");
    tool(work.folder(), &["parse", &log, "--report-json", "none.json"])
        .exits(2)
        .says("open report none.json");
}

#[test]
fn rebuild_makes_the_views_again_and_refuses_a_folder_without_a_run() {
    let work = Work::new();
    work.run_case(PYTORCH, "good", &[]).exits(0);
    let csv = work.read("perf-output/perf_script_test_results.csv");
    let junit = work.read("perf-output/junit.xml");
    std::fs::remove_file(work.path("perf-output/perf_script_test_results.csv")).expect("removed");
    work.write("perf-output/junit.xml", "broken");
    let words = ["rebuild", "perf-output", "--junitxml", "copy.xml", "--csv", "report.csv"];
    tool(work.folder(), &words).exits(0).says("from 1 trial");
    assert_eq!(work.read("perf-output/perf_script_test_results.csv"), csv);
    assert_eq!(work.read("perf-output/junit.xml"), junit);
    assert_eq!(work.read("copy.xml"), junit);
    assert_eq!(read_csv(&work.path("report.csv")).len(), 1);
    tool(work.folder(), &["rebuild", "perf-output", "--run", "no-such"]).exits(2).says("no-such");
    tool(work.folder(), &["rebuild", "nowhere"]).exits(2).says("nowhere");
}

/// Of a run that starts tests the lines are libtest-mimic's, which panics then.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure_of_any_command() {
    let work = Work::new();
    for _ in 0..2 {
        work.run_case(PYTORCH, "good", &[]).exits(0);
    }
    let (log, many) = (fixture("../logs/1.2-pytorch-streaming.log"), tokenizer());
    let dataset = [&["dataset", "--stdout", &many][..], &LENGTHS].concat();
    let good = bench("good");
    let case = ["--case", PYTORCH, "--bench-bin", &good];
    let with_case = |words: &[&'static str]| [words, &case[..]].concat();
    let commands: [&[&str]; 11] = [
        &["--help"],
        &with_case(&["run", "--list"]),
        &with_case(&["run", "--dry-run"]),
        &with_case(&["run", "--explain", PYTORCH]),
        &with_case(&["doctor", "--contract"]),
        &dataset,
        &["parse", &log],
        &["parse", &log, "--json"],
        &["rebuild", "perf-output"],
        &["status", "perf-output"],
        &["prune", "perf-output", "--keep", "0"],
    ];
    for words in commands {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = run(command(TRTLLM_PERF, work.folder()).args(words).stdout(writer));
        assert!(!ended.err.contains("panicked"), "{words:?}: {}", ended.err);
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.err);
    }
    let runs = std::fs::read_dir(work.path("perf-output/runs")).expect("runs");
    assert_eq!(runs.count(), 2, "the newest run and its link: the others are removed all the same");
}

#[test]
fn prune_takes_any_number_of_days() {
    let work = Work::new();
    work.run_case(PYTORCH, "good", &[]).exits(0);
    let days = u32::MAX.to_string();
    assert_eq!(tool(work.folder(), &["prune", "perf-output", "--days", &days]).exits(0).out, "");
}
