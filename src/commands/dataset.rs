//! `trtllm-perf dataset`: upstream's `prepare_dataset.py` without Python.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};

mod real;

use crate::dataset::{
    DEFAULT_SEED, DatasetError, Lengths, Normal, Spec, TaskIds, TokenizerFacts, Uniform, save,
    write_document, write_jsonl,
};

/// The options of `trtllm-perf dataset`, as upstream names them. Those above the sub-command may stand
/// after it as well.
#[derive(Debug, Clone)]
pub struct DatasetArgs {
    tokenizer: PathBuf,
    group: Group,
}

#[derive(Debug, Clone, Args)]
struct Group {
    /// Directory of the model, with tokenizer.json and tokenizer_config.json
    #[arg(long, global = true, value_name = "DIR")]
    tokenizer: Option<PathBuf>,

    /// File to write one JSON document to; parent directories are made
    #[arg(long, global = true, value_name = "FILE", default_value = "preprocessed_dataset.json")]
    output: PathBuf,

    /// Print JSON lines, as trtllm-bench reads them, to stdout in place of a file
    #[arg(long, global = true)]
    stdout: bool,

    /// Write JSON lines to --output in place of one document
    #[arg(long, global = true)]
    jsonl: bool,

    /// Seed of all random numbers
    #[arg(long, global = true, value_name = "N", default_value_t = DEFAULT_SEED,
          allow_negative_numbers = true, value_parser = whole_number)]
    random_seed: u64,

    /// LoRA task id of every request, -1 for none
    #[arg(long, global = true, value_name = "ID", default_value_t = -1, allow_negative_numbers = true)]
    task_id: i64,

    /// Draw the LoRA task id of each request from LOW to HIGH, both included
    #[arg(long, global = true, num_args = 2, value_names = ["LOW", "HIGH"], allow_negative_numbers = true)]
    rand_task_id: Option<Vec<i64>>,

    /// Directory with one adapter directory a task id
    #[arg(long, global = true, value_name = "DIR")]
    lora_dir: Option<String>,

    /// Accepted for upstream's sake; has no effect
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<LogLevel>,

    /// Accepted for upstream's sake; no code of the model is ever run
    #[arg(long, global = true)]
    trust_remote_code: bool,

    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogLevel {
    Info,
    Debug,
}

#[derive(Debug, Clone, Subcommand)]
enum Kind {
    /// Real text of a local data set (JSON lines, JSON, Parquet); a build with the feature `real-datasets`
    #[command(alias = "dataset", alias = "real-dataset")]
    Real(real::RealArgs),
    /// Random tokens; lengths normally distributed
    TokenNormDist {
        /// How many requests
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number)]
        num_requests: u64,
        /// Mean input length, in tokens
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        input_mean: i64,
        /// Standard deviation of the input length
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        input_stdev: i64,
        /// Mean output length, in tokens
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        output_mean: i64,
        /// Standard deviation of the output length
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        output_stdev: i64,
    },
    /// Random tokens; lengths uniformly distributed
    TokenUnifDist {
        /// How many requests
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number)]
        num_requests: u64,
        /// Shortest input, in tokens
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        input_min: i64,
        /// Longest input
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        input_max: i64,
        /// Shortest output
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        output_min: i64,
        /// Longest output
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        output_max: i64,
    },
}

fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("give a whole number from 0 to {}", u64::MAX))
}

// An option that may stand on either side of the sub-command cannot be declared as required; this
// makes `--tokenizer` one.
impl FromArgMatches for DatasetArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let group = Group::from_arg_matches(matches)?;
        let Some(tokenizer) = group.tokenizer.clone() else {
            let mut command = Group::augment_args(Command::new("trtllm-perf dataset"));
            let message = "missing option --tokenizer DIR: the directory of the model";
            return Err(command.error(ErrorKind::MissingRequiredArgument, message));
        };
        Ok(Self { tokenizer, group })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for DatasetArgs {
    fn augment_args(command: Command) -> Command {
        Group::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Group::augment_args_for_update(command)
    }
}

impl DatasetArgs {
    /// The synthetic data set that is asked for; `None` when it is one of real text.
    pub fn spec(&self) -> Option<Spec> {
        let (requests, lengths) = match self.group.kind {
            Kind::Real(_) => return None,
            Kind::TokenNormDist {
                num_requests,
                input_mean,
                input_stdev,
                output_mean,
                output_stdev,
            } => {
                let input = Normal { mean: input_mean, stdev: input_stdev };
                let output = Normal { mean: output_mean, stdev: output_stdev };
                (num_requests, Lengths::Normal { input, output })
            }
            Kind::TokenUnifDist { num_requests, input_min, input_max, output_min, output_max } => {
                let input = Uniform { low: input_min, high: input_max };
                let output = Uniform { low: output_min, high: output_max };
                (num_requests, Lengths::Uniform { input, output })
            }
        };
        let Group { random_seed: seed, ref lora_dir, .. } = self.group;
        Some(Spec {
            requests,
            lengths,
            seed,
            task_ids: self.task_ids(),
            lora_dir: lora_dir.clone(),
        })
    }

    fn task_ids(&self) -> TaskIds {
        match self.group.rand_task_id.as_deref() {
            Some(&[low, high]) => TaskIds::Random { low, high },
            _ if self.group.task_id == -1 => TaskIds::None,
            _ => TaskIds::Fixed(self.group.task_id),
        }
    }
}

/// Makes the data set.
///
/// # Errors
/// Those of [`DatasetError`], unchanged.
pub fn run(args: DatasetArgs) -> anyhow::Result<()> {
    let spec = args.spec();
    let task_ids = args.task_ids();
    let DatasetArgs { tokenizer, group } = args;
    if group.log_level.is_some() {
        eprintln!("note: --log-level has no effect");
    }
    if group.trust_remote_code {
        eprintln!("note: --trust-remote-code has no effect: no code of the model is run");
    }
    let Some(spec) = spec else { return real_text(&tokenizer, group, task_ids) };
    let facts = TokenizerFacts::read(&tokenizer)?;
    spec.check(&facts)?;
    if spec.task_ids_without_lora_dir() {
        eprintln!(
            "warning: task ids without --lora-dir: JSON lines will name no adapters; \
             give the directory of the adapters, or leave the task ids out"
        );
    }
    if group.stdout {
        return Ok(print(&spec, &facts)?);
    }
    save(&group.output, |file| {
        if group.jsonl {
            write_jsonl(&spec, &facts, file)
        } else {
            write_document(&spec, &facts, file)
        }
    })?;
    Ok(())
}

/// The sub-command for real text.
#[cfg(feature = "real-datasets")]
fn real_text(tokenizer: &Path, group: Group, task_ids: TaskIds) -> anyhow::Result<()> {
    let Kind::Real(options) = group.kind else { unreachable!("every other kind has a spec") };
    let target = match (group.stdout, group.jsonl) {
        (true, _) => real::Target::Stdout,
        (false, true) => real::Target::Lines(group.output),
        (false, false) => real::Target::Document(group.output),
    };
    real::run(options, tokenizer, group.random_seed, task_ids, &target)
}

/// The sub-command is in every build, so that its absence can be explained.
#[cfg(not(feature = "real-datasets"))]
fn real_text(_: &Path, _: Group, _: TaskIds) -> anyhow::Result<()> {
    anyhow::bail!(
        "prepare real text: this program was built without it; build it with --features real-datasets"
    )
}

/// Prints JSON lines. A reader that has seen enough (`| head`) is no failure.
fn print(spec: &Spec, facts: &TokenizerFacts) -> Result<(), DatasetError> {
    // Past the line buffer of `io::stdout`, which would look for line ends in megabytes of ids.
    let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(DatasetError::Output)?;
    match write_jsonl(spec, facts, File::from(stdout)) {
        Err(DatasetError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
