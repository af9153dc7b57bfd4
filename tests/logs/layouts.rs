//! Every report layout since 0.12, and what is read beside reports.

use std::fs;
use std::path::Path;

use trtllm_perf::logs::{
    Fault, LogFindings, ParallelSizes, Problem, SizesFrom, Source, combine, observe, read_report,
    scan_log,
};
use trtllm_perf::metric::Metric;

use crate::{
    OLD, PLAIN, PLAIN_NUMBERS, STREAMING, STREAMING_NUMBERS, fixture, numbers, seen, value,
};

#[test]
fn every_layout_gives_its_numbers() {
    let cases: [(&str, [Option<f64>; 6]); 9] = [
        (
            "0.12-seconds.log",
            [
                Some(1.4999985694885254 * 1000.0),
                Some(1024.0009765625 / 2.0),
                Some(32.000030517578125),
                None,
                None,
                Some(1024.0009765625),
            ],
        ),
        (
            "0.16-tabs-streaming.log",
            [Some(1500.0), Some(256.0), Some(32.0), Some(41.25), Some(6.2298), Some(1024.0)],
        ),
        (
            "0.18-per-gpu-tokens-sec.log",
            [Some(1500.0), Some(256.0), Some(32.0), None, None, Some(1024.0)],
        ),
        (
            "0.20-pytorch-streaming.log",
            [Some(1500.0), Some(1024.0), Some(32.0), Some(41.25), Some(6.2298), Some(1024.0)],
        ),
        ("1.1-pytorch.log", PLAIN_NUMBERS),
        ("1.2-pytorch-streaming.log", STREAMING_NUMBERS),
        (
            "1.2-tensorrt-build-and-bench.log",
            [Some(1500.0), Some(512.0), Some(32.0), None, None, Some(1024.0)],
        ),
        (
            "serve-client.log",
            [Some(234.38), None, Some(32.0), Some(41.25), Some(6.23), Some(1024.0)],
        ),
        ("cpp-benchmark.log", [Some(1500.5), None, Some(31.99), None, None, Some(1023.66)]),
    ];
    for (name, expected) in cases {
        let seen = observe(Some(&fixture(name)), None, None).expect("the fixture");
        assert_eq!(numbers(&seen), expected, "{name}");
        assert_eq!(seen.reports, 1, "{name}");
        assert_eq!(seen.failure, None, "{name}");
        assert_eq!(seen.source(), Some(Source::Log), "{name}");
        let derived = seen.problems.iter().all(|problem| {
            matches!(problem, Problem::PerGpuDerived { .. } | Problem::PerGpuUnknown { .. })
        });
        assert!(derived, "{name}: {:?}", seen.problems);
    }
}

#[test]
fn a_throughput_per_gpu_is_derived_only_from_known_sizes_and_noted() {
    let old = seen(OLD);
    assert_eq!(
        old.problems,
        [Problem::PerGpuDerived { system: 1024.0, tp: 2, pp: 2, from: SizesFrom::Report }]
    );
    let serve = fs::read(fixture("serve-client.log")).expect("the fixture");
    let findings = || scan_log(&serve[..]).expect("memory reads");
    assert_eq!(
        combine(findings(), None, None).problems,
        [Problem::PerGpuUnknown { system: 1024.0 }]
    );
    let known = combine(findings(), None, Some(ParallelSizes { tp: 4, pp: 1 }));
    assert_eq!(value(&known, Metric::TokenThroughput), Some(256.0));
    assert!(matches!(known.problems[..], [Problem::PerGpuDerived { from: SizesFrom::Caller, .. }]));
}

#[test]
fn build_time_and_the_last_kv_cache_line_come_from_the_log() {
    let both = seen(fs::read(fixture("1.2-tensorrt-build-and-bench.log")).expect("the fixture"));
    assert_eq!(value(&both, Metric::BuildTime), Some(35.9738));
    assert_eq!(value(&seen(STREAMING), Metric::KvCacheSize), Some(52.51));
    let later = format!("{STREAMING}Final KV cache size after resize: 12.34 GiB (5678 pages)\n");
    assert_eq!(value(&seen(later), Metric::KvCacheSize), Some(12.34));
    let builds = "[TRT] [I] Engine generation completed in 35.9738 seconds.\n\
                  [TRT] [I] Engine generation completed in 160.706 seconds.\n";
    assert_eq!(value(&seen(builds), Metric::BuildTime), Some(160.706));
    let broken = seen(
        "Allocated 5.51 GiB for max tokens in paged KV cache (8).\n\
                       Allocated 1.2.3 GiB for max tokens in paged KV cache (8).\n",
    );
    assert_eq!(value(&broken, Metric::KvCacheSize), Some(5.51));
    assert!(matches!(
        &broken.problems[..],
        [Problem::Value { fault: Fault::Malformed, line: 2, .. }]
    ));
}

#[test]
fn the_facts_of_the_engine_are_read_from_log_and_report_alike() {
    let from_log = seen(STREAMING).facts;
    let json = fs::read(fixture("1.2-pytorch-streaming.json")).expect("the fixture");
    let from_json = combine(LogFindings::default(), Some(read_report(&json)), None).facts;
    assert_eq!(from_log.banner_version.as_deref(), Some("1.2.0"));
    let mut same = from_log.clone();
    same.banner_version = None;
    assert_eq!(same, from_json);
    assert_eq!(from_log.backend.as_deref(), Some("Pytorch"));
    assert_eq!(from_log.machine.as_deref(), Some("NVIDIA H200"));
    assert_eq!((from_log.tp, from_log.pp, from_log.ep), (Some(2), Some(1), None));
    assert_eq!(from_log.requests, Some(48));
    assert_eq!(from_log.kv_cache_fraction, Some(0.9));
    assert_eq!(seen(PLAIN).facts.kv_cache_fraction, None);
}

#[test]
fn failed_requests_of_the_serve_client_are_told() {
    let log = fs::read_to_string(fixture("serve-client.log")).expect("the fixture");
    let seen = seen(log.replace(
        "Failed requests:                         0",
        "Failed requests:                         3",
    ));
    assert!(
        seen.problems.iter().any(|p| matches!(p, Problem::FailedRequests { line: 4, .. })),
        "{:?}",
        seen.problems
    );
}

#[test]
fn the_shared_reports_are_read_to_the_last_digit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/reports");
    let Ok(table) = fs::read_to_string(folder.join("expected.tsv")) else { return };
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let path = |ending: &str| folder.join(format!("{}.{ending}", cells[0]));
        let exact =
            observe(Some(&path("log")), Some(&path("json")), None).expect("a shared report");
        let printed = observe(Some(&path("log")), None, None).expect("a shared report");
        assert_eq!(exact.problems, [], "{}", cells[0]);
        assert_eq!((exact.reports, printed.reports), (1, 1), "{}", cells[0]);
        for at in 0..5 {
            let expected: Option<f64> = cells[at + 1].parse().ok();
            assert_eq!(numbers(&exact)[at], expected, "{} column {}", cells[0], at + 1);
            let near = match (numbers(&printed)[at], expected) {
                (Some(printed), Some(expected)) => (printed - expected).abs() <= 0.5001e-4,
                (printed, expected) => printed == expected,
            };
            assert!(near, "{} column {}", cells[0], at + 1);
        }
    }
}
