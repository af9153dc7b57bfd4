//! A result file held against a baseline as a whole, with the findings of upstream's sanity check.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{Judgement, Policy, Standing, judge};
use super::row::Row;
use super::table::Table;
use crate::metric::Limits;

/// What is wrong with one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In both files, and too far apart.
    OverTolerance,
    MissingFromBase,
    MissingFromTarget,
}

/// One case that upstream's check would name, in its order.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    pub kind: Kind,
    pub case: String,
    pub base: Option<&'a Row>,
    pub target: Option<&'a Row>,
    pub judgement: Judgement,
}

impl Finding<'_> {
    /// The word in `--json`: an empty value counts as a missing one.
    pub fn word(&self) -> &'static str {
        match (self.kind, self.judgement.standing) {
            (_, _) if self.judgement.base.is_none() => "missing_from_base",
            (_, _) if self.judgement.new.is_none() => "missing_from_target",
            (_, Standing::Unjudged) => "unjudged",
            (_, standing) => standing.word(),
        }
    }
}

/// Two rows of one case, one from each file.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    pub base: &'a Row,
    pub target: &'a Row,
    pub judgement: Judgement,
}

/// A comparison: its findings and what it is made of.
#[derive(Debug)]
pub struct Sanity<'a> {
    pub findings: Vec<Finding<'a>>,
    /// The cases in both files, sorted.
    pub common: Vec<Pair<'a>>,
    /// Rows of the base that are of other devices than the target's.
    pub elsewhere: Vec<&'a Row>,
}

/// Why two files cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum SanityError {
    #[error(
        "{base} has rows of several devices ({devices}) and the results do not say theirs; give --device-subtype"
    )]
    WhichDevice { base: String, devices: String },
}

/// What of a comparison decides the exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub regressions: usize,
    pub improvements: usize,
    /// Missing on one side, without a number, or without limits.
    pub incomplete: usize,
    /// Cases that were held against each other.
    pub judged: usize,
}

impl Sanity<'_> {
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            match finding.judgement.standing {
                _ if finding.kind != Kind::OverTolerance => counts.incomplete += 1,
                Standing::Worse => counts.regressions += 1,
                Standing::Better => counts.improvements += 1,
                _ => counts.incomplete += 1,
            }
        }
        let judged = |pair: &&Pair<'_>| {
            !matches!(pair.judgement.standing, Standing::Unjudged | Standing::LeftOut)
        };
        counts.judged = self.common.iter().filter(judged).count();
        counts
    }
}

/// Compares two files; `device` stands in for what the target says of its device.
///
/// Cases are joined by `perf_case_name`. Where the base has a column `device_subtype`, the rows of the target's device
/// and those of no device count, the former first; rows of AutoDeploy count only with a device.
///
/// # Errors
/// When it cannot be told which rows of the base are meant.
pub fn compare<'a>(
    base: &'a Table,
    target: &'a Table,
    policy: Policy,
    device: Option<&str>,
) -> Result<Sanity<'a>, SanityError> {
    let news: BTreeMap<(String, &str), &Row> = target
        .latest()
        .into_iter()
        .map(|row| {
            let device = device.or(row.device_subtype()).unwrap_or_default();
            ((row.perf_case_name().into_owned(), device), row)
        })
        .collect();
    let devices: BTreeSet<&str> = news.keys().map(|(_, device)| *device).collect();
    let (here, elsewhere): (Vec<&Row>, Vec<&Row>) =
        base.latest().into_iter().partition(|row| is_of(row, base, &devices));
    let olds = by_case(&here, &devices, base)?;
    let mut sanity = Sanity { findings: Vec::new(), common: Vec::new(), elsewhere };
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut from_base = Vec::new();
    for ((case, device), &new) in &news {
        let old = [*device, ""].iter().find_map(|device| olds.get(&(case.clone(), *device)));
        match old {
            Some(old) => {
                used.insert(old.line);
                let judgement = judge(policy, &old.metric, old.number, new.number, limits(old));
                sanity.common.push(Pair { base: old, target: new, judgement });
            }
            None => from_base.push(finding(Kind::MissingFromBase, None, Some(new))),
        }
    }
    for pair in &sanity.common {
        use Standing::{Better, Unjudged, Worse};
        if matches!(pair.judgement.standing, Worse | Better | Unjudged) {
            sanity.findings.push(Finding {
                judgement: pair.judgement,
                ..finding(Kind::OverTolerance, Some(pair.base), Some(pair.target))
            });
        }
    }
    sanity.findings.extend(from_base);
    let covered: BTreeSet<&String> = news.keys().map(|(case, _)| case).collect();
    // A row of no device is there for devices without one of their own.
    let spare = |case: &String, device: &str| device.is_empty() && covered.contains(case);
    let missing = olds
        .iter()
        .filter(|((case, device), row)| !used.contains(&row.line) && !spare(case, device));
    sanity
        .findings
        .extend(missing.map(|(_, &row)| finding(Kind::MissingFromTarget, Some(row), None)));
    Ok(sanity)
}

fn finding<'a>(kind: Kind, base: Option<&'a Row>, target: Option<&'a Row>) -> Finding<'a> {
    let case = base.or(target).map(|row| row.perf_case_name().into_owned()).unwrap_or_default();
    let judgement = Judgement {
        standing: Standing::Unjudged,
        base: base.and_then(|row| row.number),
        new: target.and_then(|row| row.number),
        allowed: None,
        capped: false,
    };
    Finding { kind, case, base, target, judgement }
}

/// The limits of a row, where it has both.
pub fn limits(row: &Row) -> Option<Limits> {
    let (threshold, absolute_threshold) = (row.threshold?, row.absolute_threshold?);
    Some(Limits { threshold, absolute_threshold })
}

/// Whether a row of the base is for one of the devices.
fn is_of(row: &Row, base: &Table, devices: &BTreeSet<&str>) -> bool {
    let knows_devices = base.rows().iter().any(|row| row.device_subtype().is_some());
    if !knows_devices || devices.contains("") {
        return true;
    }
    match row.device_subtype() {
        Some(device) => devices.contains(device),
        None => !row.network_name().contains("_autodeploy"),
    }
}

type ByCase<'a> = BTreeMap<(String, &'a str), &'a Row>;

/// The rows of the base by case and device; where the target says no device, the device of a row does not count.
fn by_case<'a>(
    rows: &[&'a Row],
    devices: &BTreeSet<&str>,
    base: &Table,
) -> Result<ByCase<'a>, SanityError> {
    let unknown = devices.contains("");
    if unknown {
        let named: BTreeSet<&str> = rows.iter().filter_map(|row| row.device_subtype()).collect();
        if named.len() > 1 {
            let base = base.path().display().to_string();
            let devices = named.into_iter().collect::<Vec<_>>().join(", ");
            return Err(SanityError::WhichDevice { base, devices });
        }
    }
    let device = |row: &&'a Row| row.device_subtype().filter(|_| !unknown).unwrap_or_default();
    Ok(rows.iter().map(|row| ((row.perf_case_name().into_owned(), device(row)), *row)).collect())
}
