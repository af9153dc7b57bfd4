//! Markers and waives: what is skipped, what may fail, what has its own time limit.

use crate::support::*;

/// The outcome of one case on a scripted program under a marker: exit code, libtest's word, JUnit kind, what was said.
struct Marked {
    work: Work,
    code: Option<i32>,
    out: String,
    err: String,
}

fn marked(marker: &str, program: &str) -> Marked {
    let work = Work::new();
    let waives = work.write("waives.txt", format!("{} {marker}\n", id(PYTORCH)));
    let more = ["-S", waives.as_str(), "--timeout", "100"];
    let ended = work.run_case(PYTORCH, program, &more);
    Marked { work, code: ended.code, out: ended.out, err: ended.err }
}

#[test]
fn a_skipped_test_does_not_run_unless_ignored_ones_are_asked_for() {
    let run = marked("SKIP (slow owner=ann)", "good");
    assert_eq!(run.code, Some(4));
    assert!(run.out.contains("0 passed; 0 failed; 1 ignored"), "{}", run.out);
    assert_eq!(run.work.junit().case().message, "waived: slow owner=ann");
    assert_eq!(run.work.rows().len(), 0);
    for flag in ["--ignored", "--include-ignored"] {
        run.work.run_case(PYTORCH, "good", &["-S", "waives.txt", flag]).exits(0);
        assert_eq!(run.work.junit().kinds(), ["passed"], "{flag}");
    }
}

#[test]
fn a_test_that_is_expected_to_fail_is_no_failure_and_one_that_passes_is_pointed_out() {
    let run = marked("XFAIL (known)", "gpu-oom");
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    let junit = run.work.junit();
    assert_eq!(junit.case().kind, "skipped");
    assert!(junit.case().message.starts_with("xfail: known: bench exited with 1: "), "{junit:?}");
    assert_eq!(run.work.rows().len(), 0);

    let run = marked("XFAIL (known)", "good");
    assert_eq!(run.code, Some(0));
    let remark = "expected to fail and passed (xfail: known); take the marker off";
    assert!(run.err.contains(remark), "{}", run.err);
    assert!(run.work.problems().contains(remark));
    assert_eq!(run.work.rows().len(), 3, "its numbers count");
}

#[test]
fn a_failure_of_an_unstable_test_does_not_count_and_its_pass_does() {
    let run = marked("UNSTABLE (flaky)", "silent");
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    assert!(run.work.junit().case().message.starts_with("unstable: flaky: "));
    let run = marked("UNSTABLE (flaky)", "good");
    assert_eq!((run.code, run.work.junit().kinds()), (Some(0), vec!["passed"]));
    assert_eq!(run.work.problems(), "");
}

#[test]
fn a_failure_that_does_not_count_leaves_no_number_that_is_not_to_be_trusted() {
    for marker in ["UNSTABLE (flaky)", "XFAIL (known)"] {
        let run = marked(marker, "lacks-throughput");
        assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
        assert_eq!(run.work.junit().kinds(), ["skipped"]);
        let (_, result) = run.work.attempt();
        assert_eq!(result["metrics"].as_array().map(Vec::len), Some(2), "kept for people");
        assert_eq!(run.work.rows().len(), 0, "{marker}");
    }
}

#[test]
fn a_waive_counts_on_its_last_day_and_hides_nothing_after_it() {
    let today = jiff::ZonedDateTime::now().date();
    let run = marked(&format!("SKIP (slow until={})", today.tomorrow().expect("a day")), "good");
    assert_eq!(run.code, Some(4));
    let run = marked("SKIP (slow until=2020-01-31)", "good");
    assert_eq!((run.code, run.work.junit().kinds()), (Some(0), vec!["passed"]));
    let work = Work::new();
    let line = format!("{} SKIP (slow until=2020-01-31)\n", id(PYTORCH));
    let list = work.write("list.txt", line);
    let of_the_list = work.run(&["--list", "-F", &list]).exits(0);
    of_the_list.says(&format!("note: {list}:1: SKIP has expired and no longer counts"));
    let note =
        format!("SKIP has expired and no longer counts (slow until=2020-01-31): {}", id(PYTORCH));
    assert!(run.err.contains(&note), "{}", run.err);
}

#[test]
fn a_waives_time_limit_goes_before_the_options_and_0_is_none() {
    let limit = |marker: &str| {
        let run = marked(marker, "good");
        assert_eq!(run.code, Some(0), "{}", run.err);
        let (folder, _) = run.work.attempt();
        read_json(&folder.join("plan.json"))["plan"]["timeout_s"].clone()
    };
    assert_eq!(limit("TIMEOUT (2)"), 120);
    assert_eq!(limit("TIMEOUT (0)"), serde_json::Value::Null);
    assert_eq!(limit("ISOLATION"), 100);
}

#[test]
fn a_waive_for_one_platform_and_one_for_nobody_are_told_apart() {
    let work = Work::new();
    let waives = work.write(
        "waives.txt",
        format!("full:H100/{} SKIP (slow)\n{} SKIP (typo)\n", id(PYTORCH), id("no_such_model")),
    );
    let run = |prefix: &str| {
        let more = [
            "-S",
            waives.as_str(),
            "-P",
            prefix,
            "--machine-facts",
            &fixture("machines/no-gpu.yml"),
        ];
        work.run_case(PYTORCH, "good", &more)
    };
    run("H100").exits(4);
    let ended = run("H200").exits(0);
    assert!(!ended.err.contains("waives.txt:1"), "another platform's: {}", ended.err);
    assert!(
        ended.err.contains(&format!(
            "waives.txt:2: waives no test of this run: {}",
            id("no_such_model")
        )),
        "{}",
        ended.err
    );
}
