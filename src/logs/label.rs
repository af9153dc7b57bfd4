//! The labels of text reports since release 0.12 and of the serve client: spelling, unit, meaning.
//!
//! A label is `NAME [TAG] (UNIT):`. Names are matched whole and in place: `Token Throughput` is not the end of
//! `Total Token Throughput`, and `[1/TPOT]` in a speed's tag makes it no TPOT.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::prefix;
use super::report::Quantity;

/// What a labelled line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A measured quantity; the unit's factor is applied by [`Labelled::scale`].
    Measured(Quantity),
    Model,
    /// `TensorRT-LLM Version`, `TensorRT LLM Version`, or that of an engine with another name.
    Version,
    Dtype,
    KvCacheDtype,
    Quantization,
    Requests,
    Concurrency,
    InputTokens,
    OutputTokens,
    Tp,
    Pp,
    Ep,
    MaxBatchSize,
    MaxNumTokens,
    KvFraction,
    /// Requests the serve client lost.
    Failed,
    /// A known line that nobody asks for; it must not be taken for another.
    Other,
}

/// Units of a label and the factor to the quantity's own unit.
type Units = &'static [(&'static str, f64)];

const MILLISECONDS: Units =
    &[("ms", 1.0), ("seconds", 1000.0), ("sec", 1000.0), ("s", 1000.0), ("us", 0.001)];
const REQUEST_RATE: Units = &[("req/sec", 1.0), ("req/s", 1.0)];
const TOKEN_RATE: Units = &[("tokens/sec", 1.0), ("tokens/s", 1.0), ("tok/s", 1.0), ("tps", 1.0)];
const GPU_TOKEN_RATE: Units = &[("tps/gpu", 1.0), ("tokens/sec/gpu", 1.0), ("tok/s/gpu", 1.0)];
/// The unit doesn't matter, or there is none.
const ANY: Units = &[];

struct Entry {
    name: &'static str,
    units: Units,
    field: Field,
}

const fn entry(name: &'static str, units: Units, field: Field) -> Entry {
    Entry { name, units, field }
}

const TABLE: &[Entry] = &[
    // trtllm-bench, 0.16 on
    entry("Request Throughput", REQUEST_RATE, Field::Measured(Quantity::RequestThroughput)),
    entry("Total Output Throughput", TOKEN_RATE, Field::Measured(Quantity::SystemOutput)),
    entry("Per GPU Output Throughput", GPU_TOKEN_RATE, Field::Measured(Quantity::GpuOutput)),
    entry("Per User Output Throughput", ANY, Field::Other),
    entry("Per User Output Speed", ANY, Field::Other),
    entry("Total Token Throughput", ANY, Field::Other),
    // 0.12 to 0.17: the system's output tokens, under a shorter name
    entry("Token Throughput", TOKEN_RATE, Field::Measured(Quantity::SystemOutput)),
    // seconds in 0.12, ms since
    entry("Total Latency", MILLISECONDS, Field::Measured(Quantity::TotalLatency)),
    entry("Average request latency", ANY, Field::Other),
    entry("Average time-to-first-token", MILLISECONDS, Field::Measured(Quantity::Ttft)),
    entry("Average time-per-output-token", MILLISECONDS, Field::Measured(Quantity::Tpot)),
    // 0.16/0.17: the same figure as TPOT
    entry("Average inter-token latency", MILLISECONDS, Field::Measured(Quantity::Tpot)),
    entry("Number of requests", ANY, Field::Requests),
    entry("Number of concurrent requests", ANY, Field::Concurrency),
    entry("Average Input Length", ANY, Field::InputTokens),
    entry("Average Output Length", ANY, Field::OutputTokens),
    entry("TP Size", ANY, Field::Tp),
    entry("PP Size", ANY, Field::Pp),
    entry("EP Size", ANY, Field::Ep),
    entry("Max Runtime Batch Size", ANY, Field::MaxBatchSize),
    entry("Max Runtime Tokens", ANY, Field::MaxNumTokens),
    entry("Scheduling Policy", ANY, Field::Other),
    entry("KV Memory Percentage", ANY, Field::KvFraction),
    entry("Issue Rate", ANY, Field::Other),
    entry("Model Path", ANY, Field::Other),
    entry("Model", ANY, Field::Model),
    entry("Revision", ANY, Field::Other),
    entry("Engine Directory", ANY, Field::Other),
    entry("KV Cache Dtype", ANY, Field::KvCacheDtype),
    entry("Dtype", ANY, Field::Dtype),
    entry("Quantization", ANY, Field::Quantization),
    entry("Max Input Length", ANY, Field::Other),
    entry("Max Sequence Length", ANY, Field::Other),
    entry("Dataset Path", ANY, Field::Other),
    entry("Number of Sequences", ANY, Field::Other),
    // serve client (benchmark_serving)
    entry("Request throughput", REQUEST_RATE, Field::Measured(Quantity::RequestThroughput)),
    entry("Output token throughput", TOKEN_RATE, Field::Measured(Quantity::SystemOutput)),
    entry("Mean TTFT", MILLISECONDS, Field::Measured(Quantity::Ttft)),
    entry("Mean TPOT", MILLISECONDS, Field::Measured(Quantity::Tpot)),
    entry("Mean E2EL", MILLISECONDS, Field::Measured(Quantity::TotalLatency)),
    entry("Successful requests", ANY, Field::Requests),
    entry("Failed requests", ANY, Field::Failed),
];

/// All names; of two that begin at one place the longer (`Model Path`, `Model`).
static NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        .build(TABLE.iter().map(|entry| entry.name))
        .expect("the names are short literals")
});

/// A line that carries a known label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled<'a> {
    pub field: Field,
    /// The label as printed, without the colon.
    pub label: &'a [u8],
    /// What follows the colon.
    pub value: &'a [u8],
    /// Factor to the quantity's unit; `None` when the unit isn't known.
    pub scale: Option<f64>,
}

/// The known label of a line (prefixes allowed, escape sequences not).
pub fn read(line: &[u8]) -> Option<Labelled<'_>> {
    tabled(line).or_else(|| version(line))
}

/// `NAME Version:`, whatever the engine is called.
fn version(line: &[u8]) -> Option<Labelled<'_>> {
    const END: &[u8] = b" Version:";
    let at = find(line, END)?;
    let (label, value) = (&line[..at + END.len() - 1], &line[at + END.len()..]);
    let words = label.iter().all(|b| b.is_ascii_alphanumeric() || b" -_".contains(b));
    words.then(|| Labelled {
        field: Field::Version,
        label,
        value: value.trim_ascii(),
        scale: Some(1.0),
    })
}

fn tabled(line: &[u8]) -> Option<Labelled<'_>> {
    NAMES.find_iter(line).find_map(|name| {
        if !prefix::ends_like_prefix(&line[..name.start()]) {
            return None;
        }
        let entry = &TABLE[name.pattern().as_usize()];
        let (unit, colon) = unit_and_colon(&line[name.end()..])?;
        let scale = match entry.units {
            [] => Some(1.0),
            units => units.iter().find(|(name, _)| name.as_bytes() == unit).map(|(_, by)| *by),
        };
        let colon = name.end() + colon;
        Some(Labelled {
            field: entry.field,
            label: &line[name.start()..colon],
            value: line[colon + 1..].trim_ascii(),
            scale,
        })
    })
}

/// A line `Some words (unit): value` with a label that isn't known: what a renamed metric looks like.
pub fn unknown(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let colon = find(line, b"):")?;
    let (label, value) = line.split_at(colon + 1);
    let open = label.iter().position(|b| *b == b'(')?;
    let plain = label.first().is_some_and(u8::is_ascii_alphabetic)
        && label.iter().all(|b| b.is_ascii_alphanumeric() || b" -_/[]()".contains(b));
    let has_value = !value[1..].trim_ascii().is_empty();
    (plain && has_value && open >= 2 && label.len() <= 80).then_some(label)
}

/// Longest tag and unit with the blanks around them.
const TAG_AND_UNIT: usize = 80;

/// The unit and the place of the colon in ` [TAG] (UNIT): …`, the text after a name.
fn unit_and_colon(text: &[u8]) -> Option<(&[u8], usize)> {
    let text = &text[..text.len().min(TAG_AND_UNIT)];
    let mut at = blanks(text, 0);
    for (open, close) in [(b'[', b']'), (b'(', b')')] {
        if text.get(at) == Some(&open) {
            let length = text[at..].iter().position(|b| *b == close)?;
            let inside = &text[at + 1..at + length];
            at = blanks(text, at + length + 1);
            if open == b'(' {
                return (text.get(at) == Some(&b':')).then_some((inside, at));
            }
        }
    }
    (text.get(at) == Some(&b':')).then_some((b"", at))
}

fn blanks(text: &[u8], from: usize) -> usize {
    from + text[from.min(text.len())..].iter().take_while(|b| **b == b' ').count()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(line: &str) -> Option<Field> {
        read(line.as_bytes()).map(|found| found.field)
    }

    #[test]
    fn a_colon_pages_behind_a_name_makes_no_label() {
        assert!(field("Total Latency [mean] (ms)  : 5").is_some());
        assert_eq!(field(&format!("Total Latency ({}): 5", "x".repeat(1_000))), None);
        assert_eq!(field(&format!("Total Latency{}: 5", " ".repeat(1_000))), None);
    }

    #[test]
    fn a_short_label_is_not_found_inside_a_longer_one() {
        assert_eq!(field("Total Token Throughput (tokens/sec):   5"), Some(Field::Other));
        assert_eq!(
            field("Token Throughput (tokens/sec):\t5"),
            Some(Field::Measured(Quantity::SystemOutput))
        );
        assert_eq!(
            field("Per User Output Speed [1/TPOT] (tokens/sec/user): 5"),
            Some(Field::Other)
        );
        assert_eq!(field("KV Cache Dtype:\tFP8"), Some(Field::KvCacheDtype));
        assert_eq!(field("Model Path:\tNone"), Some(Field::Other));
        assert_eq!(field("expected Total Latency (ms): 5"), None);
    }

    #[test]
    fn units_scale_to_ms_and_unknown_units_are_not_guessed() {
        let scale = |line: &str| read(line.as_bytes()).expect("a label").scale;
        assert_eq!(scale("Total Latency (seconds): 16.4"), Some(1000.0));
        assert_eq!(scale("Total Latency (ms): 16.4"), Some(1.0));
        assert_eq!(scale("Total Latency (fortnights): 16.4"), None);
        assert_eq!(scale("Total Latency: 16.4"), None);
        assert_eq!(scale("Per GPU Output Throughput (tokens/sec/gpu):   16.4"), Some(1.0));
    }

    #[test]
    fn a_label_keeps_its_spelling_and_its_value() {
        let found = read(b"0: Average time-to-first-token [TTFT] (ms):   53.17 ").expect("a label");
        assert_eq!(found.label, b"Average time-to-first-token [TTFT] (ms)");
        assert_eq!(found.value, b"53.17");
    }

    #[test]
    fn a_renamed_metric_is_seen_as_such() {
        assert_eq!(
            unknown(b"GPU Output Rate (toks/gpu):   9.1"),
            Some(b"GPU Output Rate (toks/gpu)".as_slice())
        );
        assert_eq!(unknown(b"-- Request Latency Breakdown (ms) -----"), None);
        assert_eq!(unknown(b"{'x': foo(1): 2}"), None);
    }
}
