//! Logs: nothing panics, every value is a number, and how the bytes arrive changes nothing.
//!
//! The first two bytes are the sizes of the pieces that the log arrives in. In the rest, two bytes that no log needs
//! make it long, so that short inputs reach what only long lines and floods do: `0x01 N` repeats the bytes since the
//! last line end `N` times, `0x02 N` stands for `N` KiB of text without a line end.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use trtllm_perf::logs::{LogFindings, combine, fatal_cause, scan_log};

const LONGEST: usize = 256 * 1024;
/// Most bytes that one repetition adds; most inputs then stay small, and many can be tried.
const FLOOD: usize = 16 * 1024;

fuzz_target!(|input: &[u8]| {
    let [small, large, rest @ ..] = input else { return };
    let log = unfolded(rest);
    let whole = scan_log(&log[..]).expect("memory reads");
    let sizes = [usize::from(*small) + 1, (usize::from(*large) + 1) * 700];
    let pieces = Pieces { rest: &log, sizes: sizes.into_iter().cycle() };
    assert_eq!(scan_log(pieces).expect("memory reads"), whole);
    for line in rest.split(|byte| *byte == b'\n') {
        fatal_cause(line);
    }
    plausible(whole, &log);
});

fn plausible(findings: LogFindings, log: &[u8]) {
    let lines = log.split(|byte| *byte == b'\n').count() as u64;
    if let Some(failure) = &findings.failure {
        assert!((1..=lines).contains(&failure.line), "line {} of {lines}", failure.line);
    }
    if let Some(report) = &findings.report {
        let (first, last) = report.lines;
        assert!(1 <= first && first <= last && last <= lines, "{first}-{last} of {lines}");
    }
    let observations = combine(findings, None, None);
    for (metric, observed) in observations.values() {
        assert!(observed.value.is_finite() && observed.value >= 0.0, "{metric:?} {observed:?}");
    }
    for problem in &observations.problems {
        assert!(
            problem.to_string().len() < 32 * 1024,
            "a problem of {} bytes",
            problem.to_string().len()
        );
    }
}

fn unfolded(input: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    let mut line = 0;
    let mut bytes = input.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            1 => {
                let times = bytes.next().copied().unwrap_or(0);
                let again = log[line..].to_vec();
                let copies = std::iter::repeat_n(again, times.into()).flatten();
                log.extend(copies.take(FLOOD));
            }
            2 => log.extend(std::iter::repeat_n(
                b'z',
                usize::from(bytes.next().copied().unwrap_or(0)) * 1024,
            )),
            byte => {
                log.push(byte);
                if byte == b'\n' {
                    line = log.len();
                }
            }
        }
        if log.len() > LONGEST {
            log.truncate(LONGEST);
            break;
        }
    }
    log
}

/// A source that gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a, S> {
    rest: &'a [u8],
    sizes: S,
}

impl<S: Iterator<Item = usize>> Read for Pieces<'_, S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = self.sizes.next().expect("a cycle has no end");
        let count = wanted.min(out.len()).min(self.rest.len());
        let (now, rest) = self.rest.split_at(count);
        out[..count].copy_from_slice(now);
        self.rest = rest;
        Ok(count)
    }
}
