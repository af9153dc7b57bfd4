//! One trial as a `<testcase>`.

use std::fmt::Write as _;
use std::path::Path;

use junit_report::{Duration, Report, TestCase, TestSuite};

use super::super::name::TrialName;
use super::super::read::Attempt;
use super::super::result::{AttemptResult, Failure, FailureKind, Outcome};
use super::super::run_info::{JunitFamily, RunInfo};
use super::clean::{cdata, clean, clean_line};
use super::excerpt;
use crate::sample::Standing;

/// Longest `message` attribute, in bytes.
const MESSAGE: usize = 500;

/// The part of a text of a passed or skipped case: nobody reads the log of what works, and there are many.
const PASSED_SHARE: usize = 8;

/// A rendered case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct JunitCase {
    pub xml: String,
    pub kind: Kind,
    pub millis: u64,
}

/// What the counters of a suite tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// How a trial with this outcome counts: a regression is the product's failure, anything else is an error of
/// what surrounds it.
pub(in super::super) fn kind(outcome: &Outcome) -> Kind {
    match outcome {
        Outcome::Passed => Kind::Passed,
        Outcome::Skipped(_) => Kind::Skipped,
        Outcome::Failed(Failure { kind: FailureKind::Regression, .. }) => Kind::Failure,
        Outcome::Failed(_) => Kind::Error,
    }
}

/// Renders the case of one trial: `last` decides, `earlier` are the attempts before it. No text is longer than
/// `limit` bytes before the marks that cut it.
pub(in super::super) fn case(
    last: &Attempt,
    earlier: &[&AttemptResult],
    info: &RunInfo,
    limit: usize,
) -> Result<JunitCase, junit_report::Error> {
    let result = &last.result;
    let name = TrialName::new(&result.name, info.prefix.as_deref());
    let millis = millis(result);
    let mut case = outcome(result, earlier, &clean_line(name.test()), limit);
    let class = name.classname();
    case.set_classname(&clean_line(if class.is_empty() {
        super::suite_name(info)
    } else {
        &class
    }));
    if info.views.junit_family == JunitFamily::Legacy {
        case.set_filepath(&clean_line(name.file()));
    }
    let limit = if kind(&result.outcome) == Kind::Passed { limit / PASSED_SHARE } else { limit };
    let out = system_out(last, earlier, info, limit);
    if !out.is_empty() {
        case.set_system_out(&cdata(&out));
    }
    if info.views.junit_logging.err() && !result.problems.is_empty() {
        let err = clean((result.problems.join("\n") + "\n").as_bytes());
        case.set_system_err(&cdata(&excerpt::of_text(err, limit)));
    }
    Ok(JunitCase { xml: xml(case, millis)?, kind: kind(&result.outcome), millis })
}

fn outcome(
    result: &AttemptResult,
    earlier: &[&AttemptResult],
    name: &str,
    limit: usize,
) -> TestCase {
    match &result.outcome {
        Outcome::Passed => TestCase::success(name, Duration::ZERO),
        Outcome::Skipped(reason) => {
            let mut case = TestCase::skipped_with_cause(name, "pytest.skip", &message(reason));
            let text = excerpt::of_text(clean(reason.as_bytes()), limit);
            if let junit_report::TestResult::SkippedWithCause { cause, .. } = &mut case.result {
                *cause = Some(cdata(&text).into_owned());
            }
            case
        }
        Outcome::Failed(failure) => {
            let make = match kind(&result.outcome) {
                Kind::Failure => TestCase::failure,
                _ => TestCase::error,
            };
            let mut case =
                make(name, Duration::ZERO, failure.kind.word(), &message(&failure.message));
            let text = failure_text(failure, earlier, limit);
            if let junit_report::TestResult::Failure { cause, .. }
            | junit_report::TestResult::Error { cause, .. } = &mut case.result
            {
                *cause = Some(cdata(&text).into_owned());
            }
            case
        }
    }
}

fn message(text: &str) -> String {
    let text = clean_line(text);
    let head = excerpt::first(&text, MESSAGE);
    if head.len() < text.len() { format!("{head}…") } else { text }
}

/// Hint and earlier attempts first, so that a cut in a long text does not take them along.
fn failure_text(failure: &Failure, earlier: &[&AttemptResult], limit: usize) -> String {
    let mut text = clean(failure.message.as_bytes());
    if let Some(hint) = &failure.hint {
        text += &format!("\nhint: {}", clean(hint.as_bytes()));
    }
    for line in earlier.iter().map(|result| attempt_line(result)) {
        text += &format!("\n{line}");
    }
    let details = excerpt::of_text(clean(failure.details.as_bytes()), limit);
    if details.is_empty() { text } else { format!("{text}\n\n{details}") }
}

fn attempt_line(result: &AttemptResult) -> String {
    let ended = match &result.outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Skipped(reason) => format!("skipped: {}", message(reason)),
        Outcome::Failed(failure) => {
            format!("{}: {}", failure.kind.word(), message(&failure.message))
        }
    };
    format!("attempt {} {ended}", result.attempt)
}

fn system_out(last: &Attempt, earlier: &[&AttemptResult], info: &RunInfo, limit: usize) -> String {
    let result = &last.result;
    let mut out = String::new();
    let failed_before = earlier.iter().any(|result| matches!(result.outcome, Outcome::Failed(_)));
    if result.outcome == Outcome::Passed && failed_before {
        _ = writeln!(out, "flaky: passed on attempt {}", result.attempt);
        for result in earlier {
            _ = writeln!(out, "{}", attempt_line(result));
        }
    }
    for certificate in result.steps.iter().filter_map(|step| step.certificate.as_ref()) {
        let worst = certificate.standing();
        let checks = certificate.with(worst).map(|finding| finding.check.word());
        let checks: Vec<&str> = checks.filter(|_| worst != Standing::Verified).collect();
        _ = writeln!(
            out,
            "{}",
            format!("certificate: {} {}", worst.word(), checks.join(" ")).trim_end()
        );
    }
    if !result.baseline.is_empty() {
        let words = result.baseline.iter().map(|it| format!("{} {}", it.metric, it.word()));
        _ = writeln!(out, "baseline: {}", words.collect::<Vec<_>>().join(", "));
    }
    if !info.views.junit_logging.out() {
        return out;
    }
    out += &excerpt::of_text(facts(result), limit);
    let logs: Vec<_> =
        result.steps.iter().filter_map(|step| Some((step, step.log.as_ref()?))).collect();
    for (step, log) in &logs {
        let command = clean_line(&step.argv.join(" "));
        let command = excerpt::first(&command, 2 * MESSAGE);
        _ = writeln!(out, "--- {}: {} ({}): {command}", step.kind, clean_line(log), step.ended);
        out += &log_text(&last.folder.join(log), limit / logs.len());
    }
    out
}

/// One `key=value` a line: what the harness knows about the attempt.
fn facts(result: &AttemptResult) -> String {
    let mut out = format!("attempt={}\n", result.attempt);
    if let Some(origin) = &result.origin {
        _ = writeln!(out, "list={}", clean_line(origin));
    }
    for (key, value) in &result.facts {
        _ = writeln!(out, "{}={}", clean_line(key), clean_line(value));
    }
    for certificate in result.steps.iter().filter_map(|step| step.certificate.as_ref()) {
        _ = writeln!(out, "certificate={}", certificate.standing().word());
        for finding in certificate.findings() {
            let standing = finding.standing.word();
            let text = clean_line(&finding.text);
            _ = writeln!(out, "certificate.{}={standing} ({text})", finding.check.word());
        }
    }
    for verdict in &result.baseline {
        let word = verdict.word();
        _ = writeln!(out, "baseline.{}={word} ({})", verdict.metric, clean_line(&verdict.text));
    }
    for row in &result.metrics {
        _ = writeln!(
            out,
            "{}={} {} ({})",
            row.metric,
            row.value,
            row.metric.unit(),
            clean_line(&row.source)
        );
    }
    out
}

fn log_text(path: &Path, limit: usize) -> String {
    match excerpt::of_file(path, limit) {
        Ok(text) if text.ends_with('\n') || text.is_empty() => text,
        Ok(text) => text + "\n",
        Err(error) => clean_line(&format!("[{} cannot be read: {error}]", path.display())) + "\n",
    }
}

fn millis(result: &AttemptResult) -> u64 {
    let micros = result.end.duration_since(result.start).as_micros().max(0);
    u64::try_from((micros + 500) / 1000).unwrap_or(u64::MAX)
}

/// The crate writes whole reports only, and times as floating point. Attribute values are escaped, so the first
/// `>` ends the start tag and the first ` time="` is the attribute.
fn xml(case: TestCase, millis: u64) -> Result<String, junit_report::Error> {
    let mut suite = TestSuite::new("");
    suite.add_testcase(case);
    let mut report = Report::new();
    report.add_testsuite(suite);
    let mut bytes = Vec::new();
    report.write_xml(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let begin = text.find("<testcase ").unwrap_or_default();
    let end = text.rfind("</testsuite>").unwrap_or(text.len());
    let time = format!(" time=\"{}\"", super::seconds(millis));
    Ok(text[begin..end].replacen(" time=\"0\"", &time, 1))
}
