//! The baseline of a run: which file, and whether what it names was judged. A check that did not run is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use libtest_mimic::Arguments;

use super::output;
use super::prepare::{self, Body, Prepared};
use super::world::World;
use crate::baseline::{BaselineError, Yardstick};
use crate::case::Case;
use crate::failure::Exit;
use crate::gpu::{self, Gpus};
use crate::record::result::{AttemptResult, Outcome};
use crate::selection::{Fate, Line};
use crate::settings::{Baseline, Settings};
use crate::tables;

/// How many names are told before the rest is only counted.
const SHOWN: usize = 10;

/// The baseline as asked for, or that of this machine's GPU where there is one. What is odd in it is said on stderr.
///
/// # Errors
/// [`Exit::Usage`] when it cannot be read whole.
pub fn load(settings: &Settings, gpus: &Gpus) -> Result<Option<Yardstick>, Exit> {
    let device = gpus.devices.first().map(|gpu| gpu::device_subtype(&gpu.name));
    let path: PathBuf = match &settings.baseline {
        Baseline::None => return Ok(None),
        Baseline::File(path) => path.clone(),
        Baseline::OfGpu => {
            let Some(device) = &device else { return Ok(None) };
            let Some(path) = tables::baseline_of(device, settings.tables.as_deref()) else {
                return Ok(None);
            };
            eprintln!(
                "note: results are judged against {}; --baseline none leaves that out",
                path.display()
            );
            path
        }
    };
    let yardstick =
        Yardstick::load(&path, settings.policy, settings.drift_budget, device.as_deref());
    let (yardstick, problems) =
        yardstick.map_err(|error: BaselineError| Exit::usage(format!("--baseline: {error}")))?;
    problems.iter().for_each(|problem| eprintln!("note: {problem}"));
    Ok(Some(yardstick))
}

/// The rows of a baseline, sorted by what this run has to do with them.
#[derive(Debug, Default)]
pub struct Coverage {
    file: PathBuf,
    asked_for: bool,
    /// Rows that a test of this run must give a value for, with the test.
    expected: BTreeMap<String, String>,
    /// Rows whose test is waived, expected to fail, or has its result from before.
    excused: usize,
    /// Rows of this run's prefix that no line of the lists gives.
    unknown: Vec<String>,
    /// Rows under other prefixes, by prefix.
    elsewhere: BTreeMap<String, usize>,
    /// The whole of the lists was asked for, so that nothing may be unknown.
    full: bool,
}

impl Coverage {
    /// Sorts the rows of the baseline.
    pub fn of(
        yardstick: &Yardstick,
        lines: &[Line<'_>],
        prepared: &[Prepared],
        world: &World,
        settings: &Settings,
        libtest: &Arguments,
    ) -> Self {
        let fates = fates(lines, prepared, world, libtest);
        let filtered = settings.regexp.is_some()
            || !settings.suites.is_empty()
            || settings.split.is_some()
            || !settings.cases.is_empty()
            || settings.rerun.is_some()
            || libtest.filter.is_some()
            || !libtest.skip.is_empty()
            || libtest.ignored;
        let mut coverage = Self {
            file: yardstick.path().to_owned(),
            asked_for: settings.baseline != Baseline::OfGpu,
            full: !filtered && output::group().is_none(),
            ..Self::default()
        };
        let front = settings.prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
        for case in yardstick.cases().filter(|case| !yardstick.is_left_out(case)) {
            match fates.get(&key_of_row(case)) {
                Some(Share::Expected(test)) => {
                    coverage.expected.insert(case.to_owned(), test.clone());
                }
                Some(Share::Excused) => coverage.excused += 1,
                Some(Share::Outside) => {}
                None => match case.strip_prefix(&front).filter(|id| is_id(id)) {
                    Some(_) => coverage.unknown.push(case.to_owned()),
                    None => *coverage.elsewhere.entry(prefix_of(case)).or_default() += 1,
                },
            }
        }
        coverage
    }

    /// Refuses a run in which the baseline that was asked for has nothing to judge, before GPUs are kept busy.
    ///
    /// # Errors
    /// [`Exit::NothingRan`], with the prefixes that the baseline has.
    pub fn begin(&self, runs: bool) -> Result<(), Exit> {
        if !self.expected.is_empty() || self.excused > 0 || !runs || output::group().is_some() {
            return Ok(());
        }
        let message = format!(
            "--baseline {}: it has no row for any test of this run{}",
            self.file.display(),
            self.other_rows()
        );
        if self.asked_for {
            return Err(Exit::NothingRan(message + "; --baseline none runs without"));
        }
        eprintln!("note: {message}");
        Ok(())
    }

    /// Of what the rows are instead.
    fn other_rows(&self) -> String {
        if let Some(first) = self.unknown.first() {
            return format!("; its rows are of other tests, e.g. {first}");
        }
        let shown: Vec<String> = self
            .elsewhere
            .iter()
            .map(|(prefix, rows)| match prefix.as_str() {
                "" => format!("none ({rows})"),
                prefix => format!("{prefix} ({rows})"),
            })
            .collect();
        if shown.is_empty() {
            String::new()
        } else {
            format!("; its rows are under the prefix {}", shown.join(", "))
        }
    }

    /// What the baseline names and this run did not judge, in words; `None` when nothing is amiss.
    pub fn end(&self, seen: &Seen) -> Option<String> {
        let missing = self
            .expected
            .iter()
            .filter(|(case, test)| !seen.judged.contains(*case) && !seen.failed.contains(*test))
            .map(|(case, _)| format!("{case}: no value from its test"));
        // A renamed stage or a removed line; without one row in common it is simply another baseline.
        let unknown = self.full && !self.expected.is_empty();
        let unknown = self.unknown.iter().filter(|_| unknown);
        let unknown = unknown.map(|case| format!("{case}: no line of the lists gives it"));
        let all: Vec<String> = missing.chain(unknown).collect();
        if all.is_empty() {
            return None;
        }
        let mut text = format!("{} rows of {} were not checked", all.len(), self.file.display());
        all.iter().take(SHOWN).for_each(|line| text += &format!("\n  {line}"));
        if all.len() > SHOWN {
            text += &format!("\n  and {} more", all.len() - SHOWN);
        }
        Some(text)
    }
}

/// What the run has come to.
#[derive(Debug, Default)]
pub struct Seen {
    /// Rows of the baseline that were held against a number.
    judged: BTreeSet<String>,
    /// Tests whose last attempt failed: that is told already.
    failed: BTreeSet<String>,
}

impl Seen {
    /// Takes one more result in.
    pub fn take(&mut self, result: &AttemptResult) {
        let judged = result.baseline.iter().filter(|it| it.is_judged());
        self.judged.extend(judged.map(|it| it.perf_case_name.clone()));
        match result.outcome {
            Outcome::Failed(_) => self.failed.insert(result.name.clone()),
            _ => self.failed.remove(&result.name),
        };
    }
}

/// What a test of the lists has to do with this run.
#[derive(Debug, Clone)]
enum Share {
    Expected(String),
    Excused,
    Outside,
}

/// The part of a name before its last `::`, and a canonical label.
type Key = (String, String);

/// `PREFIX/file::test_perf_metric_x[LABEL]`.
fn key_of_row(case: &str) -> Key {
    let (domain, test) = case.rsplit_once("::").unwrap_or(("", case));
    let label = test.split_once('[').map_or("", |(_, label)| label);
    (domain.to_owned(), label.strip_suffix(']').unwrap_or(label).to_owned())
}

/// Every test of the lists by what its rows are called.
fn fates(
    lines: &[Line<'_>],
    prepared: &[Prepared],
    world: &World,
    libtest: &Arguments,
) -> BTreeMap<Key, Share> {
    let prepared: BTreeMap<&str, &Prepared> = prepared.iter().map(|it| (it.name(), it)).collect();
    let mut fates = BTreeMap::new();
    for line in lines.iter().filter(|line| !matches!(line.fate, Fate::Duplicate(_))) {
        let Some(case) = line.label().and_then(|it| Case::parse(it, &world.tables.models).ok())
        else {
            continue;
        };
        let share = match (prepared.get(line.name.as_str()), &line.fate) {
            (_, Fate::Waived(_)) => Share::Excused,
            (Some(trial), Fate::Runs) => share(trial, libtest),
            _ => Share::Outside,
        };
        let domain = line.name.rsplit_once("::").map_or("", |(domain, _)| domain);
        let labels = case.points().into_iter().map(|point| case.label_of(point));
        for label in labels.chain([case.to_string()]) {
            fates.insert((domain.to_owned(), label), share.clone());
        }
    }
    fates
}

fn share(trial: &Prepared, libtest: &Arguments) -> Share {
    match &trial.body {
        Body::Done { .. } => Share::Excused,
        _ if trial.tolerated.is_some() => Share::Excused,
        _ if libtest.ignored || !prepare::passes(trial.name(), libtest) => Share::Outside,
        _ => Share::Expected(trial.name().to_owned()),
    }
}

/// An id of upstream's, without a prefix: it begins with the file.
fn is_id(text: &str) -> bool {
    text.starts_with("perf/") || text.starts_with("llm/perf/") || !text.contains('/')
}

/// What stands before the id.
fn prefix_of(case: &str) -> String {
    let at = ["/llm/perf/", "/perf/"].iter().find_map(|file| case.find(file));
    case[..at.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_knows_its_test_and_its_prefix() {
        let row =
            "H100/perf/test_perf.py::test_perf_metric_inference_time[m-bench-input_output_len:1,2]";
        assert_eq!(
            key_of_row(row),
            ("H100/perf/test_perf.py".to_owned(), "m-bench-input_output_len:1,2".to_owned())
        );
        assert_eq!(prefix_of(row), "H100");
        assert_eq!(prefix_of("perf/test_perf.py::x[y]"), "");
        assert!(is_id("perf/test_perf.py::x[y]") && !is_id("H100/perf/test_perf.py::x[y]"));
    }
}
