//! From settings to an engine that is ready to start: data set, model, limits, adapters.

use std::path::Path;

use super::settings::{Settings, Source};
use crate::VERSION;
use crate::commands::adapters;
use crate::commands::group::Environment;
use crate::commands::setup::{bytes_per_token, check_positions, estimate, memory_beside_weights};
use crate::dataset::{self, Entry};
use crate::engine::{Engine, Limits, Request, blocks_for};
use crate::engine_dir::{self, BuildConfig};
use crate::failure::Exception;
use crate::log::Log;
use crate::model::{Adapter, Decoder, ModelConfig, Weights};
use crate::numeric::{BLOCK_TOKENS, KvCache};
use crate::report::{DatasetDetails, EngineDetails, dataset_table};

/// Everything that the benchmark needs.
pub struct Prepared {
    pub plan: Plan,
    pub requests: Vec<Request>,
    pub engine: Parts,
    pub dataset: DatasetDetails,
    pub details: EngineDetails,
    /// By which share the engine is slowed on purpose.
    pub slowdown: Option<f64>,
}

/// How the engine will run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub limits: Limits,
    pub max_seq_len: usize,
    /// Tokens of the longest sequence that is asked for.
    pub longest: usize,
    /// Share of memory for the cache, as configured.
    pub fraction: Option<f64>,
    pub blocks: usize,
    pub eos: Option<u32>,
}

/// What the engine is made of.
pub struct Parts {
    model: ModelConfig,
    weights: Weights,
    adapters: Vec<Adapter>,
}

impl Parts {
    /// Starts the engine.
    pub fn start(self, plan: &Plan) -> Engine {
        let Self { model, weights, adapters } = self;
        let (layers, kv_heads, head_dim) =
            (model.num_hidden_layers, model.kv_heads(), model.head_dim());
        let cache = KvCache::new(layers, kv_heads, head_dim, plan.blocks);
        // Not max_seq_len, which may be far above: what the cache cannot hold, the engine refuses.
        let positions = plan.longest.min(plan.blocks.saturating_mul(BLOCK_TOKENS));
        let decoder = Decoder::new(model, weights, adapters, positions);
        Engine::new(decoder, cache, plan.limits, plan.eos)
    }
}

/// Reads and checks everything.
///
/// # Errors
/// A file is not usable, or a request does not fit the model.
pub fn prepare(
    environment: &Environment,
    settings: &Settings,
    slowdown: Option<f64>,
) -> Result<Prepared, Exception> {
    let log = &environment.log;
    let (model, build) = match &settings.source {
        Source::Random => (ModelConfig::read(environment.checkpoint())?, None),
        Source::Engine(dir) => {
            let config = engine_dir::load_config(dir)?;
            let model = config.pretrained_config.model;
            same_model(environment.checkpoint(), dir, &model)?;
            (model, Some(config.build_config))
        }
    };
    let path = &settings.dataset;
    let entries = dataset::read(path, settings.num_requests, model.vocab_size)?;
    let dataset = DatasetDetails::of(&entries, &path.display().to_string());
    log.info(dataset_table(&dataset));
    let plan = plan(log, settings, &model, build.as_ref(), &dataset)?;
    check_lengths(&entries, path, &plan, &model)?;
    let lora = settings.options.lora.as_ref();
    let (requests, adapters) = adapters::resolve(entries, path, lora, &model)?;
    let weights = match &settings.source {
        Source::Random => {
            log.info(format_args!(
                "Drawing random weights from seed {}: checkpoint files are not read.",
                model.refbench_seed
            ));
            Weights::random(&model)
        }
        Source::Engine(dir) => engine_dir::load_weights(dir, &model)?,
    };
    let details = details(environment, settings, build.as_ref(), slowdown);
    Ok(Prepared {
        plan,
        requests,
        engine: Parts { model, weights, adapters },
        dataset,
        details,
        slowdown,
    })
}

/// An engine of another model is not what the user means to measure.
fn same_model(checkpoint: &Path, dir: &Path, built: &ModelConfig) -> Result<(), Exception> {
    if !checkpoint.join("config.json").exists() {
        return Ok(());
    }
    let model = ModelConfig::read(checkpoint)?;
    if model.same_shape(built) {
        return Ok(());
    }
    Err(Exception::runtime(format!(
        "The engine in {} was built for another model than {}. Please rebuild it.",
        dir.display(),
        checkpoint.display()
    )))
}

fn plan(
    log: &Log,
    settings: &Settings,
    model: &ModelConfig,
    build: Option<&BuildConfig>,
    dataset: &DatasetDetails,
) -> Result<Plan, Exception> {
    let fraction = match &settings.options.kv_cache {
        Some(section) => section.fraction,
        None => Some(settings.fraction),
    };
    let (requests, tokens) = match (settings.max_batch_size, settings.max_num_tokens, build) {
        (requests, tokens, Some(build)) => within(build, requests, tokens)?,
        (Some(requests), Some(tokens), None) => {
            log.info("Use user-provided max batch size and max num tokens.");
            (requests, tokens)
        }
        (requests, tokens, None) => {
            let target = |given: Option<usize>, average: u64| given.map_or(average, |n| n as u64);
            let input = target(settings.target_input_len, dataset.avg_isl);
            let output = target(settings.target_output_len, dataset.avg_osl);
            let estimate = estimate(log, model, settings.fraction, input, output)?;
            let batch_size = requests.unwrap_or(estimate.batch_size);
            let mut num_tokens = tokens.unwrap_or(estimate.num_tokens);
            log.info(format_args!(
                "Max batch size and max num tokens not provided. Using heuristics or pre-defined settings: \
                 max_batch_size={batch_size}, max_num_tokens={num_tokens}."
            ));
            // The real tool asks the options file alone, whatever the command line says of chunks.
            if tokens.is_none() && settings.options.chunked != Some(true) {
                let longest = dataset.max_isl as usize;
                num_tokens = num_tokens.max(longest + batch_size);
                log.warn(format_args!(
                    "Chunked prefill is not enabled in the options file: max_num_tokens is {num_tokens}, \
                     at least max ISL {longest} + max_batch_size {batch_size}."
                ));
            }
            (batch_size, num_tokens)
        }
    };
    let longest = dataset.max_sequence_length as usize;
    let max_seq_len = build.map(|build| build.max_seq_len).or(settings.max_seq_len);
    if let Some(max_seq_len) = max_seq_len {
        check_positions(model, max_seq_len)?;
    }
    let max_seq_len = max_seq_len.unwrap_or(longest);
    if build.is_some() && longest > max_seq_len {
        return Err(Exception::runtime(format!(
            "Engine supports a max sequence of {max_seq_len}. Provided dataset contains a maximum sequence of {longest}. \
             Please rebuild a new engine to support this dataset."
        )));
    }
    log.info(format_args!("Setting max sequence length to {max_seq_len}"));
    let limits = Limits { requests, tokens, chunked: settings.chunked };
    let blocks = cache_blocks(settings, model, &limits, max_seq_len, fraction)?;
    Ok(Plan { limits, max_seq_len, longest, fraction, blocks, eos: settings.eos })
}

/// Limits at run time: the engine's, or lower ones.
fn within(
    build: &BuildConfig,
    requests: Option<usize>,
    tokens: Option<usize>,
) -> Result<(usize, usize), Exception> {
    let lower = |name, wanted: Option<usize>, built| match wanted {
        Some(wanted) if wanted > built => Err(Exception::runtime(format!(
            "{name} {wanted} exceeds the engine's {built}. Please rebuild a new engine."
        ))),
        wanted => Ok(wanted.unwrap_or(built)),
    };
    Ok((
        lower("max_batch_size", requests, build.max_batch_size)?,
        lower("max_num_tokens", tokens, build.max_num_tokens)?,
    ))
}

/// Blocks of the cache: as many as requests in flight can fill, within the share of the memory that the weights
/// leave and the configured number of tokens.
fn cache_blocks(
    settings: &Settings,
    model: &ModelConfig,
    limits: &Limits,
    max_seq_len: usize,
    fraction: Option<f64>,
) -> Result<usize, Exception> {
    let memory = memory_beside_weights(model)? * fraction.unwrap_or(settings.fraction);
    let affordable = memory as usize / (bytes_per_token(model) * BLOCK_TOKENS);
    let useful = blocks_for(max_seq_len).saturating_mul(limits.in_flight());
    let configured = settings.options.kv_cache.as_ref().and_then(|section| section.max_tokens);
    let configured = configured.map_or(usize::MAX, |tokens| tokens / BLOCK_TOKENS);
    Ok(useful.min(affordable).min(configured).min(u32::MAX as usize))
}

fn check_lengths(
    entries: &[Entry],
    path: &Path,
    plan: &Plan,
    model: &ModelConfig,
) -> Result<(), Exception> {
    let (most, whose) = match plan.max_seq_len.min(model.max_position_embeddings) {
        most if most == plan.max_seq_len => (most, "max sequence length"),
        most => (most, "model's max_position_embeddings"),
    };
    let too_long = entries.iter().filter(|entry| entry.prompt.len() + entry.output_tokens > most);
    let count = too_long.clone().count();
    match too_long.into_iter().next() {
        None => Ok(()),
        Some(Entry { line, prompt, output_tokens, .. }) => Err(Exception::value(format!(
            "Requests failed: {}:{line}: prompt length {} and {output_tokens} output tokens exceed the {whose} {most} \
             ({count} requests)",
            path.display(),
            prompt.len(),
        ))),
    }
}

fn details(
    environment: &Environment,
    settings: &Settings,
    build: Option<&BuildConfig>,
    slowdown: Option<f64>,
) -> EngineDetails {
    let none = || "None".to_owned();
    let shown = |path: &Path| path.display().to_string();
    EngineDetails {
        model: environment.model.clone(),
        model_path: environment.model_path.as_deref().map_or_else(none, shown),
        engine_dir: match &settings.source {
            Source::Random => none(),
            Source::Engine(dir) => shown(dir),
        },
        revision: environment.revision.clone(),
        version: match slowdown {
            // Nothing that was slowed passes for what it is not.
            Some(share) => format!("{VERSION}+slowed-by-{}%", share * 100.0),
            None => VERSION.to_owned(),
        },
        backend: "refbench",
        dtype: "float32",
        kv_cache_dtype: None,
        quantization: None,
        max_input_length: build.map(|build| build.max_input_len),
        max_sequence_length: build.map(|build| build.max_seq_len),
    }
}
