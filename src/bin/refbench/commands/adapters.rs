//! The adapters that a data set asks for, checked against what the options file allows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::{Entry, LoraRequest};
use crate::engine::Request;
use crate::failure::Exception;
use crate::model::{Adapter, AdapterConfig, ModelConfig};
use crate::options::LoraOptions;

/// Turns the lines of the data set at `path` into requests, with the adapters that they refer to.
///
/// # Errors
/// A request asks for an adapter that is not allowed, or that cannot be read.
pub fn resolve(
    entries: Vec<Entry>,
    path: &Path,
    options: Option<&LoraOptions>,
    model: &ModelConfig,
) -> Result<(Vec<Request>, Vec<Adapter>), Exception> {
    let mut known: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut adapters = Vec::new();
    let mut requests = Vec::with_capacity(entries.len());
    for entry in entries {
        let adapter = match &entry.lora {
            None => None,
            Some(lora) => Some(match known.get(&lora.lora_path) {
                Some(&index) => index,
                None => {
                    let adapter = load(lora, options, model).map_err(|mut exception| {
                        exception.message =
                            format!("{}:{}: {}", path.display(), entry.line, exception.message);
                        exception
                    })?;
                    adapters.push(adapter);
                    known.insert(lora.lora_path.clone(), adapters.len() - 1);
                    adapters.len() - 1
                }
            }),
        };
        let Entry { prompt, output_tokens, .. } = entry;
        requests.push(Request { prompt, output_tokens, adapter });
    }
    if let Some(most) = options.and_then(|options| options.max_loras)
        && adapters.len() > most
    {
        let count = adapters.len();
        return Err(Exception::value(format!(
            "the data set asks for {count} adapters, `lora_config.max_loras` allows {most}"
        )));
    }
    Ok((requests, adapters))
}

fn load(
    lora: &LoraRequest,
    options: Option<&LoraOptions>,
    model: &ModelConfig,
) -> Result<Adapter, Exception> {
    let Some(options) = options else {
        return Err(Exception::value(
            "a LoRA request needs `lora_config` in the options file (--config)",
        ));
    };
    let resolved =
        |path: &Path| fs::canonicalize(path).map_err(|error| Exception::os(path, &error));
    let wanted = resolved(&lora.lora_path)?;
    let mut allowed = false;
    for dir in &options.dirs {
        allowed |= resolved(dir)? == wanted;
    }
    if !allowed {
        let path = lora.lora_path.display();
        return Err(Exception::value(format!("adapter {path} is not in `lora_config.lora_dir`")));
    }
    let config = AdapterConfig::read(&lora.lora_path)?;
    if config.r > options.max_rank {
        return Err(Exception::value(format!(
            "adapter {} has rank {}, `lora_config.max_lora_rank` is {}",
            lora.lora_path.display(),
            config.r,
            options.max_rank
        )));
    }
    Ok(Adapter::random(&config, model))
}
