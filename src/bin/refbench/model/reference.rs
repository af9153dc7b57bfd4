//! A second decoder, written plainly and in double precision, that the real one is compared with.

use super::adapter::{Adapter, Target};
use super::config::ModelConfig;
use super::weights::Weights;
use crate::numeric::Matrix;

type Vector = Vec<f64>;

fn wide(values: &[f32]) -> Vector {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn apply(w: &Matrix, x: &[f64]) -> Vector {
    let rows = w.data.chunks(w.cols);
    rows.map(|row| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum()).collect()
}

fn norm(x: &[f64], weight: &[f32], eps: f32) -> Vector {
    let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    let scale = 1.0 / (mean + f64::from(eps)).sqrt();
    x.iter().zip(weight).map(|(x, &w)| x * scale * f64::from(w)).collect()
}

fn rotate(config: &ModelConfig, position: usize, heads: &mut [f64]) {
    let dim = config.head_dim();
    for head in heads.chunks_mut(dim) {
        for i in 0..dim / 2 {
            let angle = position as f64 / config.rope_theta.powf(2.0 * i as f64 / dim as f64);
            let (a, b) = (head[i], head[i + dim / 2]);
            head[i] = a * angle.cos() - b * angle.sin();
            head[i + dim / 2] = a * angle.sin() + b * angle.cos();
        }
    }
}

/// The logits after the last of `tokens`, which are computed all anew.
pub fn logits(config: &ModelConfig, weights: &Weights, tokens: &[u32]) -> Vector {
    let hidden = config.hidden_size;
    let (q, kv, dim) = (config.query_width(), config.kv_width(), config.head_dim());
    let group = config.num_attention_heads / config.kv_heads();
    let mut xs: Vec<Vector> = tokens
        .iter()
        .map(|&token| wide(&weights.embedding.data[token as usize * hidden..][..hidden]))
        .collect();
    for layer in &weights.layers {
        let rows: Vec<Vector> = xs
            .iter()
            .enumerate()
            .map(|(position, x)| {
                let mut row = apply(&layer.qkv, &norm(x, &layer.input_norm, config.rms_norm_eps));
                rotate(config, position, &mut row[..q + kv]);
                row
            })
            .collect();
        for (position, x) in xs.iter_mut().enumerate() {
            let mut mixed = Vector::new();
            for head in 0..config.num_attention_heads {
                let query = &rows[position][head * dim..(head + 1) * dim];
                let key_at = q + head / group * dim;
                let weights: Vector = rows[..=position]
                    .iter()
                    .map(|row| query.iter().zip(&row[key_at..]).map(|(q, k)| q * k).sum::<f64>())
                    .map(|score| (score / (dim as f64).sqrt()).exp())
                    .collect();
                let sum: f64 = weights.iter().sum();
                mixed.extend((0..dim).map(|i| {
                    let values = rows.iter().map(|row| row[key_at + kv + i]);
                    values.zip(&weights).map(|(v, w)| v * w / sum).sum::<f64>()
                }));
            }
            apply(&layer.output, &mixed).iter().zip(x.iter_mut()).for_each(|(o, x)| *x += o);
            let gate_up = apply(&layer.gate_up, &norm(x, &layer.post_norm, config.rms_norm_eps));
            let (gate, up) = gate_up.split_at(config.intermediate_size);
            let active: Vector =
                gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            apply(&layer.down, &active).iter().zip(x.iter_mut()).for_each(|(o, x)| *x += o);
        }
    }
    let last = norm(&xs[tokens.len() - 1], &weights.final_norm, config.rms_norm_eps);
    apply(weights.head.as_ref().unwrap_or(&weights.embedding), &last)
}

/// The weights of `config` with `adapter` merged into the query, key and value projections: what LoRA amounts to.
pub fn merged(config: &ModelConfig, adapter: &Adapter) -> Weights {
    let mut merged = Weights::random(config);
    for (index, layer) in merged.layers.iter_mut().enumerate() {
        let (width, hidden) = (layer.qkv.rows, layer.qkv.cols);
        for input in 0..hidden {
            let mut unit = vec![0.0; hidden];
            unit[input] = 1.0;
            let mut column = vec![0.0; width];
            let (q, kv) = (config.query_width(), config.kv_width());
            for (target, offset) in [(Target::Query, 0), (Target::Key, q), (Target::Value, q + kv)]
            {
                adapter.add(index, target, &unit, &mut column, width, offset);
            }
            for (output, delta) in column.iter().enumerate() {
                layer.qkv.data[output * hidden + input] += delta;
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::adapter::AdapterConfig;
    use super::super::decoder::{Decoder, Row};
    use super::*;
    use crate::numeric::KvCache;

    fn config(tied: bool, kv_heads: usize) -> ModelConfig {
        ModelConfig::parse(&format!(
            r#"{{"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 6,
                "num_key_value_heads": {kv_heads}, "vocab_size": 97, "tie_word_embeddings": {tied}, "refbench_seed": 5}}"#
        ))
        .expect("valid")
    }

    /// Generates `steps` tokens after `prompt`, which is computed in pieces of `chunk`, and holds every one against
    /// the plain decoder's logits.
    fn compare(
        config: &ModelConfig,
        adapter: Option<Adapter>,
        reference: &Weights,
        prompt: &[u32],
        chunk: usize,
        steps: usize,
    ) -> Vec<u32> {
        let adapted = adapter.as_ref().map(|_| 0);
        let adapters = adapter.into_iter().collect();
        let decoder = Decoder::new(config.clone(), Weights::random(config), adapters, 128);
        let mut cache = KvCache::new(3, config.kv_heads(), config.head_dim(), 4);
        let blocks = [2, 0, 3, 1];
        let row = |token, position, sample| Row {
            token,
            position,
            blocks: &blocks,
            adapter: adapted,
            sample,
        };
        let mut tokens = prompt.to_vec();
        let mut sampled = Vec::new();
        for start in (0..prompt.len()).step_by(chunk) {
            let end = prompt.len().min(start + chunk);
            let rows: Vec<Row> =
                (start..end).map(|at| row(prompt[at], at, at + 1 == prompt.len())).collect();
            sampled = decoder.forward(&rows, rows.len(), &mut cache);
        }
        for _ in 0..steps {
            let token = sampled[0];
            let logits = logits(config, reference, &tokens);
            let best = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(logits[token as usize] > best - 1e-3, "token {token} after {tokens:?}");
            tokens.push(token);
            let position = tokens.len() - 1;
            sampled = decoder.forward(&[row(token, position, true)], 0, &mut cache);
        }
        tokens.split_off(prompt.len())
    }

    fn prompt(len: u32) -> Vec<u32> {
        (0..len).map(|i| (i * 31 + 7) % 97).collect()
    }

    #[test]
    fn greedy_tokens_are_those_of_a_plain_decoder_in_double_precision() {
        for (tied, kv_heads) in [(false, 2), (true, 6), (false, 1)] {
            let config = config(tied, kv_heads);
            let reference = Weights::random(&config);
            let whole = compare(&config, None, &reference, &prompt(41), 41, 6);
            let chunked = compare(&config, None, &reference, &prompt(41), 13, 6);
            assert_eq!(whole, chunked);
        }
    }

    #[test]
    fn an_adapter_amounts_to_merged_weights() {
        let config = config(false, 2);
        let adapter = || {
            let json =
                r#"{"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "k_proj", "v_proj"]}"#;
            let parsed: AdapterConfig = serde_json::from_str(json).expect("valid");
            Adapter::random(&parsed, &config)
        };
        let merged = merged(&config, &adapter());
        let adapted = compare(&config, Some(adapter()), &merged, &prompt(20), 20, 6);
        let plain = compare(&config, None, &Weights::random(&config), &prompt(20), 20, 6);
        assert_ne!(adapted, plain);
    }
}
