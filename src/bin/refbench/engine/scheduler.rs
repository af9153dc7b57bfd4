//! The iteration scheduler: in-flight batching under limits on requests, tokens and cache blocks.
//!
//! Policy "guaranteed no evict": a request is admitted, first come first served, only when blocks for its whole
//! sequence are free, so no running request ever has to give its blocks up. Each iteration first continues every
//! request that is generating (one token each), then spends what is left of the token budget on prompts.

use std::collections::VecDeque;

use crate::numeric::BLOCK_TOKENS;

/// Limits of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests in flight (`max_batch_size`).
    pub requests: usize,
    /// Tokens an iteration (`max_num_tokens`).
    pub tokens: usize,
    /// Whether a prompt may be computed in several iterations.
    pub chunked: bool,
}

impl Limits {
    /// Requests that can be in flight: never more than tokens of an iteration, so that every generating
    /// request moves on in each iteration and a prompt among them always finds room for a token.
    pub fn in_flight(&self) -> usize {
        self.requests.min(self.tokens)
    }
}

/// Cache blocks that a sequence of `tokens` needs.
pub fn blocks_for(tokens: usize) -> usize {
    tokens.div_ceil(BLOCK_TOKENS)
}

/// A request on its way.
#[derive(Debug)]
pub struct Sequence {
    /// Which request.
    pub request: usize,
    /// Its cache blocks; empty while it waits.
    pub blocks: Vec<u32>,
    prompt: usize,
    total: usize,
    /// Tokens whose keys and values are stored.
    computed: usize,
}

/// A run of tokens of one sequence to compute in this iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Index into [`Scheduler::active`].
    pub sequence: usize,
    /// Position of the first token.
    pub start: usize,
    /// Tokens.
    pub tokens: usize,
    /// Whether these are prompt tokens.
    pub prompt: bool,
    /// Whether the last of them yields a new token.
    pub sample: bool,
}

/// Requests waiting and in flight, and the free cache blocks.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    free: Vec<u32>,
    waiting: VecDeque<Sequence>,
    active: Vec<Sequence>,
}

impl Scheduler {
    /// A scheduler over `blocks` cache blocks.
    pub fn new(limits: Limits, blocks: usize) -> Self {
        Self {
            limits,
            free: (0..blocks as u32).rev().collect(),
            waiting: VecDeque::new(),
            active: Vec::new(),
        }
    }

    /// Puts a request at the end of the queue. It must fit the cache, and its prompt the token budget unless
    /// chunking is on: otherwise it would wait for ever.
    pub fn submit(&mut self, request: usize, prompt: usize, output: usize) {
        let total = prompt + output;
        self.waiting.push_back(Sequence {
            request,
            blocks: Vec::new(),
            prompt,
            total,
            computed: 0,
        });
    }

    /// The work of the next iteration: prompt pieces first, then one token of each generating sequence.
    pub fn plan(&mut self) -> Vec<Piece> {
        let next: Vec<Piece> = (0..self.active.len())
            .filter(|&index| self.active[index].computed >= self.active[index].prompt)
            .map(|index| Piece {
                sequence: index,
                start: self.active[index].computed,
                tokens: 1,
                prompt: false,
                sample: true,
            })
            .collect();
        let mut budget = self.limits.tokens - next.len();
        let mut pieces = Vec::new();
        for index in 0..self.active.len() {
            pieces.extend(self.prompt_piece(index, &mut budget));
        }
        while budget > 0 && self.admit(budget) {
            pieces.extend(self.prompt_piece(self.active.len() - 1, &mut budget));
        }
        pieces.extend(next);
        pieces
    }

    fn prompt_piece(&self, index: usize, budget: &mut usize) -> Option<Piece> {
        let Sequence { prompt, computed, .. } = self.active[index];
        let missing = prompt.saturating_sub(computed);
        let tokens = missing.min(*budget);
        if tokens == 0 || (tokens < missing && !self.limits.chunked) {
            return None;
        }
        *budget -= tokens;
        let sample = tokens == missing;
        Some(Piece { sequence: index, start: computed, tokens, prompt: true, sample })
    }

    /// Takes the first waiting request in, if there is room for all of it.
    fn admit(&mut self, budget: usize) -> bool {
        let Some(first) = self.waiting.front() else { return false };
        let blocks = blocks_for(first.total);
        let fits_budget = self.limits.chunked || first.prompt <= budget;
        if self.active.len() >= self.limits.in_flight() || blocks > self.free.len() || !fits_budget
        {
            return false;
        }
        let rest = self.free.len() - blocks;
        let blocks = self.free.split_off(rest);
        self.active.extend(self.waiting.pop_front().map(|first| Sequence { blocks, ..first }));
        true
    }

    /// Notes that `piece` has been computed.
    pub fn advance(&mut self, piece: &Piece) {
        self.active[piece.sequence].computed += piece.tokens;
    }

    /// Retires the sequences for which `done(request)` holds and frees their blocks.
    pub fn retire(&mut self, done: impl Fn(usize) -> bool) {
        for index in (0..self.active.len()).rev() {
            if done(self.active[index].request) {
                let sequence = self.active.remove(index);
                self.free.extend(sequence.blocks);
            }
        }
    }

    /// Sequences in flight, in order of admission.
    pub fn active(&self) -> &[Sequence] {
        &self.active
    }

    /// Requests in the queue.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Free cache blocks.
    pub fn free_blocks(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn limits(requests: usize, tokens: usize, chunked: bool) -> Limits {
        Limits { requests, tokens, chunked }
    }

    /// Runs every request to its end and returns the plans, checking each iteration against the limits.
    fn run(limits: Limits, blocks: usize, requests: &[(usize, usize)]) -> Vec<Vec<Piece>> {
        let mut scheduler = Scheduler::new(limits, blocks);
        for (index, &(prompt, output)) in requests.iter().enumerate() {
            scheduler.submit(index, prompt, output);
        }
        let mut generated: HashMap<usize, usize> = HashMap::new();
        let mut plans = Vec::new();
        while scheduler.waiting() > 0 || !scheduler.active().is_empty() {
            let plan = scheduler.plan();
            assert!(!plan.is_empty(), "an iteration without work would never end");
            assert!(plan.iter().map(|piece| piece.tokens).sum::<usize>() <= limits.tokens);
            assert!(scheduler.active().len() <= limits.requests);
            let held: usize = scheduler.active().iter().map(|s| s.blocks.len()).sum();
            assert_eq!(held + scheduler.free_blocks(), blocks);
            for piece in &plan {
                let sequence = &scheduler.active()[piece.sequence];
                assert_eq!(piece.start, sequence.computed);
                let request = sequence.request;
                scheduler.advance(piece);
                *generated.entry(request).or_default() += usize::from(piece.sample);
            }
            scheduler.retire(|request| generated.get(&request) == Some(&requests[request].1));
            plans.push(plan);
        }
        assert_eq!(scheduler.free_blocks(), blocks);
        assert!(requests.iter().enumerate().all(|(i, r)| generated[&i] == r.1));
        plans
    }

    #[test]
    fn a_long_prompt_is_chunked_to_the_token_budget() {
        let plans = run(limits(4, 10, true), 8, &[(25, 2)]);
        let tokens: Vec<_> = plans.iter().map(|plan| (plan[0].tokens, plan[0].sample)).collect();
        assert_eq!(tokens, [(10, false), (10, false), (5, true), (1, true)]);
    }

    #[test]
    fn without_chunking_a_prompt_waits_for_room() {
        let plans = run(limits(4, 10, false), 8, &[(8, 3), (8, 1)]);
        let first: Vec<_> = plans[0].iter().map(|piece| piece.sequence).collect();
        assert_eq!((first, plans[1].len()), (vec![0], 2));
        assert_eq!(plans[1][0].tokens, 8);
    }

    #[test]
    fn requests_beyond_the_batch_size_wait_for_a_place() {
        let plans = run(limits(2, 100, true), 100, &[(4, 3), (4, 3), (4, 3)]);
        assert_eq!(plans.len(), 6);
        assert!(plans.iter().all(|plan| plan.len() <= 2));
    }

    #[test]
    fn requests_beyond_the_cache_wait_for_blocks() {
        // Two blocks a request, three blocks in all: one at a time.
        let plans = run(limits(8, 100, true), 3, &[(40, 2), (40, 2)]);
        assert_eq!(plans.len(), 4);
        assert!(plans.iter().all(|plan| plan.len() == 1));
    }

    proptest! {
        #[test]
        fn every_request_is_served_within_the_limits(
            requests in prop::collection::vec((1usize..80, 1usize..20), 1..12),
            batch in 1usize..6, tokens in 1usize..90, chunked: bool, spare in 0usize..6,
        ) {
            let tokens = if chunked { tokens } else { tokens.max(100) };
            let largest = requests.iter().map(|(i, o)| blocks_for(i + o)).max().unwrap_or(0);
            run(limits(batch, tokens, chunked), largest + spare, &requests);
        }
    }
}
