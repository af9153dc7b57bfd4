//! `build`, and serving what was built.

use std::fs;
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

use crate::support::{Bench, Served, fails, stdout};

const LIMITS: [&str; 3] = ["--max_seq_len=64", "--max_batch_size=4", "--max_num_tokens=128"];

fn build(bench: &Bench) -> PathBuf {
    bench.group().arg("build").args(LIMITS).assert().success();
    bench.path("ws/org/small/tp_1_pp_1")
}

pub fn built_and_served(bench: &Bench, options: &[&str]) -> Served {
    let engine = build(bench);
    let engine = format!("--engine_dir={}", engine.display());
    let options: Vec<&str> =
        ["--backend=tensorrt", &engine].into_iter().chain(options.iter().copied()).collect();
    bench.serve(&bench.dataset("d", &[(20, 10), (30, 5)]), &options)
}

#[test]
fn a_build_tells_its_time_and_where_the_engine_is() {
    let bench = Bench::new();
    let mut command = bench.group();
    command.arg("build").args(LIMITS).args([
        "--trust_remote_code=True",
        "--no_weights_loading",
        "false",
        "-tp",
        "1",
    ]);
    let output = command.output().expect("starts");
    let text = stdout(&output);
    assert!(output.status.success(), "{text}");
    let time = Regex::new(
        r"\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\] \[REFBENCH\] \[I\] Engine generation completed in ([\d\.]+) seconds\.\n",
    );
    let time = time.expect("valid").captures(&text).expect("the build line")[1].parse::<f64>();
    assert!(time.expect("a number") > 0.0);
    let dir = bench.path("ws/org/small/tp_1_pp_1").display().to_string();
    let workspace = bench.path("ws").display().to_string();
    for part in [
        "= ENGINE BUILD INFO\n".to_owned(),
        "Model Name:\t\torg/small\n".to_owned(),
        format!("Workspace Directory:\t{workspace}\nEngine Directory:\t{dir}\n\n"),
        "= ENGINE CONFIGURATION DETAILS\n".to_owned(),
        "Max Sequence Length:\t\t64\nMax Batch Size:\t\t\t4\nMax Num Tokens:\t\t\t128\n".to_owned(),
        "Quantization:\t\t\tNone\nKV Cache Dtype:\t\t\tNone\n".to_owned(),
        format!("ENGINE SAVED: {dir}\n"),
    ] {
        assert!(text.contains(&part), "{part} in {text}");
    }
    let config =
        fs::read_to_string(bench.path("ws/org/small/tp_1_pp_1/config.json")).expect("written");
    let config: Value = serde_json::from_str(&config).expect("JSON");
    assert_eq!(config["build_config"]["max_batch_size"], 4);
    assert_eq!(config["pretrained_config"]["hidden_size"], 32);
}

#[test]
fn a_built_engine_gives_the_tokens_of_its_model() {
    let bench = Bench::new();
    let built = built_and_served(&bench, &[]);
    let drawn = bench.serve(&bench.path("d"), &[]);
    assert_eq!(built.tokens(), drawn.tokens());
    let json = built.json();
    assert_eq!(json["engine"]["backend"], "refbench");
    assert_eq!(json["engine"]["max_sequence_length"], 64);
    assert_eq!(json["engine"]["max_input_length"], 1024);
    assert_eq!(json["world_info"]["max_batch_size"], 4, "the engine's limit");
    assert!(built.text.contains("Max Input Length:\t1024\nMax Sequence Length:\t64\n"));
    assert!(drawn.json()["engine"].get("max_sequence_length").is_none());
}

#[test]
fn limits_of_a_build_can_come_from_a_data_set() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(20, 12), (30, 5)]);
    bench.group().arg("build").arg("--dataset").arg(dataset).assert().success();
    let config =
        fs::read_to_string(bench.path("ws/org/small/tp_1_pp_1/config.json")).expect("written");
    let config: Value = serde_json::from_str(&config).expect("JSON");
    assert_eq!(config["build_config"]["max_seq_len"], 35);
}

#[test]
fn contradictory_builds_are_refused() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(4, 4)]);
    let dataset = dataset.to_str().expect("UTF-8");
    for (words, message) in [
        (
            &["--max_batch_size=1", "--max_num_tokens=9"][..],
            "ValueError: Unspecified max_seq_len for engine build. Exiting.",
        ),
        (
            &["--max_seq_len=8", "--dataset", dataset, "--max_batch_size=1", "--max_num_tokens=9"],
            "ValueError: Multiple engine build options detected, please choose only one engine build option. Exiting.",
        ),
        (
            &["--tp_size=4", "-pp", "4", "--max_seq_len=8"],
            "ValueError: Parallelism mapping of TP4-PP4 is currently unsupported. Please try with a mapping with <=8 GPUs.",
        ),
        (
            &["--tp_size=2", "--max_seq_len=8"],
            "NotImplementedError: --tp_size 2 (only 1) is not supported",
        ),
        (
            &["--quantization=FP8", "--max_seq_len=8"],
            "NotImplementedError: --quantization FP8 is not supported",
        ),
        (
            &["--max_seq_len=513"],
            "ValueError: max_seq_len 513 exceeds the model's max_position_embeddings 512",
        ),
    ] {
        let text = fails(bench.group().arg("build").args(words), 1);
        assert!(text.contains("Traceback (most recent call last):\n"), "{text}");
        assert!(text.contains(message), "{words:?}: {text}");
    }
}

#[test]
fn an_engine_that_does_not_fit_is_refused() {
    let bench = Bench::new();
    let engine = build(&bench);
    let engine = engine.to_str().expect("UTF-8");
    let dataset = bench.dataset("d", &[(20, 10)]);
    let long = bench.dataset("long", &[(60, 10)]);
    let serve = |dataset: &PathBuf, options: &[&str]| {
        let mut command = bench.throughput();
        command.arg("--dataset").arg(dataset).arg("--backend=tensorrt").args(options);
        fails(&mut command, 1)
    };
    let here = ["--engine_dir", engine];
    let text = serve(&long, &here);
    assert!(
        text.contains(
            "RuntimeError: Engine supports a max sequence of 64. Provided dataset contains a maximum sequence of 70. \
             Please rebuild a new engine to support this dataset."
        ),
        "{text}"
    );
    let text = serve(&dataset, &[here[0], here[1], "--max_seq_len=32"]);
    assert!(
        text.contains("AssertionError: max_seq_len is not a runtime parameter for C++ backend"),
        "{text}"
    );
    let text = serve(&dataset, &[here[0], here[1], "--max_batch_size=5"]);
    assert!(text.contains("RuntimeError: max_batch_size 5 exceeds the engine's 4."), "{text}");
    for (yaml, message) in [
        ("max_batch_size: 5", "RuntimeError: max_batch_size 5 exceeds the engine's 4."),
        ("max_num_tokens: 129", "RuntimeError: max_num_tokens 129 exceeds the engine's 128."),
        ("max_seq_len: 8", "AssertionError: max_seq_len is not a runtime parameter for C++"),
    ] {
        let config = format!("--config={}", bench.write("o.yml", yaml).display());
        let text = serve(&dataset, &[here[0], here[1], &config]);
        assert!(text.contains(message), "{yaml}: {text}");
    }
    let text = serve(&dataset, &[]);
    assert!(
        text.contains("ValueError: --backend tensorrt needs an engine: pass --engine_dir"),
        "{text}"
    );
    let empty = tempfile::tempdir().expect("temporary directory");
    let text = serve(&dataset, &["--engine_dir", empty.path().to_str().expect("UTF-8")]);
    assert!(text.contains("FileNotFoundError: [Errno 2] No such file or directory: '"), "{text}");
    let config = fs::read_to_string(bench.path("config.json")).expect("written");
    bench.write(
        "config.json",
        &config.replace("\"intermediate_size\": 48", "\"intermediate_size\": 64"),
    );
    let text = serve(&dataset, &here);
    assert!(text.contains("was built for another model than"), "{text}");
}
