//! From what a step left behind to numbers or to a failure that says what to do.

use std::path::Path;

use super::Attempt;
use crate::dataset::DatasetError;
use crate::logs::{self, Cause, LogFindings, Observations, ParallelSizes};
use crate::metric::Metric;
use crate::plan::{Step, StepKind};
use crate::process::{self, Ended, ProcessError, SIGBUS, SIGSEGV};
use crate::record::result::{Failure, FailureKind, MetricRow};
use crate::sample::{Check, Finding, Planned, Standing};

/// How much of a log's end a failure text shows.
const TAIL_LINES: usize = 30;
const TAIL_BYTES: u64 = 16 * 1024;

impl Attempt<'_> {
    /// Reads the metrics of a step that succeeded.
    pub(super) fn read_step(&mut self, step: usize) {
        let kind = self.plan.steps[step].kind.clone();
        if matches!(kind, StepKind::Dataset { .. }) {
            return;
        }
        let log = self.log_path(step);
        let report = self.archive_report(step);
        let parallel = self.trial.case.parallel;
        let sizes = Some(ParallelSizes { tp: parallel.tp, pp: parallel.pp });
        // A bench step without a report is told as a problem; a build has none.
        let report = match &kind {
            StepKind::Bench { report: wanted } => Some(report.unwrap_or_else(|| wanted.into())),
            _ => None,
        };
        let observed = match logs::observe(Some(&log), report.as_deref(), sizes) {
            Ok(observed) => observed,
            Err(error) => {
                return self.fail(FailureKind::Io, error.to_string(), None, String::new());
            }
        };
        self.result.problems.extend(observed.problems.iter().map(ToString::to_string));
        self.take_facts(&observed);
        self.take_metrics(step, &observed, &log);
        // Where numbers are missing there is nothing to certify.
        if matches!(kind, StepKind::Bench { .. }) && !self.result.steps[step].unmeasurable {
            self.certify(step, &observed, &log);
        }
    }

    /// Judges whether the numbers of a bench can be trusted. One that cannot is no pass.
    fn certify(&mut self, step: usize, observed: &Observations, log: &Path) {
        let certificate = self.certificate(step, observed);
        let invalid: Vec<&Finding> = certificate.with(Standing::Invalid).collect();
        if !invalid.is_empty() {
            let hint = invalid.iter().find_map(|finding| advice(finding.check)).map(str::to_owned);
            let words = |finding: &&Finding| format!("{}: {}", finding.check.word(), finding.text);
            let words: Vec<String> = invalid.iter().map(words).collect();
            self.distrust(step);
            let message = format!("the numbers cannot be trusted; {}", words.join("; "));
            self.fail(FailureKind::Unmeasurable, message, hint, tail(log));
        }
        self.result.steps[step].certificate = Some(certificate);
    }

    /// What the plan asks of a bench, as far as a report can tell.
    pub(super) fn planned(&self, step: usize) -> Planned {
        let case = self.trial.case;
        let is_bench = |step: &&Step| matches!(step.kind, StepKind::Bench { .. });
        let point = self.plan.steps[..step].iter().filter(is_bench).count();
        let point = case.points().get(point).copied();
        // Lengths of requests with adapters are drawn at random.
        let point = point.filter(|_| case.loras == 0);
        Planned {
            requests: case.requests.into(),
            tokens: point.and_then(|point| Some((point.input, point.output?))),
        }
    }

    fn take_metrics(&mut self, step: usize, observed: &Observations, log: &Path) {
        let mut missing = Vec::new();
        let expected = self.plan.metrics.iter().filter(|planned| planned.step == Some(step));
        for planned in expected {
            match observed.get(planned.metric) {
                Some(value) => self.result.metrics.push(MetricRow {
                    metric: planned.metric,
                    name: planned.name.clone(),
                    value: value.value,
                    limits: planned.limits,
                    source: value.source.word().to_owned(),
                    step,
                }),
                // With several GPUs the ranks build, and trtllm-bench does not pass on what they print.
                None if planned.metric == Metric::BuildTime
                    && self.trial.case.parallel.gpus > 1 =>
                {
                    self.result
                        .problems
                        .push("the build printed no BUILD_TIME; no row for it".to_owned());
                }
                None => missing.push(planned.metric),
            }
        }
        if !missing.is_empty() {
            self.distrust(step);
            self.fail_missing(&missing, observed, log);
        }
    }

    /// Keeps the numbers of a step from the views.
    fn distrust(&mut self, step: usize) {
        self.result.steps[step].unmeasurable = true;
    }

    fn fail_missing(&mut self, missing: &[Metric], observed: &Observations, log: &Path) {
        let names: Vec<_> = missing.iter().map(|metric| metric.wire_name()).collect();
        let mut found: Vec<String> = observed
            .values()
            .map(|(metric, observed)| format!("{metric} ({})", observed.source.word()))
            .collect();
        found.extend(observed.labels_found().iter().map(|label| format!("`{label}`")));
        let found = if found.is_empty() {
            "nothing that looks like a metric".to_owned()
        } else {
            found.join(", ")
        };
        let message = format!("{} not found in report or log", names.join(", "));
        let mut details = format!("found instead: {found}\n");
        let (kind, hint) = match &observed.failure {
            Some(failure) => {
                details.push_str(&cause_text(failure));
                (failure_kind(failure.cause), failure.cause.hint())
            }
            None => (
                FailureKind::Unmeasurable,
                "the program exited with 0 but reported no such number; compare its version with --flow",
            ),
        };
        details.push_str(&tail(log));
        self.fail(kind, message, Some(hint.to_owned()), details);
    }

    /// What the report says of the engine goes with the result, so that nothing is passed off as something else.
    fn take_facts(&mut self, observed: &Observations) {
        let facts = &observed.facts;
        let version = facts.banner_version.as_ref().or(facts.report_version.as_ref());
        let texts = [
            ("engine_backend", facts.backend.as_ref()),
            ("engine_version", version),
            ("engine_model", facts.model.as_ref()),
            ("engine_dtype", facts.dtype.as_ref()),
            ("machine", facts.machine.as_ref()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                self.result.facts.insert(key.to_owned(), text.clone());
            }
        }
        if let Some(system) = observed.system_output_throughput {
            self.result
                .facts
                .insert("system_output_throughput_tok_s".to_owned(), system.value.to_string());
        }
    }
}

/// What to do about a check that spoilt a measurement.
fn advice(check: Check) -> Option<&'static str> {
    match check {
        Check::Throttling | Check::ClockSpread => {
            Some("look at telemetry.jsonl; cool the node, or lock the clocks with --lock-clocks")
        }
        Check::ForeignProcess | Check::MemoryBefore => {
            Some("have the GPUs to yourself; the harness ends nothing but its own")
        }
        Check::Faults => {
            Some("dmesg has the XID; NVIDIA's list says whether the GPU or the program is at fault")
        }
        Check::Requests => Some("the program dropped requests; read its log for why they failed"),
        Check::OneReport => Some("the program ran its benchmark more than once; read its log"),
        _ => None,
    }
}

/// A program that ended other than by success.
pub(super) fn step_failure(kind: &str, ended: &Ended, step: &process::Step, log: &Path) -> Failure {
    // The log says why, if anything does; a log that cannot be read has its own place in the text.
    let scanned = logs::scan_file(log);
    let seen = scanned.as_ref().ok().and_then(LogFindings::failure_at_end);
    let (kind_of_failure, hint) = match (by_end(ended), seen) {
        (Some((kind, hint)), _) => (kind, hint.to_owned()),
        (None, Some(failure)) => (failure_kind(failure.cause), failure.cause.hint().to_owned()),
        (None, None) => by_signal(ended).unwrap_or_else(|| {
            (FailureKind::Infra, format!("the log has no known cause; read {}", log.display()))
        }),
    };
    let mut message = match ended {
        Ended::Failed(code) => format!("{kind} exited with {code}"),
        Ended::Signalled(signal) => format!("{kind} was killed by signal {signal}"),
        other => format!("{kind} {other}"),
    };
    let mut details = String::new();
    match seen {
        Some(failure) => {
            message.push_str(&format!(": {}", failure.text.trim()));
            details.push_str(&cause_text(failure));
        }
        None if log_is_empty(log) => message.push_str(" and printed nothing"),
        None => {}
    }
    if let Err(error) = &scanned {
        details.push_str(&format!("{error}\n"));
    }
    details.push_str(&format!("command: {}\n", step.argv.join(" ")));
    details.push_str(&tail(log));
    Failure { kind: kind_of_failure, message, hint: Some(hint), details }
}

/// What an end says that the harness itself made.
fn by_end(ended: &Ended) -> Option<(FailureKind, &'static str)> {
    match ended {
        Ended::TimedOut { .. } => Some((
            FailureKind::Timeout,
            "raise the limit with a TIMEOUT marker or --timeout if the log shows progress",
        )),
        Ended::Hang { .. } => Some((
            FailureKind::Hang,
            "the log fell silent; read its last lines for what it was waiting for, and give a step that is silent by \
             nature more time with --stall or a STALL marker",
        )),
        Ended::LogFailed { .. } => {
            Some((FailureKind::Io, "free disk space, or name another --output-dir"))
        }
        Ended::Interrupted => Some((FailureKind::Infra, "run it again")),
        _ => None,
    }
}

/// A step of the harness's own that was stopped; it has no log.
pub(super) fn stopped(kind: &str, ended: &Ended) -> Failure {
    let (kind_of_failure, hint) = by_end(ended).unwrap_or((FailureKind::Infra, "run it again"));
    Failure {
        kind: kind_of_failure,
        message: format!("{kind} {ended}"),
        hint: Some(hint.to_owned()),
        details: String::new(),
    }
}

/// What a signal says by itself, where the log says nothing. (KILL says nothing: anybody may have sent it.)
fn by_signal(ended: &Ended) -> Option<(FailureKind, String)> {
    let cause = match ended {
        Ended::Signalled(SIGSEGV) => Cause::Segfault,
        Ended::Signalled(SIGBUS) => Cause::HostOom,
        _ => return None,
    };
    Some((failure_kind(cause), cause.hint().to_owned()))
}

/// A program that could not be started.
pub(super) fn not_started(error: &ProcessError) -> Failure {
    let kind = match error {
        ProcessError::Log { .. }
        | ProcessError::Stdout { .. }
        | ProcessError::WorkingDirectory { .. } => FailureKind::Io,
        _ => FailureKind::Infra,
    };
    if let ProcessError::NotPrepared { log } = error {
        return Failure {
            kind,
            message: "the clocks of the GPUs could not be locked".to_owned(),
            hint: Some(
                "the log says why; it takes root. Leave --lock-clocks out to run at the driver's clocks".to_owned(),
            ),
            details: tail(log),
        };
    }
    let hint =
        matches!(error, ProcessError::ProgramMissing { .. } | ProcessError::NotExecutable { .. })
            .then(|| "name the bench program with --bench-bin or TRTLLM_BENCH".to_owned());
    Failure { kind, message: error.to_string(), hint, details: String::new() }
}

/// A data set that could not be made.
pub(super) fn dataset_failure(error: &DatasetError) -> Failure {
    use DatasetError::{Cache, MakeDirectory, Output, TooLong, TooWide, Write};
    let kind = match error {
        Output(_) | Write { .. } | MakeDirectory { .. } | Cache { .. } => FailureKind::Io,
        // The lengths of the label.
        TooLong { .. } | TooWide { .. } => FailureKind::BadOption,
        // What is left is about the tokenizer.
        _ => FailureKind::MissingModel,
    };
    Failure {
        kind,
        message: format!("make the data set: {error}"),
        hint: None,
        details: String::new(),
    }
}

fn failure_kind(cause: Cause) -> FailureKind {
    match cause {
        Cause::GpuOom => FailureKind::GpuOom,
        Cause::HostOom => FailureKind::HostOom,
        Cause::Nccl => FailureKind::Nccl,
        Cause::MpiLaunch => FailureKind::MpiLaunch,
        Cause::MissingEngine => FailureKind::MissingEngine,
        Cause::MissingModel => FailureKind::MissingModel,
        Cause::BadOption => FailureKind::BadOption,
        Cause::Segfault => FailureKind::Segfault,
        Cause::Assertion => FailureKind::Assertion,
        Cause::Hang => FailureKind::Hang,
        Cause::Unknown => FailureKind::Infra,
    }
}

fn cause_text(failure: &logs::Failure) -> String {
    format!("cause: {} (log line {}): {}\n", failure.cause, failure.line, failure.text.trim())
}

fn log_is_empty(log: &Path) -> bool {
    std::fs::metadata(log).is_ok_and(|data| data.len() == 0)
}

/// The last lines of a log, of which only the end is read.
fn tail(log: &Path) -> String {
    match logs::end_of(log, TAIL_BYTES) {
        Err(error) => format!("read the end of {}: {error}\n", log.display()),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            format!("last lines of {}:\n{}\n", log.display(), last.join("\n"))
        }
    }
}
