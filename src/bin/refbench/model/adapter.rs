//! Low-rank adapters (LoRA, Hu et al., 2021) in the shape of PEFT's `adapter_config.json`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::config::ModelConfig;
use crate::failure::Exception;
use crate::numeric::{Matrix, few_rows, fill_uniform};

/// The projections that an adapter can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Target {
    #[serde(rename = "q_proj")]
    Query,
    #[serde(rename = "k_proj")]
    Key,
    #[serde(rename = "v_proj")]
    Value,
    #[serde(rename = "o_proj")]
    Output,
    #[serde(rename = "gate_proj")]
    Gate,
    #[serde(rename = "up_proj")]
    Up,
    #[serde(rename = "down_proj")]
    Down,
}

impl Target {
    fn part(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// Inputs and outputs of the projection.
    fn shape(self, config: &ModelConfig) -> (usize, usize) {
        let (hidden, inter) = (config.hidden_size, config.intermediate_size);
        match self {
            Self::Query => (hidden, config.query_width()),
            Self::Key | Self::Value => (hidden, config.kv_width()),
            Self::Output => (config.query_width(), hidden),
            Self::Gate | Self::Up => (hidden, inter),
            Self::Down => (inter, hidden),
        }
    }
}

/// What `adapter_config.json` says.
#[derive(Debug, Clone, Deserialize)]
pub struct AdapterConfig {
    /// Rank.
    pub r: usize,
    lora_alpha: f32,
    target_modules: Vec<Target>,
    /// Seed of the random weights: an extension of ours, 0 when absent.
    #[serde(default)]
    refbench_seed: u64,
}

impl AdapterConfig {
    /// Reads the configuration of the adapter in `dir`.
    ///
    /// # Errors
    /// The file is missing or not such a configuration.
    pub fn read(dir: &Path) -> Result<Self, Exception> {
        let path = dir.join("adapter_config.json");
        let text = fs::read_to_string(&path).map_err(|error| Exception::os(&path, &error))?;
        let wrong = |message: String| Exception::value(format!("{}: {message}", path.display()));
        let config: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        match config.r {
            0 => Err(wrong("`r` must be at least 1".to_owned())),
            _ => Ok(config),
        }
    }
}

/// One changed projection: `y += scaling · B (A x)`.
#[derive(Debug)]
struct Pair {
    target: Target,
    a: Matrix,
    b: Matrix,
}

/// An adapter's weights for every layer.
#[derive(Debug)]
pub struct Adapter {
    scaling: f32,
    layers: Vec<Vec<Pair>>,
}

impl Adapter {
    /// Draws the weights of `adapter` for a model of `config`. Both factors are random (a fresh adapter's B
    /// is zero, a trained one's is not), so the adapter changes the output.
    pub fn random(adapter: &AdapterConfig, config: &ModelConfig) -> Self {
        let draw = |name: String, rows, cols, scale| {
            let mut data = vec![0.0; rows * cols];
            fill_uniform(adapter.refbench_seed, &name, scale, &mut data);
            Matrix::new(rows, cols, data)
        };
        let pair = |layer: usize, target: Target| {
            let (inputs, outputs) = target.shape(config);
            let name = format!("base_model.model.model.layers.{layer}.{}", target.part());
            let scale = |fan_in: usize| (3.0 / fan_in as f32).sqrt();
            Pair {
                target,
                a: draw(format!("{name}.lora_A.weight"), adapter.r, inputs, scale(inputs)),
                b: draw(
                    format!("{name}.lora_B.weight"),
                    outputs,
                    adapter.r,
                    0.25 * scale(adapter.r),
                ),
            }
        };
        Self {
            scaling: adapter.lora_alpha / adapter.r as f32,
            layers: (0..config.num_hidden_layers)
                .map(|layer| adapter.target_modules.iter().map(|&t| pair(layer, t)).collect())
                .collect(),
        }
    }

    /// Adds the adapter's part of `target` in `layer` to columns `offset..` of the rows of `y`, each
    /// `width` values; `x` holds the projection's inputs.
    pub fn add(
        &self,
        layer: usize,
        target: Target,
        x: &[f32],
        y: &mut [f32],
        width: usize,
        offset: usize,
    ) {
        let Some(pair) = self.layers[layer].iter().find(|pair| pair.target == target) else {
            return;
        };
        let rows = y.len() / width;
        let mut low = vec![0.0; rows * pair.a.rows];
        few_rows(x, &pair.a, &mut low);
        let mut delta = vec![0.0; rows * pair.b.rows];
        few_rows(&low, &pair.b, &mut delta);
        for (y, delta) in y.chunks_exact_mut(width).zip(delta.chunks_exact(pair.b.rows)) {
            for (y, delta) in y[offset..].iter_mut().zip(delta) {
                *y += self.scaling * delta;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_adds_the_scaled_low_rank_product() {
        let config = ModelConfig::parse(
            r#"{"hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
                "num_attention_heads": 2, "vocab_size": 5}"#,
        )
        .expect("valid");
        let adapter: AdapterConfig = serde_json::from_str(
            r#"{"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["up_proj"]}"#,
        )
        .expect("valid");
        let adapter = Adapter::random(&adapter, &config);
        let x = [1.0, -2.0, 0.5, 3.0];
        let mut y = vec![0.0; 12];
        adapter.add(0, Target::Up, &x, &mut y, 12, 6);
        let pair = &adapter.layers[0][0];
        for out in 0..6 {
            let want: f32 = (0..2)
                .map(|r| {
                    let low: f32 = (0..4).map(|i| pair.a.data[r * 4 + i] * x[i]).sum();
                    3.0 * pair.b.data[out * 2 + r] * low
                })
                .sum();
            assert!((y[6 + out] - want).abs() < 1e-5, "{out}");
            assert!(want != 0.0);
        }
        assert!(y[..6].iter().all(|&y| y == 0.0), "the gate is not a target");
        adapter.add(0, Target::Query, &x, &mut y[..4], 4, 0);
        assert!(y[..4].iter().all(|&y| y == 0.0), "nor are the queries");
    }

    #[test]
    fn an_unknown_target_is_refused() {
        let error = serde_json::from_str::<AdapterConfig>(
            r#"{"r": 2, "lora_alpha": 6, "target_modules": ["embed_tokens"]}"#,
        )
        .expect_err("unknown");
        assert!(error.to_string().contains("embed_tokens"), "{error}");
    }
}
