//! `trtllm-perf dataset … real`: options, and what is done with them where the feature is built in.

use std::path::PathBuf;

use clap::Args;

use crate::dataset::MAX_TOKENS;

/// Options of the sub-command, as upstream names them.
#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("prompt").required(true).args(["dataset_prompt", "dataset_prompt_key"])))]
pub struct RealArgs {
    /// Local folder or file with JSON lines, JSON arrays or Parquet; nothing is downloaded
    #[arg(long, value_name = "PATH")]
    pub dataset_name: PathBuf,
    /// Sub-folder of it
    #[arg(long, value_name = "NAME")]
    pub dataset_config_name: Option<String>,
    /// Which files: NAME.jsonl, NAME-00000-of-00002.parquet, NAME/…
    #[arg(long, value_name = "NAME")]
    pub dataset_split: String,
    /// Key of the input in each record
    #[arg(long, value_name = "KEY")]
    pub dataset_input_key: String,
    /// The same prompt for all
    #[arg(long, value_name = "TEXT")]
    pub dataset_prompt: Option<String>,
    /// Key of the prompt in each record
    #[arg(long, value_name = "KEY")]
    pub dataset_prompt_key: Option<String>,
    /// Key of the golden output, whose length is the output length
    #[arg(long, value_name = "KEY")]
    pub dataset_output_key: Option<String>,
    /// Accepted for upstream's sake; records with pictures are refused
    #[arg(long, value_name = "KEY")]
    pub dataset_image_key: Option<String>,
    /// Stop after N accepted records; 0 takes all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub num_requests: u64,
    /// Skip longer inputs, in tokens; 0 takes all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_input_len: u64,
    /// Draw the output lengths from a normal distribution
    #[arg(long, value_name = "MEAN,STDEV", value_parser = distribution)]
    pub output_len_dist: Option<(u32, u32)>,
}

/// Upstream reads as far as there are digits: `20,5.7` is 20 and 5.
fn distribution(text: &str) -> Result<(u32, u32), String> {
    let digits = |text: &str| -> Option<u32> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok().filter(|number| i64::from(*number) <= MAX_TOKENS)
    };
    let numbers = text.split_once(',').and_then(|(mean, stdev)| {
        Some((mean.parse::<u32>().ok().and(digits(mean))?, digits(stdev)?))
    });
    numbers.ok_or_else(|| format!("write two whole numbers up to {MAX_TOKENS}: MEAN,STDEV"))
}

#[cfg(feature = "real-datasets")]
pub use with::{Target, run};

#[cfg(feature = "real-datasets")]
mod with {
    use std::io;
    use std::path::{Path, PathBuf};

    use super::RealArgs;
    use crate::dataset::real::{Prompt, RealError, RealSpec, prepare, write_document, write_jsonl};
    use crate::dataset::{DatasetError, Normal, TaskIds, save};

    /// Where the data set goes.
    pub enum Target {
        Stdout,
        /// JSON lines into a file.
        Lines(PathBuf),
        /// One document into a file.
        Document(PathBuf),
    }

    /// Makes the data set and tells on stderr when it is smaller than asked for.
    ///
    /// # Errors
    /// Those of [`RealError`] and of writing the file.
    pub fn run(
        args: RealArgs,
        tokenizer: &Path,
        seed: u64,
        task_ids: TaskIds,
        target: &Target,
    ) -> anyhow::Result<()> {
        let asked = args.num_requests;
        let prepared = prepare(&spec(args, seed, task_ids), tokenizer)?;
        if prepared.skipped > 0 {
            eprintln!(
                "note: {} inputs are longer than --max-input-len and were skipped",
                prepared.skipped
            );
        }
        let count = prepared.samples.len() as u64;
        if count < asked {
            eprintln!(
                "warning: {count} requests, though --num-requests asks for {asked}: the split has no more"
            );
        }
        match target {
            Target::Stdout => match write_jsonl(&prepared, io::stdout().lock()) {
                Err(RealError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
                other => other?,
            },
            Target::Lines(path) => save(path, |file| written(write_jsonl(&prepared, file)))?,
            Target::Document(path) => {
                save(path, |file| written(write_document(&prepared, file)))?;
            }
        }
        Ok(())
    }

    fn written(result: Result<(), RealError>) -> Result<(), DatasetError> {
        result.map_err(|error| match error {
            RealError::Output(error) => DatasetError::Output(error),
            other => DatasetError::Output(io::Error::other(other)),
        })
    }

    fn spec(args: RealArgs, seed: u64, task_ids: TaskIds) -> RealSpec {
        let limit = |number: u64| (number > 0).then_some(number);
        let prompt = match (args.dataset_prompt, args.dataset_prompt_key) {
            (Some(text), _) => Prompt::Text(text),
            (None, key) => Prompt::Key(key.unwrap_or_default()),
        };
        RealSpec {
            source: args.dataset_name,
            config: args.dataset_config_name,
            split: args.dataset_split,
            input_key: args.dataset_input_key,
            prompt,
            output_key: args.dataset_output_key,
            requests: limit(args.num_requests),
            max_input_len: limit(args.max_input_len),
            output_len: args
                .output_len_dist
                .map(|(mean, stdev)| Normal { mean: mean.into(), stdev: stdev.into() }),
            task_ids,
            seed,
        }
    }
}
