//! The command line that makes a data set, for plans and for the key of the cache.

use std::path::Path;

use super::spec::NO_TASK;
use super::{DEFAULT_SEED, Lengths, Spec, TaskIds};

/// The command that prints the bytes of [`write_jsonl`](super::write_jsonl) to its stdout, with the
/// options in the order in which upstream's harness gives them to its script.
pub fn native_argv(spec: &Spec, tokenizer_dir: &Path) -> Vec<String> {
    let mut argv = vec!["trtllm-perf".to_owned(), "dataset".to_owned(), "--stdout".to_owned()];
    if spec.seed != DEFAULT_SEED {
        argv.push(format!("--random-seed={}", spec.seed));
    }
    argv.extend(task_words(spec));
    argv.push(format!("--tokenizer={}", tokenizer_dir.display()));
    argv.extend(spec.lora_dir.iter().map(|dir| format!("--lora-dir={dir}")));
    argv.extend(length_words(spec));
    argv
}

/// The options that say which adapters the requests use, as upstream's programs take them, too.
pub fn task_words(spec: &Spec) -> Vec<String> {
    match spec.task_ids {
        TaskIds::None | TaskIds::Fixed(NO_TASK) => Vec::new(),
        TaskIds::Fixed(task) => vec![format!("--task-id={task}")],
        TaskIds::Random { low, high } => {
            vec!["--rand-task-id".to_owned(), low.to_string(), high.to_string()]
        }
    }
}

/// The sub-command with its options: how many requests, and how long.
pub fn length_words(spec: &Spec) -> Vec<String> {
    let (kind, options) = match spec.lengths {
        Lengths::Normal { input, output } => (
            "token-norm-dist",
            [
                ("input-mean", input.mean),
                ("output-mean", output.mean),
                ("input-stdev", input.stdev),
                ("output-stdev", output.stdev),
            ],
        ),
        Lengths::Uniform { input, output } => (
            "token-unif-dist",
            [
                ("input-min", input.low),
                ("input-max", input.high),
                ("output-min", output.low),
                ("output-max", output.high),
            ],
        ),
    };
    let mut words = vec![kind.to_owned(), format!("--num-requests={}", spec.requests)];
    words.extend(options.map(|(name, value)| format!("--{name}={value}")));
    words
}
