//! Text that breaks XML writers: wherever it stands, the file stays well-formed and small enough.

use std::fs;

use trtllm_perf::record::result::{AttemptResult, Failure, FailureKind, Outcome};
use trtllm_perf::record::{JunitFamily, JunitLogging, ViewOptions};

use crate::junit::check_schema;
use crate::support::*;

const HOSTILE: &str = "\x1b[31mred\x1b[0m \0 \x1b \u{8} \u{fffe} ]]> <b a=\"'\">&amp; 😀 \u{7f}";

fn all_logging() -> ViewOptions {
    ViewOptions { junit_logging: JunitLogging::All, yaml: true, ..Default::default() }
}

fn hostile_result() -> AttemptResult {
    AttemptResult {
        name: format!("{PREFIX}/perf/test_perf.py::test_perf[{HOSTILE}]"),
        network_name: HOSTILE.into(),
        origin: Some(format!("{HOSTILE}:1")),
        outcome: Outcome::Failed(Failure {
            kind: FailureKind::Infra,
            message: format!("{HOSTILE}\nsecond line\t{}", "m".repeat(5000)),
            hint: Some(HOSTILE.into()),
            details: format!("{HOSTILE}{}", "]]>\0".repeat(500_000)),
        }),
        problems: vec![HOSTILE.into(), "\0".repeat(2 << 20)],
        facts: [(HOSTILE.to_owned(), format!("{HOSTILE}\nb"))].into(),
        ..passed()
    }
}

#[test]
fn hostile_text_in_names_messages_and_logs_leaves_a_valid_file() {
    let output = Output::new();
    let recorder = output.begin(all_logging());
    let flood = "x\0".repeat(1 << 20);
    let log = [HOSTILE.as_bytes(), b"\xff\xfe\xed\xa0\x80", flood.as_bytes(), b"]]>"];
    record(&recorder, &hostile_result(), &log.concat());
    let text = output.read("junit.xml");
    check_schema(&text, JunitFamily::Strict);

    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let case = document.descendants().find(|node| node.has_tag_name("testcase")).expect("case");
    let shown = "red #x00 #x1B #x08 #xFFFE ]]> <b a=\"'\">&amp; 😀 \u{7f}";
    assert_eq!(case.attribute("name"), Some(format!("test_perf[{shown}]").as_str()));
    let error = case.first_element_child().expect("the error");
    let message = error.attribute("message").expect("a message");
    assert!(message.starts_with(&format!("{shown} second line mmm")), "{message}");
    assert!(message.len() <= 503 && message.ends_with('…'), "{message}");
    let text: String = error.children().filter_map(|node| node.text()).collect();
    assert!(text.contains(&format!("hint: {shown}")), "{text}");
    assert!(text.contains(" bytes left out ...]"), "it says what it cut");
    let out: String = case
        .descendants()
        .find(|node| node.has_tag_name("system-out"))
        .map(|node| node.children().filter_map(|node| node.text()).collect())
        .expect("system-out");
    assert!(out.contains(&format!("{shown}\u{fffd}")), "the log's head");
    assert!(out.ends_with("]]>\n"), "the log's tail");

    let rows = csv::Reader::from_path(output.path("perf_script_test_results.csv"))
        .expect("open")
        .records()
        .map(|row| row.expect("a row")[0].to_owned())
        .collect::<Vec<_>>();
    assert_eq!(rows, [HOSTILE; 3], "a CSV holds any text");
    let yaml = output.read("perf_script_test_results.yaml");
    let yaml: serde_yaml::Mapping = serde_yaml::from_str(&yaml).expect("YAML");
    assert_eq!(yaml.len(), 3);
}

#[test]
fn a_text_of_one_huge_line_is_cut_to_head_and_tail_with_the_number_of_bytes_left_out() {
    let output = Output::new();
    let recorder = output.begin(all_logging());
    let result = trial(0, failure(FailureKind::Timeout));
    let log = format!("first {} last", "x".repeat(2 << 20));
    record(&recorder, &result, log.as_bytes());
    let text = output.read("junit.xml");
    let left_out = log.len() - (64 << 10);
    assert!(text.contains("first xxx"), "head");
    assert!(text.contains(&format!("x\n[... {left_out} bytes left out ...]\nx")), "note");
    assert!(text.contains("xxx last\n]]>"), "tail");
    assert!(text.len() < 70_000, "{}", text.len());
}

#[test]
fn a_log_of_a_hundred_megabytes_is_never_read_whole() {
    let output = Output::new();
    let recorder = output.begin(all_logging());
    let result = trial(0, failure(FailureKind::Timeout));
    let folder = recorder.attempt_dir(&result.name, 1).expect("folder");
    // A sparse file of a terabyte: whoever reads it whole does not come back.
    let log = fs::File::create(folder.join("bench.log")).expect("create");
    log.set_len(1 << 40).expect("extend");
    recorder.finish(&result).expect("finish");
    recorder.settle().expect("views");
    assert!(output.read("junit.xml").contains("1099511562240 bytes left out"));
}

#[test]
fn a_run_of_many_failures_stays_below_what_readers_take() {
    let output = Output::new();
    let recorder = output.begin(all_logging());
    let results: Vec<AttemptResult> = (0..300)
        .map(|ordinal| {
            let mut result = trial(ordinal, failure(FailureKind::Assertion));
            if let Outcome::Failed(failure) = &mut result.outcome {
                failure.details = "detail ]]> ".repeat(6_500);
            }
            let folder = recorder.attempt_dir(&result.name, 1).expect("folder");
            fs::write(folder.join("bench.log"), "a log line\n".repeat(10_000)).expect("log");
            result
        })
        .collect();
    recorder.finish_all(&results).expect("finish");
    recorder.end().expect("views");
    let text = output.read("junit.xml");
    assert!(text.len() < 30_000_000, "{}", text.len());
    check_schema(&text, JunitFamily::Strict);
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    assert!(cases.clone().all(|case| case.first_element_child().is_some()));
    assert_eq!(cases.count(), 300);
}
