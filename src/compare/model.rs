//! What is compared and what comes of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::cause::{Cause, common};
use super::means::Mean;
use super::provenance::Provenance;
use super::row::{Change, Row};
use crate::history::{CaseIdentity, Origin, RunRecord};
use crate::metric::Metric;

/// One side: a run, or the runs of a release or a day, which are repeats of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// As the user called it.
    pub name: String,
    pub runs: Vec<RunRecord>,
}

/// What is to be compared, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Relative limit for all metrics, as a share, in place of each metric's own.
    pub limit: Option<f64>,
    /// Only these; all when empty.
    pub metrics: Vec<Metric>,
    /// Only cases whose label matches one of these shell patterns; all when empty.
    pub cases: Vec<String>,
    /// Whether a case is paired with itself on another machine class or engine where it has no other partner.
    pub across_machines: bool,
    /// Cases that were renamed, the old identity to the new one.
    pub aliases: BTreeMap<CaseIdentity, CaseIdentity>,
}

/// Two sides laid beside each other. `base` is what `candidate` is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of the JSON form.
    pub format: u32,
    pub base: SideNote,
    pub candidate: SideNote,
    /// What must be said before any number.
    pub warnings: Vec<String>,
    pub provenance: Provenance,
    /// A row for each metric of each case that both sides have, the worst first.
    pub rows: Vec<Row>,
    /// Cases without a number in the candidate.
    pub missing: Vec<Absent>,
    /// Cases without a number in the base.
    pub new: Vec<Absent>,
    /// Cases that both sides have, but on different machine classes or engines.
    pub apart: Vec<Absent>,
    /// Cases whose last attempt failed.
    pub failed: Vec<Failed>,
    /// Geometric means of the ratios.
    pub means: Vec<Mean>,
}

/// One side as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideNote {
    pub name: String,
    pub runs: Vec<RunNote>,
    /// Cases with at least one attempt, after `--case`.
    pub cases: usize,
    /// Numbers that count.
    pub samples: usize,
    /// Numbers that do not count: invalid or unmeasurable.
    pub not_counted: usize,
}

/// One run of a side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunNote {
    pub id: String,
    pub origin: Origin,
    pub started: Timestamp,
    pub release: Option<String>,
    /// Files or lines of it that could not be read.
    pub problems: usize,
}

/// A case that has no partner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Absent {
    pub case: String,
    /// The machine class, and the engine where it is not TensorRT-LLM: of the side that has it; of a case that is
    /// apart, those of both sides.
    pub machine: String,
    /// Why the other side has no number.
    pub reason: String,
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Failed {
    pub case: String,
    /// `base` or `candidate`.
    pub side: &'static str,
    pub run: String,
    /// The kind of failure, as `type` in `junit.xml`.
    pub kind: String,
    /// One line of what happened.
    pub message: String,
}

impl Comparison {
    /// Version of the JSON form; raised when an older reader would get it wrong.
    pub const FORMAT: u32 = 1;

    /// How many rows have this verdict; of `missing`, `new` and `not_comparable` whole cases count, too.
    pub fn count(&self, change: Change) -> usize {
        let cases = match change {
            Change::Missing => self.missing.len(),
            Change::New => self.new.len(),
            Change::NotComparable => self.apart.len(),
            _ => 0,
        };
        cases + self.rows.iter().filter(|row| row.change == change).count()
    }

    /// The rows of one verdict, the worst first.
    pub fn rows_of(&self, change: Change) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.change == change)
    }

    /// The cause that all rows of one verdict have; see [`super::common`].
    pub fn common_cause(&self, change: Change) -> Option<Cause> {
        common(self.rows_of(change).filter_map(|row| row.cause.as_ref()))
    }

    /// Cases that failed in the candidate and not in the base.
    pub fn newly_failed(&self) -> impl Iterator<Item = &Failed> {
        let before = |case: &str| {
            self.failed.iter().any(|failed| failed.side == "base" && failed.case == case)
        };
        self.failed.iter().filter(move |it| it.side == "candidate" && !before(&it.case))
    }
}
