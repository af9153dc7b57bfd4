//! What `throughput` and `build` do alike: numbers from options, limits from the heuristic.

use crate::click::Arguments;
use crate::failure::Exception;
use crate::host;
use crate::log::Log;
use crate::model::ModelConfig;
use crate::numeric::KvCache;
use crate::sizing::{self, Estimate, GIB, Load};

/// The option's value as a size.
///
/// # Errors
/// It is given and not at least 1.
pub fn size(arguments: &Arguments, name: &str) -> Result<Option<usize>, Exception> {
    let wrong = |value| Exception::value(format!("{name} must be at least 1, not {value}"));
    let positive = |value| match usize::try_from(value) {
        Ok(size) if size > 0 => Ok(size),
        _ => Err(wrong(value)),
    };
    arguments.int(name).map(positive).transpose()
}

/// Refuses parallel sizes that this engine, being one process on one host, cannot have.
///
/// # Errors
/// One of the options `names` is given and not 1.
pub fn only_one(arguments: &Arguments, names: &[&str]) -> Result<(), Exception> {
    let other = |name: &&&str| arguments.int(name).is_some_and(|size| size != 1);
    match names.iter().find(other) {
        Some(name) => {
            let size = arguments.int(name).unwrap_or_default();
            Err(Exception::unsupported(format_args!("{name} {size} (only 1)")))
        }
        None => Ok(()),
    }
}

/// Estimates limits from this host's memory, and logs how it came to them.
///
/// # Errors
/// The memory is unknown, or too little for the weights.
pub fn estimate(
    log: &Log,
    model: &ModelConfig,
    fraction: f64,
    input_len: u64,
    output_len: u64,
) -> Result<Estimate, Exception> {
    let memory = memory_beside_weights(model)?;
    let bytes_per_token = bytes_per_token(model);
    let estimate =
        sizing::estimate(&Load { memory, fraction, bytes_per_token, input_len, output_len });
    log.info(format_args!("Number of attention layers: {}", model.num_hidden_layers));
    log.info(format_args!("Estimated engine size: {:.2} GB", weight_bytes(model) / GIB));
    let cache = estimate.cache_gib;
    log.info(format_args!(
        "Estimated total available memory for KV cache: {:.2} GB",
        cache / fraction
    ));
    log.info(format_args!(
        "Estimated total cache memory: {cache:.2} GB. KV cache: {cache:.2} GB, Extra cache: 0.00 GB"
    ));
    log.info(format_args!("Estimated kv cache max tokens: {:.2}", estimate.cache_tokens));
    log.info(format_args!(
        "Estimated max number of requests in KV cache memory: {:.2}",
        estimate.cache_requests
    ));
    log.info(format_args!("Estimated max batch size (after fine-tune): {}", estimate.batch_size));
    log.info(format_args!("Estimated max num tokens (after fine-tune): {}", estimate.num_tokens));
    Ok(estimate)
}

/// Refuses sequences longer than the model knows positions.
///
/// # Errors
/// `max_seq_len` is above them.
pub fn check_positions(model: &ModelConfig, max_seq_len: usize) -> Result<(), Exception> {
    let most = model.max_position_embeddings;
    if max_seq_len <= most {
        return Ok(());
    }
    Err(Exception::value(format!(
        "max_seq_len {max_seq_len} exceeds the model's max_position_embeddings {most}"
    )))
}

/// Bytes of keys and values that a token takes.
pub fn bytes_per_token(model: &ModelConfig) -> usize {
    KvCache::bytes_per_token(model.num_hidden_layers, model.kv_heads(), model.head_dim())
}

/// Bytes of memory that can be had when the weights of `model` are there.
///
/// # Errors
/// The system does not tell, or the weights do not fit.
pub fn memory_beside_weights(model: &ModelConfig) -> Result<f64, Exception> {
    let available = host::available_memory()
        .ok_or_else(|| Exception::runtime("cannot tell the available memory from /proc/meminfo"))?;
    beside_weights(model, available as f64)
}

fn beside_weights(model: &ModelConfig, available: f64) -> Result<f64, Exception> {
    let weights = weight_bytes(model);
    if weights < available {
        return Ok(available - weights);
    }
    let gib = weights / GIB;
    Err(Exception::runtime(format!(
        "The model requires at least: {gib:.2} GB, more than is available"
    )))
}

fn weight_bytes(model: &ModelConfig) -> f64 {
    model.parameters() * size_of::<f32>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_gets_only_what_the_weights_leave() {
        let model = |hidden: usize| {
            let text = r#"{"hidden_size": H, "intermediate_size": 12, "num_hidden_layers": 1,
                "num_attention_heads": 2, "vocab_size": 5}"#;
            ModelConfig::parse(&text.replace('H', &hidden.to_string())).expect("valid")
        };
        let weights = weight_bytes(&model(8));
        assert_eq!(beside_weights(&model(8), weights + 1000.0), Ok(1000.0));
        let error = beside_weights(&model(1 << 31), 1e12).expect_err("larger").to_string();
        assert!(error.contains("The model requires at least: 687194771"), "{error}");
        assert!(beside_weights(&model(1 << 60), 1e12).is_err(), "whatever the size");
    }
}
