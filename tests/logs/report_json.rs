//! Report JSON and log together.

use std::fs;
use std::path::Path;

use trtllm_perf::logs::{Problem, Source, combine, observe, read_report, scan_log};
use trtllm_perf::metric::Metric;

use crate::{STREAMING, STREAMING_NUMBERS, fixture, numbers, value};

#[test]
fn the_report_json_wins_and_the_log_fills_its_gaps() {
    let seen = observe(
        Some(&fixture("1.2-pytorch-streaming.log")),
        Some(&fixture("1.2-pytorch-streaming.json")),
        None,
    )
    .expect("the fixtures");
    assert_eq!(value(&seen, Metric::InferenceTime), Some(1500.0000123));
    assert_eq!(seen.get(Metric::TokenThroughput).map(|o| o.source), Some(Source::Report));
    assert_eq!(seen.get(Metric::KvCacheSize).map(|o| o.source), Some(Source::Log));
    assert_eq!(seen.source(), Some(Source::Report));
    // Both tell the same to what printing rounds.
    assert_eq!(seen.problems, []);
}

#[test]
fn a_difference_beyond_print_rounding_is_told_with_both_numbers() {
    let json = fs::read_to_string(fixture("1.2-pytorch-streaming.json")).expect("the fixture");
    let other = json.replace("41.250004", "41.2502");
    assert_ne!(other, json);
    let seen = combine(
        scan_log(STREAMING.as_bytes()).expect("memory reads"),
        Some(read_report(other.as_bytes())),
        None,
    );
    let shown: Vec<String> = seen.problems.iter().map(ToString::to_string).collect();
    let [only] = &shown[..] else { panic!("{shown:?}") };
    assert!(only.starts_with("FIRST_TOKEN_TIME: report JSON says 41.2502, log line "), "{only}");
    assert!(only.ends_with(" says 41.25"), "{only}");
}

#[test]
fn a_broken_report_json_is_a_problem_and_the_log_serves() {
    let log = || scan_log(STREAMING.as_bytes()).expect("memory reads");
    for broken in
        [&b"{\"engine\": {\"mod"[..], b"Traceback (most recent call last)", b"{\"a\": 1}", b""]
    {
        let seen = combine(log(), Some(read_report(broken)), None);
        assert_eq!(numbers(&seen), STREAMING_NUMBERS);
        assert_eq!(seen.source(), Some(Source::Log));
        assert_eq!(seen.problems.len(), 1, "{:?}", seen.problems);
    }
    let absent = observe(None, Some(Path::new("/nonexistent/report.json")), None).expect("no log");
    assert!(matches!(absent.problems[..], [Problem::ReportAbsent { .. }]));
    assert_eq!(absent.source(), None);
}

#[test]
fn a_missing_log_is_an_error_that_names_it() {
    let error =
        observe(Some(Path::new("/nonexistent/bench.log")), None, None).expect_err("missing");
    assert!(error.to_string().starts_with("read log /nonexistent/bench.log: "), "{error}");
}
