//! The reader of results: reports, build time, KV-cache size and version, found in the regions of a log.
//!
//! Outside a report it jumps from one telling text to the next; once a heading was seen it walks line by line
//! until the report is over.

use std::sync::LazyLock;

use super::benchmark_line::{BenchmarkLines, MARK};
use super::layout::HEADING_NEEDLES;
use super::number;
use super::prefix;
use super::problem::Problem;
use super::report::Reading;
use super::reports::Reports;
use super::search::Literals;
use super::window::{REACH, Region};

/// A text that tells something outside of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// A heading or a label: the reports' matter.
    Report,
    /// `Engine generation completed in 35.97 seconds.`
    Build,
    /// `Allocated 52.51 GiB for max tokens in paged KV cache (860320).`
    KvAllocated,
    /// `Final KV cache size after resize: 12.34 GiB (5678 pages)`
    KvResized,
    /// `[TensorRT-LLM] TensorRT-LLM version: 1.1.0`
    Banner,
    /// `Warmup done.`
    WarmUp,
    BenchmarkLine,
}

const BUILD: &[u8] = b"Engine generation completed in ";
const KV_ALLOCATED: &[u8] = b" for max tokens in paged KV cache";
const KV_RESIZED: &[u8] = b"Final KV cache size after resize: ";
const BANNER: &[u8] = b"LLM version: ";
const WARM_UP: &[u8] = b"Warmup done";

/// Every measured label holds one of these, so that labels outside a report are noticed.
const LABEL_NEEDLES: [&[u8]; 7] = [
    b"roughput (",
    b"roughput [",
    b"Total Latency",
    b"Average time-",
    b"Average inter-",
    b"Mean T",
    b"Mean E2EL",
];

static SIGNS: LazyLock<(Literals, Vec<Sign>)> = LazyLock::new(|| {
    let mut texts: Vec<&[u8]> = vec![BUILD, KV_ALLOCATED, KV_RESIZED, BANNER, WARM_UP, MARK];
    let mut signs = vec![
        Sign::Build,
        Sign::KvAllocated,
        Sign::KvResized,
        Sign::Banner,
        Sign::WarmUp,
        Sign::BenchmarkLine,
    ];
    texts.extend(HEADING_NEEDLES);
    texts.extend(LABEL_NEEDLES);
    signs.resize(texts.len(), Sign::Report);
    (Literals::new(&texts), signs)
});

/// What a log tells besides failures.
#[derive(Debug, Default)]
pub struct Results {
    pub reports: Reports,
    benchmark: BenchmarkLines,
    /// Last engine build time, s.
    pub build_time: Option<Reading>,
    /// Last KV-cache size, GiB.
    pub kv_cache: Option<Reading>,
    /// First version banner.
    pub version: Option<String>,
    /// Whether a warm-up came to its end.
    pub warmed_up: bool,
    walking: bool,
    /// Bytes of the next region whose labels and headings were handled already.
    fed: usize,
    /// The segment at the next region's start was handled already.
    skip: bool,
}

impl Results {
    /// Handles one region; regions must come in order.
    pub fn region(&mut self, region: &Region<'_>) {
        let fed = self.look(region, region.start + self.fed);
        self.fed = fed.saturating_sub(region.limit);
    }

    /// Handles a region of which everything before `fed` was fed to the reports; gives how far it is now.
    fn look(&mut self, region: &Region<'_>, mut fed: usize) -> usize {
        let mut at = region.start;
        let mut line = region.line;
        let mut counted = region.start;
        loop {
            if self.skip {
                let Some(next) = region.next_segment(at) else { return fed };
                at = next;
                self.skip = false;
            }
            if at >= region.limit {
                return fed;
            }
            if !self.walking {
                let Some((sign, hit)) = SIGNS.0.find(region.bytes, at, self.search_end(region))
                else {
                    return fed;
                };
                if hit >= region.limit {
                    return fed;
                }
                at = hit + 1;
                let sign = SIGNS.1[sign];
                if sign == Sign::Report && hit < fed {
                    continue;
                }
                line += region.lines(counted, hit);
                counted = hit;
                match sign {
                    Sign::Report => fed = self.report(region, hit, line),
                    sign => self.sign(sign, region, hit, line),
                }
                if self.reports.is_reading(line) {
                    self.walking = true;
                    self.skip = true;
                }
                continue;
            }
            line += region.lines(counted, at);
            counted = at;
            let segment = region.segment(at);
            if !segment.text.is_empty() {
                self.walk(region, at, at + segment.text.len(), line, segment.ended);
            }
            self.walking = self.reports.is_reading(line);
            self.skip = true;
        }
    }

    /// A text that begins before the limit may end behind it.
    fn search_end(&self, region: &Region<'_>) -> usize {
        const LONGEST: usize = 64;
        region.bytes.len().min(region.limit + LONGEST)
    }

    /// One line of a report, or between its lines.
    fn walk(&mut self, region: &Region<'_>, from: usize, to: usize, line: u64, ended: bool) {
        let mut at = from;
        while let Some((sign, hit)) = SIGNS.0.find(region.bytes, at, to) {
            self.sign(SIGNS.1[sign], region, hit, line);
            at = hit + 1;
        }
        self.reports.feed(&region.bytes[from..to], line, ended);
    }

    /// Feeds the line around `hit` to the reports; gives up to where further hits tell nothing new.
    fn report(&mut self, region: &Region<'_>, hit: usize, line: u64) -> usize {
        let segment = region.segment(hit);
        self.reports.feed(segment.text, line, segment.ended);
        // What is near the cut of a long line may not have been whole.
        (segment.begin + segment.text.len()).min(hit + REACH / 2)
    }

    /// Handles a text that tells something wherever it stands.
    fn sign(&mut self, sign: Sign, region: &Region<'_>, hit: usize, line: u64) {
        let segment = region.segment(hit);
        let after = |text: &[u8]| {
            &segment.text[(hit - segment.begin + text.len()).min(segment.text.len())..]
        };
        match sign {
            Sign::BenchmarkLine => {
                let text = after(MARK);
                let end = memchr::memmem::find(text, MARK).unwrap_or(text.len());
                let (over, problems) = self.benchmark.feed(&text[..end], line);
                for problem in problems {
                    self.reports.problem(problem);
                }
                if let Some(report) = over {
                    self.reports.add(report);
                }
            }
            Sign::Build => {
                let unit = b" seconds";
                if let Some(reading) = self.size(after(BUILD), &[(unit, 1.0)], "build time", line) {
                    self.build_time = Some(reading);
                }
            }
            Sign::KvAllocated => {
                let before = &segment.text[..hit - segment.begin];
                let Some(at) = memchr::memmem::rfind(before, b"Allocated ") else { return };
                self.kv(&segment.text[at + b"Allocated ".len()..], line);
            }
            Sign::KvResized => self.kv(after(KV_RESIZED), line),
            Sign::Banner if self.version.is_none() => {
                let plain = prefix::without_ansi(after(BANNER));
                let version = String::from_utf8_lossy(&plain);
                self.version = version.split_whitespace().next().map(str::to_owned);
            }
            Sign::WarmUp => self.warmed_up = true,
            Sign::Banner | Sign::Report => {}
        }
    }

    fn kv(&mut self, text: &[u8], line: u64) {
        let units: [(&[u8], f64); 2] = [(b" GiB", 1.0), (b" MiB", 1.0 / 1024.0)];
        if let Some(reading) = self.size(text, &units, "KV cache size", line) {
            self.kv_cache = Some(reading);
        }
    }

    /// `NUMBER UNIT…` at the start of `text`.
    fn size(
        &mut self,
        text: &[u8],
        units: &[(&[u8], f64)],
        what: &str,
        line: u64,
    ) -> Option<Reading> {
        let end = text.iter().position(|b| *b == b' ')?;
        let (token, rest) = text.split_at(end);
        let (_, scale) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
        match number::first(token) {
            Ok(printed) => Some(Reading {
                value: printed.value * scale,
                rounding: printed.rounding * scale,
                line: Some(line),
            }),
            Err(fault) => {
                let text = String::from_utf8_lossy(&token[..token.len().min(64)]).into_owned();
                self.reports.problem(Problem::Value { label: what.to_owned(), line, text, fault });
                None
            }
        }
    }

    /// Ends the log.
    pub fn finish(&mut self) {
        if let Some(report) = self.benchmark.finish() {
            self.reports.add(report);
        }
        self.reports.finish();
    }
}
