//! Causal grouped-query attention of one token over the cache.

use super::activation::softmax;
use super::kv_cache::{BLOCK_TOKENS, KvCache};
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, has_avx2};
use super::simd::{Lanes, Portable};

/// The token that asks: where its sequence's keys and values are, and how far it may look.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Layer of the cache.
    pub layer: usize,
    /// Blocks of the sequence.
    pub blocks: &'a [u32],
    /// Position of the token, from 0. Its own key and value must already be stored.
    pub position: usize,
}

/// `out = Σ softmax(q·k / √d) v` over the positions up to that of `place`, for every query head of `query`.
/// Consecutive query heads share a key/value head. `scores` is scratch space.
pub fn attend(
    cache: &KvCache,
    place: Place,
    query: &[f32],
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn wide(
            cache: &KvCache,
            place: Place,
            query: &[f32],
            scores: &mut Vec<f32>,
            out: &mut [f32],
        ) {
            heads::<Avx2>(cache, place, query, scores, out);
        }
        if has_avx2() {
            // SAFETY: the processor has the features, as was just asked.
            return unsafe { wide(cache, place, query, scores, out) };
        }
    }
    heads::<Portable>(cache, place, query, scores, out);
}

#[inline(always)]
fn heads<L: Lanes>(
    cache: &KvCache,
    place: Place,
    query: &[f32],
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    let dim = cache.head_dim();
    let group = query.len() / dim / cache.kv_heads();
    let scale = 1.0 / (dim as f32).sqrt();
    let tokens = place.position + 1;
    let blocks = &place.blocks[..tokens.div_ceil(BLOCK_TOKENS)];
    for head in 0..query.len() / dim {
        let of_head = head * dim..(head + 1) * dim;
        scores.clear();
        for &block in blocks {
            let keys = cache.keys(place.layer, block, head / group);
            scores.extend_from_slice(&block_scores::<L>(&query[of_head.clone()], keys, scale));
        }
        // Slots beyond the last token hold old values.
        scores.truncate(tokens);
        softmax(scores);
        let values = Values { cache, layer: place.layer, blocks, head: head / group };
        let out = &mut out[of_head];
        let mut at = 0;
        while at < dim {
            at += match dim - at {
                32.. => values.sum::<L, 4>(scores, at, out),
                8.. => values.sum::<L, 1>(scores, at, out),
                _ => values.sum_one::<L>(scores, at, out),
            };
        }
    }
}

/// `q·k · scale` of every slot of a block.
#[inline(always)]
fn block_scores<L: Lanes>(query: &[f32], keys: &[f32], scale: f32) -> [f32; BLOCK_TOKENS] {
    const PARTS: usize = BLOCK_TOKENS / 8;
    let mut sums = [L::zero(); PARTS];
    let (keys, _) = keys.as_chunks::<BLOCK_TOKENS>();
    for (&q, keys) in query.iter().zip(keys) {
        let q = L::splat(q);
        let (keys, _) = keys.as_chunks::<8>();
        for part in 0..PARTS {
            sums[part] = sums[part].plus(q, L::load(&keys[part]));
        }
    }
    let mut scores = [0.0; BLOCK_TOKENS];
    let (parts, _) = scores.as_chunks_mut::<8>();
    for part in 0..PARTS {
        parts[part] = L::zero().plus(sums[part], L::splat(scale)).store();
    }
    scores
}

/// The values of one head of a sequence.
struct Values<'a> {
    cache: &'a KvCache,
    layer: usize,
    blocks: &'a [u32],
    head: usize,
}

impl Values<'_> {
    /// Writes `Σ weight · value` for `8 P` dimensions from `at`, and returns how many these are. The sums stay in
    /// registers over all tokens.
    #[inline(always)]
    fn sum<L: Lanes, const P: usize>(&self, weights: &[f32], at: usize, out: &mut [f32]) -> usize {
        let dim = self.cache.head_dim();
        let mut sums = [L::zero(); P];
        for (&block, weights) in self.blocks.iter().zip(weights.chunks(BLOCK_TOKENS)) {
            let values = self.cache.values(self.layer, block, self.head).chunks_exact(dim);
            for (&weight, value) in weights.iter().zip(values) {
                let weight = L::splat(weight);
                let (value, _) = value[at..at + 8 * P].as_chunks::<8>();
                for part in 0..P {
                    sums[part] = sums[part].plus(weight, L::load(&value[part]));
                }
            }
        }
        let (out, _) = out[at..at + 8 * P].as_chunks_mut::<8>();
        for part in 0..P {
            out[part] = sums[part].store();
        }
        8 * P
    }

    /// The same for one dimension.
    #[inline(always)]
    fn sum_one<L: Lanes>(&self, weights: &[f32], at: usize, out: &mut [f32]) -> usize {
        let dim = self.cache.head_dim();
        let mut sum = 0.0;
        for (&block, weights) in self.blocks.iter().zip(weights.chunks(BLOCK_TOKENS)) {
            let values = self.cache.values(self.layer, block, self.head).chunks_exact(dim);
            for (&weight, value) in weights.iter().zip(values) {
                sum = L::plus_one(sum, weight, value[at]);
            }
        }
        out[at] = sum;
        1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::random::fill_uniform;
    use super::*;

    fn naive(
        query: &[f32],
        keys: &[Vec<f32>],
        values: &[Vec<f32>],
        dim: usize,
        group: usize,
    ) -> Vec<f64> {
        let mut out = Vec::new();
        for (head, query) in query.chunks(dim).enumerate() {
            let of_head = head / group * dim..(head / group + 1) * dim;
            let dot = |key: &[f32]| -> f64 {
                query.iter().zip(key).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum()
            };
            let weights: Vec<f64> = keys
                .iter()
                .map(|key| (dot(&key[of_head.clone()]) / (dim as f64).sqrt()).exp())
                .collect();
            let sum: f64 = weights.iter().sum();
            for i in of_head {
                let weighted = values.iter().zip(&weights).map(|(v, w)| f64::from(v[i]) * w / sum);
                out.push(weighted.sum());
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_agrees_with_plain_attention_in_double_precision(
            tokens in 1usize..140, kv_heads in 1usize..4, group in 1usize..4, half in 1usize..40,
        ) {
            let (dim, layer) = (2 * half, 1);
            // Blocks are handed out backwards and with a gap, as a busy pool would.
            let table: Vec<u32> = (0..tokens.div_ceil(BLOCK_TOKENS) as u32).map(|i| 11 - 2 * i).collect();
            let mut cache = KvCache::new(2, kv_heads, dim, 12);
            let row = |name: &str, heads: usize| {
                let mut row = vec![0.0; heads * dim];
                fill_uniform(3, name, 2.0, &mut row);
                row
            };
            let keys: Vec<_> = (0..tokens).map(|t| row(&format!("k{t}"), kv_heads)).collect();
            let values: Vec<_> = (0..tokens).map(|t| row(&format!("v{t}"), kv_heads)).collect();
            for t in 0..tokens {
                cache.store(layer, &table, t, &keys[t], &values[t]);
            }
            let query = row("q", kv_heads * group);
            let mut out = vec![0.0; query.len()];
            let place = Place { layer, blocks: &table, position: tokens - 1 };
            attend(&cache, place, &query, &mut Vec::new(), &mut out);
            for (got, want) in out.iter().zip(naive(&query, &keys, &values, dim, group)) {
                prop_assert!((f64::from(*got) - want).abs() < 1e-4, "{got} {want}");
            }
        }
    }

    #[test]
    fn later_positions_do_not_count() {
        let mut cache = KvCache::new(1, 1, 2, 1);
        cache.store(0, &[0], 0, &[1.0, 0.0], &[5.0, 6.0]);
        cache.store(0, &[0], 1, &[9.0, 9.0], &[100.0, 100.0]);
        let mut out = [0.0; 2];
        let place = Place { layer: 0, blocks: &[0], position: 0 };
        attend(&cache, place, &[1.0, 1.0], &mut Vec::new(), &mut out);
        assert_eq!(out, [5.0, 6.0]);
    }
}
