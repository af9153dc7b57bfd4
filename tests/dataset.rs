//! Data sets: their bytes, the tokenizer facts they need, the files they end up in, the cache, the command.

#[path = "dataset/bytes.rs"]
mod bytes;
#[path = "dataset/cache.rs"]
mod cache;
#[path = "dataset/command.rs"]
mod command;
#[path = "dataset/files.rs"]
mod files;
#[path = "dataset/reference.rs"]
mod reference;
#[path = "harness/small_disk.rs"]
#[expect(dead_code, reason = "the tests of the harness use more of it")]
mod small_disk;
#[path = "dataset/tokenizer.rs"]
mod tokenizer;

use std::fs;
use std::path::Path;

use trtllm_perf::dataset::{
    Lengths, Normal, Spec, TaskIds, TokenizerFacts, write_document, write_jsonl,
};

const FACTS: TokenizerFacts = TokenizerFacts { vocab_size: 32_000, eos_id: 2 };

/// A small data set like those of the perf lists.
fn small_spec() -> Spec {
    Spec {
        requests: 20,
        lengths: Lengths::Normal {
            input: Normal { mean: 30, stdev: 4 },
            output: Normal { mean: 8, stdev: 0 },
        },
        seed: 420,
        task_ids: TaskIds::None,
        lora_dir: None,
    }
}

fn jsonl(spec: &Spec, facts: &TokenizerFacts) -> String {
    let mut out = Vec::new();
    write_jsonl(spec, facts, &mut out).expect("JSON lines");
    String::from_utf8(out).expect("UTF-8")
}

fn document(spec: &Spec, facts: &TokenizerFacts) -> String {
    let mut out = Vec::new();
    write_document(spec, facts, &mut out).expect("a document");
    String::from_utf8(out).expect("UTF-8")
}

/// The names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let items = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = items
        .map(|item| item.expect("an item").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
