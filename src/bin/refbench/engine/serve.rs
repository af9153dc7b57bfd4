//! The serving loop: submit what the concurrency allows, compute an iteration, stamp, repeat.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::drag::Drag;
use super::request::{Completion, Request};
use super::scheduler::{Limits, Piece, Scheduler, blocks_for};
use crate::failure::Exception;
use crate::model::{Decoder, Row};
use crate::numeric::{BLOCK_TOKENS, KvCache};

/// A decoder with its cache and limits.
pub struct Engine {
    decoder: Decoder,
    cache: KvCache,
    limits: Limits,
    /// Generation ends at this token.
    eos: Option<u32>,
    /// Work for nothing, where the engine is slowed on purpose.
    drag: Option<Drag>,
}

/// What [`Engine::serve`] tells while it serves.
#[derive(Debug)]
pub enum Event<'a> {
    /// The last request has been submitted, so long (at least a nanosecond) after serving began.
    Submitted(Duration),
    /// An iteration is over.
    Iterated(&'a Iteration),
}

/// What one iteration did.
#[derive(Debug, Clone, Copy)]
pub struct Iteration {
    /// From 0.
    pub number: usize,
    /// Requests in flight, and submitted requests that wait.
    pub active: usize,
    pub waiting: usize,
    /// Requests of which tokens were computed.
    pub scheduled: usize,
    /// Requests with prompt tokens, those tokens, and requests that continued.
    pub prompts: usize,
    pub prompt_tokens: usize,
    pub generating: usize,
    /// Cache blocks, in all and free.
    pub blocks: usize,
    pub free_blocks: usize,
    /// Time of the iteration, and the part of it spent computing.
    pub host_time: Duration,
    pub compute_time: Duration,
}

impl Engine {
    /// An engine that ends a request also before its length is reached, at the token `eos`.
    pub fn new(decoder: Decoder, cache: KvCache, limits: Limits, eos: Option<u32>) -> Self {
        Self { decoder, cache, limits, eos, drag: None }
    }

    /// The same engine, slowed on purpose where there is a drag.
    #[must_use]
    pub fn dragged(self, drag: Option<Drag>) -> Self {
        Self { drag, ..self }
    }

    /// Bytes and tokens of the cache.
    pub fn cache_size(&self) -> (usize, usize) {
        (self.cache.bytes(), self.cache.blocks() * BLOCK_TOKENS)
    }

    /// Refuses requests that the engine could never serve.
    ///
    /// # Errors
    /// The first kind of misfit that was found, with the number of requests it concerns.
    pub fn check(&self, requests: &[Request]) -> Result<(), Exception> {
        let cache_tokens = self.cache.blocks() * BLOCK_TOKENS;
        let longest = |fits: &dyn Fn(&Request) -> bool| {
            let misfits = requests.iter().filter(|request| !fits(request));
            let count = misfits.clone().count();
            misfits.max_by_key(|request| request.sequence_len()).map(|request| (request, count))
        };
        let budget = self.limits.tokens;
        if !self.limits.chunked
            && let Some((request, count)) = longest(&|r| r.prompt.len() <= budget)
        {
            let isl = request.prompt.len();
            return Err(Exception::value(format!(
                "Requests failed: prompt length {isl} exceeds max_num_tokens {budget} with chunked context disabled \
                 ({count} requests)"
            )));
        }
        let blocks = self.cache.blocks();
        match longest(&|r| blocks_for(r.sequence_len()) <= blocks) {
            None => Ok(()),
            Some((request, count)) => Err(Exception::runtime(format!(
                "The amount of KV cache memory is insufficient to run this model: {count} requests need \
                 up to {} tokens, the cache holds {cache_tokens}.",
                request.sequence_len()
            ))),
        }
    }

    /// Serves `requests`, at most `concurrency` of them at a time, and returns them in order of completion.
    /// They must have passed [`Engine::check`]. `watch` is told of every event.
    pub fn serve(
        &mut self,
        requests: &[Request],
        concurrency: Option<usize>,
        streaming: bool,
        clock: &Clock,
        mut watch: impl FnMut(Event),
    ) -> Vec<Completion> {
        let mut scheduler = Scheduler::new(self.limits, self.cache.blocks());
        let mut backlog: VecDeque<usize> = (0..requests.len()).collect();
        let mut progress: Vec<Option<Completion>> = requests.iter().map(|_| None).collect();
        let mut done = Vec::with_capacity(requests.len());
        let mut submitted = 0;
        let serving = clock.now();
        for number in 0.. {
            let began = Instant::now();
            while concurrency.is_none_or(|slots| submitted - done.len() < slots)
                && let Some(id) = backlog.pop_front()
            {
                let request = &requests[id];
                let input_tokens = request.prompt.len();
                let start = clock.now();
                scheduler.submit(id, input_tokens, request.output_tokens);
                progress[id] = Some(Completion {
                    id,
                    input_tokens,
                    start,
                    first: None,
                    end: 0,
                    tokens: Vec::with_capacity(request.output_tokens),
                });
                submitted += 1;
                if backlog.is_empty() {
                    let took = (clock.now() - serving).max(1);
                    watch(Event::Submitted(Duration::from_nanos(took)));
                }
            }
            if scheduler.waiting() == 0 && scheduler.active().is_empty() {
                break;
            }
            let plan = scheduler.plan();
            let compute = Instant::now();
            let sampled = self.compute(&scheduler, &plan, requests, &progress);
            if let Some(drag) = &mut self.drag {
                drag.work(compute.elapsed());
            }
            let compute_time = compute.elapsed();

            let mut sampled = sampled.into_iter();
            for piece in &plan {
                scheduler.advance(piece);
                let id = scheduler.active()[piece.sequence].request;
                let token = if piece.sample { sampled.next() } else { None };
                if let (Some(token), Some(running)) = (token, progress[id].as_mut()) {
                    running.tokens.push(token);
                    if streaming && running.first.is_none() {
                        running.first = Some(clock.now());
                    }
                    let full = running.tokens.len() == requests[id].output_tokens;
                    if full || self.eos == Some(token) {
                        running.end = clock.now();
                        done.extend(progress[id].take());
                    }
                }
            }
            let active = scheduler.active().len();
            let free_blocks = scheduler.free_blocks();
            scheduler.retire(|id| progress[id].is_none());
            let prompts = plan.iter().filter(|piece| piece.prompt);
            watch(Event::Iterated(&Iteration {
                number,
                active,
                waiting: scheduler.waiting(),
                scheduled: plan.len(),
                prompts: prompts.clone().count(),
                prompt_tokens: prompts.map(|piece| piece.tokens).sum(),
                generating: plan.iter().filter(|piece| !piece.prompt).count(),
                blocks: self.cache.blocks(),
                free_blocks,
                host_time: began.elapsed(),
                compute_time,
            }));
        }
        done
    }

    /// Computes the pieces of `plan` and returns the new tokens of those that sample, in order.
    fn compute(
        &mut self,
        scheduler: &Scheduler,
        plan: &[Piece],
        requests: &[Request],
        progress: &[Option<Completion>],
    ) -> Vec<u32> {
        let mut rows = Vec::new();
        let mut prompt_rows = 0;
        for piece in plan {
            let sequence = &scheduler.active()[piece.sequence];
            let request = &requests[sequence.request];
            let generated = progress[sequence.request].as_ref().map_or(&[][..], |p| &p.tokens);
            let end = piece.start + piece.tokens;
            rows.extend((piece.start..end).map(|position| Row {
                token: match position.checked_sub(request.prompt.len()) {
                    None => request.prompt[position],
                    Some(nth) => generated[nth],
                },
                position,
                blocks: &sequence.blocks,
                adapter: request.adapter,
                sample: piece.sample && position + 1 == end,
            }));
            prompt_rows += if piece.prompt { piece.tokens } else { 0 };
        }
        self.decoder.forward(&rows, prompt_rows, &mut self.cache)
    }
}
