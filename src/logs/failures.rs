//! The reader of failures: the first cause that a log shows.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem::FinderRev;

use super::cause::Failure;
use super::patterns::{Also, HARMLESS, RULES, Rule, SEEDS, Strength};
use super::prefix;
use super::search::Literals;
use super::window::{LOOK_BACK, REACH, Region, Segment};

/// Characters of the telling line that are kept.
const SHOWN: usize = 400;
/// Lines that one record of a logger may go back.
const RECORD_LINES: usize = 100;
/// Longest seed, rounded up: how far one may reach over a region's limit.
const LONGEST: usize = 64;

static GROUPS: LazyLock<[Literals; 2]> = LazyLock::new(|| SEEDS.map(Literals::new));
static BUILD_DONE: LazyLock<FinderRev<'static>> =
    // trtllm-bench's last record of a build that worked
    LazyLock::new(|| FinderRev::new("ENGINE SAVED:"));
static TEXTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .build(RULES.iter().map(|rule| rule.text))
        .expect("the rules' texts are short literals")
});

/// The best rule for one line, i.e. the first of the table that fits.
fn rule(line: &[u8]) -> Option<&'static Rule> {
    let mut found = [false; RULES.len()];
    for hit in TEXTS.find_overlapping_iter(line) {
        found[hit.pattern().as_usize()] = true;
    }
    // Asked once a rule, not once a hit: a line may repeat a text thousands of times.
    RULES.iter().zip(found).find(|(rule, found)| *found && fits(rule, line)).map(|(rule, _)| rule)
}

fn fits(rule: &Rule, line: &[u8]) -> bool {
    match rule.also {
        Also::Nothing => true,
        Also::OneOf(texts) => texts.iter().any(|text| holds(line, text)),
        Also::Line(check) => check(line),
    }
}

pub fn holds(line: &[u8], text: &str) -> bool {
    memchr::memmem::find(line, text.as_bytes()).is_some()
}

/// Whether the line is a warning or less, or the autotuner's complaint.
pub fn is_harmless(line: &[u8]) -> bool {
    prefix::is_quiet(line) || is_marked_harmless(line)
}

/// Whether the line has one of the marks of [`HARMLESS`].
pub fn is_marked_harmless(line: &[u8]) -> bool {
    HARMLESS.iter().any(|mark| holds(line, mark))
}

/// A cause and where its text stands in the region being handled; 0 when it was found in an earlier one.
#[derive(Debug)]
struct Found {
    failure: Failure,
    at: usize,
}

/// The causes seen so far: the first of each strength.
#[derive(Debug, Default)]
pub struct Failures {
    found: [Option<Found>; 3],
    /// Bytes of the next region that each search has already judged, as part of a long line.
    judged: [usize; 2],
}

impl Failures {
    /// Handles one region; regions must come in order.
    pub fn region(&mut self, region: &Region<'_>) {
        let mut start = region.start;
        let end = region.bytes.len().min(region.limit + LONGEST);
        if let Some(done) = BUILD_DONE.rfind(&region.bytes[start..end])
            && start + done < region.limit
        {
            // The build worked, whatever its log says before.
            self.found = Default::default();
            self.judged = [0; 2];
            start += done;
        }
        if self.found[Strength::Clear as usize].is_some() {
            return;
        }
        self.found.iter_mut().flatten().for_each(|found| found.at = 0);
        for (which, seeds) in GROUPS.iter().enumerate() {
            let from = start + self.judged[which];
            let reached = self.search(seeds, region, from);
            self.judged[which] = reached.saturating_sub(region.limit);
        }
    }

    /// Judges the lines with a seed from `from` on; gives how far it has judged.
    fn search(&mut self, seeds: &Literals, region: &Region<'_>, from: usize) -> usize {
        let end = region.bytes.len().min(region.limit + LONGEST);
        let mut line = region.line;
        let mut counted = region.start;
        let mut at = from;
        while at < region.limit {
            let Some((_, hit)) = seeds.find(region.bytes, at, end) else { break };
            if hit >= region.limit {
                break;
            }
            line += region.lines(counted, hit);
            counted = hit;
            let segment = region.segment(hit);
            at = segment.begin + segment.text.len().max(1);
            self.line(region, segment, hit, line);
        }
        at
    }

    /// Judges the line, or the part of a long one, around the seed at `hit`.
    fn line(&mut self, region: &Region<'_>, segment: Segment<'_>, hit: usize, line: u64) {
        let text = segment.text;
        if prefix::is_quiet(text) {
            return;
        }
        let Some(rule) = rule(text) else { return };
        if !self.is_news(rule.strength, line, hit) {
            return;
        }
        let plain = prefix::without_ansi(text);
        if is_harmless(&plain) {
            return;
        }
        // The traceback of a harmless record may be all that is left of a real failure, so it counts, but little.
        let follows =
            !prefix::begins_record(&plain) && belongs_to_harmless_record(region, segment.begin);
        let strength = if follows { Strength::Echo } else { rule.strength };
        if self.is_news(strength, line, hit) {
            let shown = String::from_utf8_lossy(&plain[..plain.len().min(SHOWN)]);
            let text = shown.trim().to_owned();
            let failure = Failure { cause: rule.cause, line, text };
            self.found[strength as usize] = Some(Found { failure, at: hit });
        }
    }

    /// The groups are searched one after the other, so that the later one may find what stands before; a long line
    /// may show several causes.
    fn is_news(&self, strength: Strength, line: u64, hit: usize) -> bool {
        self.found[strength as usize]
            .as_ref()
            .is_none_or(|found| (line, hit) < (found.failure.line, found.at))
    }

    /// The first of the clearest.
    pub fn first(self) -> Option<Failure> {
        self.found.into_iter().rev().flatten().next().map(|found| found.failure)
    }
}

/// Whether the record that the line at `begin` continues is one of the autotuner's complaints.
fn belongs_to_harmless_record(region: &Region<'_>, begin: usize) -> bool {
    // A part of a long line may itself begin that far before what is to be handled.
    let floor = begin.saturating_sub(LOOK_BACK - REACH);
    let before = &region.bytes[floor..begin];
    let lines = before.rsplit(|b| *b == b'\n').skip(1).take(RECORD_LINES);
    let first = lines.map(prefix::without_ansi).find(|line| prefix::begins_record(line));
    first.is_some_and(|line| is_marked_harmless(&line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::scan_log;

    /// `CAUSE<TAB>LINE`: one real-looking line for every rule.
    const EXAMPLES: &str = include_str!("../../tests/fixtures/logs/causes.tsv");

    fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
        EXAMPLES.lines().map(|row| row.split_once('\t').expect("cause, tab, line"))
    }

    #[test]
    fn every_example_line_is_found_in_a_log_with_its_cause() {
        for (cause, line) in examples() {
            let log = format!(
                "[TRT-LLM] [I] Setting up throughput benchmark.\n{line}\n[TRT-LLM] [I] bye\n"
            );
            let failure = scan_log(log.as_bytes()).expect("memory").failure;
            let found = failure.map(|failure| (failure.cause.word(), failure.line));
            assert_eq!(found, Some((cause, 2)), "{line}");
        }
    }

    #[test]
    fn every_rule_has_an_example() {
        for wanted in RULES {
            let used = examples().any(|(_, line)| {
                rule(line.as_bytes()).is_some_and(|rule| rule.text == wanted.text)
            });
            assert!(used, "{}", wanted.text);
        }
    }
}
