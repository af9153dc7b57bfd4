//! Report JSONs, alone and beside a log: nothing panics, every value is a number, messages stay short.
//!
//! The input is a report JSON, then, behind a zero byte, a log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trtllm_perf::logs::{LogFindings, ParallelSizes, combine, read_report, scan_log};

const LONGEST_MESSAGE: usize = 1024;

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|byte| *byte == 0);
    let (json, log) = input.split_at(cut.unwrap_or(input.len()));
    let findings = match log {
        [] => LogFindings::default(),
        log => scan_log(log).expect("memory reads"),
    };
    let report = read_report(json);
    if let Ok((report, _)) = &report {
        assert!(!report.readings.is_empty());
    }
    let of_log: Vec<String> = findings.problems.iter().map(ToString::to_string).collect();
    let observations = combine(findings, Some(report), Some(ParallelSizes { tp: 2, pp: 1 }));
    for (metric, observed) in observations.values() {
        assert!(observed.value.is_finite() && observed.value >= 0.0, "{metric:?} {observed:?}");
    }
    for problem in observations.problems.iter().map(ToString::to_string) {
        let short = problem.len() <= LONGEST_MESSAGE
            || of_log.contains(&problem)
            || problem.contains("labels stand outside");
        assert!(short, "a message of {} bytes", problem.len());
    }
});
