//! `trtllm-perf parse`: what a log and a report JSON tell, as a table for people or one JSON object for programs.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::logs::{self, Cause, Observations, Observed, Source};
use crate::metric::Metric;
use crate::run;

/// Read the metrics, and on failure the cause, out of a benchmark log.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// Log of trtllm-bench, refbench or the serve client (any release since 0.12)
    pub log: PathBuf,
    /// The report written with `--report_json`; its values win over the log's
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,
    /// Print one JSON object on stdout; text for people goes to stderr
    #[arg(long)]
    pub json: bool,
}

/// Runs the command: exit code 0, or 1 when no value was found.
///
/// # Errors
/// When a file can't be read or the output can't be written.
pub fn run(args: ParseArgs) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.report_json {
        // The library lets the log stand in for an absent report; a name typed wrongly should be told.
        File::open(path).with_context(|| format!("open report {}", path.display()))?;
    }
    let seen = logs::observe(Some(&args.log), args.report_json.as_deref(), None)?;
    if args.json {
        run::print("values", |out| {
            serde_json::to_writer(&mut *out, &Output::of(&seen))?;
            writeln!(out)
        })?;
        remarks(&seen, &mut io::stderr().lock())?;
    } else {
        run::print("values", |out| {
            table(&seen, out)?;
            remarks(&seen, out)
        })?;
    }
    Ok(ExitCode::from(u8::from(seen.source().is_none())))
}

/// The object of `--json`; the fields' order is part of the interface.
#[derive(Serialize)]
struct Output {
    metrics: Metrics,
    source: &'static str,
    reports: u64,
    cause: Option<Cause>,
    cause_line: Option<u64>,
    problems: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Metrics {
    build_time: Option<f64>,
    inference_time: Option<f64>,
    token_throughput: Option<f64>,
    seq_throughput: Option<f64>,
    first_token_time: Option<f64>,
    output_token_time: Option<f64>,
    system_output_throughput: Option<f64>,
    kv_cache_size: Option<f64>,
}

impl Output {
    fn of(seen: &Observations) -> Self {
        let value = |metric| seen.get(metric).map(|observed| observed.value);
        Output {
            metrics: Metrics {
                build_time: value(Metric::BuildTime),
                inference_time: value(Metric::InferenceTime),
                token_throughput: value(Metric::TokenThroughput),
                seq_throughput: value(Metric::SeqThroughput),
                first_token_time: value(Metric::FirstTokenTime),
                output_token_time: value(Metric::OutputTokenTime),
                system_output_throughput: seen.system_output_throughput.map(|o| o.value),
                kv_cache_size: value(Metric::KvCacheSize),
            },
            source: seen.source().map_or("none", Source::word),
            reports: seen.reports,
            cause: seen.failure.as_ref().map(|failure| failure.cause),
            cause_line: seen.failure.as_ref().map(|failure| failure.line),
            problems: seen.problems.iter().map(ToString::to_string).collect(),
        }
    }
}

fn table(seen: &Observations, out: &mut impl Write) -> io::Result<()> {
    let row = |out: &mut dyn Write, name: &str, unit: &str, observed: Observed| {
        let place = match observed.line {
            Some(line) => format!("log line {line}"),
            None => observed.source.word().to_owned(),
        };
        writeln!(out, "{name:<25} {:>16.4} {unit:<13} {place}", observed.value)
    };
    for (metric, observed) in seen.values() {
        row(out, metric.wire_name(), metric.unit(), observed)?;
    }
    if let Some(observed) = seen.system_output_throughput {
        row(out, "SYSTEM_OUTPUT_THROUGHPUT", "tokens/s", observed)?;
    }
    if seen.source().is_none() {
        writeln!(out, "no metric found")?;
    }
    writeln!(out, "complete reports in the log: {}", seen.reports)
}

fn remarks(seen: &Observations, out: &mut impl Write) -> io::Result<()> {
    if let Some(failure) = &seen.failure {
        writeln!(out, "cause: {} (line {}): {}", failure.cause, failure.line, failure.text)?;
        writeln!(out, "hint: {}", failure.cause.hint())?;
    }
    for problem in &seen.problems {
        writeln!(out, "problem: {problem}")?;
    }
    if seen.source().is_none() && !seen.labels_found().is_empty() {
        writeln!(out, "labels seen: {}", seen.labels_found().join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(log: &str) -> String {
        let seen = logs::combine(logs::scan_log(log.as_bytes()).expect("memory"), None, None);
        serde_json::to_string(&Output::of(&seen)).expect("serialize")
    }

    #[test]
    fn the_object_has_exactly_the_agreed_keys_in_their_order() {
        assert_eq!(
            json("x\n[TRT] [I] Engine generation completed in 35.5 seconds.\nSegmentation fault\n"),
            concat!(
                r#"{"metrics":{"BUILD_TIME":35.5,"INFERENCE_TIME":null,"TOKEN_THROUGHPUT":null,"#,
                r#""SEQ_THROUGHPUT":null,"FIRST_TOKEN_TIME":null,"OUTPUT_TOKEN_TIME":null,"#,
                r#""SYSTEM_OUTPUT_THROUGHPUT":null,"KV_CACHE_SIZE":null},"source":"log","reports":0,"#,
                r#""cause":"segfault","cause_line":3,"problems":[]}"#
            )
        );
        assert!(json("").ends_with(
            r#""source":"none","reports":0,"cause":null,"cause_line":null,"problems":[]}"#
        ));
    }

    #[test]
    fn the_table_shows_value_unit_and_place_and_the_remarks_cause_and_hint() {
        let log = "Final KV cache size after resize: 12.5 GiB (7 pages)\nSegmentation fault\n";
        let seen = logs::combine(logs::scan_log(log.as_bytes()).expect("memory"), None, None);
        let mut out = Vec::new();
        table(&seen, &mut out).expect("memory");
        remarks(&seen, &mut out).expect("memory");
        let text = String::from_utf8(out).expect("text");
        let words: Vec<&str> = text.lines().next().expect("a row").split_whitespace().collect();
        assert_eq!(words, ["KV_CACHE_SIZE", "12.5000", "GiB", "log", "line", "1"]);
        assert!(text.contains("cause: segfault (line 2): Segmentation fault\nhint: "), "{text}");
    }

    #[test]
    fn a_report_named_wrongly_is_an_error_and_an_empty_log_is_exit_1() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let args = |report_json| ParseArgs { log: log.path().to_owned(), report_json, json: true };
        let error = run(args(Some("/nonexistent/r.json".into()))).expect_err("no such report");
        assert_eq!(error.to_string(), "open report /nonexistent/r.json");
        assert_eq!(run(args(None)).expect("an empty log"), ExitCode::from(1));
    }
}
