//! `build`: draws the weights of a model and writes them as an engine.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::group::Environment;
use super::setup;
use crate::click::Arguments;
use crate::dataset;
use crate::engine_dir::{BuildConfig, save};
use crate::failure::Exception;
use crate::log::Log;
use crate::model::{ModelConfig, Weights};
use crate::report::{DatasetDetails, dataset_table, general_6};

/// Limits when the user gives neither limits nor a load: the real tool's.
const DEFAULT_BATCH_SIZE: usize = 2048;
const DEFAULT_NUM_TOKENS: usize = 8192;
/// The share of memory that estimates for an engine assume.
const BUILD_FRACTION: f64 = 0.95;

const RULER: &str = "===========================================================";

/// Runs the command.
///
/// # Errors
/// The options contradict each other, the model cannot be read, the engine cannot be written.
pub fn run(environment: &Environment, arguments: &Arguments) -> Result<(), Exception> {
    let log = &environment.log;
    check_parallelism(arguments)?;
    if let Some(algorithm) = arguments.text("--quantization") {
        return Err(Exception::unsupported(format_args!("--quantization {algorithm}")));
    }
    let given = ["--dataset", "--max_batch_size", "--target_input_len"]
        .iter()
        .filter(|name| arguments.text(name).is_some() || arguments.int(name).is_some())
        .count();
    if given > 1 {
        return Err(Exception::value(
            "Multiple engine build options detected, please choose only one engine build option. Exiting.",
        ));
    }
    let max_seq_len = setup::size(arguments, "--max_seq_len")?;
    if max_seq_len.is_none() && arguments.text("--dataset").is_none() {
        return Err(Exception::value("Unspecified max_seq_len for engine build. Exiting."));
    }
    let model = ModelConfig::read(environment.checkpoint())?;
    let build = limits(log, arguments, &model, max_seq_len)?;
    setup::check_positions(&model, build.max_seq_len)?;
    setup::memory_beside_weights(&model)?;
    let dir = environment.workspace.join(&environment.model).join("tp_1_pp_1");
    let started = Instant::now();
    let weights = Weights::random(&model);
    save(&dir, &model, &build, &weights)?;
    let seconds = general_6(started.elapsed().as_secs_f64());
    log.info(format_args!("Engine generation completed in {seconds} seconds."));
    report(environment, &build, &dir);
    Ok(())
}

fn check_parallelism(arguments: &Arguments) -> Result<(), Exception> {
    let size = |name| arguments.int(name).unwrap_or(1);
    let (tp, pp) = (size("--tp_size"), size("--pp_size"));
    if tp.saturating_mul(pp) > 8 {
        return Err(Exception::value(format!(
            "Parallelism mapping of TP{tp}-PP{pp} is currently unsupported. Please try with a mapping with <=8 GPUs."
        )));
    }
    setup::only_one(arguments, &["--tp_size", "--pp_size"])
}

fn limits(
    log: &Log,
    arguments: &Arguments,
    model: &ModelConfig,
    max_seq_len: Option<usize>,
) -> Result<BuildConfig, Exception> {
    let lengths = match arguments.text("--dataset").map(PathBuf::from) {
        Some(path) => {
            let entries = dataset::read(&path, 0, model.vocab_size)?;
            let details = DatasetDetails::of(&entries, &path.display().to_string());
            log.info(dataset_table(&details));
            Some((details.avg_isl, details.avg_osl, details.max_sequence_length as usize))
        }
        None => {
            let length = |name| setup::size(arguments, name).map(|n| n.map(|n| n as u64));
            let target = length("--target_input_len")?.zip(length("--target_output_len")?);
            target.map(|(input, output)| (input, output, 0))
        }
    };
    if let Some((input, output, longest)) = lengths {
        let estimate = setup::estimate(log, model, BUILD_FRACTION, input, output)?;
        let max_seq_len = max_seq_len.unwrap_or(longest);
        return Ok(BuildConfig::new(max_seq_len, estimate.batch_size, estimate.num_tokens));
    }
    let batch_size = setup::size(arguments, "--max_batch_size")?;
    if batch_size.is_none() {
        log.warn(
            "No engine build option is selected, use the default limits on batch size and tokens.",
        );
    }
    Ok(BuildConfig::new(
        max_seq_len.unwrap_or(0),
        batch_size.unwrap_or(DEFAULT_BATCH_SIZE),
        setup::size(arguments, "--max_num_tokens")?.unwrap_or(DEFAULT_NUM_TOKENS),
    ))
}

fn report(environment: &Environment, build: &BuildConfig, dir: &Path) {
    let Environment { log, model, .. } = environment;
    let path = environment.model_path.as_ref();
    let path = path.map_or_else(|| "None".to_owned(), |path| path.display().to_string());
    log.info(format_args!(
        "\n{RULER}\n= ENGINE BUILD INFO\n{RULER}\nModel Name:\t\t{model}\nModel Path:\t\t{path}\n\
         Workspace Directory:\t{}\nEngine Directory:\t{}\n\n{RULER}\n= ENGINE CONFIGURATION DETAILS\n{RULER}\n\
         Max Sequence Length:\t\t{}\nMax Batch Size:\t\t\t{}\nMax Num Tokens:\t\t\t{}\nQuantization:\t\t\tNone\n\
         KV Cache Dtype:\t\t\tNone\n{RULER}",
        environment.workspace.display(),
        dir.display(),
        build.max_seq_len,
        build.max_batch_size,
        build.max_num_tokens,
    ));
    log.info(format_args!("\n\n{RULER}\nENGINE SAVED: {}\n{RULER}", dir.display()));
}
