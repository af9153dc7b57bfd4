//! Data sets at the two sizes of the perf lists, with a tokenizer of Llama 3's size made on the spot.
//!
//!     cargo bench --bench dataset

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::TempDir;
use trtllm_perf::dataset::{
    Cache, Lengths, Normal, Spec, TaskIds, TokenizerFacts, save, write_jsonl,
};

fn main() {
    divan::main();
}

/// (requests, input tokens, output tokens)
const SIZES: [(u64, i64, i64); 2] = [(512, 128, 128), (3000, 4096, 1024)];

fn spec((requests, input, output): (u64, i64, i64)) -> Spec {
    let exactly = |mean| Normal { mean, stdev: 0 };
    let lengths = Lengths::Normal { input: exactly(input), output: exactly(output) };
    Spec { requests, lengths, seed: 420, task_ids: TaskIds::None, lora_dir: None }
}

/// A model directory whose `tokenizer.json` has the shape and size of Llama 3's: 128,000 entries, 280,147
/// merges written as pairs, 256 added tokens, indented; 17 MB.
fn model() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory for the model");
    tokenizer(&dir.path().join("tokenizer.json")).expect("a tokenizer");
    let config = r#"{"eos_token": "<|end_of_text|>"}"#;
    fs::write(dir.path().join("tokenizer_config.json"), config).expect("a configuration");
    dir
}

fn tokenizer(path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "{{\n  \"version\": \"1.0\",\n  \"added_tokens\": [")?;
    for id in 128_000..128_256 {
        let content =
            if id == 128_001 { "<|end_of_text|>".to_owned() } else { format!("<|reserved_{id}|>") };
        let comma = if id == 128_255 { "" } else { "," };
        writeln!(
            out,
            "    {{\n      \"id\": {id},\n      \"content\": \"{content}\",\n      \"special\": true\n    }}{comma}"
        )?;
    }
    writeln!(out, "  ],\n  \"model\": {{\n    \"type\": \"BPE\",\n    \"vocab\": {{")?;
    for id in 0..128_000 {
        let comma = if id == 127_999 { "" } else { "," };
        writeln!(out, "      \"{}\": {id}{comma}", word(id))?;
    }
    writeln!(out, "    }},\n    \"merges\": [")?;
    for merge in 0..280_147 {
        let comma = if merge == 280_146 { "" } else { "," };
        let (left, right) = (word(merge / 3), word(merge % 997));
        writeln!(out, "      [\n        \"{left}\",\n        \"{right}\"\n      ]{comma}")?;
    }
    writeln!(out, "    ]\n  }}\n}}")?;
    out.flush()
}

/// Words as byte-level BPE writes them: a mark for the blank, letters beyond ASCII, now and then an escape.
fn word(n: u32) -> String {
    let mark = if n.is_multiple_of(2) { "Ġ" } else { "" };
    let escape = if n.is_multiple_of(64) { "\\\"" } else { "" };
    format!("{mark}w{n:x}{escape}")
}

#[divan::bench]
fn tokenizer_facts(bencher: divan::Bencher) {
    let model = model();
    bencher.bench(|| TokenizerFacts::read(model.path()).expect("facts"));
}

/// Ids and text alone.
#[divan::bench(args = SIZES)]
fn lines_to_nowhere(bencher: divan::Bencher, size: (u64, i64, i64)) {
    let facts = TokenizerFacts { vocab_size: 128_000, eos_id: 128_001 };
    bencher.bench(|| write_jsonl(&spec(size), &facts, io::sink()).expect("lines"));
}

/// The whole command: tokenizer read, file written.
#[divan::bench(args = SIZES)]
fn tokenizer_to_file(bencher: divan::Bencher, size: (u64, i64, i64)) {
    let model = model();
    let target = model.path().join("dataset.jsonl");
    bencher.bench(|| {
        let facts = TokenizerFacts::read(model.path()).expect("facts");
        save(&target, |file| write_jsonl(&spec(size), &facts, file)).expect("a file");
    });
}

/// What a trial pays when its data set was made before: verified, and linked.
#[divan::bench(args = SIZES)]
fn from_the_cache(bencher: divan::Bencher, size: (u64, i64, i64)) {
    let facts = TokenizerFacts { vocab_size: 128_000, eos_id: 128_001 };
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::new(dir.path().join("cache"));
    let target = dir.path().join("dataset.jsonl");
    cache.materialize(&spec(size), &facts, &target, &|| false).expect("made");
    bencher.bench(|| cache.materialize(&spec(size), &facts, &target, &|| false).expect("found"));
}
