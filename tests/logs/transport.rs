//! What logs go through on their way: launchers, containers, terminals, floods.

use std::io::{self, Read};

use trtllm_perf::logs::{Cause, FatalWatch, combine, scan_log};
use trtllm_perf::metric::Metric;

use crate::{PLAIN, STREAMING, STREAMING_NUMBERS, numbers, seen, value};

/// A source that makes its bytes as they are read: `before`, `count` times `filler`, `after`.
fn long(before: &str, filler: u8, count: u64, after: &str) -> impl Read + use<> {
    let middle = io::repeat(filler).take(count);
    io::Cursor::new(before.to_owned().into_bytes())
        .chain(middle)
        .chain(io::Cursor::new(after.to_owned().into_bytes()))
}

#[test]
fn launcher_prefixes_times_and_line_ends_change_nothing() {
    let each = |change: &dyn Fn(usize, &str) -> String| -> String {
        STREAMING.lines().enumerate().map(|(n, line)| change(n, line)).collect()
    };
    let ways: [(&str, String); 12] = [
        ("mpirun", each(&|_, line| format!("[1,0]<stdout>:{line}\n"))),
        ("prterun", each(&|_, line| format!("[prterun-n1-7@1,0]<stdout>: {line}\n"))),
        ("srun", each(&|_, line| format!("0: {line}\n"))),
        ("compose", each(&|_, line| format!("worker-1  | {line}\n"))),
        (
            "compose -t",
            each(&|_, line| format!("worker-1  | 2026-11-24T06:50:32.123456789Z {line}\n")),
        ),
        ("pod", each(&|n, line| format!("2026-11-24T06:50:{:02}.5Z {line}\n", n % 60))),
        ("ray", each(&|_, line| format!("(Worker pid=77, ip=10.0.0.1) {line}\n"))),
        ("colour", each(&|_, line| format!("\x1b[32m{line}\x1b[0m\n"))),
        // What `tput sgr0` prints: back to the character set of ASCII.
        ("character set", each(&|_, line| format!("\x1b(B\x1b[m{line}\n"))),
        ("link", each(&|_, line| format!("\x1b]8;;file:///x\x1b\\{line}\x1b]8;;\x1b\\\n"))),
        ("CRLF", STREAMING.replace('\n', "\r\n")),
        ("rank", STREAMING.replace("[TRT-LLM] [I]", "[TRT-LLM] [RANK 0] [I]")),
    ];
    for (name, log) in ways {
        let seen = seen(log);
        assert_eq!(numbers(&seen), STREAMING_NUMBERS, "{name}");
        assert_eq!(seen.reports, 1, "{name}");
        assert_eq!(value(&seen, Metric::KvCacheSize), Some(52.51), "{name}");
        assert_eq!(seen.facts.machine.as_deref(), Some("NVIDIA H200"), "{name}");
        assert_eq!(seen.problems, [], "{name}");
    }
}

#[test]
fn progress_bars_before_and_inside_a_report_are_harmless() {
    let bar: String =
        (0..500).map(|n| format!("\rBenchmarking:  {n}/500 [00:01<00:02, 9.5it/s]")).collect();
    let log = STREAMING
        .replace("Total Latency (ms)", &format!("{bar}\rTotal Latency (ms)"))
        .replace("Request Throughput", &format!("{bar} Request Throughput"));
    let seen = seen(format!("{bar}\n{log}"));
    assert_eq!(numbers(&seen), STREAMING_NUMBERS);
    let line = STREAMING.lines().position(|line| line.starts_with("Total Latency"));
    assert_eq!(
        seen.get(Metric::InferenceTime).and_then(|o| o.line),
        line.map(|line| line as u64 + 2),
        "lines count line feeds"
    );
}

#[test]
fn other_ranks_may_talk_inside_a_report() {
    let log: String = STREAMING
        .lines()
        .map(|line| format!("{line}\n[TensorRT-LLM][DEBUG] rank 1 polls, error: none (5): 17\n"))
        .collect();
    let seen = seen(log);
    assert_eq!(numbers(&seen), STREAMING_NUMBERS);
    assert_eq!(seen.reports, 1);
}

#[test]
fn invalid_utf8_and_nul_bytes_are_read_over() {
    let mut log = b"\xff\xfe\x00\xc3\x28 noise \x80\n".repeat(50);
    log.extend_from_slice(&STREAMING.replace("acme/Tiny-1B", "acme/\u{fffd}").into_bytes());
    log.extend(b"\xf0\x28\x8c\x28\n".repeat(50));
    assert_eq!(numbers(&seen(log)), STREAMING_NUMBERS);
}

#[test]
fn lines_of_five_and_a_hundred_megabytes_hide_nothing() {
    for count in [5_000_000, 100_000_000] {
        let glued = long(
            "Allocated 3.25 GiB for max tokens in paged KV cache (1) ",
            b'x',
            count,
            &format!("\n{STREAMING}"),
        );
        let found = combine(scan_log(glued).expect("memory reads"), None, None);
        assert_eq!(numbers(&found), STREAMING_NUMBERS);
        let failing = long("dump: ", b'x', count, " RuntimeError: CUDA out of memory\nbye\n");
        let failure = scan_log(failing).expect("memory reads").failure.expect("a cause");
        assert_eq!((failure.cause, failure.line), (Cause::GpuOom, 1));
    }
}

#[test]
fn a_flood_before_and_after_changes_nothing_but_line_numbers() {
    let flood =
        "[TensorRT-LLM][DEBUG] model step 17: ctx 0, gen 256 of 256 (x): ok\n".repeat(40_000);
    let seen = seen(format!("{flood}{STREAMING}{flood}"));
    assert_eq!(numbers(&seen), STREAMING_NUMBERS);
    assert_eq!(
        seen.get(Metric::InferenceTime).and_then(|o| o.line.map(|l| l > 40_000)),
        Some(true)
    );
}

#[test]
fn two_processes_that_print_at_once_are_kept_apart_by_their_tags() {
    let other = PLAIN.replace("1500.0000", "3000.0000").replace("32.0000", "16.0000");
    let log: String = PLAIN
        .lines()
        .zip(other.lines())
        .map(|(a, b)| format!("bench-a  | {a}\nbench-b  | {b}\n"))
        .collect();
    let seen = seen(log);
    assert_eq!(seen.reports, 2);
    assert_eq!(value(&seen, Metric::InferenceTime), Some(3000.0));
    assert_eq!(value(&seen, Metric::SeqThroughput), Some(16.0));
}

/// Each of these once cost time that grew with the square of the line's length, or nearly so.
#[test]
fn a_line_that_says_the_same_a_hundred_thousand_times_is_read_once() {
    for text in [
        "Mean T",
        "Mean TPOT (ms): ",
        "|Model (",
        "x Model ",
        "= STATISTICS",
        "[BENCHMARK] latency(ms) 5 ",
        "No such file ",
        "12:34:56 Total Latency",
    ] {
        let flood = text.repeat(100_000);
        let findings = scan_log(flood.as_bytes()).expect("memory reads");
        assert_eq!(findings.reports, 0, "{text}");
        assert!(!FatalWatch::default().is_fatal(&flood.as_bytes()[..64 * 1024]), "{text}");
        let seen = seen(format!("{flood}\n{STREAMING}"));
        assert_eq!(numbers(&seen), STREAMING_NUMBERS, "{text}");
    }
}
