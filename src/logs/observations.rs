//! Report JSON and log put together: one value a metric, with where it came from.
//!
//! The report JSON wins because it is exact; the log fills the gaps and has what no report holds (build time, KV-cache
//! size, causes). Where both tell the same quantity they are compared, to what printing rounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cause::Failure;
use super::json;
use super::problem::{Problem, SizesFrom};
use super::report::{Facts, Quantity, Reading, Report};
use crate::metric::Metric;

/// Where a value was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The report JSON.
    Report,
    /// The log's text.
    Log,
}

impl Source {
    /// `report` or `log`.
    pub fn word(self) -> &'static str {
        match self {
            Source::Report => "report",
            Source::Log => "log",
        }
    }
}

/// A value of a metric, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    pub value: f64,
    pub source: Source,
    /// Line of the log, from 1; `None` when it is from the report JSON.
    pub line: Option<u64>,
}

/// Tensor- and pipeline-parallel sizes that the caller knows from the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParallelSizes {
    pub tp: u32,
    pub pp: u32,
}

/// Everything one log tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogFindings {
    /// Complete reports in the log.
    pub reports: u64,
    /// The last of them.
    pub report: Option<Report>,
    /// Last engine build time, s.
    pub build_time: Option<Reading>,
    /// Last KV-cache size, GiB.
    pub kv_cache: Option<Reading>,
    /// Version banner of the program.
    pub version: Option<String>,
    /// Whether a warm-up came to its end.
    pub warmed_up: bool,
    /// The first cause of failure the log shows, whether or not a report followed.
    pub failure: Option<Failure>,
    /// Metric-like labels, as printed.
    pub labels: Vec<String>,
    /// First line with such a label outside of any report.
    pub first_loose: Option<u64>,
    pub problems: Vec<Problem>,
}

impl LogFindings {
    /// Why a program failed in the end: what looked fatal before a complete report was not.
    pub fn failure_at_end(&self) -> Option<&Failure> {
        let reported = self.report.as_ref().map_or(0, |report| report.lines.1);
        self.failure.as_ref().filter(|failure| failure.line > reported)
    }
}

/// What is known about one run of the benchmark program.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observations {
    values: BTreeMap<Metric, Observed>,
    /// Output tokens per second of the whole system; beside TOKEN_THROUGHPUT, which is per GPU.
    pub system_output_throughput: Option<Observed>,
    /// Complete reports in the log.
    pub reports: u64,
    /// Whether the log shows a warm-up that came to its end.
    pub warmed_up: bool,
    /// Why the run failed; `None` when a report is complete or the log shows no failure.
    pub failure: Option<Failure>,
    pub problems: Vec<Problem>,
    pub facts: Facts,
    labels: Vec<String>,
}

impl Observations {
    /// The value of `metric`, if one was read.
    pub fn get(&self, metric: Metric) -> Option<Observed> {
        self.values.get(&metric).copied()
    }

    /// All values, in the order of [`Metric`].
    pub fn values(&self) -> impl Iterator<Item = (Metric, Observed)> + '_ {
        self.values.iter().map(|(metric, observed)| (*metric, *observed))
    }

    /// The best source that gave anything; `None` when nothing was read.
    pub fn source(&self) -> Option<Source> {
        let mut sources =
            self.values.values().chain(&self.system_output_throughput).map(|o| o.source);
        let first = sources.next()?;
        Some(sources.fold(first, |best, next| if next == Source::Report { next } else { best }))
    }

    /// Metric-like labels and keys that were seen, for the message about one that wasn't.
    pub fn labels_found(&self) -> &[String] {
        &self.labels
    }
}

/// Puts a log's findings and a report JSON (or what is wrong with it) together.
pub fn combine(
    log: LogFindings,
    json: Option<Result<(Report, Vec<Problem>), Problem>>,
    parallel: Option<ParallelSizes>,
) -> Observations {
    let mut problems = Vec::new();
    let json = match json {
        Some(Ok((report, of_keys))) => {
            problems.extend(of_keys);
            Some(report)
        }
        Some(Err(problem)) => {
            problems.push(problem);
            None
        }
        None => None,
    };
    problems.extend(log.problems);
    let text = log.report;
    if let (None, None, Some(line)) = (&json, &text, log.first_loose) {
        problems.push(Problem::LooseLabels { labels: log.labels.clone(), line });
    }
    if let (Some(json), Some(text)) = (&json, &text) {
        problems.extend(disagreements(json, text));
    }
    problems.extend(json.as_ref().or(text.as_ref()).and_then(inconsistency));

    let mut facts = Facts { banner_version: log.version, ..Facts::default() };
    for report in [&json, &text].into_iter().flatten() {
        facts = facts.or(&report.facts);
    }
    let pick = |quantity: Quantity| {
        let from = |report: &Option<Report>, source| {
            let reading = report.as_ref()?.readings.get(&quantity)?;
            Some(Observed { value: reading.value, source, line: reading.line })
        };
        from(&json, Source::Report).or_else(|| from(&text, Source::Log))
    };
    let of_log = |reading: Reading| Observed {
        value: reading.value,
        source: Source::Log,
        line: reading.line,
    };
    let system = pick(Quantity::SystemOutput);
    let per_gpu = pick(Quantity::GpuOutput).or_else(|| {
        let (derived, problem) = per_gpu(system?, &facts, parallel);
        problems.push(problem);
        derived
    });
    let values = [
        (Metric::BuildTime, log.build_time.map(of_log)),
        (Metric::InferenceTime, pick(Quantity::TotalLatency)),
        (Metric::TokenThroughput, per_gpu),
        (Metric::SeqThroughput, pick(Quantity::RequestThroughput)),
        (Metric::FirstTokenTime, pick(Quantity::Ttft)),
        (Metric::OutputTokenTime, pick(Quantity::Tpot)),
        (Metric::KvCacheSize, log.kv_cache.map(of_log)),
    ];
    let mut labels = log.labels;
    if let Some(report) = &json {
        labels.extend(report.readings.keys().filter_map(|quantity| json::key(*quantity)));
    }
    Observations {
        values: values.into_iter().filter_map(|(metric, value)| Some((metric, value?))).collect(),
        system_output_throughput: system,
        reports: log.reports,
        warmed_up: log.warmed_up,
        failure: if json.is_none() && text.is_none() { log.failure } else { None },
        problems,
        facts,
        labels,
    }
}

/// System output tokens/s over TP x PP, the formula by which trtllm-bench prints the figure per GPU.
fn per_gpu(
    system: Observed,
    facts: &Facts,
    parallel: Option<ParallelSizes>,
) -> (Option<Observed>, Problem) {
    let sizes = match (facts.tp, facts.pp, parallel) {
        (Some(tp), Some(pp), _) if tp > 0 && pp > 0 => Some((tp, pp, SizesFrom::Report)),
        (_, _, Some(ParallelSizes { tp, pp })) if tp > 0 && pp > 0 => {
            Some((tp, pp, SizesFrom::Caller))
        }
        _ => None,
    };
    let Some((tp, pp, from)) = sizes else {
        return (None, Problem::PerGpuUnknown { system: system.value });
    };
    let value = system.value / (f64::from(tp) * f64::from(pp));
    let problem = Problem::PerGpuDerived { system: system.value, tp, pp, from };
    (Some(Observed { value, ..system }), problem)
}

/// Quantities that both tell, further apart than the log's rounding.
fn disagreements<'a>(json: &'a Report, text: &'a Report) -> impl Iterator<Item = Problem> + 'a {
    Quantity::ALL.into_iter().filter_map(|quantity| {
        let (exact, printed) = (json.readings.get(&quantity)?, text.readings.get(&quantity)?);
        // Slack for the binary representation of the printed decimal.
        let allowed = printed.rounding * (1.0 + 1e-6) + exact.value.abs() * 1e-12;
        let apart = (exact.value - printed.value).abs() > allowed;
        apart.then(|| Problem::Disagree {
            what: quantity.name(),
            report: exact.value,
            log: printed.value,
            line: printed.line.unwrap_or(text.lines.0),
        })
    })
}

/// Request throughput is requests over total latency by definition; printing rounds far finer than 1 %.
fn inconsistency(report: &Report) -> Option<Problem> {
    const TOLERANCE: f64 = 0.01;
    if report.serving {
        return None;
    }
    let value = |quantity| report.readings.get(&quantity).map(|reading| reading.value);
    let total_ms = value(Quantity::TotalLatency)?;
    let rate = value(Quantity::RequestThroughput)?;
    #[expect(clippy::cast_precision_loss, reason = "request counts are far below 2^52")]
    let expected_ms = report.facts.requests? as f64 / rate * 1000.0;
    let apart = (total_ms - expected_ms).abs() > TOLERANCE * expected_ms.max(total_ms);
    apart.then_some(Problem::Inconsistent { total_ms, expected_ms })
}
