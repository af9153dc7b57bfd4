//! The harness's own cost: listing, getting ready for one trial, and a trial around a bench program that costs nothing.
//!
//! `cargo bench --bench harness`. The cost of a trial is (`trials_100` − `trials_0`) / 100 less the program's own time,
//! which is `program_alone_100` / 100.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use divan::Bencher;
use tempfile::TempDir;

const LINES: usize = 10_000;

fn main() {
    divan::main();
}

fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
    command.arg("run").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A list for one GPU machine with `lines` different ids, and the facts of such a machine.
fn folder_with_list(lines: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let mut list = String::from(
        "version: 0.0.1\nbench:\n- condition:\n    ranges:\n      system_gpu_count:\n        gte: 1\n  tests:\n",
    );
    for i in 1..=lines {
        let _ = writeln!(
            list,
            "  - perf/test_perf.py::test_perf[llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128-reqs:{i}]"
        );
    }
    fs::write(folder.path().join("list.yml"), list).expect("list");
    fs::write(folder.path().join("facts.yml"), "system_gpu_count: 1\n").expect("facts");
    folder
}

fn on(folder: &Path, mut command: Command, arguments: &[&str]) {
    let status = command
        .current_dir(folder)
        .args(["--test-list", "list.yml", "--machine-facts", "facts.yml"])
        .args(arguments)
        .status();
    assert!(status.expect("start").success());
}

#[divan::bench(sample_count = 30)]
fn list_10000_ids(bencher: Bencher<'_, '_>) {
    let folder = folder_with_list(LINES);
    bencher.bench_local(|| on(folder.path(), harness(), &["--list"]));
}

/// What every process of a nextest run does before its trial.
#[divan::bench(sample_count = 30)]
fn ready_for_one_of_10000(bencher: Bencher<'_, '_>) {
    let folder = folder_with_list(LINES);
    let name = "perf/test_perf.py::test_perf[llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128-reqs:5000]";
    bencher.bench_local(|| on(folder.path(), harness(), &["--dry-run", "--exact", name]));
}

/// A bench program that writes a report and ends.
fn program(folder: &Path) -> PathBuf {
    let path = folder.join("bench");
    let report = r#"{"performance":{"total_latency_ms":1.0,"request_throughput_req_s":1.0,"system_output_throughput_tok_s":1.0,"output_throughput_per_gpu_tok_s":1.0},"world_info":{"tp_size":1,"pp_size":1},"engine":{},"request_info":{}}"#;
    let script = format!(
        "#!/bin/sh\nfor a in \"$@\"; do case $a in --report_json=*) echo '{report}' > \"${{a#*=}}\";; esac; done\n"
    );
    fs::write(&path, script).expect("program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    path
}

fn models(folder: &Path) {
    let model = folder.join("models/llama-3.1-model/Meta-Llama-3.1-8B");
    fs::create_dir_all(&model).expect("model");
    fs::write(
        model.join("tokenizer.json"),
        r#"{"model":{"vocab":{"a":0,"b":1,"c":2}},"added_tokens":[]}"#,
    )
    .expect("tokenizer");
    fs::write(model.join("tokenizer_config.json"), r#"{"eos_token":"c"}"#).expect("tokenizer");
}

#[divan::bench(args = [0, 100], sample_count = 5)]
fn trials(bencher: Bencher<'_, '_>, count: usize) {
    let folder = folder_with_list(count.max(1));
    models(folder.path());
    let program = program(folder.path());
    let program = program.to_str().expect("UTF-8");
    bencher.bench_local(|| {
        let mut arguments =
            vec!["--bench-bin", program, "--flow", "seed", "--models-root", "models"];
        if count == 0 {
            arguments.extend(["--allow-empty", "no-such-test"]);
        }
        on(folder.path(), harness(), &arguments);
    });
}

#[divan::bench(sample_count = 5)]
fn program_alone_100(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("folder");
    let program = program(folder.path());
    let report = format!("--report_json={}", folder.path().join("report.json").display());
    bencher.bench_local(|| {
        for _ in 0..100 {
            assert!(Command::new(&program).arg(&report).status().expect("start").success());
        }
    });
}
