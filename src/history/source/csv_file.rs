//! Perf CSVs as runs: upstream's results and ours, and baselines. What a file does not say, the caller may.

mod beside;
mod row;
mod said;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use said::{CsvError, Said};

use super::attempt_facts::{REFBENCH, TENSORRT_LLM, without_gpus};
use super::points::{by_point, label};
use crate::baseline::{self, Column, Row, Rows, TableError, Weight};
use crate::case::ModelTable;
use crate::history::{AttemptRecord, CaseIdentity, Ended, Origin, RunRecord, SampleRecord};
use crate::metric::{Limits, MetricTable};
use crate::record::Problem;
use beside::Beside;
use row::Own;

/// What stands as the class of a machine that nothing tells.
const UNKNOWN: &str = "unknown";

/// Reads a CSV of results (`perf_script_test_results.csv`, `perf_samples.csv`) or a baseline as one run. Limits that it lacks
/// are those of `limits`.
///
/// `perf_samples.csv` numbers its attempts; in other files the second row of a metric of a case is of its second attempt,
/// and so on. What the harness leaves beside its results (`gpu.txt`, `cpu.txt`, `driver.txt`, `trtllm_version.txt`) is
/// read, too. Rows that cannot be read are problems; all others are there.
///
/// # Errors
/// When the file cannot be read, is no perf CSV, or neither it nor `said` says when or on what it was measured.
pub fn read_csv(
    path: &Path,
    said: &Said,
    models: &ModelTable,
    limits: &MetricTable,
) -> Result<RunRecord, CsvError> {
    let text =
        std::fs::read(path).map_err(|source| TableError::Read { path: path.to_owned(), source })?;
    let rows = Rows::new(&text, path)?;
    let columns = rows.columns();
    let is_result = columns.has(Column::StartTimestamp) || columns.has(Column::OriginalTestName);
    let mut run = Run {
        path,
        said,
        models,
        limits,
        own: Own::of(columns.names()),
        beside: Beside::of(path),
        origin: if is_result { Origin::PerfCsv } else { Origin::BaselineCsv },
        identities: HashMap::new(),
        times: HashMap::new(),
        taken: HashSet::new(),
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
    limits: &'a MetricTable,
    own: Own,
    beside: Beside,
    origin: Origin,
    /// Labels repeat for each metric; parsing is most of the work.
    identities: HashMap<String, CaseIdentity>,
    /// How often each metric of a case was there: a file that was appended to has several attempts.
    times: HashMap<(String, String), u32>,
    /// The numbers that attempts of a test have.
    taken: HashSet<(String, u32)>,
    /// Index of each attempt, by test, run and number in the file.
    places: HashMap<(String, String, u32), usize>,
    /// With the label of each sample.
    attempts: Vec<(AttemptRecord, Vec<String>)>,
    problems: Vec<Problem>,
}

impl Run<'_> {
    fn left_out(&mut self, row: &Row, why: &str) {
        let message = format!("left out: {why}");
        let (path, line) = (self.path.to_owned(), Some(row.line));
        self.problems.push(Problem { path, line, message });
    }

    fn add(&mut self, row: &Row) -> Result<(), CsvError> {
        let ended = self.own.ended(row);
        let name = row.perf_case_name().into_owned();
        let label_of_case = row::case_label(row);
        let test = row::test_name(row, &label_of_case);
        let (run, number) = match self.own.attempt(row) {
            Some((run, number)) => (run.to_owned(), number),
            None => {
                let times = self.times.entry((test.clone(), name.clone())).or_insert(0);
                *times += 1;
                (String::new(), *times)
            }
        };
        let measured = row.metric.metric().zip(row.value());
        if measured.is_none() && !row.is_attempt_alone() {
            match row.metric.metric() {
                None => self.left_out(row, &format!("unknown metric `{}`", row.metric)),
                Some(_) => self.left_out(row, "perf_metric is no number"),
            }
            return Ok(());
        }
        let key = (test, run, number);
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None => {
                match self.attempt(row, &label_of_case, &key, ended) {
                    Ok(attempt) => self.attempts.push((attempt, Vec::new())),
                    // What the first row lacks all will lack.
                    Err(error) if self.attempts.is_empty() => return Err(error),
                    Err(error) => {
                        self.left_out(row, &error.words());
                        return Ok(());
                    }
                }
                self.places.insert(key, self.attempts.len() - 1);
                self.attempts.len() - 1
            }
        };
        let (attempt, labels) = &mut self.attempts[place];
        attempt.start = attempt.start.min(row.start.unwrap_or(attempt.start));
        attempt.end = attempt.end.max(row.end.unwrap_or(attempt.end));
        if let Some((metric, value)) = measured {
            let own = self.limits.limits(metric);
            let limits = Limits {
                threshold: row.threshold.unwrap_or(own.threshold),
                absolute_threshold: row.absolute_threshold.unwrap_or(own.absolute_threshold),
            };
            attempt.samples.push(SampleRecord { metric, value, limits, state: row::state(row) });
            labels.push(label(&name).to_owned());
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        row: &Row,
        label: &str,
        (test, _, number): &(String, String, u32),
        ended: Option<Ended>,
    ) -> Result<AttemptRecord, CsvError> {
        let (path, line) = (|| self.path.to_owned(), row.line);
        // One that failed may not even know its machine; it has no number that would need it.
        let may_be_unknown = self.said.gaps || row.is_attempt_alone();
        let start = row.start.or(self.said.date);
        let start = start.or(self.said.gaps.then_some(Timestamp::UNIX_EPOCH));
        let start = start.ok_or_else(|| CsvError::NoTime { path: path(), line })?;
        let case = match self.identities.get(label) {
            Some(case) => case.clone(),
            None => {
                let case = CaseIdentity::of(label, self.models);
                self.identities.insert(label.to_owned(), case.clone());
                case
            }
        };
        // A perf CSV names no engine; the model names of the embedded one begin with its name.
        let is_refbench = case.model().starts_with(REFBENCH);
        let device = self.own.machine(row).or(self.said.machine.as_deref()).map(str::to_owned);
        let machine = device
            .or_else(|| self.beside.machine_class(is_refbench))
            .or_else(|| row::prefix(test).map(str::to_owned))
            .or_else(|| may_be_unknown.then(|| UNKNOWN.to_owned()));
        let machine = machine.ok_or_else(|| CsvError::NoMachine { path: path(), line })?;
        // Attempts of several runs in one file have their numbers again and again.
        let mut number = *number;
        while !self.taken.insert((test.clone(), number)) {
            number += 1;
        }
        let mut facts = self.own.facts(row);
        if is_refbench {
            facts.extend(without_gpus());
        }
        Ok(AttemptRecord {
            case,
            test_name: test.clone(),
            number,
            start,
            end: row.end.unwrap_or(start),
            ended: ended.unwrap_or(Ended::Passed),
            machine_class: machine,
            engine: if is_refbench { REFBENCH } else { TENSORRT_LLM }.to_owned(),
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
        let split = |(attempt, labels): (_, Vec<String>)| by_point(attempt, &labels, self.models);
        let attempts: Vec<AttemptRecord> = self.attempts.into_iter().flat_map(split).collect();
        let started = attempts.iter().map(|attempt| attempt.start).min();
        RunRecord {
            id: format!("{name}-{digest}"),
            origin: self.origin,
            started: started.or(self.said.date).unwrap_or(Timestamp::UNIX_EPOCH),
            ended: attempts.iter().map(|attempt| attempt.end).max(),
            prefix: attempts.iter().find_map(|it| row::prefix(&it.test_name)).map(str::to_owned),
            release: self.said.release.clone().or_else(|| self.beside.release.clone()),
            facts: self.beside.facts(),
            attempts,
            problems: self.problems,
        }
    }
}
