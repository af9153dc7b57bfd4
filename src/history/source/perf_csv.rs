//! A run from a perf CSV: upstream's results, ours, `perf_samples.csv`, or a baseline.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::baseline::{Column, Row, Table, TableError, Weight};
use crate::case::{Case, ModelTable};
use crate::gpu;
use crate::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Origin, RunRecord, SampleRecord,
};
use crate::metric::{Limits, Metric, MetricTable};
use crate::record::{Problem, result::State};

/// What stands as the class of a machine that nothing tells.
const UNKNOWN: &str = "unknown";
/// How the embedded engine's model names begin; a perf CSV does not name the engine.
const REFBENCH: &str = "refbench";

/// Reads a file. Limits that it lacks are those of `limits`.
///
/// `perf_samples.csv` numbers its attempts. In other files the second row of a metric of a test is of its second attempt,
/// and so on; a label of several pairs of lengths has as many rows an attempt. What the harness leaves beside its results
/// (`gpu.txt`, `cpu.txt`, `driver.txt`, `trtllm_version.txt`) is read, too. Rows that cannot be read are problems.
///
/// # Errors
/// When the file cannot be read or is no perf CSV.
pub fn read_perf_csv(
    path: &Path,
    models: &ModelTable,
    limits: &MetricTable,
) -> Result<RunRecord, TableError> {
    let (table, amiss) = Table::read(path)?;
    let lost = amiss.iter().filter(|problem| problem.weight == Weight::RowLost);
    let place = |line: usize, message: &str| Problem {
        path: path.to_owned(),
        line: Some(line),
        message: format!("passed over: {message}"),
    };
    let mut problems: Vec<Problem> = lost.map(|it| place(it.line, &it.message)).collect();
    let beside = Beside::of(path);
    let mut attempts: Vec<AttemptRecord> = Vec::new();
    let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut seen: BTreeMap<(String, Metric), usize> = BTreeMap::new();
    let mut last: BTreeMap<String, u32> = BTreeMap::new();
    for row in table.rows() {
        let name = test_name(row);
        let number = match other(row, "attempt") {
            Some(number) => format!("{} {number}", other(row, "run_id").unwrap_or_default()),
            None => match row.metric.metric() {
                Some(metric) => {
                    let times = seen.entry((name.clone(), metric)).or_default();
                    *times += 1;
                    times.div_ceil(rows_an_attempt(row, metric, models)).to_string()
                }
                None => {
                    problems.push(place(row.line, &format!("metric {} is not known", row.metric)));
                    continue;
                }
            },
        };
        let at = *known.entry((name.clone(), number)).or_insert_with(|| {
            let number = last.entry(name.clone()).or_default();
            *number += 1;
            attempts.push(attempt(row, name, *number, models, &beside));
            attempts.len() - 1
        });
        let attempt = &mut attempts[at];
        attempt.start = attempt.start.min(row.start.unwrap_or(attempt.start));
        attempt.end = attempt.end.max(row.end.unwrap_or(attempt.end));
        match (row.metric.metric(), row.value()) {
            (Some(metric), Some(value)) => attempt.samples.push(sample(row, metric, value, limits)),
            // An attempt that gave no number has a row with its outcome.
            _ if other(row, "outcome").is_some() => {}
            _ => problems.push(place(row.line, "it has no number")),
        }
    }
    Ok(RunRecord {
        id: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        origin: match table.columns().has(Column::OriginalTestName) {
            true => Origin::PerfCsv,
            false => Origin::BaselineCsv,
        },
        started: attempts.iter().map(|it| it.start).min().unwrap_or(Timestamp::UNIX_EPOCH),
        ended: attempts.iter().map(|it| it.end).max(),
        prefix: attempts.iter().find_map(|it| prefix(&it.test_name)),
        release: beside.release.clone(),
        facts: beside.facts(),
        attempts,
        problems,
    })
}

/// A column without a meaning in upstream's files, by its name.
fn other<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    let mut cells = row.cells();
    let (_, text) = cells.find(|(name, _)| *name == column)?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// `[PREFIX/]` + id of the trial; a baseline does not have it, but the parts of it.
fn test_name(row: &Row) -> String {
    row.original_test_name().map(str::to_owned).unwrap_or_else(|| {
        let name = row.perf_case_name();
        let domain = name.rsplit_once("::").map_or("", |(domain, _)| domain);
        format!("{domain}::test_perf[{}]", row.network_name())
    })
}

/// What stands before the path of the test.
fn prefix(test_name: &str) -> Option<String> {
    let (domain, _) = test_name.rsplit_once("::")?;
    let (front, _) = domain.split_once("/perf/").or_else(|| domain.split_once("/llm/"))?;
    (!front.is_empty() && front != "llm").then(|| front.to_owned())
}

/// A label of several pairs of lengths has a row of each bench metric for each.
fn rows_an_attempt(row: &Row, metric: Metric, models: &ModelTable) -> usize {
    match metric {
        Metric::BuildTime
        | Metric::BuildPeakCpuMemory
        | Metric::BuildPeakGpuMemory
        | Metric::EngineSize => 1,
        _ => Case::parse(row.network_name(), models).map_or(1, |case| case.points().len().max(1)),
    }
}

fn attempt(
    row: &Row,
    test_name: String,
    number: u32,
    models: &ModelTable,
    beside: &Beside,
) -> AttemptRecord {
    let start = row.start.unwrap_or(Timestamp::UNIX_EPOCH);
    let ended = match other(row, "outcome") {
        None | Some("passed") => Ended::Passed,
        Some("flaky") => Ended::Flaky,
        Some("skipped") => Ended::Skipped("excused".to_owned()),
        Some(kind) => {
            let message = other(row, "certificate_notes").unwrap_or("its log tells more");
            Ended::Failed { kind: kind.to_owned(), message: message.to_owned() }
        }
    };
    let case = CaseIdentity::of(row.network_name(), models);
    let is_refbench = case.model().starts_with(REFBENCH);
    let gpus = row.gpu_idx().map(|gpus| gpus.split(',').count().to_string());
    let facts = [
        (Aspect::GpuVariant, row.device_subtype().map(str::to_owned)),
        (Aspect::GpuCount, gpus.or_else(|| other(row, "gpus").map(str::to_owned))),
    ];
    AttemptRecord {
        machine_class: match row.device_subtype().or(other(row, "machine")) {
            Some(class) => class.to_owned(),
            None => beside.machine_class(is_refbench).unwrap_or_else(|| UNKNOWN.to_owned()),
        },
        engine: if is_refbench { REFBENCH } else { "tensorrt_llm" }.to_owned(),
        case,
        test_name,
        number,
        start,
        end: row.end.unwrap_or(start),
        ended,
        facts: facts.into_iter().filter_map(|(aspect, text)| Some((aspect, text?))).collect(),
        samples: Vec::new(),
        certificate: None,
    }
}

fn sample(row: &Row, metric: Metric, value: f64, limits: &MetricTable) -> SampleRecord {
    let state = match row.state() {
        Some("invalid") => State::Invalid,
        Some("unmeasurable") => State::Unmeasurable,
        Some("flaky") => State::Flaky,
        _ => State::Valid,
    };
    let own = limits.limits(metric);
    let limits = Limits {
        threshold: row.threshold.unwrap_or(own.threshold),
        absolute_threshold: row.absolute_threshold.unwrap_or(own.absolute_threshold),
    };
    SampleRecord { metric, value, limits, state }
}

/// The one-line texts that the harness and the QA runner leave in the folder of their results.
struct Beside {
    gpu: Option<String>,
    cpu: Option<String>,
    driver: Option<String>,
    release: Option<String>,
}

impl Beside {
    fn of(path: &Path) -> Self {
        let is_result = path.file_name().is_some_and(|name| {
            name == "perf_script_test_results.csv" || name == "perf_samples.csv"
        });
        let line = |name: &str| {
            let text = fs::read_to_string(path.with_file_name(name)).ok().filter(|_| is_result)?;
            Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
        };
        Self {
            gpu: line("gpu.txt"),
            cpu: line("cpu.txt"),
            driver: line("driver.txt"),
            release: line("trtllm_version.txt"),
        }
    }

    /// The embedded engine runs on the CPU, also where there are GPUs.
    fn machine_class(&self, is_refbench: bool) -> Option<String> {
        match is_refbench {
            true => self.cpu.clone(),
            false => self.gpu.as_deref().map(gpu::device_subtype),
        }
    }

    fn facts(&self) -> Facts {
        let known = [
            (Aspect::GpuVariant, self.gpu.as_deref().map(gpu::device_subtype)),
            (Aspect::Cpu, self.cpu.clone()),
            (Aspect::Driver, self.driver.clone()),
            (Aspect::EngineVersion, self.release.clone()),
        ];
        known.into_iter().filter_map(|(aspect, text)| Some((aspect, text?))).collect()
    }
}
