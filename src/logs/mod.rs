//! Station 7, logs: what a benchmark program's report JSON and log tell.
//!
//! The plot: [`observe`] reads the report JSON whole (a few kB) and streams the log of any size through a
//! window. Two readers look at every region of it: `results` follows reports line by line and notes build time and
//! KV-cache size; `failures` keeps the first cause of failure. [`combine`]
//! then takes each value from the report JSON first, from the last complete report of the log second. Labels outside
//! a report never count: they are some other script's, or an excerpt that nobody can vouch for.
//! [`FatalWatch`] looks at the lines of a run that is still going on.
//!
//! Owns `memchr` and `aho-corasick`.

mod benchmark_line;
mod block;
mod cause;
mod end;
mod failures;
mod fatal;
mod json;
mod label;
mod layout;
mod number;
mod observations;
mod patterns;
mod prefix;
mod problem;
mod report;
mod reports;
mod results;
mod search;
mod shown;
mod window;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use cause::{Cause, Failure};
pub use end::end_of;
pub use fatal::FatalWatch;
pub use json::read as read_report;
pub use number::Fault;
pub use observations::{LogFindings, Observations, Observed, ParallelSizes, Source, combine};
pub use prefix::without_ansi;
pub use problem::{Problem, SizesFrom};
pub use report::{Facts, Quantity, Reading, Report};
pub use shown::shown;

/// A report JSON has a few kB; what is larger is something else and isn't read into memory.
const LARGEST_REPORT: u64 = 16 * 1024 * 1024;

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
#[error("read log {}: {source}", path.display())]
pub struct LogError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// Reads what there is of a run: its log, its report JSON, or both. `parallel` serves where a report prints no figure
/// per GPU and no sizes.
///
/// An absent or broken report JSON is a [`Problem`], since the log can stand in for it.
///
/// # Errors
/// When the log can't be opened or read.
pub fn observe(
    log: Option<&Path>,
    report: Option<&Path>,
    parallel: Option<ParallelSizes>,
) -> Result<Observations, LogError> {
    let findings = log.map(scan_file).transpose()?.unwrap_or_default();
    Ok(combine(findings, report.map(read_report_file), parallel))
}

/// [`scan_log`] of a file.
///
/// # Errors
/// When it can't be opened or read.
pub fn scan_file(log: &Path) -> Result<LogFindings, LogError> {
    let scanned = File::open(log).and_then(scan_log);
    scanned.map_err(|source| LogError { path: log.to_owned(), source })
}

/// Streams a log. Memory stays below a megabyte whatever the log holds.
///
/// # Errors
/// What the source gives.
pub fn scan_log(source: impl Read) -> io::Result<LogFindings> {
    let mut results = results::Results::default();
    let mut failures = failures::Failures::default();
    window::read(source, |region| {
        results.region(&region);
        failures.region(&region);
    })?;
    results.finish();
    Ok(LogFindings {
        reports: results.reports.complete,
        report: results.reports.last,
        build_time: results.build_time,
        kv_cache: results.kv_cache,
        version: results.version,
        warmed_up: results.warmed_up,
        failure: failures.first(),
        labels: results.reports.labels,
        first_loose: results.reports.first_loose,
        problems: results.reports.problems,
    })
}

fn read_report_file(path: &Path) -> Result<(Report, Vec<Problem>), Problem> {
    let unreadable =
        |reason: String| Problem::ReportUnreadable { path: path.display().to_string(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Problem::ReportAbsent { path: path.display().to_string() });
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST_REPORT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_REPORT {
        return Err(unreadable(format!("larger than {LARGEST_REPORT} bytes")));
    }
    read_report(&bytes)
}
