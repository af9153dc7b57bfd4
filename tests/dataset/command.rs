//! `trtllm-perf dataset`, from its arguments on.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use proptest::prelude::*;
use tempfile::TempDir;
use trtllm_perf::commands::dataset::{DatasetArgs, run};
use trtllm_perf::dataset::{Lengths, Normal, Spec, TaskIds, TokenizerFacts, Uniform, native_argv};

use super::{document, jsonl, small_spec};

#[derive(Debug, Parser)]
enum Cli {
    Dataset(DatasetArgs),
}

fn parse(words: &[&str]) -> Result<DatasetArgs, clap::Error> {
    let words = ["trtllm-perf", "dataset"].iter().chain(words);
    Cli::try_parse_from(words).map(|Cli::Dataset(args)| args)
}

const NORM: [&str; 6] = [
    "token-norm-dist",
    "--num-requests=20",
    "--input-mean=30",
    "--input-stdev=4",
    "--output-mean=8",
    "--output-stdev=0",
];

const FACTS: TokenizerFacts = TokenizerFacts { vocab_size: 4, eos_id: 9 };

/// A model with a vocabulary of four.
fn model() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let tokenizer = r#"{"added_tokens": [{"id": 9, "content": "</s>"}],
        "model": {"vocab": {"a": 0, "b": 1, "c": 2, "d": 3}}}"#;
    fs::write(dir.path().join("tokenizer.json"), tokenizer).expect("a tokenizer");
    fs::write(dir.path().join("tokenizer_config.json"), r#"{"eos_token": "</s>"}"#)
        .expect("a file");
    dir
}

/// Runs the command with its output in the model's directory; what is in that file then.
fn run_to_file(words: &[&str]) -> String {
    let model = model();
    let (tokenizer, output) = (model.path().display().to_string(), model.path().join("new/out"));
    let output = output.display().to_string();
    let mut all = vec!["--tokenizer", &tokenizer, "--output", &output];
    all.extend(words);
    run(parse(&all).expect("arguments")).expect("made");
    fs::read_to_string(output).expect("the output")
}

#[test]
fn options_of_the_group_may_stand_on_either_side_of_the_sub_command() {
    let group = [
        "--tokenizer",
        "m",
        "--random-seed",
        "7",
        "--rand-task-id",
        "-1",
        "3",
        "--lora-dir=x",
        "--stdout",
    ];
    let before: Vec<&str> = group.iter().chain(&NORM).copied().collect();
    let after: Vec<&str> = NORM.iter().chain(&group).copied().collect();
    let mixed: Vec<&str> = group[..4].iter().chain(&NORM).chain(&group[4..]).copied().collect();
    let expected = Spec {
        seed: 7,
        task_ids: TaskIds::Random { low: -1, high: 3 },
        lora_dir: Some("x".to_owned()),
        ..small_spec()
    };
    for words in [before, after, mixed] {
        let args = parse(&words).expect("arguments");
        assert_eq!(args.spec().as_ref(), Some(&expected), "{words:?}");
    }
}

#[test]
fn the_defaults_are_those_of_upstream() {
    let args = parse(&[&["--tokenizer=m"], &NORM[..]].concat()).expect("arguments");
    assert_eq!(args.spec(), Some(small_spec()));
    let fixed =
        parse(&[&["--tokenizer=m", "--task-id", "-1"], &NORM[..]].concat()).expect("arguments");
    assert_eq!(fixed.spec().expect("synthetic").task_ids, TaskIds::None);
}

#[test]
fn what_is_missing_or_unknown_is_a_usage_error() {
    let kind = |words: &[&str]| parse(words).expect_err("a usage error").kind();
    let error = parse(&NORM).expect_err("no tokenizer");
    assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument);
    assert!(error.to_string().contains("missing option --tokenizer DIR"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let tokenizer = ["--tokenizer=m"];
    assert_eq!(kind(&[&tokenizer, &NORM[..5]].concat()), ErrorKind::MissingRequiredArgument);
    assert_eq!(kind(&tokenizer), ErrorKind::MissingSubcommand);
    assert_eq!(
        kind(&[&tokenizer, &NORM[..], &["--input-min=3"]].concat()),
        ErrorKind::UnknownArgument
    );
    assert_eq!(
        kind(&[&tokenizer, &NORM[..], &["--rand-task-id", "3"]].concat()),
        ErrorKind::WrongNumberOfValues
    );
    let error =
        parse(&[&tokenizer, &NORM[..], &["--random-seed", "-4"]].concat()).expect_err("negative");
    assert!(error.to_string().contains("give a whole number from 0 to"), "{error}");
}

#[test]
fn the_output_is_one_document_unless_lines_are_asked_for() {
    assert_eq!(run_to_file(&NORM), document(&small_spec(), &FACTS));
    assert_eq!(run_to_file(&[&["--jsonl"], &NORM[..]].concat()), jsonl(&small_spec(), &FACTS));
    let uniform = [
        "--log-level=debug",
        "--trust-remote-code",
        "--task-id=4",
        "--jsonl",
        "token-unif-dist",
        "--num-requests=3",
        "--input-min=0",
        "--input-max=9",
        "--output-min=1",
        "--output-max=5",
    ];
    let spec = Spec {
        requests: 3,
        lengths: Lengths::Uniform {
            input: Uniform { low: 0, high: 9 },
            output: Uniform { low: 1, high: 5 },
        },
        task_ids: TaskIds::Fixed(4),
        ..small_spec()
    };
    assert_eq!(run_to_file(&uniform), jsonl(&spec, &FACTS));
}

#[test]
fn the_first_thing_wrong_is_the_error() {
    let error =
        |words: &[&str]| run(parse(words).expect("arguments")).expect_err("an error").to_string();
    let missing = error(&[&["--tokenizer=/no/such/model"], &NORM[..]].concat());
    assert_eq!(missing, "find the tokenizer: /no/such/model is not a directory");
    let model = model();
    let tokenizer = format!("--tokenizer={}", model.path().display());
    let negative =
        error(&[&[tokenizer.as_str()][..], &NORM[..5], &["--output-stdev", "-2"]].concat());
    assert!(negative.contains("--output-stdev -2 is negative"), "{negative}");
    let full = error(&[&[tokenizer.as_str(), "--output=/dev/full"], &NORM[..]].concat());
    assert!(full.starts_with("write the data set to /dev/full: "), "{full}");
}

#[test]
fn task_ids_without_a_directory_of_adapters_are_noticed() {
    let with = |task_ids, lora_dir: Option<&str>| {
        Spec { task_ids, lora_dir: lora_dir.map(str::to_owned), ..small_spec() }
            .task_ids_without_lora_dir()
    };
    let random = TaskIds::Random { low: 0, high: 1 };
    assert!(with(random, None) && with(TaskIds::Fixed(0), None));
    assert!(
        !with(random, Some("x")) && !with(TaskIds::None, None) && !with(TaskIds::Fixed(-1), None)
    );
}

#[test]
fn a_plan_gives_the_options_in_the_order_of_upstreams_harness() {
    let spec = Spec {
        task_ids: TaskIds::Random { low: 0, high: 1 },
        lora_dir: Some("/lora".to_owned()),
        ..small_spec()
    };
    assert_eq!(
        native_argv(&spec, Path::new("/models/m")).join(" "),
        "trtllm-perf dataset --stdout --rand-task-id 0 1 --tokenizer=/models/m --lora-dir=/lora \
         token-norm-dist --num-requests=20 --input-mean=30 --output-mean=8 --input-stdev=4 --output-stdev=0"
    );
}

proptest! {
    #[test]
    fn the_planned_command_line_asks_for_the_same_data_set(
        requests in any::<u64>(),
        seed in prop_oneof![Just(420), any::<u64>()],
        [a, b, c, d] in any::<[i64; 4]>(),
        uniform in any::<bool>(),
        task_ids in prop_oneof![
            Just(TaskIds::None),
            (0..i64::MAX).prop_map(TaskIds::Fixed),
            any::<(i64, i64)>().prop_map(|(low, high)| TaskIds::Random { low, high }),
        ],
        lora_dir in prop::option::of("[a-z =-]{0,6}"),
    ) {
        let lengths = if uniform {
            Lengths::Uniform { input: Uniform { low: a, high: b }, output: Uniform { low: c, high: d } }
        } else {
            Lengths::Normal { input: Normal { mean: a, stdev: b }, output: Normal { mean: c, stdev: d } }
        };
        let spec = Spec { requests, lengths, seed, task_ids, lora_dir };
        let argv = native_argv(&spec, &PathBuf::from("some dir"));
        let Cli::Dataset(args) = Cli::try_parse_from(&argv).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(args.spec(), Some(spec));
    }
}
