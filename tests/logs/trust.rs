//! Which numbers count: the last complete report, whole numbers, no foreign labels.

use trtllm_perf::logs::{Fault, Problem};
use trtllm_perf::metric::Metric;

use crate::{NOTHING, OLD, PLAIN, PLAIN_NUMBERS, numbers, seen, value};

#[test]
fn the_last_complete_report_wins_and_two_different_ones_are_noted() {
    let slower = PLAIN
        .replace("1500.0000", "3000.0000")
        .replace("Number of requests:             48", "Number of requests:             96");
    let both = seen(format!("{slower}{PLAIN}"));
    assert_eq!(value(&both, Metric::InferenceTime), Some(1500.0));
    assert_eq!(both.reports, 2);
    assert!(
        matches!(both.problems[..], [Problem::SeveralReports { count: 2, .. }]),
        "{:?}",
        both.problems
    );
    // The same report twice (a log copied into itself) is no news.
    let twice = seen(format!("{PLAIN}{PLAIN}"));
    assert_eq!((twice.reports, twice.problems.len()), (2, 0));
    // A report that stops half way doesn't replace a complete one.
    let half = &slower[..slower.find("Average request latency").expect("in the report")];
    let then_half = seen(format!("{PLAIN}{half}"));
    assert_eq!(value(&then_half, Metric::InferenceTime), Some(1500.0));
    assert_eq!(then_half.reports, 1);
    assert!(matches!(then_half.problems[..], [Problem::Incomplete { .. }]));
}

#[test]
fn labels_of_a_foreign_script_do_not_count_beside_a_real_report() {
    let foreign = "my_script.py results\nRequest Throughput (req/sec): 7.0\nTotal Latency (ms): 9.0\n\
                   GPU Output Throughput (tps/gpu): 9.9\nPer GPU Output Throughput (tps/gpu): 9.0\n\
                   Average time-to-first-token [TTFT] (ms): 1.0\nAverage time-per-output-token [TPOT] (ms): 1.0\n";
    let seen_both = seen(format!("{foreign}{PLAIN}{foreign}"));
    assert_eq!(numbers(&seen_both), PLAIN_NUMBERS);
    assert_eq!(seen_both.problems, []);
    // Old reports have no end of their own; a ruler closes them.
    let old = OLD.replace("= STREAMING STATISTICS", "= DECODING STATISTICS (x)");
    assert_eq!(value(&seen(format!("{old}{foreign}")), Metric::FirstTokenTime), None);

    let alone = seen(foreign);
    assert_eq!(numbers(&alone), NOTHING);
    assert_eq!(alone.source(), None);
    assert!(matches!(alone.problems[..], [Problem::LooseLabels { line: 2, .. }]));
    assert!(alone.labels_found().iter().any(|label| label == "Total Latency (ms)"));
}

#[test]
fn placeholders_and_odd_numbers_are_refused_by_line_and_text() {
    for (text, fault) in [
        ("X.XX", Fault::Placeholder),
        ("nan", Fault::Placeholder),
        ("N/A", Fault::Placeholder),
        ("inf", Fault::Placeholder),
        ("1.2.3", Fault::Malformed),
        ("-5.0", Fault::Negative),
        ("1,500", Fault::Ambiguous),
        ("1500.00[TensorRT-LLM][INFO]", Fault::Malformed),
        ("", Fault::Missing),
    ] {
        let seen = seen(PLAIN.replace("1500.0000", text));
        assert_eq!(value(&seen, Metric::InferenceTime), None, "{text}");
        assert_eq!(value(&seen, Metric::SeqThroughput), Some(32.0), "{text}");
        let [Problem::Value { label, text: shown, fault: found, .. }] = &seen.problems[..] else {
            panic!("{text}: {:?}", seen.problems)
        };
        assert_eq!((label.as_str(), shown.as_str(), *found), ("Total Latency (ms)", text, fault));
    }
    assert_eq!(
        value(&seen(PLAIN.replace("1500.0000", "1,500.0000")), Metric::InferenceTime),
        Some(1500.0)
    );
    assert_eq!(
        value(&seen(PLAIN.replace("1500.0000", "1.5E+03")), Metric::InferenceTime),
        Some(1500.0)
    );
}

#[test]
fn a_report_cut_before_its_last_ruler_is_not_complete() {
    let end = PLAIN.trim_end().rfind('\n').expect("lines") + 30;
    let begin = PLAIN.find("= PERFORMANCE").expect("the section");
    for cut in begin..end {
        let seen = seen(&PLAIN[..cut]);
        assert_eq!((numbers(&seen), seen.reports), (NOTHING, 0), "cut at byte {cut}");
    }
}

#[test]
fn an_old_report_never_gives_a_number_that_was_cut() {
    for cut in 0..OLD.len() {
        let seen = seen(&OLD[..cut]);
        if let Some(observed) = seen.get(Metric::InferenceTime) {
            assert_eq!(observed.value, 1500.0, "cut at byte {cut}");
        }
        if let Some(observed) = seen.get(Metric::OutputTokenTime) {
            assert_eq!(observed.value, 6.2298, "cut at byte {cut}");
        }
    }
}

#[test]
fn a_report_without_a_needed_line_names_what_was_found_instead() {
    let log = PLAIN
        .replace(
            "Per GPU Output Throughput (tps/gpu):              1024.0000\n",
            "GPU Output Rate (toks/gpu):   1024.0000\n",
        )
        .replace("Total Output Throughput (tokens/sec):             1024.0000\n", "");
    let seen = seen(log);
    assert_eq!(seen.reports, 1);
    assert_eq!(value(&seen, Metric::TokenThroughput), None);
    let labels = seen.labels_found();
    assert!(labels.iter().any(|label| label == "GPU Output Rate (toks/gpu)"), "{labels:?}");
    assert!(labels.iter().any(|label| label == "Request Throughput (req/sec)"), "{labels:?}");
}

#[test]
fn seconds_labelled_as_milliseconds_are_caught() {
    let seen = seen(PLAIN.replace("1500.0000", "1.5000"));
    assert!(
        matches!(seen.problems[..], [Problem::Inconsistent { total_ms, .. }] if total_ms == 1.5),
        "{:?}",
        seen.problems
    );
}

#[test]
fn a_number_that_its_unit_would_make_infinite_is_refused() {
    let log = PLAIN.replace("Total Latency (ms):  ", "Total Latency (seconds): 1e308");
    assert_ne!(log, PLAIN);
    let seen = seen(log);
    assert_eq!(value(&seen, Metric::InferenceTime), None);
    assert!(matches!(seen.problems[0], Problem::Value { fault: Fault::Malformed, .. }));
}

#[test]
fn a_report_with_more_faults_than_anybody_reads_keeps_a_few_and_counts_the_rest() {
    let faults = "Total Latency (ms): soon\n".repeat(10_000);
    let seen = seen(format!("= PERFORMANCE OVERVIEW\n{faults}"));
    assert!(seen.problems.len() < 40, "{}", seen.problems.len());
    let Some(Problem::Further { count }) = seen.problems.last() else {
        panic!("{:?}", seen.problems.last())
    };
    // The report itself is incomplete, which is one more.
    assert_eq!(count + seen.problems.len() as u64 - 1, 10_001);
}

#[test]
fn two_processes_that_share_a_line_are_two_reports() {
    let line = "[BENCHMARK] total_latency(ms) 9.5 token_throughput(token/sec) 71.5 \
                [BENCHMARK] total_latency(ms) 8.5 token_throughput(token/sec) 71.5\n";
    let seen = seen(line);
    assert_eq!((seen.reports, value(&seen, Metric::InferenceTime)), (2, Some(8.5)));
    assert!(matches!(seen.problems[0], Problem::SeveralReports { .. }), "{:?}", seen.problems);
}
