//! Bench programs that fail: the cause is named, the trial is red, nothing of the program is left.

use std::fs;

use crate::support::*;

#[test]
fn the_first_line_that_shows_gpu_memory_running_out_is_the_cause() {
    let work = Work::new();
    let ended = work.run_case(PYTORCH, "gpu-oom", &[]).exits(101);
    let failure = work.failure();
    assert_eq!(failure["kind"], "gpu_oom");
    let message = text(&failure["message"]);
    assert!(message.starts_with("bench exited with 1: "), "{message}");
    assert!(message.contains("Tried to allocate 15.00 GiB"), "{message}");
    assert!(text(&failure["details"]).contains("cause: gpu_oom (log line 8): "), "{failure}");
    assert!(failure["hint"].is_string());
    let junit = work.junit();
    assert_eq!((junit.case().kind.as_str(), junit.case().word.as_str()), ("error", "gpu_oom"));
    assert!(ended.out.contains("gpu_oom: bench exited with 1: "), "{}", ended.out);
    assert_eq!(work.rows().len(), 0);
}

#[test]
fn a_signal_a_silent_failure_and_silence_are_told_apart() {
    let work = Work::new();
    work.run_case(PYTORCH, "killed", &[]).exits(101);
    assert_eq!(work.failure()["message"], "bench was killed by signal 9");
    work.run_case(PYTORCH, "silent-failure", &[]).exits(101);
    assert_eq!(work.failure()["message"], "bench exited with 7 and printed nothing");
    work.run_case(PYTORCH, "silent", &[]).exits(101);
    let failure = work.failure();
    assert_eq!(failure["kind"], "unmeasurable");
    assert_eq!(
        failure["message"],
        "INFERENCE_TIME, TOKEN_THROUGHPUT, SEQ_THROUGHPUT not found in report or log"
    );
    let details = text(&failure["details"]);
    assert!(details.contains("found instead: nothing that looks like a metric"), "{details}");
    assert_eq!(work.rows().len(), 0, "no rows without a number to trust");
}

#[test]
fn a_program_that_fails_after_its_report_has_its_cause_named() {
    let work = Work::new();
    work.run_case(PYTORCH, "dies-after-report", &[]).exits(101);
    let failure = work.failure();
    assert_eq!(failure["kind"], "nccl");
    let message = text(&failure["message"]);
    assert!(message.starts_with("bench exited with 1: Failed, NCCL error"), "{message}");
    assert_eq!(work.rows().len(), 0);
}

#[test]
fn a_metric_that_is_not_in_the_report_fails_with_the_names_of_what_is() {
    let work = Work::new();
    work.run_case(STREAMING, "lacks-throughput", &[]).exits(101);
    let failure = work.failure();
    assert_eq!(failure["kind"], "unmeasurable");
    assert_eq!(failure["message"], "TOKEN_THROUGHPUT not found in report or log");
    let details = text(&failure["details"]);
    for found in ["INFERENCE_TIME (log)", "SEQ_THROUGHPUT (log)", "FIRST_TOKEN_TIME (log)"] {
        assert!(details.contains(found), "no {found} in {details}");
    }
}

#[test]
fn a_report_of_fewer_requests_than_were_sent_is_no_measurement() {
    let label = |requests| PYTORCH.replace("reqs:48", &format!("reqs:{requests}"));
    for program in ["good", "log-only"] {
        let work = Work::new();
        work.run_case(&label(50), program, &[]).exits(101);
        let failure = work.failure();
        assert_eq!(failure["kind"], "unmeasurable", "{program}");
        let message = text(&failure["message"]);
        assert!(message.contains("; requests: 48 instead of 50"), "{program}: {message}");
        assert_eq!(work.rows().len(), 0, "{program}");
        work.run_case(&label(48), program, &[]).exits(0);
    }
}

#[test]
fn a_failed_build_stops_the_case_before_the_bench() {
    let work = Work::new();
    work.run_case(TENSORRT, "build-fails", &[]).exits(101);
    let (folder, result) = work.attempt();
    assert_eq!(result["outcome"]["failed"]["kind"], "assertion");
    let message = text(&result["outcome"]["failed"]["message"]);
    assert!(message.starts_with("build exited with 3: "), "{message}");
    let steps: Vec<_> = result["steps"].as_array().expect("steps").iter().collect();
    let kinds: Vec<_> = steps.iter().map(|step| text(&step["kind"])).collect();
    assert_eq!(kinds, ["dataset", "build"]);
    assert!(!folder.join("throughput-ran").exists() && !folder.join("bench.log").exists());
}

#[test]
fn a_length_that_no_request_can_have_is_a_bad_option_and_no_missing_model() {
    let work = Work::new();
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:400000000,4-reqs:2";
    work.run_case(label, "hangs", &[]).exits(101);
    let failure = work.failure();
    assert_eq!(failure["kind"], "bad_option");
    assert!(text(&failure["message"]).contains("--input-mean 400000000 is out"), "{failure}");
}

#[test]
fn the_limit_of_a_step_holds_for_the_data_set_that_the_harness_makes_itself() {
    let work = Work::new();
    work.run_case(ENDLESS, "hangs", &["--timeout", "1"]).exits(101);
    let failure = work.failure();
    assert_eq!(failure["kind"], "timeout");
    assert_eq!(failure["message"], "dataset timed out after 1 s");
}

#[test]
fn a_hung_program_is_ended_at_its_limit_with_everything_it_started() {
    let work = Work::new();
    work.run_case(PYTORCH, "hangs", &["--timeout", "1"]).exits(101);
    let (folder, result) = work.attempt();
    let failure = &result["outcome"]["failed"];
    assert_eq!(failure["kind"], "timeout");
    assert_eq!(failure["message"], "bench timed out after 1 s");
    assert!(text(&failure["hint"]).contains("TIMEOUT marker or --timeout"), "{failure}");
    let log = fs::read_to_string(folder.join("bench.log")).expect("a log");
    let pids: Vec<i32> = log.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(pids.len(), 2, "{log}");
    assert!(pids.iter().all(|&pid| !is_alive(pid)), "nothing is left of {pids:?}");
    assert_eq!(work.junit().case().word, "timeout");
}

#[test]
fn the_log_is_in_junit_where_logging_is_asked_for_and_the_tail_in_every_failure() {
    let work = Work::new();
    work.run_case(PYTORCH, "gpu-oom", &["-o", "junit_logging=all"]).exits(101);
    let junit = work.junit();
    assert!(junit.case().out.contains("MPI_ABORT was invoked on rank 1"), "{}", junit.case().out);
    work.run_case(PYTORCH, "gpu-oom", &[]).exits(101);
    let junit = work.junit();
    assert_eq!(junit.case().err, "");
    assert!(
        junit.case().text.contains("AssertionError: Benchmark failed"),
        "{}",
        junit.case().text
    );
    assert!(!junit.case().out.contains("MPI_ABORT"), "{}", junit.case().out);
}
