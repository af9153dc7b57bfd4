//! What tools read: listings, JSON events, and the command lines of IDEs.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::perf_target::perf;
use crate::support::*;

/// One embedded case that ends soon.
const CASE: &str = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:8-con:1";

/// Both executables with these words: they are one harness.
fn both(work: &Work, words: &[&str]) -> [Command; 2] {
    let mut target = command(perf(), work.folder());
    target.args(words);
    [work.harness(words), target]
}

#[test]
fn a_listing_prints_names_alone_writes_nothing_and_needs_no_program() {
    let work = Work::new();
    for words in
        [&["--list"][..], &["--list", "--format", "terse"], &["--list", "--format", "pretty"]]
    {
        for mut command in both(&work, words) {
            let ended = run(command.env("PATH", "/nowhere")).exits(0);
            let lines: Vec<&str> = ended.out.lines().collect();
            assert_eq!(lines.len(), 12, "{}", ended.out);
            let named = |line: &&str| {
                line.starts_with("perf/test_perf.py::test_perf[refbench_")
                    && line.ends_with("]: test")
            };
            assert!(lines.iter().all(named), "{}", ended.out);
            assert!(lines.contains(&format!("{}: test", id(CASE)).as_str()), "{}", ended.out);
        }
    }
    assert_eq!(work.files(), [""; 0]);
}

#[test]
fn ignored_tests_are_listed_alone_when_asked_for() {
    let work = Work::new();
    let waives = work.write("waives.txt", format!("{} SKIP (slow)\n", id(CASE)));
    let listed = |words: &[&str]| work.run(&[&["--list"], words].concat()).exits(0).out;
    assert_eq!(listed(&["--ignored"]), "");
    assert_eq!(listed(&["--ignored", "-S", &waives]), format!("{}: test\n", id(CASE)));
    assert_eq!(listed(&["-S", &waives]).lines().count(), 12);
    assert_eq!(listed(&["--skip", "pytorch", "--skip", "streaming"]).lines().count(), 1);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let work = Work::new();
    // More than a pipe holds, so that the reader's end is noticed.
    let labels: Vec<String> = (1..5000).map(|n| format!("{PYTORCH}-con:{n}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let list = work.list("long.txt", &labels);
    for words in [&["--list"][..], &["--dry-run=json"], &["--dry-run"]] {
        let mut command = work.harness(&[&["-F", &list][..], words].concat());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut first = [0; 10];
        child.stdout.take().expect("piped").read_exact(&mut first).expect("a beginning");
        let ended = Ended::of(child.wait_with_output().expect("ends")).exits(0);
        assert!(!ended.err.contains("panicked"), "{words:?}: {}", ended.err);
    }
}

#[test]
fn a_stdout_that_cannot_be_written_is_3() {
    let work = Work::new();
    for words in [&["--list"][..], &["--dry-run"], &["--dry-run=json"], &["--explain", CASE]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let mut command = work.harness(words);
        let child = command.stdout(full).stderr(Stdio::piped()).spawn().expect("starts");
        let ended = Ended::of(child.wait_with_output().expect("ends")).exits(3);
        assert!(ended.err.contains("No space left on device"), "{words:?}: {}", ended.err);
    }
}

#[test]
fn json_events_stand_alone_on_stdout() {
    let work = Work::new();
    // As RustRover and IntelliJ run a target.
    let words = ["--format", "json", "-Z", "unstable-options", "--show-output"];
    let good = bench("good");
    let oom = bench("gpu-oom");
    for (program, event, code) in [(&good, "ok", 0), (&oom, "failed", 101)] {
        let case = ["--case", PYTORCH, "--bench-bin", program, "-s", "-v"];
        for mut command in both(&work, &[&case[..], &words].concat()) {
            let ended = run(&mut command).exits(code);
            let events = json_lines(&ended.out);
            let shown: Vec<_> =
                events.iter().map(|it| (text(&it["type"]), text(&it["event"]))).collect();
            let expected =
                [("suite", "started"), ("test", "started"), ("test", event), ("suite", event)];
            let expected = expected.map(|(kind, event)| (kind.to_owned(), event.to_owned()));
            assert_eq!(shown, expected);
            assert_eq!(events[2]["name"], id(PYTORCH));
            assert!(ended.err.contains("bench: "), "-v shows commands: {}", ended.err);
            let output = if code == 0 { "PERFORMANCE OVERVIEW" } else { "MPI_ABORT" };
            assert!(ended.err.contains(output), "-s shows the output: {}", ended.err);
        }
    }
}

#[test]
fn one_test_by_its_exact_name_runs_as_vs_code_asks_for_it() {
    let work = Work::new();
    let name = id(CASE);
    let mut command = command(perf(), work.folder());
    let ended = run(command.args(["--exact", &name, "--nocapture"])).exits(0);
    assert!(ended.out.contains("1 passed; 0 failed; 0 ignored"), "{}", ended.out);
    assert_eq!(work.metrics(), ["INFERENCE_TIME", "TOKEN_THROUGHPUT", "SEQ_THROUGHPUT"]);
}
