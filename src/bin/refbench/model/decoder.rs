//! The forward pass of one iteration over the rows of all scheduled requests.

use super::adapter::{Adapter, Target};
use super::config::ModelConfig;
use super::weights::{Layer, Weights};
use crate::numeric::{
    KvCache, Matrix, Place, Rope, attend, each_row, few_rows, many_rows, rms_norm, silu_times,
};

/// One token to be computed.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The token.
    pub token: u32,
    /// Its place in its sequence, from 0.
    pub position: usize,
    /// Cache blocks of its sequence.
    pub blocks: &'a [u32],
    /// The adapter that its request asks for: an index into the decoder's adapters.
    pub adapter: Option<usize>,
    /// Whether the token after it is wanted.
    pub sample: bool,
}

/// A model ready to run.
pub struct Decoder {
    config: ModelConfig,
    weights: Weights,
    adapters: Vec<Adapter>,
    rope: Rope,
}

impl Decoder {
    /// A decoder for sequences of up to `positions` tokens.
    pub fn new(
        config: ModelConfig,
        weights: Weights,
        adapters: Vec<Adapter>,
        positions: usize,
    ) -> Self {
        let rope = Rope::new(config.rope_theta, config.head_dim(), positions);
        Self { config, weights, adapters, rope }
    }

    /// Computes `rows`, of which the first `prompt_rows` are prompt tokens and the others continue their
    /// sequences, and stores their keys and values. Returns the most likely next token of each row that
    /// wants it, in order; of equally likely ones the lowest.
    ///
    /// Rows of one sequence must be consecutive and in order.
    pub fn forward(&self, rows: &[Row], prompt_rows: usize, cache: &mut KvCache) -> Vec<u32> {
        let hidden = self.config.hidden_size;
        let mut x: Vec<f32> = Vec::with_capacity(rows.len() * hidden);
        for row in rows {
            let start = row.token as usize * hidden;
            x.extend_from_slice(&self.weights.embedding.data[start..start + hidden]);
        }
        let pass = Pass { decoder: self, rows, prompt_rows };
        for (index, layer) in self.weights.layers.iter().enumerate() {
            pass.attention(index, layer, &mut x, cache);
            pass.feed_forward(index, layer, &mut x);
        }
        self.sample(rows, &x)
    }

    fn sample(&self, rows: &[Row], x: &[f32]) -> Vec<u32> {
        let hidden = self.config.hidden_size;
        let wanted: Vec<f32> = rows
            .iter()
            .zip(x.chunks_exact(hidden))
            .filter(|(row, _)| row.sample)
            .flat_map(|(_, x)| x.iter().copied())
            .collect();
        let normed = self.normed(&wanted, &self.weights.final_norm);
        let head = self.weights.head.as_ref().unwrap_or(&self.weights.embedding);
        let mut logits = vec![0.0; wanted.len() / hidden * head.rows];
        few_rows(&normed, head, &mut logits);
        logits.chunks_exact(head.rows).map(most_likely).collect()
    }

    fn normed(&self, x: &[f32], weight: &[f32]) -> Vec<f32> {
        let hidden = self.config.hidden_size;
        let mut out = vec![0.0; x.len()];
        each_row(&mut out, hidden, 64, |index, out| {
            let x = &x[index * hidden..(index + 1) * hidden];
            rms_norm(x, weight, self.config.rms_norm_eps, out);
        });
        out
    }
}

/// The first of the largest values.
fn most_likely(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = token;
        }
    }
    best as u32
}

/// What all layers of one forward pass share.
struct Pass<'a> {
    decoder: &'a Decoder,
    rows: &'a [Row<'a>],
    prompt_rows: usize,
}

impl Pass<'_> {
    /// `x += O · attention(QKV · norm(x))`
    fn attention(&self, index: usize, layer: &Layer, x: &mut [f32], cache: &mut KvCache) {
        let config = &self.decoder.config;
        let (q, kv) = (config.query_width(), config.kv_width());
        let width = q + 2 * kv;
        let normed = self.decoder.normed(x, &layer.input_norm);
        let mut qkv = self.product(&normed, &layer.qkv);
        for (target, offset) in [(Target::Query, 0), (Target::Key, q), (Target::Value, q + kv)] {
            self.adapt(index, target, &normed, &mut qkv, width, offset);
        }
        each_row(&mut qkv, width, 64, |row, qkv| {
            self.decoder.rope.rotate(self.rows[row].position, &mut qkv[..q + kv]);
        });
        for (row, qkv) in self.rows.iter().zip(qkv.chunks_exact(width)) {
            let (key, value) = qkv[q..].split_at(kv);
            cache.store(index, row.blocks, row.position, key, value);
        }
        let cache = &*cache;
        let mut mixed = vec![0.0; self.rows.len() * q];
        each_row(&mut mixed, q, 4, |row, out| {
            let Row { blocks, position, .. } = self.rows[row];
            let query = &qkv[row * width..row * width + q];
            let mut scores = Vec::with_capacity(position + 1 + crate::numeric::BLOCK_TOKENS);
            attend(cache, Place { layer: index, blocks, position }, query, &mut scores, out);
        });
        let mut out = self.product(&mixed, &layer.output);
        self.adapt(index, Target::Output, &mixed, &mut out, config.hidden_size, 0);
        add(x, &out);
    }

    /// `x += down · (silu(gate · norm(x)) · (up · norm(x)))`
    fn feed_forward(&self, index: usize, layer: &Layer, x: &mut [f32]) {
        let (hidden, inter) =
            (self.decoder.config.hidden_size, self.decoder.config.intermediate_size);
        let normed = self.decoder.normed(x, &layer.post_norm);
        let mut gate_up = self.product(&normed, &layer.gate_up);
        for (target, offset) in [(Target::Gate, 0), (Target::Up, inter)] {
            self.adapt(index, target, &normed, &mut gate_up, 2 * inter, offset);
        }
        let mut active = vec![0.0; self.rows.len() * inter];
        each_row(&mut active, inter, 16, |row, out| {
            silu_times(&gate_up[row * 2 * inter..(row + 1) * 2 * inter], out);
        });
        let mut out = self.product(&active, &layer.down);
        self.adapt(index, Target::Down, &active, &mut out, hidden, 0);
        add(x, &out);
    }

    /// Prompt rows and continuing rows take different ways to the product, always the same one for the
    /// same token, so that a token's bits do not depend on what else is in the batch.
    fn product(&self, x: &[f32], w: &Matrix) -> Vec<f32> {
        let mut y = vec![0.0; self.rows.len() * w.rows];
        let (x_prompt, x_next) = x.split_at(self.prompt_rows * w.cols);
        let (y_prompt, y_next) = y.split_at_mut(self.prompt_rows * w.rows);
        many_rows(x_prompt, w, y_prompt);
        few_rows(x_next, w, y_next);
        y
    }

    /// Adds the adapters' parts of one projection, run by run of rows with the same adapter.
    fn adapt(
        &self,
        layer: usize,
        target: Target,
        x: &[f32],
        y: &mut [f32],
        width: usize,
        offset: usize,
    ) {
        let inputs = x.len() / self.rows.len();
        let mut start = 0;
        for run in self.rows.chunk_by(|a, b| a.adapter == b.adapter) {
            let end = start + run.len();
            if let Some(adapter) = run[0].adapter {
                let (x, y) = (&x[start * inputs..end * inputs], &mut y[start * width..end * width]);
                self.decoder.adapters[adapter].add(layer, target, x, y, width, offset);
            }
            start = end;
        }
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}
