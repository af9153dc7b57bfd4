//! The options file of `--extra_llm_api_options` / `--config`: read, checked, laid over the command line.

use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use crate::failure::Exception;
use crate::numeric::BLOCK_TOKENS;

/// Known keys that change something here.
const EFFECTIVE: &[&str] = &[
    "enable_chunked_prefill",
    "kv_cache_config",
    "lora_config",
    "max_batch_size",
    "max_num_tokens",
    "max_seq_len",
    "print_iter_log",
];

/// Known keys that steer what this engine has not: accepted, and named in a warning.
const WITHOUT_EFFECT: &[&str] = &[
    "attention_dp_config",
    "attn_backend",
    "cuda_graph_batch_sizes",
    "cuda_graph_config",
    "cuda_graph_padding_enabled",
    "custom_tokenizer",
    "disable_overlap_scheduler",
    "enable_attention_dp",
    "enable_autotuner",
    "enable_iter_perf_stats",
    "enable_lm_head_tp_in_adp",
    "extended_runtime_perf_knob_config",
    "guided_decoding_backend",
    "moe_backend",
    "moe_config",
    "num_postprocess_workers",
    "stream_interval",
    "use_cuda_graph",
];

/// Known keys of a section: those that change something here, and those without effect.
struct Keys {
    effective: &'static [&'static str],
    without_effect: &'static [&'static str],
}

const KV_CACHE_KEYS: Keys = Keys {
    effective: &[
        "dtype",
        "enable_block_reuse",
        "free_gpu_memory_fraction",
        "max_tokens",
        "tokens_per_block",
    ],
    without_effect: &[
        "enable_partial_reuse",
        "mamba_ssm_cache_dtype",
        "mamba_ssm_philox_rounds",
        "mamba_ssm_stochastic_rounding",
    ],
};

/// The section as a whole has no effect.
const CUDA_GRAPH_KEYS: Keys =
    Keys { effective: &["batch_sizes", "enable_padding", "max_batch_size"], without_effect: &[] };

const LORA_KEYS: Keys = Keys {
    effective: &["lora_dir", "max_lora_rank", "max_loras"],
    without_effect: &[
        "lora_target_modules",
        "max_cpu_loras",
        "swap_gate_up_proj_lora_b_weight",
        "trtllm_modules_to_hf_modules",
    ],
};

/// What an options file says; `None` where it says nothing.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    pub chunked: Option<bool>,
    pub max_batch_size: Option<usize>,
    pub max_num_tokens: Option<usize>,
    pub max_seq_len: Option<usize>,
    pub print_iterations: bool,
    pub kv_cache: Option<KvCacheOptions>,
    pub lora: Option<LoraOptions>,
    /// Keys that were given and have no effect.
    pub without_effect: Vec<String>,
}

/// The section `kv_cache_config`. It replaces the command line's as a whole.
#[derive(Debug, Default, PartialEq)]
pub struct KvCacheOptions {
    /// Share of free memory.
    pub fraction: Option<f64>,
    /// Most tokens to hold.
    pub max_tokens: Option<usize>,
}

/// The section `lora_config`.
#[derive(Debug, PartialEq)]
pub struct LoraOptions {
    /// Directories of the adapters that requests may ask for.
    pub dirs: Vec<PathBuf>,
    pub max_rank: usize,
    /// Adapters at a time.
    pub max_loras: Option<usize>,
}

impl Options {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is no YAML mapping, or has a key or value that is unknown or impossible here.
    pub fn read(path: &Path) -> Result<Self, Exception> {
        let text = fs::read_to_string(path).map_err(|error| Exception::os(path, &error))?;
        Self::parse(&text).map_err(|mut exception| {
            exception.message = format!("{}: {}", path.display(), exception.message);
            exception
        })
    }

    fn parse(text: &str) -> Result<Self, Exception> {
        let root: Value = serde_yaml::from_str(text)
            .map_err(|error| Exception::new("yaml.YAMLError", error.to_string()))?;
        let Some(root) = root.as_mapping() else {
            return Err(Exception::value("the options file must be a YAML mapping"));
        };
        let mut options = Self::default();
        let idle = &mut options.without_effect;
        for (key, value) in root {
            let Some(key) = key.as_str() else {
                return Err(Exception::value(format!("{key:?} is no option name")));
            };
            match key {
                "enable_chunked_prefill" => options.chunked = Some(boolean(key, value)?),
                "max_batch_size" => options.max_batch_size = Some(count(key, value)?),
                "max_num_tokens" => options.max_num_tokens = Some(count(key, value)?),
                "max_seq_len" => options.max_seq_len = Some(count(key, value)?),
                "print_iter_log" => options.print_iterations = boolean(key, value)?,
                "kv_cache_config" => options.kv_cache = Some(KvCacheOptions::parse(value, idle)?),
                "lora_config" => options.lora = Some(LoraOptions::parse(value, idle)?),
                "speculative_config" => return Err(Exception::unsupported("`speculative_config`")),
                _ if WITHOUT_EFFECT.contains(&key) => {
                    if key == "cuda_graph_config" {
                        section(key, value, &CUDA_GRAPH_KEYS, idle)?;
                    }
                    idle.push(key.to_owned());
                }
                _ => {
                    let known =
                        EFFECTIVE.iter().chain(WITHOUT_EFFECT).chain(&["speculative_config"]);
                    return Err(unknown(key, known.copied()));
                }
            }
        }
        Ok(options)
    }
}

impl KvCacheOptions {
    fn parse(value: &Value, idle: &mut Vec<String>) -> Result<Self, Exception> {
        let section = section("kv_cache_config", value, &KV_CACHE_KEYS, idle)?;
        let fraction = section.get("free_gpu_memory_fraction");
        let fraction = fraction.map(|value| match value.as_f64() {
            Some(share) if share > 0.0 && share <= 1.0 => Ok(share),
            _ => Err(wrong(
                "kv_cache_config.free_gpu_memory_fraction",
                "a number above 0 and up to 1",
            )),
        });
        if let Some(dtype) = section.get("dtype").filter(|dtype| !dtype.is_null()) {
            match dtype.as_str() {
                Some("auto" | "float32") => {}
                _ => {
                    return Err(Exception::unsupported(format_args!(
                        "`kv_cache_config.dtype` {} (keys and values are float32)",
                        serde_yaml::to_string(dtype).unwrap_or_default().trim()
                    )));
                }
            }
        }
        if let Some(reuse) = section.get("enable_block_reuse")
            && boolean("kv_cache_config.enable_block_reuse", reuse)?
        {
            return Err(Exception::unsupported("`kv_cache_config.enable_block_reuse: true`"));
        }
        let number = |key: &str| {
            let value = section.get(key);
            value.map(|value| count(&format!("kv_cache_config.{key}"), value)).transpose()
        };
        if let Some(tokens) = number("tokens_per_block")?.filter(|&tokens| tokens != BLOCK_TOKENS) {
            return Err(Exception::unsupported(format_args!(
                "`kv_cache_config.tokens_per_block` {tokens} (only {BLOCK_TOKENS})"
            )));
        }
        Ok(Self { fraction: fraction.transpose()?, max_tokens: number("max_tokens")? })
    }
}

impl LoraOptions {
    fn parse(value: &Value, idle: &mut Vec<String>) -> Result<Self, Exception> {
        let section = section("lora_config", value, &LORA_KEYS, idle)?;
        let dirs = match section.get("lora_dir") {
            None => Vec::new(),
            Some(dirs) => dirs
                .as_sequence()
                .and_then(|dirs| dirs.iter().map(|dir| dir.as_str().map(PathBuf::from)).collect())
                .ok_or_else(|| wrong("lora_config.lora_dir", "a list of directories"))?,
        };
        let number = |key: &str| {
            let value = section.get(key).filter(|value| !value.is_null());
            value.map(|value| count(&format!("lora_config.{key}"), value)).transpose()
        };
        Ok(Self {
            dirs,
            // The real tool's default.
            max_rank: number("max_lora_rank")?.unwrap_or(64),
            max_loras: number("max_loras")?,
        })
    }
}

/// The mapping under `key`; adds those of its keys that have no effect to `idle`.
fn section<'a>(
    key: &str,
    value: &'a Value,
    known: &Keys,
    idle: &mut Vec<String>,
) -> Result<&'a Mapping, Exception> {
    let Some(section) = value.as_mapping() else {
        return Err(wrong(key, "a mapping"));
    };
    for name in section.keys() {
        match name.as_str() {
            Some(name) if known.effective.contains(&name) => {}
            Some(name) if known.without_effect.contains(&name) => {
                idle.push(format!("{key}.{name}"))
            }
            Some(name) => {
                let known = known.effective.iter().chain(known.without_effect);
                return Err(unknown(&format!("{key}.{name}"), known.copied()));
            }
            None => return Err(wrong(key, "a mapping from option names")),
        }
    }
    Ok(section)
}

fn boolean(key: &str, value: &Value) -> Result<bool, Exception> {
    value.as_bool().ok_or_else(|| wrong(key, "true or false"))
}

fn count(key: &str, value: &Value) -> Result<usize, Exception> {
    value
        .as_u64()
        .and_then(|count| usize::try_from(count).ok())
        .filter(|&count| count > 0)
        .ok_or_else(|| wrong(key, "a whole number of at least 1"))
}

fn wrong(key: &str, wanted: &str) -> Exception {
    Exception::value(format!("`{key}` must be {wanted}"))
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Exception {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    Exception::value(format!("unknown option `{key}`; known: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_the_harness_writes_it_is_read() {
        let options = Options::parse(
            "cuda_graph_config:\n  enable_padding: true\nlora_config:\n  lora_dir:\n  - /ws/loras/0\n  \
             max_lora_rank: 8\n  max_loras: 1\nprint_iter_log: true\nkv_cache_config:\n  dtype: auto\n",
        )
        .expect("valid");
        assert!(options.print_iterations);
        assert_eq!(options.without_effect, ["cuda_graph_config"]);
        assert_eq!(options.kv_cache, Some(KvCacheOptions::default()));
        let lora = options.lora.expect("given");
        assert_eq!((lora.dirs, lora.max_rank), (vec![PathBuf::from("/ws/loras/0")], 8));
    }

    #[test]
    fn keys_of_sections_that_do_nothing_are_named_too() {
        let options = Options::parse(
            "lora_config: {max_cpu_loras: 2, max_loras: 2}\n\
             kv_cache_config: {enable_block_reuse: false, tokens_per_block: 32, enable_partial_reuse: true}",
        )
        .expect("valid");
        let named = ["lora_config.max_cpu_loras", "kv_cache_config.enable_partial_reuse"];
        assert_eq!(options.without_effect, named);
    }

    #[test]
    fn what_cannot_be_is_refused_by_key() {
        for (text, message) in [
            ("max_batchsize: 3", "unknown option `max_batchsize`"),
            ("kv_cache_config: {fraction: 1}", "unknown option `kv_cache_config.fraction`"),
            ("cuda_graph_config: {pad: 1}", "unknown option `cuda_graph_config.pad`"),
            ("kv_cache_config: 3", "`kv_cache_config` must be a mapping"),
            ("max_batch_size: many", "`max_batch_size` must be a whole number"),
            ("max_batch_size: 0", "at least 1"),
            ("print_iter_log: 1", "`print_iter_log` must be true or false"),
            ("kv_cache_config: {free_gpu_memory_fraction: 1.5}", "above 0 and up to 1"),
            ("kv_cache_config: {dtype: fp8}", "`kv_cache_config.dtype` fp8"),
            ("kv_cache_config: {enable_block_reuse: true}", "is not supported by refbench"),
            ("kv_cache_config: {enable_block_reuse: 'yes'}", "must be true or false"),
            (
                "kv_cache_config: {tokens_per_block: 64}",
                "`kv_cache_config.tokens_per_block` 64 (only 32)",
            ),
            ("lora_config: {lora_dir: x}", "`lora_config.lora_dir` must be a list"),
            ("speculative_config: {}", "`speculative_config` is not supported by refbench"),
            ("- a", "must be a YAML mapping"),
            ("a: [", "yaml.YAMLError"),
        ] {
            let error = Options::parse(text).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
