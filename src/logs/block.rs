//! A report in the log while it is being read, from its heading to its end.
//!
//! When is a report complete? A report that ends with the data-set table (0.20 on) or with the serve client's ruler is
//! complete when that end was seen. An older one (no request section, or throughput in `tokens/sec/gpu`) has no such
//! end: it is complete when total latency, request throughput and an output throughput were read and a begun breakdown
//! has all rows.

use super::label::{Field, Labelled};
use super::layout::{Section, Shape};
use super::number;
use super::problem::Problem;
use super::report::{Facts, Quantity, Reading, Report, fraction};

/// Rows of every breakdown: minimum, maximum, average and four percentiles.
const BREAKDOWN_ROWS: u8 = 7;
/// trtllm-bench prints four decimals; with fewer, a number at the very end of a log may have been cut.
const DECIMALS: u32 = 4;

/// One report being read.
#[derive(Debug)]
pub struct Block {
    first_line: u64,
    last_line: u64,
    section: Section,
    report: Report,
    has_request_section: bool,
    has_performance: bool,
    /// `(tokens/sec/gpu)`, the spelling before 0.20.
    has_older_gpu_label: bool,
    /// A number was read in this section; a ruler after it ends the section.
    section_read: bool,
    section_over: bool,
    /// Rows seen of the breakdown begun last.
    breakdown: Option<u8>,
    table_done: bool,
    closed: bool,
}

impl Block {
    /// A block that begins with the heading `section` at `line`.
    pub fn new(section: Section, line: u64) -> Self {
        let mut block = Block {
            first_line: line,
            last_line: line,
            section: section.clone(),
            report: Report::default(),
            has_request_section: false,
            has_performance: false,
            has_older_gpu_label: false,
            section_read: false,
            section_over: false,
            breakdown: None,
            table_done: false,
            closed: false,
        };
        block.enter(section, line);
        block
    }

    /// Line of the last part of the report seen.
    pub fn last_line(&self) -> u64 {
        self.last_line
    }

    /// Whether the report's end was reached.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether measured labels count here: in the sections that measure.
    pub fn measures(&self) -> bool {
        matches!(self.section, Section::Performance | Section::Streaming | Section::Serving)
            && !self.section_over
    }

    /// Whether the heading `next` can't belong to this report, so that another one begins.
    pub fn ends_before(&self, next: &Section) -> bool {
        match next {
            Section::Backend(_) | Section::Serving => true,
            Section::Performance | Section::Machine | Section::Request | Section::World => {
                self.has_performance || self.section == Section::Dataset
            }
            Section::Streaming | Section::Decoding => !self.has_performance,
            // A data-set table is also logged by itself, long before the report.
            Section::Dataset => !self.has_performance,
        }
    }

    /// Takes a heading that belongs to this report.
    pub fn enter(&mut self, section: Section, line: u64) {
        self.last_line = line;
        match &section {
            Section::Backend(name) => self.report.facts.backend = Some(name.clone()),
            Section::Request => self.has_request_section = true,
            Section::Performance => self.has_performance = true,
            Section::Serving => {
                self.has_performance = true;
                self.report.serving = true;
            }
            _ => {}
        }
        self.section = section;
        self.section_read = false;
        self.section_over = false;
    }

    /// Takes a line that is no heading; true when it is part of the report.
    /// `text` is the line without tag and escape sequences.
    pub fn line(&mut self, shape: &Shape, text: &[u8], line: u64) -> bool {
        match shape {
            Shape::Heading(_) => {}
            Shape::Ruler if self.section == Section::Serving || self.table_done => {
                // The serve client's heading has no second ruler of its own: a ruler before any number isn't its end.
                self.closed = self.section != Section::Serving || self.section_read;
            }
            Shape::Ruler => self.section_over |= self.section_read,
            Shape::Filler => {}
            Shape::Breakdown => self.breakdown = Some(0),
            Shape::BreakdownRow => {
                self.breakdown = self.breakdown.map(|rows| rows.saturating_add(1));
            }
            Shape::TableRow { last } if self.section == Section::Dataset => {
                self.table_done |= *last;
            }
            Shape::TableRow { .. } => return false,
            Shape::Text if self.section == Section::Machine => return self.machine(text, line),
            Shape::Text => return false,
        }
        // Blank lines are everywhere in a log: they belong to the report, but don't keep it open.
        if *shape != Shape::Filler {
            self.last_line = line;
        }
        true
    }

    /// `NAME, memory N GB, N GHz`, or whatever follows the section's ruler directly.
    fn machine(&mut self, text: &[u8], line: u64) -> bool {
        let text = lossy(text);
        let name = match text.split_once(", memory ") {
            Some((name, _)) => name,
            None if line == self.last_line + 1 => text.as_str(),
            None => return false,
        };
        self.last_line = line;
        if name != "No GPU info available" {
            self.report.facts.machine.get_or_insert_with(|| name.to_owned());
        }
        true
    }

    /// Takes a labelled line and tells what is wrong with it. `whole` is false when the log ends without a line end
    /// after it.
    pub fn label(&mut self, found: &Labelled<'_>, line: u64, whole: bool) -> Option<Problem> {
        self.last_line = line;
        match found.field {
            Field::Measured(quantity) => self.measured(quantity, found, line, whole).err(),
            Field::Failed if number::first(found.value).map_or(true, |n| n.value > 0.0) => {
                Some(Problem::FailedRequests { text: lossy(found.value), line })
            }
            field => {
                self.fact(field, found.value);
                None
            }
        }
    }

    fn measured(
        &mut self,
        quantity: Quantity,
        found: &Labelled<'_>,
        line: u64,
        whole: bool,
    ) -> Result<(), Problem> {
        if !self.measures() {
            return Ok(());
        }
        self.has_older_gpu_label |= found.label.ends_with(b"(tokens/sec/gpu)");
        let label = lossy(found.label);
        let Some(scale) = found.scale else { return Err(Problem::Unit { label, line }) };
        let printed = match number::first(found.value) {
            Ok(printed) => printed,
            Err(fault) => {
                let text = lossy(found.value);
                return Err(Problem::Value { label, line, text, fault });
            }
        };
        if !whole && printed.decimals < DECIMALS {
            return Err(Problem::CutNumber { label, line });
        }
        let reading = Reading {
            value: printed.value * scale,
            rounding: printed.rounding * scale,
            line: Some(line),
        };
        self.section_read = true;
        let first = *self.report.readings.entry(quantity).or_insert(reading);
        if first.value != reading.value {
            return Err(Problem::Twice { label, line });
        }
        Ok(())
    }

    fn fact(&mut self, field: Field, value: &[u8]) {
        let facts: &mut Facts = &mut self.report.facts;
        let text =
            || Some(lossy(value)).filter(|text| !matches!(text.as_str(), "" | "None" | "N/A"));
        // A fact that can't be read is unknown; nothing is computed from it then.
        let real = || number::first(value).ok().map(|printed| printed.value);
        match field {
            Field::Model => facts.model = text(),
            Field::Version => facts.report_version = text(),
            Field::Dtype => facts.dtype = text(),
            Field::KvCacheDtype => facts.kv_cache_dtype = text(),
            Field::Quantization => facts.quantization = text(),
            Field::Requests => facts.requests = whole_number(value),
            Field::Concurrency => facts.concurrency = real(),
            Field::InputTokens => facts.average_input_tokens = real(),
            Field::OutputTokens => facts.average_output_tokens = real(),
            Field::Tp => facts.tp = whole_number(value),
            Field::Pp => facts.pp = whole_number(value),
            Field::Ep => facts.ep = whole_number(value),
            Field::MaxBatchSize => facts.max_batch_size = whole_number(value),
            Field::MaxNumTokens => facts.max_num_tokens = whole_number(value),
            Field::KvFraction => {
                let percent = value.strip_suffix(b"%").unwrap_or(value);
                facts.kv_cache_fraction = number::first(percent).ok().map(|p| fraction(p.value));
            }
            Field::Measured(_) | Field::Failed | Field::Other => {}
        }
    }

    /// Ends the block: the report if it is complete, else what it lacks; `None` when it measured nothing at all
    /// (the data-set table that is logged before a run).
    pub fn finish(mut self) -> Option<Result<Report, Problem>> {
        self.report.lines = (self.first_line, self.last_line);
        if self.section == Section::Dataset && !self.has_performance {
            return None;
        }
        Some(match self.lacks() {
            None => Ok(self.report),
            Some(lacks) => Err(Problem::Incomplete {
                first_line: self.first_line,
                last_line: self.last_line,
                lacks,
            }),
        })
    }

    fn lacks(&self) -> Option<&'static str> {
        let has = |quantity| self.report.readings.contains_key(&quantity);
        if self.report.readings.is_empty() {
            return Some("any number");
        }
        if self.closed {
            return None;
        }
        match self.section {
            Section::Serving => return Some("its closing ruler"),
            Section::Dataset => return Some("the end of the data-set table"),
            _ => {}
        }
        if self.has_request_section && !self.has_older_gpu_label {
            return Some("the data-set table");
        }
        if self.breakdown.is_some_and(|rows| rows < BREAKDOWN_ROWS) {
            return Some("the end of a breakdown");
        }
        if !has(Quantity::RequestThroughput) {
            return Some("its request throughput");
        }
        if !has(Quantity::TotalLatency) {
            return Some("its total latency");
        }
        (!has(Quantity::SystemOutput) && !has(Quantity::GpuOutput))
            .then_some("its output throughput")
    }
}

fn lossy(text: &[u8]) -> String {
    const KEPT: usize = 200;
    String::from_utf8_lossy(&text[..text.len().min(KEPT)]).trim().to_owned()
}

fn whole_number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.split_ascii_whitespace().next()?.parse().ok()
}
