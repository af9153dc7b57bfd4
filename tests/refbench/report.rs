//! The report: its layout, and that text and JSON say the same.

use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::support::{Bench, Served};

fn served(streaming: bool) -> Served {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(8, 4), (24, 6), (40, 1), (16, 9), (8, 5)]);
    let options = ["--max_batch_size=3", "--max_num_tokens=32", "--concurrency=4", "--streaming"];
    bench.serve(&dataset, if streaming { &options } else { &options[..3] })
}

/// The last record, from its prefix on.
fn report_of(text: &str) -> &str {
    let header = text.find("= REFBENCH BACKEND").expect("a report");
    &text[text[..header].rfind('[').expect("a prefix")..]
}

/// The text with every value that depends on machine, place or time replaced.
fn layout(text: &str) -> String {
    let patterns = [
        (r"(?m)^(.*GB, ).*$", "<machine>"),
        (r"No GPU info available", "<machine>"),
        (r"= (REFBENCH|PYTORCH) BACKEND", "= <BACKEND>"),
        (r"= ENGINE DETAILS", "= <BACKEND>"),
        (
            r"(?m)^(Model:\t\t\t|Model Path:\t\t|Engine Directory:\t|Dataset Path:         ).*$",
            "$1<text>",
        ),
        (r"(?m)^(Refbench|TensorRT LLM) Version:\t.*$", "<name> Version:\t<text>"),
        (r"(?m)^(Dtype:\t\t\t|KV Cache Dtype:\t\t|Quantization:\t\t).*$", "$1<text>"),
        (r"(?m)^([A-Z][A-Z0-9]+:  )[ 0-9.e+]{9,}( {10}[ 0-9.e+]{9,}){2}$", "$1<row>"),
        (r"(?m)( |\t)[0-9]+(\.[0-9]+)?(E\+[0-9]+)?(%?)$", "$1<number>$4"),
    ];
    patterns.into_iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).expect("valid").replace_all(&text, with).into_owned()
    })
}

/// The JSON with every value replaced: keys, order and indentation remain.
fn skeleton(json: &str) -> String {
    let value = Regex::new(r#"(?m)(": )("[^"]*"|null|[-0-9.e+]+)(,?)$"#).expect("valid");
    value.replace_all(json, "${1}_${3}").into_owned()
}

/// From the second ruler on: what the log prefix is followed by differs by nothing but the time.
fn body(text: &str) -> &str {
    text.split_once("[I] \n").expect("a prefix").1
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/refbench").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_text_has_the_layout_of_the_fixtures() {
    assert_eq!(layout(body(report_of(&served(true).text))), fixture("report-streaming.txt"));
    assert_eq!(layout(body(report_of(&served(false).text))), fixture("report.txt"));
}

#[test]
fn the_json_has_the_keys_of_the_fixtures_in_their_order() {
    let streaming = served(true).report;
    assert!(!streaming.ends_with('\n'));
    // A machine is told by name on this system.
    assert!(skeleton(&streaming).contains("\"memory.total\": _,"));
    assert_eq!(skeleton(&streaming), fixture("report-streaming.json"));
    assert_eq!(skeleton(&served(false).report), fixture("report.json"));
}

#[test]
fn the_report_of_a_built_engine_has_the_layout_of_its_fixtures() {
    let built = super::build::built_and_served(&Bench::new(), &["--max_batch_size=4"]);
    assert_eq!(layout(body(report_of(&built.text))), fixture("report-tensorrt.txt"));
    assert_eq!(skeleton(&built.report), fixture("report-tensorrt.json"));
}

/// The other tests hold reports against the fixtures; this one holds the fixtures against the real tool's reports.
#[test]
fn the_layout_of_the_fixtures_is_that_of_recorded_reports_where_they_are_at_hand() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/reports");
    let streaming = recorded.join("03-1.2-pytorch--streaming.log");
    if !streaming.exists() {
        return;
    }
    let read = |name: &str| fs::read_to_string(recorded.join(name)).expect("readable");
    let text = read("03-1.2-pytorch--streaming.log");
    assert_eq!(fixture("report-streaming.txt"), layout(body(&text)));
    assert_eq!(fixture("report-tensorrt.txt"), layout(body(&read("04-1.2-tensorrt.log"))));
    // No machine was known where these were recorded.
    let machine =
        "{\n        \"name\": _,\n        \"memory.total\": _,\n        \"clocks.mem\": _\n    }";
    for (ours, recorded) in [
        ("report-streaming.json", "03-1.2-pytorch--streaming.json"),
        ("report-tensorrt.json", "04-1.2-tensorrt.json"),
    ] {
        assert_eq!(fixture(ours).replace(machine, "_"), skeleton(&read(recorded)), "{recorded}");
    }
}

#[test]
fn text_and_json_agree_to_the_digits_printed() {
    let served = served(true);
    let (text, json) = (report_of(&served.text), served.json());
    let shown = |label: &str| -> f64 {
        let line =
            text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}"));
        line[label.len()..].trim().parse().expect("a number")
    };
    for (label, pointer) in [
        ("Number of requests:", "/request_info/num_requests"),
        ("Number of concurrent requests:", "/request_info/avg_num_concurrent_requests"),
        ("Average Input Length (tokens):", "/request_info/avg_input_length"),
        ("Average Output Length (tokens):", "/request_info/avg_output_length"),
        ("Max Runtime Batch Size:", "/world_info/max_batch_size"),
        ("Request Throughput (req/sec):", "/performance/request_throughput_req_s"),
        ("Total Output Throughput (tokens/sec):", "/performance/system_output_throughput_tok_s"),
        ("Total Token Throughput (tokens/sec):", "/performance/system_total_throughput_tok_s"),
        ("Total Latency (ms):", "/performance/total_latency_ms"),
        ("Average request latency (ms):", "/performance/avg_request_latency_ms"),
        (
            "Per User Output Throughput [w/ ctx] (tps/user):",
            "/performance/output_throughput_per_user_tok_s",
        ),
        ("Per GPU Output Throughput (tps/gpu):", "/performance/output_throughput_per_gpu_tok_s"),
        ("Average time-to-first-token [TTFT] (ms):", "/streaming_metrics/avg_ttft_ms"),
        ("Average time-per-output-token [TPOT] (ms):", "/streaming_metrics/avg_tpot_ms"),
        ("Per User Output Speed (tps/user):", "/streaming_metrics/token_output_speed_tok_s"),
        ("[TPOT] P50    :", "/streaming_metrics/tpot_percentiles/p50"),
        ("[TTFT] MAXIMUM:", "/streaming_metrics/ttft_percentiles/maximum"),
        ("[GTPS] AVERAGE:", "/streaming_metrics/gen_tps_percentiles/average"),
        ("[Latency] P99    :", "/performance/request_latency_percentiles_ms/p99"),
    ] {
        let exact =
            json.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}"));
        assert!((shown(label) - exact).abs() <= 0.500_1e-4, "{label} {} {exact}", shown(label));
    }
    assert_eq!(json["engine"]["backend"], "refbench");
    assert_eq!(json["engine"]["dtype"], "float32");
    assert_eq!(json["world_info"]["scheduling_policy"], "GUARANTEED_NO_EVICT");
}

#[test]
fn the_figures_follow_from_the_times_of_the_requests() {
    let served = served(true);
    let json = served.json();
    let time = |request: &Value, key: &str| request[key].as_f64().expect("a number");
    let requests = &served.requests;
    let start = requests.iter().map(|r| time(r, "start_timestamp")).fold(f64::INFINITY, f64::min);
    let end = requests.iter().map(|r| time(r, "end_timestamp")).fold(0.0, f64::max);
    let close = |pointer: &str, want: f64| {
        let got = json.pointer(pointer).and_then(Value::as_f64).expect(pointer);
        assert!((got / want - 1.0).abs() < 1e-12, "{pointer}: {got} {want}");
    };
    close("/performance/total_latency_ms", (end - start) * 1e-6);
    close("/performance/system_output_throughput_tok_s", 25.0 / (end - start) * 1e9);
    close("/performance/system_total_throughput_tok_s", 121.0 / (end - start) * 1e9);
    close("/performance/request_throughput_req_s", 5.0 / (end - start) * 1e9);
    let mean = |of: &dyn Fn(&Value) -> f64| requests.iter().map(of).sum::<f64>() / 5.0;
    close(
        "/streaming_metrics/avg_ttft_ms",
        mean(&|r| time(r, "first_token_timestamp") - time(r, "start_timestamp")) * 1e-6,
    );
    close(
        "/streaming_metrics/avg_tpot_ms",
        mean(&|r| match time(r, "num_total_output_tokens") {
            1.0 => 0.0,
            n => (time(r, "end_timestamp") - time(r, "first_token_timestamp")) / (n - 1.0),
        }) * 1e-6,
    );
    for request in requests {
        let (start, first, end) = (
            time(request, "start_timestamp"),
            time(request, "first_token_timestamp"),
            time(request, "end_timestamp"),
        );
        assert!(0.0 < start && start < first && first <= end, "{request}");
    }
}

#[test]
fn the_log_has_the_lines_that_a_harness_looks_for_in_their_order() {
    let served = served(false);
    let mut rest = served.text.as_str();
    for line in [
        "[refbench] refbench version: ",
        "] [REFBENCH] [I] Preparing to run throughput benchmark...",
        "= DATASET DETAILS",
        "Use user-provided max batch size and max num tokens.",
        "Setting up throughput benchmark.",
        "[refbench][INFO] Number of tokens per block: 32.",
        "[refbench][INFO] [MemUsageChange] Allocated 0.0000458 GiB for max tokens in paged KV cache (192).",
        "Setting up for warmup...",
        "Running warmup.",
        "Starting benchmark...",
        "Warmup done.",
        "No log path provided, skipping logging.",
        "Starting benchmarking async task.",
        "Request submission complete. [count=5, time=0.",
        "Benchmark complete.",
        "LLM Backend stopped.",
        "Benchmark done. Reporting results...",
        "Writing report information to ",
        "Report information written to ",
        "= REFBENCH BACKEND",
    ] {
        let at =
            rest.find(line).unwrap_or_else(|| panic!("{line} in its place in {}", served.text));
        rest = &rest[at + line.len()..];
    }
    assert!(!served.text.contains("TensorRT"), "{}", served.text);
}
