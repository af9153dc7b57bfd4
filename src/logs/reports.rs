//! All reports of one log: one open block per launcher tag, complete ones counted, the last one kept.
//!
//! Two processes that print into one log interleave their lines; their launcher tags keep the reports apart.
//! Labels outside a report are remembered for messages and never counted.

use super::block::Block;
use super::label::{self, Field};
use super::layout::{Section, Shape, shape};
use super::prefix;
use super::problem::Problem;
use super::report::Report;

/// A report is over when so many lines passed without a part of it: other ranks may talk in between, but labels
/// further away are somebody else's.
const GAP_LINES: u64 = 200;
/// Bounds on what one log may make us remember.
const OPEN_BLOCKS: usize = 64;
const LABELS: usize = 64;
const PROBLEMS: u64 = 32;

/// The reports read so far.
#[derive(Debug, Default)]
pub struct Reports {
    open: Vec<(Vec<u8>, Block)>,
    /// Complete reports.
    pub complete: u64,
    /// The complete report that ended last.
    pub last: Option<Report>,
    /// First line of the first complete report.
    first_line: u64,
    /// Whether complete reports told different numbers.
    differ: bool,
    /// Metric-like labels seen anywhere, as printed, each once.
    pub labels: Vec<String>,
    /// First line of a measured label outside any report.
    pub first_loose: Option<u64>,
    pub problems: Vec<Problem>,
    dropped_problems: u64,
}

impl Reports {
    /// Takes one line of the log, raw. `whole` is false when the log ends without a line end after it.
    pub fn feed(&mut self, raw: &[u8], line: u64, whole: bool) {
        self.expire(line);
        let plain = prefix::without_ansi(raw);
        let (tag, text) = prefix::split_tag(&plain);
        let shape = shape(text);
        let at = self.open.iter().position(|(owner, _)| owner == tag);
        if let Shape::Heading(section) = shape {
            self.heading(at, tag, section, line);
            return;
        }
        if let Some(found) = label::read(text) {
            let measured = matches!(found.field, Field::Measured(_));
            if measured {
                self.remember_label(found.label);
            }
            match at.map(|at| &mut self.open[at].1) {
                Some(block) if !measured || block.measures() => {
                    let problem = block.label(&found, line, whole);
                    problem.into_iter().for_each(|problem| self.problem(problem));
                }
                _ if measured => {
                    self.first_loose.get_or_insert(line);
                }
                _ => {}
            }
            return;
        }
        let Some(at) = at else { return };
        let block = &mut self.open[at].1;
        if shape == Shape::Text
            && block.measures()
            && let Some(unknown) = label::unknown(text)
        {
            self.remember_label(unknown);
            return;
        }
        block.line(&shape, text, line);
        if block.is_closed() {
            self.close(at);
        }
    }

    /// A report that is complete in one go (a `[BENCHMARK]` line).
    pub fn add(&mut self, report: Report) {
        self.count(report);
    }

    /// Whether a report is being read, so that every line matters.
    pub fn is_reading(&mut self, line: u64) -> bool {
        self.expire(line);
        !self.open.is_empty()
    }

    /// Ends the log.
    pub fn finish(&mut self) {
        self.open.sort_by_key(|(_, block)| block.last_line());
        while !self.open.is_empty() {
            self.close(0);
        }
        if let (true, Some(last)) = (self.differ, &self.last) {
            let (first, last) = (self.first_line, last.lines.0);
            self.problems.push(Problem::SeveralReports { count: self.complete, first, last });
        }
        if self.dropped_problems > 0 {
            self.problems.push(Problem::Further { count: self.dropped_problems });
        }
    }

    /// Keeps a problem, or counts it when there are too many.
    pub fn problem(&mut self, problem: Problem) {
        if (self.problems.len() as u64) < PROBLEMS {
            self.problems.push(problem);
        } else {
            self.dropped_problems += 1;
        }
    }

    fn heading(&mut self, at: Option<usize>, tag: &[u8], section: Section, line: u64) {
        match at {
            Some(at) if !self.open[at].1.ends_before(&section) => {
                self.open[at].1.enter(section, line)
            }
            found => {
                if let Some(at) = found {
                    self.close(at);
                } else if self.open.len() == OPEN_BLOCKS {
                    self.close(0);
                }
                self.open.push((tag.to_vec(), Block::new(section, line)));
            }
        }
    }

    fn expire(&mut self, line: u64) {
        while let Some(at) = self.open.iter().position(|(_, b)| line > b.last_line() + GAP_LINES) {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        let (_, block) = self.open.remove(at);
        match block.finish() {
            Some(Ok(report)) => self.count(report),
            Some(Err(incomplete)) => self.problem(incomplete),
            None => {}
        }
    }

    fn count(&mut self, report: Report) {
        match &self.last {
            None => self.first_line = report.lines.0,
            Some(last) => self.differ |= !last.same_numbers(&report),
        }
        self.complete += 1;
        let is_later = self.last.as_ref().is_none_or(|last| report.lines.1 >= last.lines.1);
        if is_later {
            self.last = Some(report);
        }
    }

    fn remember_label(&mut self, label: &[u8]) {
        let label = String::from_utf8_lossy(label);
        if self.labels.len() < LABELS && !self.labels.iter().any(|known| *known == label) {
            self.labels.push(label.into_owned());
        }
    }
}
