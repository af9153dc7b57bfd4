//! Options, their faults, help.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{Bench, fails, refbench, stderr, stdout};

#[test]
fn every_invocation_begins_with_its_own_version_line() {
    let first = format!("[refbench] refbench version: {}", env!("CARGO_PKG_VERSION"));
    for words in [&[][..], &["--help"], &["nonsense"], &["throughput", "--help"], &["--zzz"]] {
        let output = refbench().args(words).output().expect("starts");
        assert_eq!(stdout(&output).lines().next(), Some(first.as_str()), "{words:?}");
    }
}

#[test]
fn help_lists_every_option_without_asking_for_a_model() {
    let help = |words: &[&str]| {
        let output = refbench().args(words).output().expect("starts");
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let throughput = help(&["throughput", "--help"]);
    for option in [
        "--engine_dir",
        "--backend",
        "--custom_module_dirs",
        "--extra_llm_api_options, --config",
        "--sampler_options",
        "--max_batch_size",
        "--max_num_tokens",
        "--max_seq_len",
        "--beam_width",
        "--kv_cache_free_gpu_mem_fraction",
        "--dataset",
        "--no_skip_tokenizer_init",
        "--eos_id",
        "--modality",
        "--image_data_format",
        "--data_device",
        "--max_input_len",
        "--num_requests",
        "--warmup",
        "--target_input_len",
        "--target_output_len",
        "--tp",
        "--pp",
        "--ep",
        "--cluster_size",
        "--concurrency",
        "--streaming",
        "--report_json",
        "--iteration_log",
        "--output_json",
        "--request_json",
        "--enable_chunked_context / --disable_chunked_context",
        "--scheduler_policy",
        "--help",
    ] {
        assert!(throughput.contains(&format!("  {option}")), "{option} in {throughput}");
    }
    let build = help(&["build", "--help"]);
    for option in [
        "-tp, --tp_size",
        "-pp, --pp_size",
        "-q, --quantization",
        "--max_seq_len",
        "--no_weights_loading",
        "--trust_remote_code",
        "--dataset",
        "--max_batch_size",
        "--max_num_tokens",
        "--target_input_len",
        "--target_output_len",
    ] {
        assert!(build.contains(&format!("  {option}")), "{option} in {build}");
    }
    let group = help(&["--help"]);
    assert_eq!(group, help(&[]));
    for word in [
        "-m, --model",
        "--model_path",
        "-w, --workspace",
        "--log_level",
        "--revision",
        "build",
        "throughput",
    ] {
        assert!(group.contains(&format!("  {word}")), "{word} in {group}");
    }
}

#[test]
fn faults_of_the_group_are_click_usage_errors() {
    let usage =
        "Usage: refbench [OPTIONS] COMMAND [ARGS]...\nTry 'refbench --help' for help.\n\nError: ";
    for (words, message) in [
        (&["throughput"][..], "Missing option '--model' / '-m'."),
        (&["--model=a"], "Missing command."),
        (&["--model=a", "foo"], "No such command 'foo'."),
        (&["-m", "a", "latency"], "No such command 'latency'."),
        (&["-ma", "prepare-dataset"], "No such command 'prepare-dataset'."),
        (
            &["--model=a", "--log_level=loud", "throughput"],
            "Invalid value for '--log_level': 'loud' is not one of 'internal_error', 'error', 'warning', 'info', 'verbose'.",
        ),
    ] {
        let output = refbench().args(words).output().expect("starts");
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output), format!("{usage}{message}\n"), "{words:?}");
    }
}

#[test]
fn faults_of_throughput_are_click_usage_errors() {
    let bench = Bench::new();
    let dir = bench.path("").display().to_string();
    for (words, message) in [
        (
            &["--backend=foo"][..],
            "Invalid value for '--backend': 'foo' is not one of 'pytorch', '_autodeploy', 'tensorrt'.".to_owned(),
        ),
        (&["--backend=PyTorch"], "Invalid value for '--backend': 'PyTorch' is not one of 'pytorch', '_autodeploy', 'tensorrt'.".to_owned()),
        (&["--dataset=/nope"], "Invalid value for '--dataset': Path '/nope' does not exist.".to_owned()),
        (&["--engine_dir=/nope"], "Invalid value for '--engine_dir': Path '/nope' does not exist.".to_owned()),
        (&["--concurrency", "abc"], "Invalid value for '--concurrency': 'abc' is not a valid integer.".to_owned()),
        (&["--target_input_len", "0"], "Invalid value for '--target_input_len': 0 is not in the range x>=1.".to_owned()),
        (
            &["--concur", "3"],
            "No such option: --concur (Possible options: --concurrency, --config)".to_owned(),
        ),
        (&["--streaming=yes"], "Option '--streaming' does not take a value.".to_owned()),
        (&["--dataset"], "Option '--dataset' requires an argument.".to_owned()),
        (&["--report_json", &dir], format!("Invalid value for '--report_json': File '{dir}' is a directory.")),
        (&["stray"], "Got unexpected extra argument (stray)".to_owned()),
    ] {
        let text = fails(bench.throughput().args(words), 2);
        let usage = "Usage: refbench throughput [OPTIONS]\nTry 'refbench throughput --help' for help.\n\nError: ";
        assert!(text.ends_with(&format!("{usage}{message}\n")), "{words:?}: {text}");
    }
}

#[test]
fn a_word_that_is_not_utf_8_is_a_usage_error() {
    let bench = Bench::new();
    let word = OsStr::from_bytes(b"--dataset=/tmp/\xff");
    let text = fails(bench.throughput().arg(word), 2);
    assert!(
        text.ends_with("\nError: Argument '--dataset=/tmp/\u{fffd}' is not valid UTF-8.\n"),
        "{text}"
    );
}

#[test]
fn half_of_the_limits_of_a_build_is_a_usage_error() {
    let text =
        fails(Bench::new().group().args(["build", "--max_seq_len=9", "--max_batch_size=3"]), 2);
    assert!(
        text.contains(
            "Error: All options from 'Build Engine with IFB Scheduler Limits' option group should be specified or none \
             should be specified. Missing required options:\n  '--max_num_tokens'"
        ),
        "{text}"
    );
}

#[test]
fn what_has_no_meaning_on_a_processor_is_refused_by_name() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(4, 2)]);
    let yaml = bench.write("s.yml", "{}");
    for (words, name) in [
        (&["--backend=_autodeploy"][..], "--backend _autodeploy"),
        (&["--tp=2"], "--tp 2 (only 1)"),
        (&["--pp=2"], "--pp 2 (only 1)"),
        (&["--ep=4"], "--ep 4 (only 1)"),
        (&["--cluster_size=2"], "--cluster_size 2 (only 1)"),
        (&["--beam_width=3"], "--beam_width 3 (only 1)"),
        (&["--modality=image"], "--modality"),
        (&["--scheduler_policy=max_utilization"], "--scheduler_policy max_utilization"),
        (&["--no_skip_tokenizer_init"], "--no_skip_tokenizer_init"),
        (&["--output_json=out.json"], "--output_json"),
        (&["--sampler_options", yaml.to_str().expect("UTF-8")], "--sampler_options"),
    ] {
        let text = fails(bench.throughput().arg("--dataset").arg(&dataset).args(words), 1);
        let message = format!("NotImplementedError: {name} is not supported by refbench");
        assert!(text.contains(&message), "{words:?}: {text}");
    }
    bench.serve(&dataset, &["--tp=1", "--pp=1", "--ep=1", "--cluster_size=1", "--beam_width=1"]);
}

#[test]
fn the_log_level_decides_what_is_logged() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(4, 2)]);
    let mut quiet = refbench();
    quiet.args(["--model=a", "--log_level=error", "--model_path"]).arg(bench.path(""));
    let output = quiet.arg("throughput").arg("--dataset").arg(&dataset).output().expect("starts");
    assert!(output.status.success());
    assert_eq!(stdout(&output).lines().count(), 1, "{}", stdout(&output));
}

#[test]
fn a_failure_that_the_log_level_keeps_out_of_the_log_is_told_on_stderr() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(4, 2)]);
    let limits = ["--max_batch_size=1", "--max_num_tokens=3", "--disable_chunked_context"];
    let run = |level: &str| {
        let mut command = refbench();
        command.args(["--model=a", level, "--model_path"]).arg(bench.path(""));
        command.arg("throughput").args(limits).arg("--dataset").arg(&dataset);
        command.output().expect("starts")
    };
    let why = "ValueError: Requests failed: prompt length 4 exceeds max_num_tokens 3";
    let output = run("--log_level=internal_error");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(why) && !stdout(&output).contains(why));
    let output = run("--log_level=error");
    assert!(stdout(&output).contains(why) && stderr(&output).is_empty(), "once, in the log");
}
