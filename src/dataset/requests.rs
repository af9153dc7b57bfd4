//! The requests of a data set in order, drawn the way upstream does it.

use super::lengths::{Length, LengthDraws};
use super::python_random::PythonRandom;
use super::sampler::Sampler;
use super::spec::NO_TASK;
use super::{DatasetError, Spec, TaskIds, TokenizerFacts};

/// One request.
pub(super) struct Request<'a> {
    /// Its place, from 0.
    pub(super) index: u64,
    pub(super) ids: &'a [u32],
    pub(super) output_tokens: u64,
    /// The LoRA task id, [`NO_TASK`] for none.
    pub(super) task_id: i64,
}

/// Asked before each request whether to draw no more; once it says so, it goes on saying so.
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// The [`Stop`] of those whom a signal ends by itself.
pub(super) const NEVER: Stop<'static> = &|| false;

/// A stream of requests.
pub(super) struct Requests<'a> {
    count: u64,
    next: u64,
    lengths: LengthDraws,
    sampler: Sampler,
    random: PythonRandom,
    tasks: Tasks,
    stop: Stop<'a>,
}

enum Tasks {
    Fixed(i64),
    Random { random: Box<PythonRandom>, low: i64, high: i64 },
}

impl<'a> Requests<'a> {
    /// The requests of a spec that has been checked. Task ids are left at [`NO_TASK`] unless `with_tasks`.
    ///
    /// # Errors
    /// When it was stopped: for random task ids all token ids are drawn here.
    pub(super) fn new(
        spec: &Spec,
        tokenizer: &TokenizerFacts,
        with_tasks: bool,
        stop: Stop<'a>,
    ) -> Result<Self, DatasetError> {
        let tasks = match spec.task_ids {
            TaskIds::Fixed(task) if with_tasks => Tasks::Fixed(task),
            TaskIds::Random { low, high } if with_tasks => {
                Tasks::Random { random: Box::new(after_all_ids(spec, tokenizer, stop)?), low, high }
            }
            _ => Tasks::Fixed(NO_TASK),
        };
        Ok(Self {
            count: spec.requests,
            next: 0,
            lengths: LengthDraws::new(spec),
            sampler: Sampler::new(*tokenizer),
            random: PythonRandom::new(spec.seed),
            tasks,
            stop,
        })
    }

    /// # Errors
    /// When it was stopped.
    pub(super) fn next_request(&mut self) -> Result<Option<Request<'_>>, DatasetError> {
        if self.next == self.count {
            return Ok(None);
        }
        if (self.stop)() {
            return Err(DatasetError::Stopped);
        }
        let index = self.next;
        self.next += 1;
        let Length { input, output: output_tokens } = self.lengths.draw();
        let task_id = match &mut self.tasks {
            Tasks::Fixed(task) => *task,
            Tasks::Random { random, low, high } => random.between(*low, *high),
        };
        let ids = self.sampler.draw(&mut self.random, input);
        Ok(Some(Request { index, ids, output_tokens, task_id }))
    }
}

/// The generator after the last token id. Upstream draws all task ids then; drawing the token ids twice
/// costs less than keeping them.
fn after_all_ids(
    spec: &Spec,
    tokenizer: &TokenizerFacts,
    stop: Stop<'_>,
) -> Result<PythonRandom, DatasetError> {
    let mut requests = Requests::new(spec, tokenizer, false, stop)?;
    while requests.next_request()?.is_some() {}
    Ok(requests.random)
}
