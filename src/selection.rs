//! Which tests a run is about: lists, waives and filters put together.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::civil::Date;
use regex::Regex;

use crate::list::{
    Condition, Entry, Facts, Markers, Silence, TestList, Unselected, Waives, select,
};

mod split;

pub use split::{Durations, Split};

/// The name that stands in place of a file for labels given by `--case`.
pub const CASE_OPTION: &str = "--case";

/// What narrows a selection down, besides conditions and waives.
#[derive(Debug, Default)]
pub struct Filters<'a> {
    pub prefix: Option<&'a str>,
    pub regexp: Option<&'a Regex>,
    /// Words of which an id must hold one.
    pub suites: &'a [String],
    pub split: Option<&'a Split>,
}

/// One line of the lists, judged.
#[derive(Debug)]
pub struct Line<'a> {
    pub entry: &'a Entry,
    /// The list as the user named it; `None` for a `--case`.
    pub list: Option<&'a Path>,
    /// The condition of the line's block.
    pub condition: Option<&'a Condition>,
    /// `[PREFIX/]` + id.
    pub name: String,
    /// The line's markers with its waive laid over, less those that have expired.
    pub markers: Markers,
    pub fate: Fate,
}

/// Whether a line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Runs,
    /// Selected, but waived.
    Waived(String),
    /// The block's condition does not hold on this machine.
    Unmatched(String),
    /// An earlier line names the same test.
    Duplicate(String),
    /// Out for another reason: no perf test, filtered away.
    Out(String),
}

impl Fate {
    /// Why the line does not run.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Runs => None,
            Self::Waived(reason)
            | Self::Unmatched(reason)
            | Self::Duplicate(reason)
            | Self::Out(reason) => Some(reason),
        }
    }
}

impl Line<'_> {
    /// The raw label, when the line is a perf test.
    pub fn label(&self) -> Option<&str> {
        self.entry.label()
    }

    /// Where the line stands, `FILE:LINE`; `None` for a `--case`.
    pub fn origin(&self) -> Option<String> {
        self.list.map(|_| self.entry.to_string())
    }

    /// The time limit of a step: the line's own, or the default; `None` is no limit.
    pub fn limit(&self, default: Option<Duration>) -> Option<Duration> {
        match self.markers.timeout {
            Some(limit) if limit.is_zero() => None,
            Some(limit) => Some(limit),
            None => default,
        }
    }

    /// How long its steps may be silent, where the line, its block or its list says so.
    pub fn stall(&self) -> Option<Silence> {
        self.markers.stall.or(self.entry.stall)
    }
}

/// Judges every line of `lists` (read in the user's order), for a machine with these facts, on `today`.
pub fn lines<'a>(
    lists: &'a [TestList],
    facts: &Facts,
    waives: &Waives,
    filters: &Filters<'_>,
    today: Date,
) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = select(lists, facts, filters.prefix, today)
        .into_iter()
        .map(|selected| {
            let markers = waives.laid_over(&selected.name, selected.markers, today);
            let filtered = filtered(&selected.name, selected.entry, &markers, filters);
            let fate = match (&selected.reason, filtered) {
                (None, fate) => fate,
                // What was filtered away is not said to be for another machine, or to run at its first place.
                (
                    Some(Unselected::Condition(_) | Unselected::DuplicateOf(_)),
                    out @ Fate::Out(_),
                ) => out,
                (Some(reason @ Unselected::Condition(_)), _) => Fate::Unmatched(reason.to_string()),
                (Some(reason @ Unselected::DuplicateOf(_)), _) => {
                    Fate::Duplicate(reason.to_string())
                }
                (Some(reason), _) => Fate::Out(reason.to_string()),
            };
            let file = selected.list.file();
            let list = (file != Path::new(CASE_OPTION)).then_some(file);
            let condition = selected.list.condition(selected.entry);
            Line { entry: selected.entry, list, condition, name: selected.name, markers, fate }
        })
        .collect();
    if let Some(split) = filters.split {
        // Waives are laid over before a selection is split, so what they skip is in one group as well.
        let is_dealt = |&i: &usize| matches!(lines[i].fate, Fate::Runs | Fate::Waived(_));
        let dealt: Vec<usize> = (0..lines.len()).filter(is_dealt).collect();
        let ids: Vec<&str> = dealt.iter().map(|&i| lines[i].entry.id.as_str()).collect();
        let groups = split.assign(&ids);
        for (&line, group) in dealt.iter().zip(groups) {
            if group != split.group {
                lines[line].fate = Fate::Out(format!("in group {} of {}", group + 1, split.groups));
            }
        }
    }
    lines
}

fn filtered(name: &str, entry: &Entry, markers: &Markers, filters: &Filters<'_>) -> Fate {
    if filters.regexp.is_some_and(|regexp| !regexp.is_match(name)) {
        return Fate::Out("--regexp does not match".to_owned());
    }
    if !filters.suites.is_empty()
        && !filters.suites.iter().any(|word| entry.id.contains(word.as_str()))
    {
        return Fate::Out("--test-model-suites names none of its words".to_owned());
    }
    match &markers.skip {
        Some(reason) => Fate::Waived(format!("waived: {reason}")),
        None => Fate::Runs,
    }
}

/// How many lines are out for which kind of reason, for the message that nothing ran.
pub fn counts(lines: &[Line<'_>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let reason = match &line.fate {
            // They name a place each; one count serves.
            Fate::Duplicate(_) => Some("duplicate"),
            fate => fate.reason(),
        };
        if let Some(reason) = reason {
            *counts.entry(reason.to_owned()).or_default() += 1;
        }
    }
    counts
}
