//! `[BENCHMARK] key number key number …`: the one-line reports of the removed C++ benchmarks.
//!
//! Each process prints its own line, so a log of several processes has several reports; one program prints its keys
//! on a line each. A key that comes again begins the next report.

use super::number;
use super::problem::Problem;
use super::report::{Quantity, Reading, Report};

/// What begins such a line.
pub const MARK: &[u8] = b"[BENCHMARK]";

/// The report being put together from `[BENCHMARK]` lines.
#[derive(Debug, Default)]
pub struct BenchmarkLines {
    current: Report,
}

impl BenchmarkLines {
    /// Takes the text after the mark; gives the report that this line shows to be over, and what was wrong.
    pub fn feed(&mut self, text: &[u8], line: u64) -> (Option<Report>, Vec<Problem>) {
        let words: Vec<&[u8]> =
            text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
        let mut read = Vec::new();
        let mut problems = Vec::new();
        for pair in words.windows(2) {
            let Some(quantity) = quantity(pair[0]) else { continue };
            match number::first(pair[1]) {
                Ok(printed) => read.push((
                    quantity,
                    Reading { value: printed.value, rounding: printed.rounding, line: Some(line) },
                )),
                Err(fault) => problems.push(Problem::Value {
                    label: String::from_utf8_lossy(pair[0]).into_owned(),
                    line,
                    text: String::from_utf8_lossy(pair[1]).into_owned(),
                    fault,
                }),
            }
        }
        let repeats = read.iter().any(|(q, _)| self.current.readings.contains_key(q));
        let over = if repeats { self.finish() } else { None };
        if !read.is_empty() {
            if self.current.readings.is_empty() {
                self.current.lines.0 = line;
            }
            self.current.lines.1 = line;
            self.current.readings.extend(read);
        }
        (over, problems)
    }

    /// The report so far, if it has a time and a rate.
    pub fn finish(&mut self) -> Option<Report> {
        let report = std::mem::take(&mut self.current);
        let has = |quantity| report.readings.contains_key(&quantity);
        let complete = has(Quantity::TotalLatency)
            && (has(Quantity::SystemOutput) || has(Quantity::RequestThroughput));
        complete.then_some(report)
    }
}

fn quantity(key: &[u8]) -> Option<Quantity> {
    Some(match key {
        b"total_latency(ms)" | b"latency(ms)" => Quantity::TotalLatency,
        b"seq_throughput(seq/sec)" => Quantity::RequestThroughput,
        b"token_throughput(token/sec)" | b"tokensPerSec" | b"tokens_per_sec" => {
            Quantity::SystemOutput
        }
        b"avg_time_to_first_token(ms)" => Quantity::Ttft,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_are_two_reports() {
        let mut lines = BenchmarkLines::default();
        let text = b" num_samples 8 total_latency(ms) 900.5 seq_throughput(seq/sec) 8.9 token_throughput(token/sec) 71.1";
        assert_eq!(lines.feed(text, 3), (None, vec![]));
        let (first, _) = lines.feed(text, 9);
        assert_eq!(first.expect("over").lines, (3, 3));
        let second = lines.finish().expect("complete");
        assert_eq!(second.readings[&Quantity::SystemOutput].value, 71.1);
        assert_eq!(second.lines, (9, 9));
    }

    #[test]
    fn a_key_a_line_is_one_report() {
        let mut lines = BenchmarkLines::default();
        for (line, text) in
            [(1, "total_latency(ms) 5.5"), (2, "avg_sequence_latency(ms) 3"), (3, "tokensPerSec 7")]
        {
            assert_eq!(lines.feed(text.as_bytes(), line), (None, vec![]));
        }
        let report = lines.finish().expect("complete");
        assert_eq!(report.readings[&Quantity::TotalLatency].value, 5.5);
        assert_eq!(report.lines, (1, 3));
        assert!(lines.finish().is_none());
    }
}
