//! `tokenizer.json`: nothing panics, and what is counted agrees with a plain reading of the whole document.
//!
//! The EOS token is `</s>`; files are written for every input, since the station reads a directory.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;
use trtllm_perf::dataset::{MAX_VOCAB, TokenizerFacts};

static MODEL: LazyLock<TempDir> = LazyLock::new(|| {
    let folder =
        if fs::metadata("/dev/shm").is_ok() { "/dev/shm".into() } else { std::env::temp_dir() };
    let model = tempfile::tempdir_in(folder).expect("a directory");
    let config = r#"{"eos_token": "</s>"}"#;
    fs::write(model.path().join("tokenizer_config.json"), config).expect("a file");
    model
});

fuzz_target!(|json: &[u8]| {
    fs::write(MODEL.path().join("tokenizer.json"), json).expect("a file");
    match TokenizerFacts::read(MODEL.path()) {
        Ok(facts) => agrees(facts, json),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn agrees(facts: TokenizerFacts, json: &[u8]) {
    assert!(facts.vocab_size <= MAX_VOCAB);
    let Ok(whole) = serde_json::from_slice::<Value>(json) else { return };
    match &whole["model"]["vocab"] {
        // A key that comes twice is one entry of the map and two of the walk.
        Value::Object(vocab) => assert!(facts.vocab_size as usize >= vocab.len()),
        Value::Array(vocab) => assert_eq!(facts.vocab_size as usize, vocab.len()),
        // A `model` that comes twice, the last time without a vocabulary.
        _ => {}
    }
}
