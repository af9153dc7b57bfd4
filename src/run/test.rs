//! A prepared line as a libtest trial: run, judged by its markers, recorded, told to libtest.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use libtest_mimic::{Completion, Failed};

use super::earlier::Last;
use super::open::OpenWorld;
use super::prepare::{Body, Prepared, Ready};
use crate::logs;
use crate::plan::{self, DryRun, Fault};
use crate::progress::Live;
use crate::record::result::{AttemptResult, Failure, FailureKind, Outcome, StepRecord};
use crate::record::{RecordError, Started};
use crate::sample::Standing;
use crate::trial;

impl Prepared {
    /// The trial that runs.
    pub fn into_trial(self, world: &Arc<OpenWorld>) -> libtest_mimic::Trial {
        let world = Arc::clone(world);
        let ignored = self.is_ignored();
        libtest_mimic::Trial::ignorable_test(self.name.clone(), move || self.run(&world))
            .with_ignored_flag(ignored)
    }

    fn run(self, world: &OpenWorld) -> Result<Completion, Failed> {
        if let Some(reason) = world.stopped() {
            return Ok(Completion::ignored_with(reason));
        }
        match &self.body {
            Body::Ready(ready) | Body::Ignored { ready: Some(ready), .. } => {
                let live = world.stage.board.begin(&self.name);
                let done = self.attempts(ready, world, &live);
                live.end();
                done
            }
            Body::Ignored { reason, ready: None } => Ok(Completion::ignored_with(reason.clone())),
            Body::Broken(failure) => {
                world.stage.board.pass_over();
                let result = self.result(&world.stage, Outcome::Failed(failure.clone()));
                self.conclude(world, result)
            }
            Body::Done { last, ready } => self.stands(last, ready.as_deref(), world),
        }
    }

    /// Attempts until one passes or there are no more.
    fn attempts(
        &self,
        ready: &Ready,
        world: &OpenWorld,
        live: &Live,
    ) -> Result<Completion, Failed> {
        for attempt in self.attempt..self.attempt + self.retries {
            let result = self.attempt(ready, world, attempt, live)?;
            let failure = match &result.outcome {
                Outcome::Failed(failure) if self.tolerated.is_none() => failure,
                _ => return self.conclude(world, result),
            };
            if world.stopped().is_some() {
                return self.conclude(world, result);
            }
            world.record(&result).map_err(|error| not_recorded(&error, Some(failure)))?;
            self.note(world, &format!("attempt {attempt} failed; trying again"));
        }
        let result = self.attempt(ready, world, self.attempt + self.retries, live)?;
        self.conclude(world, result)
    }

    fn attempt(
        &self,
        ready: &Ready,
        world: &OpenWorld,
        attempt: u32,
        live: &Live,
    ) -> Result<AttemptResult, Failed> {
        live.attempt();
        let trial = self.trial(ready, attempt, live);
        let run = |context: &plan::Context<'_>| trial::run(&trial, context, &world.stage);
        let ran = world.world.with_context(ready.engine, run);
        ran.map_err(|error| not_recorded(&error, None))
    }

    /// What runs it once.
    pub(super) fn trial<'a>(
        &self,
        ready: &'a Ready,
        attempt: u32,
        live: &'a Live,
    ) -> trial::Trial<'a> {
        trial::Trial {
            case: &ready.case,
            engine: ready.engine,
            raw_label: &ready.raw_label,
            ordinal: self.ordinal,
            line: self.line.clone(),
            origin: self.origin.clone(),
            attempt,
            limit: self.limit,
            live,
            silences: self.silences,
            lease: None,
        }
    }

    /// A remark on the trial while trials run.
    fn note(&self, world: &OpenWorld, remark: &str) {
        world.stage.board.say(&format!("note: {}: {remark}", self.name));
    }

    /// A result of the run that is gone on with counts as it was.
    fn stands(
        &self,
        last: &Last,
        ready: Option<&Ready>,
        world: &OpenWorld,
    ) -> Result<Completion, Failed> {
        world.ran.fetch_add(1, Ordering::SeqCst);
        if let Some(ready) = ready
            && let Some(change) = self.changed(last, ready, world)
        {
            self.note(world, &format!("{change} since its result of this run"));
        }
        match &last.outcome {
            Outcome::Failed(failure) => Err(format!(
                "failed in attempt {}, --failed runs it again: {}",
                last.attempt, failure.message
            )
            .into()),
            Outcome::Passed => Ok(Completion::ignored_with("passed before in this run")),
            Outcome::Skipped(reason) => Ok(Completion::ignored_with(reason.clone())),
        }
    }

    /// What of the plan is different from the one that the attempt had.
    fn changed(&self, last: &Last, ready: &Ready, world: &OpenWorld) -> Option<String> {
        let path = last.folder.join("plan.json");
        let kept = fs::read(&path).map_err(|error| error.to_string()).and_then(|text| {
            serde_json::from_slice::<Started>(&text).map_err(|error| error.to_string())
        });
        let kept = match kept {
            Ok(kept) => kept,
            Err(error) => {
                return Some(format!(
                    "its plan may have changed (read {}: {error})",
                    path.display()
                ));
            }
        };
        let cwd = kept.plan["steps"][0]["cwd"].as_str().unwrap_or_default();
        let planned =
            world.world.with_context(ready.engine, |context| plan::plan(&ready.case, cwd, context));
        let (planned, fault) = match planned {
            Ok(plan) => (Some(plan), None),
            Err(error) => (None, Some(Fault::from(&error))),
        };
        let planned = planned.as_ref().map(|plan| (plan, cwd));
        let now = DryRun::new(self.line.clone(), Some(&ready.case), planned, fault);
        let now = serde_json::to_value(now).unwrap_or_default();
        let keys = ["timeout_s", "config", "engine_config", "metrics"];
        let changed: Vec<_> = keys.into_iter().filter(|key| now[key] != kept.plan[key]).collect();
        (!changed.is_empty()).then(|| format!("{} changed", changed.join(", ")))
    }

    /// Records a result, in the light of the line's markers, and says it to libtest.
    fn conclude(&self, world: &OpenWorld, mut result: AttemptResult) -> Result<Completion, Failed> {
        let failure = match &result.outcome {
            Outcome::Failed(failure) => Some(failure.clone()),
            _ => None,
        };
        if let Some(failure) = &failure
            && world.stage.interrupt.is_raised()
        {
            // What was cut short is no result, so that `--resume` runs it again.
            return Err(Failed::from(text_of(failure)));
        }
        let ignored = |failure: &Failure| {
            let surroundings = failure.kind == FailureKind::Unmeasurable && only_gpus(&result);
            (surroundings && world.ignore_unmeasurable)
                .then(|| FailureKind::Unmeasurable.word().to_owned())
        };
        let tolerated = self.tolerated.clone().or_else(|| failure.as_ref().and_then(ignored));
        match (&tolerated, &failure) {
            (Some(marker), Some(failure)) => {
                result.problems.push(failure.details.clone());
                result.outcome = Outcome::Skipped(format!("{marker}: {}", failure.message));
            }
            (Some(marker), None) if self.must_fail => {
                let remark = format!("expected to fail and passed ({marker}); take the marker off");
                self.note(world, &remark);
                result.problems.push(remark);
            }
            _ => {}
        }
        if failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Io) {
            world.io_error();
        }
        world.record(&result).map_err(|error| not_recorded(&error, failure.as_ref()))?;
        match (result.outcome, failure) {
            (Outcome::Skipped(reason), _) => Ok(Completion::ignored_with(reason)),
            (_, Some(failure)) => Err(Failed::from(text_of(&failure))),
            _ => Ok(Completion::Completed),
        }
    }
}

/// Whether it was the GPUs alone that spoilt the numbers: a program that reports too few of them is not excused.
fn only_gpus(result: &AttemptResult) -> bool {
    let spoilt: Vec<&StepRecord> = result.steps.iter().filter(|step| step.unmeasurable).collect();
    let of_gpus = |step: &&StepRecord| {
        let certificate = step.certificate.as_ref();
        certificate.is_some_and(|it| it.with(Standing::Invalid).all(|it| it.check.is_of_gpus()))
    };
    !spoilt.is_empty() && spoilt.iter().all(of_gpus)
}

/// A result that is in no record: what is known of it must be said here.
fn not_recorded(error: &RecordError, failure: Option<&Failure>) -> Failed {
    let mut text = format!("{}: {error}", FailureKind::Io.word());
    if matches!(error, RecordError::File { .. }) {
        text.push_str("\n  hint: free disk space, or name another --output-dir");
    }
    if let Some(failure) = failure {
        text.push_str(&format!("\n{}", text_of(failure)));
    }
    Failed::from(text)
}

/// A failure as libtest prints it below the list of tests, where the lines of logs must not steer a terminal.
fn text_of(failure: &Failure) -> String {
    let mut text = format!("{}: {}", failure.kind.word(), failure.message);
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("\n  hint: {hint}"));
    }
    if !failure.details.is_empty() {
        text.push_str(&format!("\n{}", failure.details));
    }
    text.lines().map(logs::shown).collect::<Vec<_>>().join("\n")
}
