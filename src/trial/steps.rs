//! Running one step and recording how it ended.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;

use super::files::io_failure;
use super::outcome;
use super::{Attempt, Stage};
use crate::case::Engine;
use crate::dataset::{self, DatasetError, TokenizerFacts};
use crate::logs::FatalWatch;
use crate::plan::StepKind;
use crate::process::{self, Ended, Fatal, ProcessError, Progress, StepEnd, Watch};
use crate::progress::Board;
use crate::record::result::{Failure, GpuColumns, Outcome, StepRecord};

impl Attempt<'_> {
    /// Runs a step; whether it succeeded.
    pub(super) fn run_step(&mut self, step: usize) -> bool {
        let kind = self.plan.steps[step].kind.word();
        if self.stage.show_commands {
            let argv = self.plan.steps[step].argv.join(" ");
            self.stage.board.say(&format!("  {kind}: {argv}"));
        }
        self.trial.live.step(kind, self.trial.limit);
        let ran = match &self.plan.steps[step].kind {
            StepKind::Dataset { native: Some((spec, tokenizer)), file } => {
                let (spec, tokenizer, file) = (spec.clone(), tokenizer.clone(), file.clone());
                self.make_dataset(step, &spec, &tokenizer, Path::new(&file))
            }
            _ => self.run_program(step),
        };
        match ran {
            Ok(()) => true,
            Err(failure) => {
                self.result.outcome = Outcome::Failed(failure);
                false
            }
        }
    }

    /// The data-set step done by the harness itself, from its cache where it can.
    fn make_dataset(
        &mut self,
        step: usize,
        spec: &dataset::Spec,
        tokenizer: &str,
        file: &Path,
    ) -> Result<(), Failure> {
        let (start, clock) = (Timestamp::now(), Instant::now());
        let Stage { interrupt, datasets, .. } = self.stage;
        let limit = self.trial.limit;
        let over = || limit.is_some_and(|limit| clock.elapsed() >= limit);
        let placed = self.tokenizer(tokenizer).and_then(|facts| {
            datasets.materialize(spec, &facts, file, &|| interrupt.is_raised() || over())
        });
        let (ended, placed) = match placed {
            Ok(placed) => (Ended::Success.to_string(), Ok(placed)),
            Err(DatasetError::Stopped) => {
                let ended = match limit {
                    Some(limit) if !interrupt.is_raised() => Ended::TimedOut { limit },
                    _ => Ended::Interrupted,
                };
                let kind = self.plan.steps[step].kind.word();
                (ended.to_string(), Err(outcome::stopped(kind, &ended)))
            }
            Err(error) => ("failed".to_owned(), Err(outcome::dataset_failure(&error))),
        };
        self.record(step, start, Timestamp::now(), ended, None);
        let placed = placed?;
        self.result.facts.insert("dataset_tool".to_owned(), "native".to_owned());
        self.result.facts.insert("dataset_sha256".to_owned(), placed.sha256);
        Ok(())
    }

    fn tokenizer(&self, dir: &str) -> Result<TokenizerFacts, DatasetError> {
        let mut known =
            self.stage.tokenizers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(facts) = known.get(dir) {
            return Ok(*facts);
        }
        let facts = TokenizerFacts::read(Path::new(dir))?;
        known.insert(dir.to_owned(), facts);
        Ok(facts)
    }

    fn run_program(&mut self, step: usize) -> Result<(), Failure> {
        let log = self.log_path(step);
        self.remove_stale_report(step)
            .map_err(|error| io_failure("remove the old report in", &self.work_dir, &error))?;
        self.take_gpus(step)?;
        let planned = &self.plan.steps[step];
        let wanted = process::Step {
            argv: planned.argv.clone(),
            cwd: self.work_dir.clone(),
            env: self.step_environment(step),
            log: log.clone(),
            stdout: planned.stdout.as_ref().map(Into::into),
            limit: self.trial.limit,
            grace: process::Step::GRACE,
            frame: self.clock_frame(step)?,
        };
        let mut echo = self.stage.show_steps.then(|| Echo::new(&log, &self.stage.board));
        let mut fatal = FatalWatch::default();
        let lookout = self.watch(step);
        let active = || lookout.is_active();
        let mut progress = |progress: &Progress<'_>| {
            echo.iter_mut().for_each(Echo::pass_on);
            self.trial.live.tick(progress);
        };
        let watch = Watch {
            stall: self.trial.silences.of(&self.plan.steps[step].kind).watch(&active),
            fatal: Some(Fatal { is_fatal: &mut |line| fatal.is_fatal(line), grace: Fatal::GRACE }),
            held: self.lease_locks(),
            progress: Some(&mut progress),
        };
        let ran = process::run(&wanted, watch, &self.stage.supervisor, &self.stage.interrupt);
        echo.into_iter().for_each(Echo::finish);
        let seen = lookout.end();
        let end = match ran {
            Ok(end) => end,
            Err(error) => {
                if matches!(error, ProcessError::SupervisorLost { .. } | ProcessError::Link(_)) {
                    // It gives no clocks back, and something of the step may be left on the GPUs.
                    self.unlock_clocks();
                    self.release_gpus(step, seen);
                }
                return Err(outcome::not_started(&error));
            }
        };
        self.record(step, end.start, end.end, end.ended.to_string(), Some(&log));
        self.note_leftovers(step, &end);
        self.release_gpus(step, seen);
        match end.ended {
            Ended::Success => Ok(()),
            ended => {
                Err(outcome::step_failure(self.plan.steps[step].kind.word(), &ended, &wanted, &log))
            }
        }
    }

    /// What a step gets besides the environment of the harness.
    fn step_environment(&self, step: usize) -> Vec<(String, String)> {
        let benchmark = matches!(self.plan.steps[step].kind, StepKind::Bench { .. })
            && self.trial.engine == Engine::TrtllmBench;
        let path = self.stage.library_path.clone().filter(|_| benchmark);
        let path = path.map(|path| ("LD_LIBRARY_PATH".to_owned(), path));
        let devices = self.visible_devices(step);
        let devices = devices.map(|devices| ("CUDA_VISIBLE_DEVICES".to_owned(), devices));
        path.into_iter().chain(devices).chain(self.stage.environment.clone()).collect()
    }

    fn note_leftovers(&mut self, step: usize, end: &StepEnd) {
        let kind = self.plan.steps[step].kind.word();
        for left in &end.leftovers {
            self.result
                .problems
                .push(format!("{kind} left process {} behind, ended: {}", left.pid, left.command));
        }
        if end.not_undone {
            let remark = "the clocks of its GPUs may be locked still; its log says why";
            self.stage.board.say(&format!("warning: {kind}: {remark}"));
            self.result.problems.push(format!("{kind}: {remark}"));
        }
        for survivor in &end.survivors {
            self.result.problems.push(format!(
                "{kind}: process {} could not be ended: {}",
                survivor.pid, survivor.command
            ));
        }
    }

    fn record(
        &mut self,
        step: usize,
        start: Timestamp,
        end: Timestamp,
        ended: String,
        log: Option<&Path>,
    ) {
        let planned = &self.plan.steps[step];
        let record = StepRecord {
            kind: planned.kind.word().to_owned(),
            argv: planned.argv.clone(),
            start,
            end,
            ended,
            unmeasurable: false,
            certificate: None,
            log: log.map(|log| self.relative(log)),
            gpu: GpuColumns {
                device_subtype: match self.trial.engine {
                    Engine::TrtllmBench => self.stage.device_subtype.clone(),
                    Engine::Refbench => None,
                },
                ..GpuColumns::default()
            },
        };
        self.result.steps.push(record);
    }
}

/// Passes a growing log on to stderr.
struct Echo<'a> {
    log: io::Result<File>,
    board: &'a Board,
    /// A line whose end is not there yet; lines that live stand only below whole ones.
    rest: Vec<u8>,
}

impl<'a> Echo<'a> {
    fn new(log: &Path, board: &'a Board) -> Self {
        // The log may not be there yet; it is made here, and the step appends to it.
        let log = File::options().read(true).append(true).create(true).open(log);
        Self { log, board, rest: Vec::new() }
    }

    fn pass_on(&mut self) {
        let Ok(log) = &mut self.log else { return };
        let mut new = mem::take(&mut self.rest);
        // What cannot be shown is still in the log.
        if log.read_to_end(&mut new).is_ok() {
            let whole = match self.board.is_live() {
                true => new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
                false => new.len(),
            };
            self.rest = new.split_off(whole);
            self.show(&new);
        }
    }

    /// Passes on what is left.
    fn finish(mut self) {
        self.pass_on();
        let mut rest = mem::take(&mut self.rest);
        if !rest.is_empty() {
            rest.push(b'\n');
            self.show(&rest);
        }
    }

    fn show(&self, lines: &[u8]) {
        if !lines.is_empty() {
            self.board.write(lines);
        }
    }
}
