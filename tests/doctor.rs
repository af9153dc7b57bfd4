//! `trtllm-perf doctor`, and the contract check that a run makes by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const LABEL: &str = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:16,8-reqs:4";
const BUILD_LABEL: &str = "llama_v3.1_8b-bench-bfloat16-input_output_len:16,8-reqs:4";
const MODEL: &str = "models/llama-3.1-model/Meta-Llama-3.1-8B";

/// A folder with one whole checkpoint.
fn folder_with_model() -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let model = folder.path().join(MODEL);
    fs::create_dir_all(&model).expect("model");
    let tokenizer = r#"{"model":{"vocab":{"a":0,"b":1,"c":2}},"added_tokens":[]}"#;
    let files = [
        ("config.json", "{}"),
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", r#"{"eos_token":"c"}"#),
        ("model.safetensors", ""),
    ];
    for (name, text) in files {
        fs::write(model.join(name), text).expect("model file");
    }
    folder
}

fn bench() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/doctor/bench-1.1.sh")
}

fn trtllm_perf(folder: &Path, command: &str, arguments: &[&str]) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
    for (name, _) in std::env::vars() {
        if ["TRTLLM_", "LLM_", "NEXTEST"].iter().any(|start| name.starts_with(start)) {
            process.env_remove(name);
        }
    }
    process
        .current_dir(folder)
        .arg(command)
        .args(["--models-root", "models"])
        .args(arguments)
        .output()
        .expect("start")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_embedded_list_can_run_on_any_machine() {
    let folder = folder_with_model();
    let output = trtllm_perf(folder.path(), "doctor", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).lines().any(|line| line.starts_with("ok       refbench")),
        "{}",
        text(&output)
    );
}

#[test]
fn a_missing_bench_program_is_said_with_what_to_do_and_fails() {
    let folder = folder_with_model();
    let output =
        trtllm_perf(folder.path(), "doctor", &["--case", LABEL, "--bench-bin", "no-such-bench"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("missing  bench program    find the program `no-such-bench`"), "{said}");
    assert!(said.contains("--bench-bin names it; leave that out"), "{said}");
}

#[test]
fn release_flow_and_models_are_told() {
    let folder = folder_with_model();
    let bench = bench();
    let output = trtllm_perf(
        folder.path(),
        "doctor",
        &[
            "--case",
            LABEL,
            "--case",
            "qwen3_8b-bench-pytorch-float8-input_output_len:1,1",
            "--bench-bin",
            bench.to_str().expect("UTF-8"),
        ],
    );
    let said = text(&output);
    assert!(said.contains("TensorRT-LLM 1.1.0, commands of flow v1.1"), "{said}");
    assert!(said.contains("1 of the list's 2 are there and whole"), "{said}");
    assert!(said.contains("qwen3_8b ("), "{said}");
}

#[test]
fn options_that_the_program_does_not_know_are_counted() {
    let folder = folder_with_model();
    let bench = bench();
    let bench = bench.to_str().expect("UTF-8");
    let cases = ["--contract", "--case", LABEL, "--case", BUILD_LABEL, "--bench-bin", bench];
    let fits = trtllm_perf(
        folder.path(),
        "doctor",
        &["--contract", "--case", LABEL, "--bench-bin", bench],
    );
    assert!(text(&fits).contains("the bench program knows every option"), "{}", text(&fits));
    let output = trtllm_perf(folder.path(), "doctor", &[&cases[..], &["--flow", "v1.2"]].concat());
    let said = text(&output);
    assert!(said.contains("--config of throughput: used by 1 selected tests"), "{said}");
    assert!(said.contains("--max_batch_size of build: used by 1 selected tests"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_run_fails_a_trial_with_an_unknown_option_before_the_program_starts_and_names_the_flow_that_fits()
 {
    let folder = folder_with_model();
    let bench = bench();
    let bench = bench.to_str().expect("UTF-8");
    let refused = trtllm_perf(
        folder.path(),
        "run",
        &["--case", LABEL, "--bench-bin", bench, "--flow", "v1.2", "--workspace", "work"],
    );
    assert_eq!(refused.status.code(), Some(101));
    let said = text(&refused);
    assert!(said.contains("bad_option: --config of throughput is not known to"), "{said}");
    assert!(said.contains("hint: the commands of --flow v1.1 fit this program"), "{said}");
    let fits = trtllm_perf(folder.path(), "run", &["--case", LABEL, "--bench-bin", bench]);
    assert_eq!(fits.status.code(), Some(0), "{}", text(&fits));
    let asked = String::from_utf8_lossy(&fits.stderr).into_owned();
    assert!(asked.contains("is TensorRT-LLM 1.1.0: commands of flow v1.1"), "{asked}");
    let started = |run: &str| {
        let found =
            Command::new("find").arg(folder.path().join(run)).args(["-name", "started"]).output();
        !found.expect("find").stdout.is_empty()
    };
    assert!(started("perf-output/runs/latest/"), "the program ran in the second run");
    assert!(!started("work"), "and not in the first");
}
