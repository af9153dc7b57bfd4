//! Whatever the bytes and however they arrive.

use std::io::{self, Read};

use proptest::prelude::*;
use trtllm_perf::logs::{Cause, LogFindings, scan_log};

use crate::{OLD, PLAIN, STREAMING, seen};

/// A source that gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = self.sizes.next().expect("a cycle has no end");
        let count = wanted.min(out.len()).min(self.rest.len());
        let (now, rest) = self.rest.split_at(count);
        out[..count].copy_from_slice(now);
        self.rest = rest;
        Ok(count)
    }
}

fn in_pieces(log: &[u8], sizes: Vec<usize>) -> LogFindings {
    scan_log(Pieces { rest: log, sizes: sizes.into_iter().cycle() }).expect("memory reads")
}

/// Logs put together from reports, failures, floods, cuts and long lines.
fn logs() -> impl Strategy<Value = Vec<u8>> {
    let causes = include_str!("../fixtures/logs/causes.tsv");
    let lines: Vec<&'static str> =
        causes.lines().filter_map(|row| Some(row.split_once('\t')?.1)).collect();
    let part = prop_oneof![
        Just(STREAMING.as_bytes().to_vec()),
        Just(PLAIN.as_bytes().to_vec()),
        Just(OLD.as_bytes().to_vec()),
        (0..PLAIN.len()).prop_map(|cut| PLAIN.as_bytes()[..cut].to_vec()),
        prop::sample::select(lines.clone()).prop_map(|line| format!("{line}\n").into_bytes()),
        // a long line with something in it
        (0..300_000usize, prop::sample::select(lines), 0..5_000usize).prop_map(|(a, line, b)| {
            format!("{}{line}{}\n", "x".repeat(a), "y ".repeat(b)).into_bytes()
        }),
        (0..200_000usize).prop_map(|a| format!("{}{}", "z".repeat(a), STREAMING).into_bytes()),
        prop::collection::vec(any::<u8>(), 0..400),
        (1..3_000usize).prop_map(|n| "[TensorRT-LLM][DEBUG] step (x): 1\r".repeat(n).into_bytes()),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

#[test]
fn the_first_of_two_causes_in_a_long_line_is_named_however_the_bytes_arrive() {
    let gap = "z".repeat(150_000);
    let log = format!("n1: NCCL error: x{gap}RuntimeError: CUDA out of memory{gap}\n");
    for size in [1_000, 100_000, log.len()] {
        let failure = in_pieces(log.as_bytes(), vec![size]).failure.expect("two of them");
        assert_eq!((failure.cause, failure.line), (Cause::Nccl, 1), "in pieces of {size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn how_the_bytes_arrive_never_changes_the_result(
        log in logs(),
        sizes in prop::collection::vec(1usize..200_000, 1..5),
    ) {
        let whole = scan_log(&log[..]).expect("memory reads");
        prop_assert_eq!(in_pieces(&log, sizes), whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(log in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let findings = scan_log(&log[..]).expect("memory reads");
        prop_assert_eq!(in_pieces(&log, vec![7]), findings);
    }

    #[test]
    fn a_report_with_bytes_overwritten_never_panics(
        at in 0..STREAMING.len() - 8,
        with in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let mut log = STREAMING.as_bytes().to_vec();
        log[at..at + with.len()].copy_from_slice(&with);
        let seen = seen(&log);
        prop_assert!(seen.reports <= 1);
    }
}
