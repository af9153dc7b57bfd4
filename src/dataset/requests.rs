//! The requests of a data set in order, drawn the way upstream does it.

use super::lengths::{Length, LengthDraws};
use super::python_random::PythonRandom;
use super::sampler::Sampler;
use super::spec::NO_TASK;
use super::{Spec, TaskIds, TokenizerFacts};

/// One request.
pub(super) struct Request<'a> {
    /// Its place, from 0.
    pub(super) index: u64,
    pub(super) ids: &'a [u32],
    pub(super) output_tokens: u64,
    /// The LoRA task id, [`NO_TASK`] for none.
    pub(super) task_id: i64,
}

/// A stream of requests.
pub(super) struct Requests {
    count: u64,
    next: u64,
    lengths: LengthDraws,
    sampler: Sampler,
    random: PythonRandom,
    tasks: Tasks,
}

enum Tasks {
    Fixed(i64),
    Random { random: Box<PythonRandom>, low: i64, high: i64 },
}

impl Requests {
    /// The requests of a spec that has been checked. Task ids are left at [`NO_TASK`] unless `with_tasks`.
    pub(super) fn new(spec: &Spec, tokenizer: &TokenizerFacts, with_tasks: bool) -> Self {
        let tasks = match spec.task_ids {
            TaskIds::Fixed(task) if with_tasks => Tasks::Fixed(task),
            TaskIds::Random { low, high } if with_tasks => {
                Tasks::Random { random: Box::new(after_all_ids(spec, tokenizer)), low, high }
            }
            _ => Tasks::Fixed(NO_TASK),
        };
        Self {
            count: spec.requests,
            next: 0,
            lengths: LengthDraws::new(spec),
            sampler: Sampler::new(*tokenizer),
            random: PythonRandom::new(spec.seed),
            tasks,
        }
    }

    pub(super) fn next_request(&mut self) -> Option<Request<'_>> {
        if self.next == self.count {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let Length { input, output: output_tokens } = self.lengths.draw();
        let task_id = match &mut self.tasks {
            Tasks::Fixed(task) => *task,
            Tasks::Random { random, low, high } => random.between(*low, *high),
        };
        let ids = self.sampler.draw(&mut self.random, input);
        Some(Request { index, ids, output_tokens, task_id })
    }
}

/// The generator after the last token id. Upstream draws all task ids then; drawing the token ids twice
/// costs less than keeping them.
fn after_all_ids(spec: &Spec, tokenizer: &TokenizerFacts) -> PythonRandom {
    let mut requests = Requests::new(spec, tokenizer, false);
    while requests.next_request().is_some() {}
    requests.random
}
