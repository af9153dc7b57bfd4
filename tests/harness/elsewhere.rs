//! Without the source tree: installed executables, and archives of nextest.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::*;

/// One embedded case that ends soon, and a part of its name that no other has.
const FILTER: &str = "64,32-reqs:8-con:1";

/// `cargo nextest` with these words; `None`, with a word on stderr, where it is not installed.
fn nextest(cwd: &Path, words: &[&str]) -> Option<Command> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let there = command(&cargo, cwd).args(["nextest", "--version"]).output().expect("cargo starts");
    if !there.status.success() {
        eprintln!("not checked: cargo-nextest is not installed");
        return None;
    }
    let mut command = command(cargo, cwd);
    command.arg("nextest").args(words);
    Some(command)
}

#[test]
fn two_copied_executables_are_all_that_the_embedded_list_needs() {
    let work = Work::new();
    for (program, name) in [(TRTLLM_PERF, "trtllm-perf"), (REFBENCH, "refbench")] {
        fs::copy(program, work.path(name)).expect("copied");
    }
    let output = work.word("perf-output");
    let mut command = command(work.path("trtllm-perf"), Path::new("/"));
    run(command.args(["run", "--output-dir", &output, FILTER])).exits(0);
    assert_eq!(work.metrics(), ["INFERENCE_TIME", "TOKEN_THROUGHPUT", "SEQ_THROUGHPUT"]);
    let (_, result) = work.attempt();
    assert_eq!(result["steps"][1]["argv"][0], work.word("refbench"), "the copy, not the original");
}

#[test]
fn without_its_embedded_engine_the_installed_program_says_where_it_looked() {
    let work = Work::new();
    fs::copy(TRTLLM_PERF, work.path("trtllm-perf")).expect("copied");
    let mut command = command(work.path("trtllm-perf"), work.folder());
    let ended = run(command.args(["run", FILTER]).env("PATH", "/nowhere")).exits(3);
    for told in ["`refbench`: not in PATH (/nowhere)", "looked for beside it", "cargo build --bins"]
    {
        assert!(ended.err.contains(told), "no {told} in {}", ended.err);
    }
    assert_eq!(work.junit().case().word, "infra");
}

#[test]
fn nextest_runs_each_trial_in_its_own_process_from_an_archive_into_one_csv_and_one_junit() {
    let work = Work::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let archive = work.word("perf.tar.zst");
    let build = [
        &["archive", "--test", "perf", "--archive-file", &archive][..],
        &["--zstd-level", "1", "--locked", "--offline"],
    ]
    .concat();
    let Some(mut build) = nextest(sources, &build) else { return };
    run(build.args(crate::perf_target::same_build())).exits(0);

    // Unpacked elsewhere, with no sources but the settings of nextest.
    let settings = fs::read_to_string(sources.join(".config/nextest.toml")).expect("settings");
    work.write("elsewhere/.config/nextest.toml", settings);
    for file in ["Cargo.toml", "Cargo.lock"] {
        let text = fs::read_to_string(sources.join(file)).expect(file);
        work.write(&format!("elsewhere/{file}"), text);
    }
    let elsewhere = work.word("elsewhere");
    let two = r"test(/64,32-reqs:8-con:1/) + test(/llama-bench-float32-input_output_len:128,32/)";
    let words = [
        &["run", "--archive-file", &archive, "--extract-to", &elsewhere, "--extract-overwrite"][..],
        &["--workspace-remap", &elsewhere, "--profile", "perf", "-E", two],
    ]
    .concat();
    let mut command = nextest(work.folder(), &words).expect("it was there just now");
    let output = work.word("perf-output");
    let ended = run(command.env("TRTLLM_PERF_OUTPUT_DIR", &output)).exits(0);
    assert!(ended.err.contains("2 tests run: 2 passed"), "{}", ended.err);
    assert_eq!(
        work.metrics(),
        [
            "INFERENCE_TIME",
            "TOKEN_THROUGHPUT",
            "SEQ_THROUGHPUT",
            "BUILD_TIME",
            "INFERENCE_TIME",
            "TOKEN_THROUGHPUT",
            "SEQ_THROUGHPUT"
        ],
        "in the order of the list"
    );
    assert_eq!(work.junit().kinds(), ["passed", "passed"]);
    for attempt in work.attempts() {
        let result = read_json(&attempt.join("result.json"));
        let program = text(&result["steps"][1]["argv"][0]);
        assert!(program.starts_with(&elsewhere), "the archive's own engine: {program}");
    }
}

#[test]
fn nextest_names_a_test_that_is_gone_and_gets_4() {
    let work = Work::new();
    let mut command = work.harness(&["--exact", &id("no_such-model"), "--nocapture"]);
    let ended = run(command.env("NEXTEST", "1").env("NEXTEST_RUN_ID", "a-run-of-nextest")).exits(4);
    assert!(ended.err.contains("no test ran, of 12 lines"), "{}", ended.err);
}
