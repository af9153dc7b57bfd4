//! What the options say, with those refused that mean nothing on this engine.

use std::path::PathBuf;

use crate::click::Arguments;
use crate::commands::setup::{only_one, size};
use crate::failure::Exception;
use crate::log::Log;
use crate::options::Options;

/// The command's settings.
#[derive(Debug)]
pub struct Settings {
    pub source: Source,
    pub dataset: PathBuf,
    /// Requests to take; 0 for all.
    pub num_requests: usize,
    pub warmup: usize,
    /// Requests at a time; `None` for no limit.
    pub concurrency: Option<usize>,
    pub streaming: bool,
    pub max_batch_size: Option<usize>,
    pub max_num_tokens: Option<usize>,
    pub max_seq_len: Option<usize>,
    /// Lengths to estimate limits for, if given.
    pub target_input_len: Option<usize>,
    pub target_output_len: Option<usize>,
    /// Share of memory for the cache.
    pub fraction: f64,
    pub chunked: bool,
    pub eos: Option<u32>,
    pub expert_parallel: Option<usize>,
    /// The options file, empty when there is none.
    pub options: Options,
    pub options_path: Option<PathBuf>,
    /// An engine that was named and will not run.
    pub unused_engine: Option<PathBuf>,
    pub report_json: Option<PathBuf>,
    pub request_json: Option<PathBuf>,
    pub iteration_log: Option<PathBuf>,
}

/// Where the weights come from.
#[derive(Debug)]
pub enum Source {
    /// Drawn at start (`--backend pytorch`).
    Random,
    /// Read from a built engine (`--backend tensorrt`).
    Engine(PathBuf),
}

/// Options that need something which this program has not.
const REFUSED: &[&str] =
    &["--custom_module_dirs", "--sampler_options", "--modality", "--output_json"];

impl Settings {
    /// Reads the options of the command.
    ///
    /// # Errors
    /// A value is out of range or refused, or the options file is not usable.
    pub fn new(arguments: &Arguments) -> Result<Self, Exception> {
        refuse(arguments)?;
        let path = |name| arguments.text(name).map(PathBuf::from);
        let options_path = path("--extra_llm_api_options");
        let options = match &options_path {
            Some(path) => Options::read(path)?,
            None => Options::default(),
        };
        // The file wins, but what it hides must be right too.
        let limit = |name, in_file: Option<usize>| {
            size(arguments, name).map(|on_command_line| in_file.or(on_command_line))
        };
        let max_seq_len = limit("--max_seq_len", options.max_seq_len)?;
        let source = source(arguments, max_seq_len)?;
        let Some(dataset) = path("--dataset") else {
            return Err(Exception::new(
                "TypeError",
                "expected the path of a data set, not None: pass --dataset",
            ));
        };
        let fraction = arguments.float("--kv_cache_free_gpu_mem_fraction").unwrap_or(0.9);
        if !(fraction > 0.0 && fraction <= 1.0) {
            return Err(Exception::value(format!(
                "--kv_cache_free_gpu_mem_fraction must be above 0 and up to 1, not {fraction}"
            )));
        }
        let unused_engine = path("--engine_dir").filter(|_| matches!(source, Source::Random));
        Ok(Self {
            source,
            dataset,
            num_requests: natural(arguments, "--num_requests")?,
            warmup: natural(arguments, "--warmup")?,
            concurrency: arguments
                .int("--concurrency")
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|&limit| limit > 0),
            streaming: arguments.flag("--streaming"),
            max_batch_size: limit("--max_batch_size", options.max_batch_size)?,
            max_num_tokens: limit("--max_num_tokens", options.max_num_tokens)?,
            max_seq_len,
            target_input_len: size(arguments, "--target_input_len")?,
            target_output_len: size(arguments, "--target_output_len")?,
            fraction,
            chunked: options.chunked.unwrap_or(arguments.flag("--enable_chunked_context")),
            eos: arguments.int("--eos_id").and_then(|token| u32::try_from(token).ok()),
            expert_parallel: size(arguments, "--ep")?,
            options,
            options_path,
            unused_engine,
            report_json: path("--report_json"),
            request_json: path("--request_json"),
            iteration_log: path("--iteration_log"),
        })
    }

    /// Says what the options file overrides, and what was given in vain.
    pub fn warn(&self, log: &Log) {
        if let Some(dir) = &self.unused_engine {
            log.warn(format_args!(
                "The engine in {} is not used: that needs --backend tensorrt",
                dir.display()
            ));
        }
        let Some(path) = self.options_path.as_ref().map(|path| path.display()) else { return };
        let Options { kv_cache, lora, without_effect, .. } = &self.options;
        for (section, given) in
            [("kv_cache_config", kv_cache.is_some()), ("lora_config", lora.is_some())]
        {
            if given {
                log.warn(format_args!("Overriding {section} because it's specified in {path}"));
            }
        }
        if !without_effect.is_empty() {
            let keys = without_effect.join(", ");
            log.warn(format_args!("No effect on this engine, though set in {path}: {keys}"));
        }
    }
}

fn refuse(arguments: &Arguments) -> Result<(), Exception> {
    if let Some(name) = REFUSED.iter().find(|name| arguments.text(name).is_some()) {
        return Err(Exception::unsupported(name));
    }
    if arguments.flag("--no_skip_tokenizer_init") {
        return Err(Exception::unsupported("--no_skip_tokenizer_init"));
    }
    if arguments.text("--scheduler_policy") == Some("max_utilization") {
        return Err(Exception::unsupported("--scheduler_policy max_utilization"));
    }
    only_one(arguments, &["--beam_width", "--tp", "--pp", "--ep", "--cluster_size"])
}

fn source(arguments: &Arguments, max_seq_len: Option<usize>) -> Result<Source, Exception> {
    match arguments.text("--backend") {
        Some("tensorrt") => {
            let Some(dir) = arguments.text("--engine_dir") else {
                return Err(Exception::value(
                    "--backend tensorrt needs an engine: pass --engine_dir",
                ));
            };
            if max_seq_len.is_some() {
                return Err(Exception::new(
                    "AssertionError",
                    "max_seq_len is not a runtime parameter for C++ backend",
                ));
            }
            Ok(Source::Engine(dir.into()))
        }
        Some("_autodeploy") => Err(Exception::unsupported("--backend _autodeploy")),
        _ => Ok(Source::Random),
    }
}

fn natural(arguments: &Arguments, name: &str) -> Result<usize, Exception> {
    let value = arguments.int(name).unwrap_or(0);
    usize::try_from(value)
        .map_err(|_| Exception::value(format!("{name} must be at least 0, not {value}")))
}
