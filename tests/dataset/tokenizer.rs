//! Vocabulary size and EOS from a model directory.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use trtllm_perf::dataset::TokenizerFacts;

/// A model directory; `None` leaves the file out.
fn model(tokenizer: Option<&str>, config: Option<&str>) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (file, text) in [("tokenizer.json", tokenizer), ("tokenizer_config.json", config)] {
        if let Some(text) = text {
            fs::write(dir.path().join(file), text).expect("a file");
        }
    }
    dir
}

fn facts(tokenizer: &str, config: &str) -> TokenizerFacts {
    TokenizerFacts::read(model(Some(tokenizer), Some(config)).path()).expect("facts")
}

fn refusal(tokenizer: Option<&str>, config: Option<&str>) -> String {
    let dir = model(tokenizer, config);
    let error = TokenizerFacts::read(dir.path()).expect_err("a refusal").to_string();
    error.replace(&dir.path().display().to_string(), "DIR")
}

const EOS: &str = r#"{"model_max_length": 8, "eos_token": "</s>"}"#;
const BPE: &str = r#"{"added_tokens": [{"id": 9, "content": "</s>", "special": true}],
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"], "a b"]}}"#;

#[test]
fn the_base_vocabulary_is_counted_without_added_tokens() {
    assert_eq!(facts(BPE, EOS), TokenizerFacts { vocab_size: 3, eos_id: 9 });
}

#[test]
fn the_order_of_the_keys_does_not_matter() {
    let turned = r#"{"model": {"merges": [], "vocab": {"</s>": 1, "b": 0}, "type": "BPE"}, "version": "1.0",
        "added_tokens": [{"content": "</s>", "id": 9}]}"#;
    assert_eq!(facts(turned, EOS), TokenizerFacts { vocab_size: 2, eos_id: 9 });
}

#[test]
fn the_vocabulary_gives_the_id_where_no_added_token_does() {
    let bpe = r#"{"added_tokens": [], "model": {"vocab": {"a": 0, "<\/s>": 5, "b": 1}}}"#;
    assert_eq!(facts(bpe, EOS), TokenizerFacts { vocab_size: 3, eos_id: 5 });
    let unigram = r#"{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["</s>", -1.5], ["a", 0]]}}"#;
    assert_eq!(facts(unigram, EOS), TokenizerFacts { vocab_size: 3, eos_id: 1 });
}

#[test]
fn the_eos_token_may_be_an_object_and_need_escapes() {
    let config =
        r#"{"eos_token": {"__type": "AddedToken", "content": "<\u007cé\"|>", "lstrip": false}}"#;
    let bpe = r#"{"model": {"vocab": {"<|é\u0022|>": 1, "a": 0}}}"#;
    assert_eq!(facts(bpe, config), TokenizerFacts { vocab_size: 2, eos_id: 1 });
}

#[test]
fn a_missing_file_points_to_the_script() {
    let expected = "find the tokenizer: no tokenizer.json in DIR; the performance harness can make the data \
                    set with TensorRT-LLM's own script instead: --dataset-tool script";
    assert_eq!(refusal(None, Some(EOS)), expected);
    assert_eq!(refusal(None, None), expected);
    let without_config = refusal(Some(BPE), None);
    assert!(without_config.contains("no tokenizer_config.json in DIR"), "{without_config}");
    assert!(without_config.contains("--dataset-tool script"), "{without_config}");
    let error = TokenizerFacts::read(Path::new("/no/such/model")).expect_err("a refusal");
    assert_eq!(error.to_string(), "find the tokenizer: /no/such/model is not a directory");
}

#[test]
fn broken_json_is_located() {
    let cut = &BPE[..BPE.len() - 1];
    assert_eq!(
        refusal(Some(cut), Some(EOS)),
        "read DIR/tokenizer.json:2:95: EOF while parsing an object"
    );
    let twice = format!("{BPE}\n{{}}");
    assert_eq!(
        refusal(Some(&twice), Some(EOS)),
        "read DIR/tokenizer.json:3:1: trailing characters"
    );
    assert_eq!(
        refusal(Some(BPE), Some("{\n\"eos_token\" 1}")),
        "read DIR/tokenizer_config.json:2:13: expected `:`"
    );
}

#[test]
fn another_shape_is_refused_where_it_stands() {
    for (tokenizer, expected) in [
        ("[]", "DIR/tokenizer.json:1:1: invalid type: sequence, expected a tokenizer"),
        (r#"{"model": 3}"#, "invalid type: integer `3`, expected a tokenizer model"),
        (r#"{"model": {"vocab": "x"}}"#, "expected a vocabulary (an object of ids"),
        (r#"{"model": {"vocab": [[]]}}"#, "expected a pair of token and score"),
        (
            r#"{"model": {"vocab": {"</s>": -1}}}"#,
            "DIR/tokenizer.json:1:31: invalid value: integer `-1`",
        ),
        (r#"{"added_tokens": [{"id": 1}]}"#, "missing field `content`"),
    ] {
        let refusal = refusal(Some(tokenizer), Some(EOS));
        assert!(refusal.contains(expected), "{refusal} lacks {expected}");
    }
}

#[test]
fn an_eos_token_of_another_shape_is_refused_where_it_stands() {
    for (config, expected) in [
        (
            "{\n\"eos_token\": 3}",
            "tokenizer_config.json:2:14: invalid type: integer `3`, expected a token",
        ),
        ("{\n\"eos_token\": {\"id\": 3}}", "tokenizer_config.json:2:22: missing field `content`"),
    ] {
        let refusal = refusal(Some(BPE), Some(config));
        assert!(refusal.contains(expected), "{refusal} lacks {expected}");
    }
}

#[test]
fn the_map_of_special_tokens_names_eos_where_the_configuration_does_not() {
    let dir = model(Some(BPE), Some("{}"));
    let map = dir.path().join("special_tokens_map.json");
    fs::write(&map, r#"{"bos_token": "a", "eos_token": {"content": "</s>"}}"#).expect("a file");
    let facts = TokenizerFacts::read(dir.path()).expect("facts");
    assert_eq!(facts, TokenizerFacts { vocab_size: 3, eos_id: 9 });
    fs::write(&map, "{\n").expect("a file");
    let error = TokenizerFacts::read(dir.path()).expect_err("broken").to_string();
    assert!(error.contains("special_tokens_map.json:2:"), "{error}");
}

#[test]
fn missing_facts_are_named() {
    let no_vocab = refusal(Some(r#"{"model": {"type": "BPE"}}"#), Some(EOS));
    assert!(no_vocab.starts_with("read DIR/tokenizer.json: it has no `model.vocab`"), "{no_vocab}");
    for config in ["{}", r#"{"eos_token": null}"#] {
        let no_eos = refusal(Some(BPE), Some(config));
        assert!(
            no_eos.starts_with("read DIR/tokenizer_config.json: it has no `eos_token`"),
            "{no_eos}"
        );
        assert!(no_eos.ends_with("--dataset-tool script"), "{no_eos}");
    }
    assert_eq!(
        refusal(Some(BPE), Some(r#"{"eos_token": "<end>"}"#)),
        "read DIR/tokenizer.json: the end-of-sequence token `<end>` is neither in `added_tokens` nor in \
         `model.vocab`"
    );
}

#[test]
fn a_directory_in_place_of_a_file_is_an_error_of_that_file() {
    let dir = model(None, Some(EOS));
    fs::create_dir(dir.path().join("tokenizer.json")).expect("a directory");
    let error = TokenizerFacts::read(dir.path()).expect_err("a refusal").to_string();
    assert!(error.contains("tokenizer.json: Is a directory"), "{error}");
}
