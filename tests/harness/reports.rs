//! Bench programs whose report is not what it should be: which source counts, and what is told about it.

use std::fs;

use crate::support::*;

#[test]
fn a_good_report_gives_every_row_from_the_json_without_a_remark() {
    let work = Work::new();
    work.run_case(STREAMING, "good", &[]).exits(0);
    let metrics = work.metrics();
    assert_eq!(
        metrics,
        [
            "INFERENCE_TIME",
            "TOKEN_THROUGHPUT",
            "SEQ_THROUGHPUT",
            "FIRST_TOKEN_TIME",
            "OUTPUT_TOKEN_TIME"
        ]
    );
    assert_eq!(work.value("INFERENCE_TIME"), 1500.0);
    assert_eq!(work.value("TOKEN_THROUGHPUT"), 512.0, "per GPU");
    let (_, result) = work.attempt();
    assert_eq!(result["facts"]["system_output_throughput_tok_s"], "1024");
    assert_eq!(result["facts"]["engine_version"], "1.2.0");
    let sources: Vec<_> = result["metrics"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| text(&row["source"]))
        .collect();
    assert_eq!(sources, ["report"; 5]);
    assert_eq!(work.problems(), "");
}

#[test]
fn a_report_that_is_cut_short_or_no_json_or_absent_leaves_the_log_and_a_remark() {
    for (program, remark) in [
        ("truncated-json", "report is cut short"),
        ("not-json", "report is not JSON"),
        ("log-only", "report.json was not written; values are from the log"),
    ] {
        let work = Work::new();
        work.run_case(PYTORCH, program, &[]).exits(0);
        assert_eq!(work.value("INFERENCE_TIME"), 1500.0, "{program}");
        let problems = work.problems();
        assert!(problems.contains(remark), "{program}: {problems}");
        let (_, result) = work.attempt();
        assert_eq!(result["metrics"][0]["source"], "log", "{program}");
    }
}

#[test]
fn where_log_and_report_disagree_the_report_counts_and_both_numbers_are_shown() {
    let work = Work::new();
    work.run_case(PYTORCH, "disagrees", &["-o", "junit_logging=all"]).exits(0);
    assert_eq!(work.value("INFERENCE_TIME"), 1200.0);
    let problems = work.problems();
    assert!(problems.contains("report JSON says 1200, log line"), "{problems}");
    assert!(work.junit().case().err.contains("report JSON says 1200"), "shown in junit.xml");
}

#[test]
fn of_two_reports_the_last_counts_and_never_the_larger_number_and_neither_is_trusted() {
    let work = Work::new();
    work.run_case(PYTORCH, "two-reports", &[]).exits(101);
    let (_, result) = work.attempt();
    let values: Vec<_> = result["metrics"].as_array().expect("metrics").iter().collect();
    assert_eq!(values[0]["value"], 2000.0, "{result}");
    assert_eq!(values[2]["value"], 24.0, "the first report has 48");
    assert_eq!(result["outcome"]["failed"]["kind"], "unmeasurable");
    assert_eq!(work.rows().len(), 0);
    let problems = work.problems();
    assert!(problems.contains("the log has 2 complete reports"), "{problems}");
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let work = Work::new();
    work.run_case(PYTORCH, "bad-utf8", &["-o", "junit_logging=all", "-s"]).exits(0);
    assert_eq!(work.value("INFERENCE_TIME"), 1500.0);
    assert!(work.junit().case().out.contains("loaded"));
}

#[test]
fn a_line_of_a_hundred_megabytes_is_read_past() {
    let work = Work::new();
    work.run_case(PYTORCH, "long-line", &["-o", "junit_logging=all"]).exits(0);
    assert_eq!(work.value("INFERENCE_TIME"), 1500.0);
    assert!(work.read("perf-output/junit.xml").len() < 1_000_000, "cut to a stated size");
    assert!(work.junit().case().out.contains("bytes left out"), "says what is cut");
}

#[test]
fn a_report_that_lies_in_the_workspace_from_before_is_never_read() {
    let work = Work::new();
    let engine_folder =
        "ws/perf_engines/refbench_tiny_llama-bench-pytorch-float32-input_output_len_8_4-reqs_2";
    let stale =
        fs::read_to_string(fixture("../logs/1.2-pytorch-streaming.json")).expect("a report");
    work.write(&format!("{engine_folder}/report.json"), stale.replace("1500.0000123", "7.0"));
    work.run_case(PYTORCH, "log-only", &["--workspace", "ws"]).exits(0);
    assert_eq!(work.value("INFERENCE_TIME"), 1500.0);
    assert!(work.problems().contains("was not written"), "{}", work.problems());
}
