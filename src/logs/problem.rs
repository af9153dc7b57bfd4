//! What is worth a person's attention in a log or report, without being a failure by itself.

use std::fmt;

use super::number::Fault;

/// Where tensor- and pipeline-parallel sizes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizesFrom {
    /// The report prints them.
    Report,
    /// The caller knows them from the case.
    Caller,
}

/// One thing noticed. Lines count from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// There is no report file.
    ReportAbsent { path: String },
    /// The report file can't be read.
    ReportUnreadable { path: String, reason: String },
    /// The report file is not JSON, or ends too early.
    ReportNotJson { reason: String, truncated: bool },
    /// It is JSON, but not a report.
    ReportShape { found: Vec<String> },
    /// A key of the report JSON holds no usable number.
    ReportValue { key: String, text: String },
    /// A report in the log stops before its end.
    Incomplete { first_line: u64, last_line: u64, lacks: &'static str },
    /// The log has reports with different numbers; the last complete one counts.
    SeveralReports { count: u64, first: u64, last: u64 },
    /// A label's value can't be taken.
    Value { label: String, line: u64, text: String, fault: Fault },
    /// The log ends inside this number.
    CutNumber { label: String, line: u64 },
    /// A known label with a unit that isn't known.
    Unit { label: String, line: u64 },
    /// One report prints a label twice with different values; the first counts.
    Twice { label: String, line: u64 },
    /// TOKEN_THROUGHPUT was computed.
    PerGpuDerived { system: f64, tp: u32, pp: u32, from: SizesFrom },
    /// TOKEN_THROUGHPUT can't be computed.
    PerGpuUnknown { system: f64 },
    /// Log and report JSON tell different numbers.
    Disagree { what: &'static str, report: f64, log: f64, line: u64 },
    /// Requests, request throughput and total latency don't fit together, e.g. seconds labelled as ms.
    Inconsistent { total_ms: f64, expected_ms: f64 },
    /// Labels stand outside any report and there is no report: they don't count.
    LooseLabels { labels: Vec<String>, line: u64 },
    /// The serve client counted failed requests.
    FailedRequests { text: String, line: u64 },
    /// Further problems of the log were not kept.
    Further { count: u64 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::ReportAbsent { path } => {
                write!(f, "report {path} was not written; values are from the log")
            }
            Problem::ReportUnreadable { path, reason } => {
                write!(f, "report {path} can't be read ({reason}); values are from the log")
            }
            Problem::ReportNotJson { reason, truncated } => {
                let what = if *truncated { "is cut short" } else { "is not JSON" };
                write!(f, "report {what} ({reason}); values are from the log")
            }
            Problem::ReportShape { found } => write!(
                f,
                "report JSON has no `performance` numbers (found: {}); values are from the log",
                listed(found)
            ),
            Problem::ReportValue { key, text } => {
                write!(f, "report key {key} holds {text}, which is no usable number")
            }
            Problem::Incomplete { first_line, last_line, lacks } => write!(
                f,
                "report at lines {first_line}-{last_line} is not complete: it stops before {lacks}"
            ),
            Problem::SeveralReports { count, first, last } => write!(
                f,
                "the log has {count} complete reports with different numbers (the first starts at line {first}); the last one counts (line {last})"
            ),
            Problem::Value { label, line, text, fault } => {
                write!(f, "line {line}: {label}: `{text}` is {fault}")
            }
            Problem::CutNumber { label, line } => {
                write!(f, "line {line}: {label}: the log ends inside the number")
            }
            Problem::Unit { label, line } => write!(f, "line {line}: unknown unit in `{label}`"),
            Problem::Twice { label, line } => write!(
                f,
                "line {line}: {label} is printed again with another value; the first one counts"
            ),
            Problem::PerGpuDerived { system, tp, pp, from } => {
                let from = match from {
                    SizesFrom::Report => "as the report prints them",
                    SizesFrom::Caller => "as the case says",
                };
                write!(
                    f,
                    "TOKEN_THROUGHPUT is the system's {system} tokens/s over TP {tp} x PP {pp}, {from}"
                )
            }
            Problem::PerGpuUnknown { system } => write!(
                f,
                "TOKEN_THROUGHPUT is unknown: the report has the system's {system} tokens/s, but no figure per GPU and no TP and PP sizes"
            ),
            Problem::Disagree { what, report, log, line } => {
                write!(f, "{what}: report JSON says {report}, log line {line} says {log}")
            }
            Problem::Inconsistent { total_ms, expected_ms } => write!(
                f,
                "total latency {total_ms} ms doesn't fit the requests over their throughput, {expected_ms:.4} ms; is a unit wrong?"
            ),
            Problem::LooseLabels { labels, line } => write!(
                f,
                "no report, but its labels stand outside of one from line {line} on ({}); they are not counted",
                listed(labels)
            ),
            Problem::FailedRequests { text, line } => {
                write!(f, "line {line}: the client reports failed requests: {text}")
            }
            Problem::Further { count } => write!(f, "{count} further problems are not listed"),
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
