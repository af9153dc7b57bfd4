//! `embedded.yml` on the embedded engine: the main job, for real.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::perf_target::perf;
use crate::support::*;

/// Upstream's columns for the flows before v1.2.
const COLUMNS: [&str; 17] = [
    "network_name",
    "network_hash",
    "sm_clk",
    "mem_clk",
    "gpu_idx",
    "perf_case_name",
    "test_name",
    "original_test_name",
    "perf_metric",
    "total_time__sec",
    "start_timestamp",
    "end_timestamp",
    "state",
    "command",
    "threshold",
    "absolute_threshold",
    "metric_type",
];

/// The metrics of a label, in the order of the rows.
fn expected_metrics(label: &str) -> Vec<&'static str> {
    let mut metrics = Vec::new();
    if !label.contains("-pytorch-") {
        metrics.push("BUILD_TIME");
    }
    metrics.extend(["INFERENCE_TIME", "TOKEN_THROUGHPUT", "SEQ_THROUGHPUT"]);
    if label.contains("-streaming-") {
        metrics.extend(["FIRST_TOKEN_TIME", "OUTPUT_TOKEN_TIME"]);
    }
    metrics
}

/// Checks the rows of one trial: names, order, units and how the numbers hang together.
fn check_rows(rows: &[Row]) {
    let label = rows[0]["network_name"].as_str();
    let metrics: Vec<_> = rows.iter().map(|row| row["metric_type"].as_str()).collect();
    assert_eq!(metrics, expected_metrics(label), "{label}");
    let number = |row: &Row, column: &str| row[column].parse::<f64>().expect(column);
    let value = |metric| {
        let row = rows.iter().find(|row| row["metric_type"] == metric)?;
        Some(number(row, "perf_metric"))
    };
    let run_time = |metric| {
        let row = rows.iter().find(|row| row["metric_type"] == metric).expect(metric);
        number(row, "total_time__sec")
    };
    for row in rows {
        let short = format!("test_perf_metric_{}[{label}]", row["metric_type"].to_lowercase());
        assert_eq!([&row["network_hash"], &row["test_name"]], [&short; 2]);
        assert_eq!(row["perf_case_name"], format!("perf/test_perf.py::{short}"));
        assert_eq!(row["state"], "valid");
        assert!(number(row, "perf_metric") > 0.0, "{row:?}");
        let first = ["BUILD_TIME", "INFERENCE_TIME"].contains(&row["metric_type"].as_str());
        assert_eq!(number(row, "total_time__sec") > 0.0, first, "{row:?}");
        let higher_is_better = row["metric_type"].ends_with("THROUGHPUT");
        assert_eq!(row["threshold"], if higher_is_better { "-0.1" } else { "0.1" });
    }
    // Milliseconds and per-second figures of one clock; the program itself takes longer than what it measures.
    let total_ms = value("INFERENCE_TIME").expect("in every trial");
    assert!(total_ms / 1e3 < run_time("INFERENCE_TIME"), "{label}: {total_ms} ms");
    let requests: f64 = label_number(label, "reqs:");
    let by_rate = value("SEQ_THROUGHPUT").expect("in every trial") * total_ms / 1e3;
    assert!((by_rate / requests - 1.0).abs() < 0.01, "{label}: {by_rate} requests");
    if !label.contains("loras:") {
        let output: f64 = label_number(label, &format!("{},", label_number(label, "len:")));
        let tokens = value("TOKEN_THROUGHPUT").expect("in every trial") * total_ms / 1e3;
        assert!((tokens / requests / output - 1.0).abs() < 0.01, "{label}: {tokens} tokens");
    }
    if let Some(seconds) = value("BUILD_TIME") {
        assert!(seconds < run_time("BUILD_TIME"), "{label}: built in {seconds} s");
    }
    if let (Some(first), Some(next)) = (value("FIRST_TOKEN_TIME"), value("OUTPUT_TOKEN_TIME")) {
        assert!(first <= total_ms && next <= total_ms, "{label}: {first} ms, {next} ms");
    }
}

/// The number behind `mark` in a label.
fn label_number(label: &str, mark: &str) -> f64 {
    let rest = label.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {label}")).1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// Checks the rows and files of a whole run.
fn check_run(work: &Work, trials: usize) {
    let csv = work.read("perf-output/perf_script_test_results.csv");
    assert_eq!(csv.lines().next(), Some(COLUMNS.join(",").as_str()));
    let rows = work.rows();
    let by_trial: Vec<&[Row]> =
        rows.chunk_by(|a, b| a["original_test_name"] == b["original_test_name"]).collect();
    assert_eq!(by_trial.len(), trials);
    by_trial.iter().for_each(|rows| check_rows(rows));

    let junit = work.junit();
    assert_eq!(junit.name, "perf");
    assert_eq!(junit.kinds(), vec!["passed"; trials]);
    for (case, rows) in junit.cases.iter().zip(by_trial) {
        assert_eq!(format!("perf/test_perf.py::{}", case.name), rows[0]["original_test_name"]);
        assert_eq!(case.class, "perf.test_perf");
    }
    for file in ["session_properties.csv", "gpu_monitoring.csv", "gpu.txt", "cpu.txt"] {
        assert!(work.path("perf-output").join(file).is_file(), "{file}");
    }
    for file in ["driver.txt", "trtllm_version.txt", "runs/latest/run.json"] {
        assert!(work.path("perf-output").join(file).is_file(), "{file}");
    }
    assert_eq!(read_csv(&work.path("perf-output/session_properties.csv")).len(), 1);
    work.attempts().iter().for_each(|attempt| check_attempt(attempt));
}

/// Checks the folder of one attempt.
fn check_attempt(folder: &Path) {
    let result = read_json(&folder.join("result.json"));
    let name = text(&result["name"]);
    assert_eq!(result["outcome"], "passed", "{name}");
    assert_eq!(result["facts"]["engine_backend"], "refbench", "{name}");
    assert_eq!(result["facts"]["dataset_tool"], "native", "{name}");
    assert_eq!(result["problems"], Value::Array(Vec::new()), "{name}");
    let sources = result["metrics"].as_array().expect("metrics").iter();
    let from_log: Vec<_> = sources.filter(|row| row["source"] != "report").collect();
    assert!(from_log.iter().all(|row| row["metric"] == "BUILD_TIME"), "{from_log:?}");

    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut expected = vec!["bench.log"];
    expected.push(if name.contains("-pytorch-") {
        "extra-llm-api-config.yml"
    } else {
        "build.log"
    });
    expected.extend(name.contains("loras:").then_some("loras"));
    expected.extend(["plan.json", "report.json", "result.json", "synthetic_data.json"]);
    expected.sort_unstable();
    assert_eq!(files, expected, "the engine is gone, the rest is there: {name}");
}

/// The inode of the data set of the attempt whose name holds `part`.
fn dataset_of(work: &Work, part: &str) -> u64 {
    let attempts = work.attempts();
    let named = |path: &&std::path::PathBuf| path.to_string_lossy().contains(part);
    let attempt = attempts.iter().find(named).unwrap_or_else(|| panic!("no {part}"));
    fs::metadata(attempt.join("synthetic_data.json")).expect("a data set").ino()
}

#[test]
fn one_case_of_each_kind_runs_in_the_installed_program() {
    let work = Work::new();
    let some = r"pytorch-float32.*:64,32-reqs:8-con:1\]|gqa.*streaming|loras:2|bench-float32";
    let ended = work.run(&["-F", "embedded.yml", "-R", some]).exits(0);
    assert!(ended.out.contains("test result: ok. 4 passed; 0 failed"), "{}", ended.out);
    check_run(&work, 4);
}

#[test]
fn a_case_gives_the_size_of_its_cache_with_the_commands_of_v1_2() {
    let work = Work::new();
    let label =
        "refbench_tiny_llama-bench-pytorch-streaming-float32-maxbs:2-input_output_len:64,32-reqs:4";
    work.run(&["--case", label, "--flow", "v1.2"]).exits(0);
    let metrics = work.metrics();
    assert_eq!(metrics[3..], ["KV_CACHE_SIZE", "FIRST_TOKEN_TIME", "OUTPUT_TOKEN_TIME"]);
    // Room for two requests of three blocks of 32 tokens: keys and values as float32, over all layers.
    let config = work.read("perf-output/refbench-models/tiny-llama/config.json");
    let config: Value = serde_json::from_str(&config).expect("JSON");
    let size = |key: &str| config[key].as_f64().expect("a number");
    let head_size = size("hidden_size") / size("num_attention_heads");
    let token = 2.0 * 4.0 * size("num_hidden_layers") * size("num_key_value_heads") * head_size;
    let gib = 2.0 * 3.0 * 32.0 * token / f64::from(1 << 30);
    let told = work.value("KV_CACHE_SIZE");
    assert!((told / gib - 1.0).abs() < 0.01, "{told} GiB, not {gib}");
}

#[test]
fn the_whole_embedded_list_passes_in_the_cargo_target_and_shares_its_data_sets() {
    let work = Work::new();
    let ended = run(&mut command(perf(), work.folder())).exits(0).says("results: perf-output");
    assert!(ended.out.contains("test result: ok. 12 passed; 0 failed"), "{}", ended.out);
    check_run(&work, 12);
    // Three cases want 16 requests of 128 and 32 tokens: one data set, made once and linked.
    let short = dataset_of(&work, "bench-pytorch-float32-input_output_len_128_32");
    assert_eq!(short, dataset_of(&work, "bench-pytorch-streaming-float32-input_output_len_128_32"));
    assert_eq!(short, dataset_of(&work, "llama-bench-float32-input_output_len_128_32"));
    assert_ne!(short, dataset_of(&work, "input_output_len_512_8"));
    let cached = fs::read_dir(work.path("perf-output/datasets")).expect("the cache");
    let inodes: Vec<_> = cached
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "jsonl"))
        .map(|entry| entry.metadata().expect("metadata").ino())
        .collect();
    assert!(inodes.contains(&short), "linked from the cache");
}
