//! A run folder of our own: the results of its attempts, with all that they know.

use std::collections::BTreeSet;
use std::path::Path;

use super::attempt_facts::{attempt_facts, measured_on};
use super::points::{by_point, label};
use crate::case::ModelTable;
use crate::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Origin, RunRecord, SampleRecord,
};
use crate::record::result::{AttemptResult, Outcome};
use crate::record::{
    Attempt, Problem, RecordError, RunFolder, RunInfo, read_attempts, read_attempts_of,
};

/// Reads `runs/<run-id>`. Attempts that were killed are there as failures; what cannot be read is a problem.
///
/// # Errors
/// When the folder cannot be listed or its `run.json` not be read.
pub fn read_run_folder(run: &RunFolder, models: &ModelTable) -> Result<RunRecord, RecordError> {
    let (found, problems) = read_attempts(run, &BTreeSet::new())?;
    record(&run.info()?, found, problems, models)
}

/// The same with the attempts of these tests alone: what one of many processes of a run knows of it.
///
/// # Errors
/// When the folder of a test cannot be listed or `run.json` not be read.
pub fn read_tests_of_run_folder<'a>(
    run: &RunFolder,
    tests: impl IntoIterator<Item = &'a str>,
    models: &ModelTable,
) -> Result<RunRecord, RecordError> {
    let (found, problems) = read_attempts_of(run, tests)?;
    record(&run.info()?, found, problems, models)
}

fn record(
    info: &RunInfo,
    mut found: Vec<Attempt>,
    problems: Vec<Problem>,
    models: &ModelTable,
) -> Result<RunRecord, RecordError> {
    found.sort_by_key(|attempt| (attempt.result.ordinal, attempt.result.attempt));
    let mut failed_before = BTreeSet::new();
    let mut attempts = Vec::with_capacity(found.len());
    for Attempt { folder, result, .. } in &found {
        let failed = failed_before.contains(&result.name);
        let labels: Vec<String> =
            result.metrics.iter().map(|row| label(&row.name).to_owned()).collect();
        attempts.extend(by_point(attempt(result, folder, failed, models), &labels, models));
        if matches!(result.outcome, Outcome::Failed(_)) {
            failed_before.insert(result.name.clone());
        }
    }
    let fact = |key: &str| found.iter().find_map(|it| it.result.facts.get(key).cloned());
    let asked = info.provenance.release.clone();
    // The embedded engine is no TensorRT-LLM, but it has a release, too.
    let release = asked
        .or_else(|| fact("trtllm_version"))
        .or_else(|| fact("engine_version"))
        .or_else(|| info.session.trtllm_version.clone());
    Ok(RunRecord {
        id: info.run_id.clone(),
        origin: Origin::RunFolder,
        started: info.started,
        ended: attempts.iter().map(|it| it.end).max(),
        prefix: info.prefix.clone(),
        release,
        facts: run_facts(info),
        attempts,
        problems,
    })
}

fn run_facts(info: &RunInfo) -> Facts {
    let (session, provenance) = (&info.session, &info.provenance);
    let words = |words: &[String]| Some(words.join(" ")).filter(|text| !text.is_empty());
    let known = [
        (Aspect::Node, Some(session.hostname.clone()).filter(|name| !name.is_empty())),
        (Aspect::Driver, session.nvidia_driver_version.clone()),
        (Aspect::Cuda, session.cuda_version.clone()),
        (Aspect::GpuVariant, session.device_subtype.clone()),
        (Aspect::Cpu, session.cpu_model.clone()),
        (Aspect::System, session.platform.clone()),
        (Aspect::EngineCommit, provenance.commit.clone()),
        (Aspect::Flow, provenance.flow.clone()),
        (Aspect::Harness, provenance.harness.clone()),
        (Aspect::List, words(&provenance.lists)),
        (Aspect::Flags, words(&provenance.flags)),
        (Aspect::Who, provenance.who.clone()),
    ];
    known.into_iter().filter_map(|(aspect, text)| Some((aspect, text?))).collect()
}

fn attempt(
    result: &AttemptResult,
    folder: &Path,
    failed_before: bool,
    models: &ModelTable,
) -> AttemptRecord {
    let ended = match &result.outcome {
        Outcome::Passed if failed_before => Ended::Flaky,
        Outcome::Passed => Ended::Passed,
        Outcome::Skipped(why) => Ended::Skipped(why.clone()),
        Outcome::Failed(failure) => {
            Ended::Failed { kind: failure.kind.word().to_owned(), message: failure.message.clone() }
        }
    };
    let samples = result.metrics.iter().map(|row| SampleRecord {
        metric: row.metric,
        value: row.value,
        limits: row.limits,
        state: result.steps[row.step].state(ended == Ended::Flaky),
    });
    let certificates = result.steps.iter().filter_map(|step| step.certificate.clone());
    let (machine_class, engine) = measured_on(result);
    AttemptRecord {
        case: CaseIdentity::of(&result.network_name, models),
        test_name: result.name.clone(),
        number: result.attempt,
        start: result.start,
        end: result.end,
        machine_class,
        engine,
        facts: attempt_facts(result, folder),
        samples: samples.collect(),
        certificate: certificates.max_by_key(|certificate| certificate.standing()),
        ended,
    }
}
