//! `trtllm-perf report`, the real program over runs of the embedded engine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_trtllm-perf");
const SHORT: &str =
    "refbench_tiny_llama-bench-pytorch-streaming-float32-input_output_len:16,8-reqs:2-con:2";

fn program(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).args(words);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["TRTLLM_", "LLM_", "NEXTEST"].iter().any(|front| name.starts_with(front)) {
            command.env_remove(name);
        }
    }
    command.output().expect("the program starts")
}

#[track_caller]
fn exits(code: i32, output: Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{err}");
    err
}

fn work() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The name of the newest run. Those of two runs within a second are in no order.
fn latest(work: &Path) -> String {
    let link = fs::read_link(work.join("perf-output/runs/latest")).expect("the newest run");
    link.to_string_lossy().into_owned()
}

#[test]
fn a_run_of_the_embedded_engine_becomes_a_page_with_its_numbers_and_commands() {
    let work = work();
    let words = [
        "run",
        "--case",
        SHORT,
        "--case",
        "no_such_model-bench-pytorch-float16-input_output_len:8,8",
    ];
    exits(101, program(work.path(), &words));
    let said = exits(0, program(work.path(), &["report", "--html", "r.html"]));
    assert!(said.contains("wrote r.html: cases: 2, runs: 1"), "{said}");
    let html = fs::read_to_string(work.path().join("r.html")).expect("the page");
    let csv = fs::read_to_string(work.path().join("perf-output/perf_script_test_results.csv"));
    assert!(csv.expect("rows").contains("TOKEN_THROUGHPUT"));
    for part in [
        "input_output_len:16,8-reqs:2-con:2",
        "refbench",
        "--report_json",
        "TTFT",
        "no_such_model",
        "embedded.yml",
    ] {
        assert_eq!(html.contains(part), part != "embedded.yml", "{part}");
    }
    // A second run: the first is its past. Names of runs, folders and output directories all do.
    let first = &latest(work.path());
    exits(0, program(work.path(), &["run", "--case", SHORT]));
    let second = &latest(work.path());
    let said = exits(
        0,
        program(
            work.path(),
            &["report", "--html", "two.html", "--run", first, "--run", "perf-output"],
        ),
    );
    assert!(said.contains("cases: 2, runs: 2"), "{said}");
    let newest = "perf-output/runs/latest";
    let said = exits(0, program(work.path(), &["report", "--html", "one.html", "--run", newest]));
    assert!(said.contains("cases: 1, runs: 1"), "{said}");
    // The same from the history, which the runs went to by themselves.
    let said = exits(0, program(work.path(), &["report", "--html", "h.html", "--history"]));
    assert!(said.contains("cases: 2, runs: 2"), "{said}");
    let html = fs::read_to_string(work.path().join("h.html")).expect("the page");
    assert!(html.contains("--report_json"), "the newest run is here, and has its commands");
    let [first, second] = [first, second].map(|name| format!("perf-output/runs/{name}"));
    let words = ["report", "--html", "ab.html", "--compare", &first, &second];
    exits(0, program(work.path(), &words));
    let html = fs::read_to_string(work.path().join("ab.html")).expect("the page");
    assert!(html.contains("TOKEN_THROUGHPUT") && html.contains("compared"), "{html}");
    let said = exits(
        0,
        program(work.path(), &["report", "--html", "c.html", "--history", "--case", "refbench*"]),
    );
    assert!(said.contains("cases: 1, runs: 2"), "{said}");
}

#[test]
fn what_is_not_there_is_told_and_nothing_is_written() {
    let work = work();
    let said = exits(2, program(work.path(), &["report", "--html", "r.html"]));
    assert!(said.contains("find a run in perf-output"), "{said}");
    let said = exits(2, program(work.path(), &["report", "--html", "r.html", "--run", "nowhere"]));
    assert!(said.contains("find the run nowhere") && said.contains("--output-dir"), "{said}");
    let said =
        exits(2, program(work.path(), &["report", "--html", "r.html", "--history", "no.sqlite"]));
    assert!(said.contains("no.sqlite"), "{said}");
    exits(2, program(work.path(), &["report"]));
    assert!(!work.path().join("r.html").exists());
    assert!(!work.path().join("no.sqlite").exists());
}
