//! Token ids of one request: `random.sample` and `random.choices` over the vocabulary, without EOS.

use super::TokenizerFacts;
use super::python_random::PythonRandom;

/// Draws the ids of request after request; its tables are kept between requests.
pub(super) struct Sampler {
    tokenizer: TokenizerFacts,
    /// The ids of the request drawn last.
    ids: Vec<u32>,
    /// A bit an id, for as many ids as a draw of the vocabulary's bits can give.
    seen: Vec<u64>,
    /// The ids not yet drawn, where the vocabulary is small against the request.
    pool: Vec<u32>,
}

impl Sampler {
    pub(super) fn new(tokenizer: TokenizerFacts) -> Self {
        let bits = u32::BITS - tokenizer.vocab_size.leading_zeros();
        let seen = vec![0; (1_usize << bits).div_ceil(64)];
        Self { tokenizer, ids: Vec::new(), seen, pool: Vec::new() }
    }

    /// `length` ids: distinct ones while the vocabulary has enough, else with repetitions; where EOS
    /// was drawn, its successor stands in its place.
    pub(super) fn draw(&mut self, random: &mut PythonRandom, length: usize) -> &[u32] {
        let vocab = self.tokenizer.vocab_size;
        if length >= vocab as usize {
            self.choose(random, length);
        } else if u64::from(vocab) <= pool_limit(length as u64) {
            self.draw_from_pool(random, length);
        } else {
            self.draw_unseen(random, length);
        }
        let eos = self.tokenizer.eos_id;
        if eos < vocab {
            for id in self.ids.iter_mut().filter(|id| **id == eos) {
                *id = (eos + 1) % vocab;
            }
        }
        &self.ids
    }

    /// `random.choices(range(vocab), k=length)`
    fn choose(&mut self, random: &mut PythonRandom, length: usize) {
        let vocab = f64::from(self.tokenizer.vocab_size);
        self.ids.clear();
        self.ids.extend((0..length).map(|_| (random.unit() * vocab) as u32));
    }

    /// `random.sample` where it takes from a shrinking list.
    fn draw_from_pool(&mut self, random: &mut PythonRandom, length: usize) {
        self.pool.clear();
        self.pool.extend(0..self.tokenizer.vocab_size);
        self.ids.clear();
        for _ in 0..length {
            let at = random.below(self.pool.len() as u64) as usize;
            self.ids.push(self.pool.swap_remove(at));
        }
    }

    /// `random.sample` where it draws until the id is a new one.
    ///
    /// The hot loop of every realistic data set, so without a branch on what was drawn: each draw is
    /// written down, and the place moves on when the id was new. Draws beyond the vocabulary, which
    /// Python throws away as well, are marked as seen from the start.
    fn draw_unseen(&mut self, random: &mut PythonRandom, length: usize) {
        let vocab = self.tokenizer.vocab_size;
        self.seen.fill(0);
        let last = (vocab / 64) as usize;
        self.seen[last] = u64::MAX << (vocab % 64);
        self.seen[last + 1..].fill(u64::MAX);
        self.ids.resize(length, 0);
        let shift = vocab.leading_zeros();
        let mut drawn = 0;
        while drawn < length {
            let id = random.word() >> shift;
            let word = &mut self.seen[(id / 64) as usize];
            let bit = id % 64;
            self.ids[drawn] = id;
            drawn += (!*word >> bit & 1) as usize;
            *word |= 1 << bit;
        }
    }
}

/// The largest population from which `random.sample` takes `length` by the pool method.
fn pool_limit(length: u64) -> u64 {
    if length <= 5 {
        return 21;
    }
    let mut table = 1;
    while table < 3 * length {
        table *= 4;
    }
    21 + table
}
