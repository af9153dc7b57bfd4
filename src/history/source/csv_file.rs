//! Perf CSVs as runs: upstream's results and ours, and baselines. What a file does not say, the caller may.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::baseline::{self, Column, Row, Rows, TableError, Weight};
use crate::case::ModelTable;
use crate::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Origin, RunRecord, SampleRecord,
};
use crate::metric::Limits;
use crate::record::Problem;
use crate::record::result::State;

/// What stands as engine where a file names none: such files are TensorRT-LLM's.
const TENSORRT_LLM: &str = "tensorrt_llm";

/// What a CSV does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub release: Option<String>,
    /// When its rows without a time were measured.
    pub date: Option<Timestamp>,
    /// The machine class of rows that name no device, e.g. `H100_80GB_HBM3`.
    pub machine: Option<String>,
}

/// Why a CSV cannot be a run.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{}:{line}: the row says no time; say when it was measured with --date", path.display())]
    NoTime { path: PathBuf, line: usize },
    #[error(
        "{}:{line}: the row names no device; say on what it was measured with --machine", path.display()
    )]
    NoMachine { path: PathBuf, line: usize },
}

impl CsvError {
    /// What is wrong, without the place.
    fn words(&self) -> String {
        match self {
            Self::Table(error) => error.to_string(),
            Self::NoTime { .. } => {
                "it says no time; say when it was measured with --date".to_owned()
            }
            Self::NoMachine { .. } => {
                "it names no device; say on what it was measured with --machine".to_owned()
            }
        }
    }
}

/// Reads a CSV of results (`perf_script_test_results.csv`, `perf_samples.csv`) or a baseline as one run.
///
/// Rows that cannot be read are problems; all others are there.
///
/// # Errors
/// When the file cannot be read, is no perf CSV, or neither it nor `said` says when or on what it was measured.
pub fn read_csv(path: &Path, said: &Said, models: &ModelTable) -> Result<RunRecord, CsvError> {
    let text =
        std::fs::read(path).map_err(|source| TableError::Read { path: path.to_owned(), source })?;
    let rows = Rows::new(&text, path)?;
    let place = |name: &str| rows.columns().names().iter().position(|known| known == name);
    let results = rows.columns().has(Column::StartTimestamp);
    let mut run = Run {
        path,
        said,
        models,
        attempt: place("attempt"),
        machine: place("machine"),
        origin: if results { Origin::PerfCsv } else { Origin::BaselineCsv },
        identities: HashMap::new(),
        numbers: HashMap::new(),
        places: HashMap::new(),
        attempts: Vec::new(),
        problems: Vec::new(),
    };
    for row in rows {
        match row {
            Ok(row) => run.add(&row)?,
            Err(problem) => run.problems.push(told(problem)),
        }
    }
    Ok(run.finish(&text))
}

fn told(problem: baseline::Problem) -> Problem {
    let message = match problem.weight {
        Weight::RowLost => format!("left out: {}", problem.message),
        Weight::Noted => problem.message,
    };
    Problem { path: problem.path, line: Some(problem.line), message }
}

/// A run in the making.
struct Run<'a> {
    path: &'a Path,
    said: &'a Said,
    models: &'a ModelTable,
    /// Places of columns that `perf_samples.csv` has and upstream's files have not.
    attempt: Option<usize>,
    machine: Option<usize>,
    origin: Origin,
    /// Labels repeat for each metric; parsing is most of the work.
    identities: HashMap<String, CaseIdentity>,
    /// How often each metric of a test was there: a file that was appended to has several attempts.
    numbers: HashMap<(String, crate::metric::Metric), u32>,
    /// Index of each attempt, by test and number.
    places: HashMap<(String, u32), usize>,
    attempts: Vec<AttemptRecord>,
    problems: Vec<Problem>,
}

impl Run<'_> {
    fn problem(&mut self, line: usize, message: String) {
        self.problems.push(Problem { path: self.path.to_owned(), line: Some(line), message });
    }

    fn add(&mut self, row: &Row) -> Result<(), CsvError> {
        let Some(metric) = row.metric.metric() else {
            self.problem(row.line, format!("left out: unknown metric `{}`", row.metric));
            return Ok(());
        };
        let Some(value) = row.value() else {
            self.problem(row.line, "left out: perf_metric is no number".to_owned());
            return Ok(());
        };
        let label = match row.network_name() {
            "" => label(&row.perf_case_name()).to_owned(),
            name => name.to_owned(),
        };
        let test = test_name(row, &label);
        let number = match self.attempt.and_then(|place| row.raw(place).trim().parse().ok()) {
            Some(number) => number,
            None => {
                let number = self.numbers.entry((test.clone(), metric)).or_insert(0);
                *number += 1;
                *number
            }
        };
        let place = match self.places.get(&(test.clone(), number)) {
            Some(&place) => place,
            None => {
                match self.attempt(row, &label, &test, number) {
                    Ok(attempt) => self.attempts.push(attempt),
                    // What the first row lacks all will lack.
                    Err(error) if self.attempts.is_empty() => return Err(error),
                    Err(error) => {
                        self.problem(row.line, format!("left out: {}", error.words()));
                        return Ok(());
                    }
                }
                self.places.insert((test, number), self.attempts.len() - 1);
                self.attempts.len() - 1
            }
        };
        let attempt = &mut self.attempts[place];
        attempt.end = attempt.end.max(row.end.unwrap_or(attempt.end));
        attempt.samples.push(SampleRecord {
            metric,
            value,
            limits: Limits {
                threshold: row.threshold.unwrap_or(0.0),
                absolute_threshold: row.absolute_threshold.unwrap_or(0.0),
            },
            state: state(row.state()),
        });
        Ok(())
    }

    fn attempt(
        &mut self,
        row: &Row,
        label: &str,
        test: &str,
        number: u32,
    ) -> Result<AttemptRecord, CsvError> {
        let (path, line) = (|| self.path.to_owned(), row.line);
        let start = row.start.or(self.said.date);
        let start = start.ok_or_else(|| CsvError::NoTime { path: path(), line })?;
        let device = self.machine.map(|place| row.raw(place).trim());
        let device = row.device_subtype().or(device.filter(|name| !name.is_empty()));
        let machine = device.or(self.said.machine.as_deref()).or_else(|| prefix(test));
        let machine = machine.map(str::to_owned);
        let case = match self.identities.get(label) {
            Some(case) => case.clone(),
            None => {
                let case = CaseIdentity::of(label, self.models);
                self.identities.insert(label.to_owned(), case.clone());
                case
            }
        };
        let mut facts = Facts::new();
        facts.extend(row.device_subtype().map(|it| (Aspect::GpuVariant, it.to_owned())));
        Ok(AttemptRecord {
            case,
            test_name: test.to_owned(),
            number,
            start,
            end: row.end.unwrap_or(start),
            ended: Ended::Passed,
            machine_class: machine.ok_or_else(|| CsvError::NoMachine { path: path(), line })?,
            engine: TENSORRT_LLM.to_owned(),
            facts,
            samples: Vec::new(),
            certificate: None,
        })
    }

    /// The run, known by the name of its file and a digest: of a baseline the content's; of results the first row's, so
    /// that a file which was appended to is the same run with more attempts.
    fn finish(self, text: &[u8]) -> RunRecord {
        let mut hash = Sha256::new();
        match self.origin {
            Origin::PerfCsv => {
                let first = text.split_inclusive(|byte| *byte == b'\n').take(2);
                first.for_each(|line| hash.update(line.trim_ascii_end()));
            }
            _ => hash.update(text),
        }
        let digest: String = hash.finalize().iter().take(6).map(|it| format!("{it:02x}")).collect();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let started = self.attempts.iter().map(|attempt| attempt.start).min();
        RunRecord {
            id: format!("{name}-{digest}"),
            origin: self.origin,
            started: started.or(self.said.date).unwrap_or(Timestamp::UNIX_EPOCH),
            ended: self.attempts.iter().map(|attempt| attempt.end).max(),
            prefix: self.attempts.first().and_then(|it| prefix(&it.test_name)).map(str::to_owned),
            release: self.said.release.clone(),
            facts: Facts::new(),
            attempts: self.attempts,
            problems: self.problems,
        }
    }
}

/// The name of the trial: as the row says, else of the metric's name with `test_perf` in place of its function.
fn test_name(row: &Row, label: &str) -> String {
    if let Some(name) = row.original_test_name() {
        return name.to_owned();
    }
    let name = row.perf_case_name();
    match name.rsplit_once("::") {
        Some((domain, _)) => format!("{domain}::test_perf[{label}]"),
        None => format!("test_perf[{label}]"),
    }
}

/// What stands in the brackets.
fn label(name: &str) -> &str {
    let inner = name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    inner.unwrap_or(name)
}

/// The test prefix: what stands before the file of the test. It is the GPU on upstream's machines.
fn prefix(test: &str) -> Option<&str> {
    let domain = test.rsplit_once("::").map_or("", |(domain, _)| domain);
    let (prefix, rest) = domain.split_once('/')?;
    (rest.contains('/') && !prefix.is_empty()).then_some(prefix)
}

fn state(word: Option<&str>) -> State {
    match word {
        Some("flaky") => State::Flaky,
        Some("invalid") => State::Invalid,
        Some("unmeasurable") => State::Unmeasurable,
        _ => State::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_test_is_what_stands_before_its_file() {
        assert_eq!(prefix("H100_PCIe/perf/test_perf.py::test_perf[a/b]"), Some("H100_PCIe"));
        assert_eq!(prefix("perf/test_perf.py::test_perf[x]"), None);
        assert_eq!(prefix("test_perf[x]"), None);
    }
}
