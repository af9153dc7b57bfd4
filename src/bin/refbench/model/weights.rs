//! The weights: seeded random numbers, tensor by tensor under their Hugging Face names.

use super::config::ModelConfig;
use crate::numeric::{Matrix, fill_uniform};

/// Weights of one decoder layer. Projections of the same input are stacked into one matrix.
#[derive(Debug, PartialEq)]
pub struct Layer {
    pub input_norm: Vec<f32>,
    /// Query, key and value heads.
    pub qkv: Matrix,
    pub output: Matrix,
    pub post_norm: Vec<f32>,
    /// Gate, then up projection.
    pub gate_up: Matrix,
    pub down: Matrix,
}

/// Weights of a model.
#[derive(Debug, PartialEq)]
pub struct Weights {
    pub embedding: Matrix,
    pub layers: Vec<Layer>,
    pub final_norm: Vec<f32>,
    /// The output projection; `None` when it is the embedding.
    pub head: Option<Matrix>,
}

impl Weights {
    /// Draws the weights of `config` from its seed.
    pub fn random(config: &ModelConfig) -> Self {
        Self::from_tensors(config, |name, rows, cols| {
            let mut data = vec![1.0; rows * cols];
            if rows > 1 {
                // Variance 1/cols keeps the size of activations through a projection.
                let scale = (3.0 / cols as f32).sqrt();
                fill_uniform(config.refbench_seed, name, scale, &mut data);
            }
            Ok::<_, std::convert::Infallible>(data)
        })
        .unwrap_or_else(|never| match never {})
    }

    /// Puts a model together from `tensor(name, rows, cols)`; norms have one row.
    ///
    /// # Errors
    /// The first that `tensor` returns.
    pub fn from_tensors<E>(
        config: &ModelConfig,
        mut tensor: impl FnMut(&str, usize, usize) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        let hidden = config.hidden_size;
        let (q, kv, inter) = (config.query_width(), config.kv_width(), config.intermediate_size);
        let embedding = tensor("model.embed_tokens.weight", config.vocab_size, hidden)?;
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for index in 0..config.num_hidden_layers {
            let mut of_layer = |part: &str, rows, cols| {
                tensor(&format!("model.layers.{index}.{part}.weight"), rows, cols)
            };
            let qkv = [
                of_layer("self_attn.q_proj", q, hidden)?,
                of_layer("self_attn.k_proj", kv, hidden)?,
                of_layer("self_attn.v_proj", kv, hidden)?,
            ];
            let gate_up = [
                of_layer("mlp.gate_proj", inter, hidden)?,
                of_layer("mlp.up_proj", inter, hidden)?,
            ];
            layers.push(Layer {
                input_norm: of_layer("input_layernorm", 1, hidden)?,
                qkv: Matrix::new(q + 2 * kv, hidden, qkv.concat()),
                output: Matrix::new(hidden, q, of_layer("self_attn.o_proj", hidden, q)?),
                post_norm: of_layer("post_attention_layernorm", 1, hidden)?,
                gate_up: Matrix::new(2 * inter, hidden, gate_up.concat()),
                down: Matrix::new(hidden, inter, of_layer("mlp.down_proj", hidden, inter)?),
            });
        }
        let final_norm = tensor("model.norm.weight", 1, hidden)?;
        let head = if config.tie_word_embeddings {
            None
        } else {
            Some(Matrix::new(
                config.vocab_size,
                hidden,
                tensor("lm_head.weight", config.vocab_size, hidden)?,
            ))
        };
        Ok(Self {
            embedding: Matrix::new(config.vocab_size, hidden, embedding),
            layers,
            final_norm,
            head,
        })
    }

    /// Every tensor with its name and shape, in the order in which [`Weights::from_tensors`] asks for them.
    pub fn tensors(&self, config: &ModelConfig) -> Vec<(String, [usize; 2], &[f32])> {
        let hidden = config.hidden_size;
        let (q, kv, inter) = (config.query_width(), config.kv_width(), config.intermediate_size);
        let mut all = vec![(
            "model.embed_tokens.weight".to_owned(),
            [config.vocab_size, hidden],
            &self.embedding.data[..],
        )];
        for (index, layer) in self.layers.iter().enumerate() {
            let (queries, keys_values) = layer.qkv.data.split_at(q * hidden);
            let (keys, values) = keys_values.split_at(kv * hidden);
            let (gate, up) = layer.gate_up.data.split_at(inter * hidden);
            let parts: [(&str, [usize; 2], &[f32]); 9] = [
                ("self_attn.q_proj", [q, hidden], queries),
                ("self_attn.k_proj", [kv, hidden], keys),
                ("self_attn.v_proj", [kv, hidden], values),
                ("mlp.gate_proj", [inter, hidden], gate),
                ("mlp.up_proj", [inter, hidden], up),
                ("input_layernorm", [1, hidden], &layer.input_norm),
                ("self_attn.o_proj", [hidden, q], &layer.output.data),
                ("post_attention_layernorm", [1, hidden], &layer.post_norm),
                ("mlp.down_proj", [hidden, inter], &layer.down.data),
            ];
            all.extend(parts.map(|(part, shape, data)| {
                (format!("model.layers.{index}.{part}.weight"), shape, data)
            }));
        }
        all.push(("model.norm.weight".to_owned(), [1, hidden], &self.final_norm));
        if let Some(head) = &self.head {
            all.push(("lm_head.weight".to_owned(), [config.vocab_size, hidden], &head.data));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_taken_apart_go_together_again() {
        let config = ModelConfig::parse(
            r#"{"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
                "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 5}"#,
        )
        .expect("valid");
        let weights = Weights::random(&config);
        let mut apart = weights.tensors(&config).into_iter();
        let again = Weights::from_tensors(&config, |name, rows, cols| {
            let (stored, shape, data) = apart.next().ok_or("too few")?;
            assert_eq!((stored.as_str(), shape), (name, [rows, cols]));
            Ok::<_, &str>(data.to_vec())
        });
        assert_eq!(again.as_ref(), Ok(&weights));
        assert!(apart.next().is_none());
        let count: usize = weights.tensors(&config).iter().map(|(_, _, data)| data.len()).sum();
        assert_eq!(count as f64, config.parameters());
    }
}
