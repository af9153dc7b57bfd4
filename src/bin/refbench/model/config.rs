//! The Hugging Face `config.json` of a model of Llama's shape.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Exception;

/// Sizes and constants of a model. Keys that do not bear on the arithmetic are ignored; those that would
/// change it in a way this decoder does not know are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads; as many as query heads when absent.
    #[serde(default)]
    num_key_value_heads: Option<usize>,
    /// Values in a head; `hidden_size / num_attention_heads` when absent.
    #[serde(default)]
    head_dim: Option<usize>,
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// Added to the mean square before its root is taken.
    #[serde(default = "default_rms_norm_eps")]
    pub rms_norm_eps: f32,
    /// Base of the rotary embedding.
    #[serde(default = "default_rope_theta")]
    pub rope_theta: f64,
    /// Longest sequence the model is made for.
    #[serde(default = "default_max_position_embeddings")]
    pub max_position_embeddings: usize,
    /// Whether the output projection is the embedding table.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Seed of the random weights: an extension of ours, 0 when absent.
    #[serde(default)]
    pub refbench_seed: u64,
    #[serde(default, skip_serializing)]
    hidden_act: Option<String>,
    #[serde(default, skip_serializing)]
    rope_scaling: Option<serde_json::Value>,
    #[serde(default, skip_serializing)]
    attention_bias: bool,
    #[serde(default, skip_serializing)]
    mlp_bias: bool,
    #[serde(default, skip_serializing)]
    num_local_experts: Option<usize>,
}

fn default_rms_norm_eps() -> f32 {
    1e-6
}

fn default_rope_theta() -> f64 {
    10_000.0
}

fn default_max_position_embeddings() -> usize {
    2048
}

impl ModelConfig {
    /// Reads `config.json` of the checkpoint directory `dir`.
    ///
    /// # Errors
    /// The file is missing or no such configuration, or describes another kind of model.
    pub fn read(dir: &Path) -> Result<Self, Exception> {
        let path = dir.join("config.json");
        let text = fs::read_to_string(&path).map_err(|error| Exception::os(&path, &error))?;
        Self::parse(&text)
            .map_err(|message| Exception::value(format!("{}: {message}", path.display())))
    }

    /// Reads the text of a `config.json`; the error says which key is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what this decoder cannot compute; the error says which key is wrong.
    pub fn check(&self) -> Result<(), String> {
        let positive = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.kv_heads()),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("`{key}` must be at least 1"));
        }
        if !self.num_attention_heads.is_multiple_of(self.kv_heads()) {
            return Err(format!(
                "`num_attention_heads` {} is not a multiple of `num_key_value_heads` {}",
                self.num_attention_heads,
                self.kv_heads()
            ));
        }
        if self.head_dim() == 0 || !self.head_dim().is_multiple_of(2) {
            return Err(format!("`head_dim` must be even, not {}", self.head_dim()));
        }
        if let Some(act) = self.hidden_act.as_deref().filter(|act| *act != "silu") {
            return Err(format!(
                "`hidden_act` {act:?} is not supported by refbench, only \"silu\""
            ));
        }
        let foreign = [
            ("rope_scaling", self.rope_scaling.is_some()),
            ("attention_bias", self.attention_bias),
            ("mlp_bias", self.mlp_bias),
            ("num_local_experts", self.num_local_experts.is_some()),
        ];
        match foreign.iter().find(|(_, present)| *present) {
            Some((key, _)) => Err(format!("`{key}` is not supported by refbench")),
            None => Ok(()),
        }
    }

    /// Key/value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Values in a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Width of all query heads together.
    pub fn query_width(&self) -> usize {
        self.num_attention_heads * self.head_dim()
    }

    /// Width of all key (or value) heads together.
    pub fn kv_width(&self) -> usize {
        self.kv_heads() * self.head_dim()
    }

    /// Whether the weights of `other` are those of this model.
    pub fn same_shape(&self, other: &Self) -> bool {
        let shape = |config: &Self| {
            (
                [config.hidden_size, config.intermediate_size, config.num_hidden_layers],
                [config.num_attention_heads, config.kv_heads(), config.head_dim()],
                config.vocab_size,
                config.tie_word_embeddings,
                config.refbench_seed,
            )
        };
        shape(self) == shape(other)
    }

    /// Weights of the whole model: a float, since a file can name sizes whose product no integer holds.
    pub fn parameters(&self) -> f64 {
        let (hidden, head) = (self.hidden_size as f64, self.head_dim() as f64);
        let heads = self.num_attention_heads as f64 + self.kv_heads() as f64;
        let layer = hidden * (2.0 * heads * head + 3.0 * self.intermediate_size as f64 + 2.0);
        let tables = if self.tie_word_embeddings { 1.0 } else { 2.0 };
        self.num_hidden_layers as f64 * layer + tables * self.vocab_size as f64 * hidden + hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LLAMA: &str = r#"{"model_type": "llama", "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 100}"#;

    #[test]
    fn a_llama_configuration_is_read_with_its_defaults() {
        let config = ModelConfig::parse(LLAMA).expect("valid");
        assert_eq!((config.head_dim(), config.query_width(), config.kv_width()), (8, 64, 16));
        assert_eq!(config.parameters(), f64::from(2 * (64 * (160 + 288) + 128) + 2 * 6400 + 64));
    }

    #[test]
    fn what_the_decoder_cannot_do_is_refused_by_key() {
        for (from, to, message) in [
            ("\"silu\"", "\"gelu\"", "`hidden_act` \"gelu\" is not supported"),
            ("{", "{\"rope_scaling\": {\"type\": \"yarn\"},", "`rope_scaling` is not supported"),
            ("{", "{\"attention_bias\": true,", "`attention_bias` is not supported"),
            ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "not a multiple"),
            ("\"vocab_size\": 100", "\"vocab_size\": 0", "`vocab_size` must be at least 1"),
            ("\"vocab_size\": 100", "\"x\": 0", "missing field `vocab_size`"),
            ("{", "{\"head_dim\": 7,", "`head_dim` must be even"),
        ] {
            let error = ModelConfig::parse(&LLAMA.replacen(from, to, 1)).expect_err(message);
            assert!(error.contains(message), "{error}");
        }
    }
}
