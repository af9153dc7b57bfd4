//! The bytes, against golden files and against the reference of these tests.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Deserialize;
use trtllm_perf::dataset::{DatasetError, Lengths, Normal, Spec, TaskIds, TokenizerFacts, Uniform};
use trtllm_perf::dataset::{write_document, write_jsonl};

use super::{FACTS, document, jsonl, reference, small_spec};

/// `NAME.params.json`
#[derive(Deserialize)]
struct Params {
    kind: String,
    random_seed: u64,
    vocab_size: u32,
    #[serde(alias = "eos_ids", deserialize_with = "one_id")]
    eos_id: u32,
    num_requests: u64,
    #[serde(alias = "input_min")]
    input_mean: i64,
    #[serde(alias = "input_max")]
    input_stdev: i64,
    #[serde(alias = "output_min")]
    output_mean: i64,
    #[serde(alias = "output_max")]
    output_stdev: i64,
    task_id: Option<i64>,
    rand_task_id: Option<(i64, i64)>,
    lora_dir: Option<String>,
}

/// An id, or a list with just one.
fn one_id<'de, D: serde::Deserializer<'de>>(json: D) -> Result<u32, D::Error> {
    let value = serde_json::Value::deserialize(json)?;
    let id = value.as_u64().or_else(|| value.as_array().filter(|ids| ids.len() == 1)?[0].as_u64());
    id.and_then(|id| u32::try_from(id).ok()).ok_or_else(|| serde::de::Error::custom("not one id"))
}

fn read_params(path: &Path) -> (Spec, TokenizerFacts) {
    let text = fs::read_to_string(path).expect("parameters");
    let p: Params =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lengths = match p.kind.as_str() {
        "token-norm-dist" => Lengths::Normal {
            input: Normal { mean: p.input_mean, stdev: p.input_stdev },
            output: Normal { mean: p.output_mean, stdev: p.output_stdev },
        },
        "token-unif-dist" => Lengths::Uniform {
            input: Uniform { low: p.input_mean, high: p.input_stdev },
            output: Uniform { low: p.output_mean, high: p.output_stdev },
        },
        other => panic!("unknown kind {other}"),
    };
    let task_ids = match (p.task_id, p.rand_task_id) {
        (_, Some((low, high))) => TaskIds::Random { low, high },
        (Some(task), None) => TaskIds::Fixed(task),
        (None, None) => TaskIds::None,
    };
    let spec = Spec {
        requests: p.num_requests,
        lengths,
        seed: p.random_seed,
        task_ids,
        lora_dir: p.lora_dir,
    };
    (spec, TokenizerFacts { vocab_size: p.vocab_size, eos_id: p.eos_id })
}

/// Compares every golden data set of a directory; how many there were.
fn compare_all(directory: &Path, jsonl_ending: &str, document_ending: &str) -> usize {
    let mut compared = 0;
    for item in fs::read_dir(directory).expect("golden files") {
        let path = item.expect("an item").path();
        let text = path.to_string_lossy();
        let Some(stem) = text.strip_suffix(".params.json") else { continue };
        let golden = |ending: &str| {
            let path = PathBuf::from(format!("{stem}.{ending}"));
            fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let (spec, facts) = read_params(&path);
        assert_eq!(jsonl(&spec, &facts), golden(jsonl_ending), "{stem}");
        assert_eq!(document(&spec, &facts), golden(document_ending), "{stem}");
        assert_eq!(reference::jsonl(&spec, facts), golden(jsonl_ending), "reference of {stem}");
        assert_eq!(
            reference::document(&spec, facts),
            golden(document_ending),
            "reference of {stem}"
        );
        compared += 1;
    }
    compared
}

#[test]
fn the_golden_data_sets_come_out_byte_for_byte() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dataset");
    assert_eq!(compare_all(&ours, "jsonl", "document.json"), 7);
}

#[test]
fn the_shared_golden_data_sets_come_out_byte_for_byte_where_present() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/datasets");
    if shared.is_dir() {
        assert!(compare_all(&shared, "stdout.jsonl", "output.json") > 0);
    }
}

fn lengths() -> impl Strategy<Value = Lengths> {
    let normal = || (-20_i64..400, 0_i64..200).prop_map(|(mean, stdev)| Normal { mean, stdev });
    let uniform =
        || (0_i64..300, 0_i64..300).prop_map(|(a, b)| Uniform { low: a.min(b), high: a.max(b) });
    prop_oneof![
        (normal(), normal()).prop_map(|(input, output)| Lengths::Normal { input, output }),
        (uniform(), uniform()).prop_map(|(input, output)| Lengths::Uniform { input, output }),
    ]
}

fn task_ids() -> impl Strategy<Value = TaskIds> {
    prop_oneof![
        Just(TaskIds::None),
        (-2_i64..5).prop_map(TaskIds::Fixed),
        (-2_i64..3, 0_i64..9).prop_map(|(low, more)| TaskIds::Random { low, high: low + more }),
        (any::<i32>(), 0..i64::MAX / 2).prop_map(|(low, more)| TaskIds::Random {
            low: low.into(),
            high: i64::from(low) + more
        }),
    ]
}

fn seed(lengths: &Lengths) -> BoxedStrategy<u64> {
    match lengths {
        Lengths::Normal { .. } => any::<u32>().prop_map(u64::from).boxed(),
        Lengths::Uniform { .. } => prop_oneof![0_u64..1000, any::<u64>()].boxed(),
    }
}

fn facts() -> impl Strategy<Value = TokenizerFacts> {
    let power = (1_u32..19, 0_u32..3).prop_map(|(e, more)| (1 << e) - 1 + more);
    let vocab =
        prop_oneof![2_u32..600, 2_u32..300_000, power.prop_filter("two or more", |v| *v > 1)];
    vocab.prop_flat_map(|vocab_size| {
        let eos = prop_oneof![0..vocab_size.min(40), 0..vocab_size, vocab_size..=vocab_size + 300];
        eos.prop_map(move |eos_id| TokenizerFacts { vocab_size, eos_id })
    })
}

fn spec() -> impl Strategy<Value = Spec> {
    lengths().prop_flat_map(|lengths| {
        let lora_dir = prop::option::of("[a-zé\"\\\\/\u{1}\u{7f}😀]{1,9}");
        (1_u64..25, seed(&lengths), task_ids(), lora_dir).prop_map(
            move |(requests, seed, task_ids, lora_dir)| Spec {
                requests,
                lengths,
                seed,
                task_ids,
                lora_dir,
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_data_set_equals_the_one_of_the_independent_generator(spec in spec(), facts in facts()) {
        prop_assert!(jsonl(&spec, &facts) == reference::jsonl(&spec, facts));
        prop_assert!(document(&spec, &facts) == reference::document(&spec, facts));
    }
}

#[test]
fn requests_longer_than_the_output_buffer_are_whole() {
    let long = Normal { mean: 90_000, stdev: 0 };
    let spec = Spec {
        requests: 2,
        lengths: Lengths::Normal { input: long, output: long },
        ..small_spec()
    };
    for vocab_size in [80_000, 100_000, 2_000_000] {
        let facts = TokenizerFacts { vocab_size, eos_id: 7 };
        assert!(jsonl(&spec, &facts) == reference::jsonl(&spec, facts));
    }
}

#[test]
fn no_requests_are_an_empty_file_of_lines_but_no_document() {
    let spec = Spec { requests: 0, ..small_spec() };
    assert_eq!(jsonl(&spec, &FACTS), "");
    let error = write_document(&spec, &FACTS, Vec::new()).expect_err("no longest request");
    assert!(error.to_string().contains("--num-requests 0"), "{error}");
}

#[test]
fn what_cannot_be_drawn_is_refused_by_the_name_of_the_option_and_nothing_is_written() {
    let normal = |mean, stdev| Normal { mean, stdev };
    let uniform = |low, high| Uniform { low, high };
    let lengths = |lengths| Spec { lengths, ..small_spec() };
    let norm = |input, output| lengths(Lengths::Normal { input, output });
    let unif = |input, output| lengths(Lengths::Uniform { input, output });
    let tasks = |low, high| Spec { task_ids: TaskIds::Random { low, high }, ..small_spec() };
    let vocabulary = |vocab_size| TokenizerFacts { vocab_size, eos_id: 0 };
    let refusals = [
        (norm(normal(5, -1), normal(5, 0)), FACTS, "--input-stdev -1 is negative"),
        (norm(normal(5, 1), normal(5, -2)), FACTS, "--output-stdev -2 is negative"),
        (norm(normal(1_000_000_000, 1), normal(5, 0)), FACTS, "--input-mean 1000000000"),
        (norm(normal(1, 1), normal(i64::MIN, 0)), FACTS, "--output-mean -9223372036854775808"),
        (norm(normal(5, i64::MAX), normal(5, 0)), FACTS, "--input-stdev 9223372036854775807"),
        (norm(normal(5, 0), normal(5, 8_000_000)), FACTS, "--output-stdev 8000000 is out of range"),
        (unif(uniform(5, 4), uniform(1, 1)), FACTS, "--input-min 5 is above --input-max 4"),
        (unif(uniform(5, 6), uniform(2, 1)), FACTS, "--output-min 2 is above --output-max 1"),
        (unif(uniform(-1, 6), uniform(1, 1)), FACTS, "--input-min -1 is negative"),
        (unif(uniform(0, 6), uniform(1, i64::MAX)), FACTS, "--output-max 9223372036854775807"),
        (Spec { seed: 1 << 32, ..small_spec() }, FACTS, "--random-seed 4294967296"),
        (tasks(3, 2), FACTS, "--rand-task-id 3 2"),
        (tasks(i64::MIN, i64::MAX), FACTS, "--rand-task-id -9223372036854775808"),
        (Spec { lora_dir: Some(String::new()), ..small_spec() }, FACTS, "--lora-dir is empty"),
        (small_spec(), vocabulary(0), "vocabulary of 0"),
        (small_spec(), vocabulary(1), "end-of-sequence"),
        (small_spec(), vocabulary(u32::MAX), "vocabulary of 4294967295"),
    ];
    for (spec, facts, expected) in refusals {
        let (mut lines, mut document) = (Vec::new(), Vec::new());
        let errors: [DatasetError; 2] = [
            write_jsonl(&spec, &facts, &mut lines).expect_err(expected),
            write_document(&spec, &facts, &mut document).expect_err(expected),
        ];
        for error in errors {
            assert!(error.to_string().contains(expected), "{error} lacks {expected}");
        }
        assert!(lines.is_empty() && document.is_empty());
    }
}
