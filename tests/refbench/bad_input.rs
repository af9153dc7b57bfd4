//! Files that are missing or wrong: a plain message with the place, exit code 1, no report.

use std::fs;

use crate::support::{Bench, fails};

const GOOD: &str = r#"{"task_id":0,"input_ids":[1,2,3],"output_tokens":2}"#;

fn run(bench: &Bench, dataset: &str, options: &[&str]) -> String {
    let path = bench.write("data.jsonl", dataset);
    let text = fails(bench.throughput().arg("--dataset").arg(path).args(options), 1);
    assert!(text.contains("Traceback (most recent call last):\n"), "{text}");
    assert!(!text.contains("PERFORMANCE OVERVIEW"), "{text}");
    text
}

#[test]
fn a_bad_line_of_the_data_set_is_named_with_its_number() {
    let bench = Bench::new();
    for (line, message) in [
        ("{\"task_id\":1,", "json.decoder.JSONDecodeError: "),
        ("", "json.decoder.JSONDecodeError: "),
        (r#"{"task_id":1,"input_ids":[1]}"#, "KeyError: "),
        (r#"{"input_ids":[1],"output_tokens":1}"#, "KeyError: "),
        (r#"{"task_id":1,"output_tokens":1}"#, "ValueError: "),
        (r#"{"task_id":1,"input_ids":[200],"output_tokens":1}"#, "ValueError: "),
        (r#"{"task_id":1,"input_ids":["a"],"output_tokens":1}"#, "ValueError: "),
        (r#"{"task_id":1,"input_ids":[1],"output_tokens":18446744073709551615}"#, "ValueError: "),
        (r#"{"task_id":1,"input_ids":[1],"output_tokens":4294967295}"#, "ValueError: "),
    ] {
        let text = run(&bench, &format!("{GOOD}\n{line}\n{GOOD}\n"), &[]);
        assert!(text.contains(message), "{line}: {text}");
        assert!(text.contains("data.jsonl:2: "), "{line}: {text}");
    }
    let text = run(&bench, r#"{"task_id":1,"input_ids":[200],"output_tokens":1}"#, &[]);
    assert!(text.contains("token id 200 is outside the vocabulary of 200 tokens"), "{text}");
}

#[test]
fn bytes_that_are_no_text_are_a_bad_line() {
    let bench = Bench::new();
    let path = bench.path("data.jsonl");
    std::fs::write(&path, b"{\"task_id\":0,\"prompt\":\"\xff\"}\n").expect("written");
    let text = fails(bench.throughput().arg("--dataset").arg(path), 1);
    assert!(text.contains("data.jsonl:1: "), "{text}");
}

#[test]
fn an_empty_or_absent_data_set_is_told() {
    let bench = Bench::new();
    let text = run(&bench, "", &[]);
    assert!(text.contains("IndexError: list index out of range"), "{text}");
    let text = fails(&mut bench.throughput(), 1);
    assert!(
        text.contains("TypeError: expected the path of a data set, not None: pass --dataset"),
        "{text}"
    );
    let dir = bench.path("");
    let text = fails(bench.throughput().arg("--dataset").arg(dir), 1);
    assert!(text.contains("IsADirectoryError: [Errno 21] Is a directory: '"), "{text}");
}

#[test]
fn a_huge_sequence_length_takes_no_more_memory_than_the_requests_need() {
    let bench = Bench::new();
    let config = fs::read_to_string(bench.path("config.json")).expect("a model");
    bench.write("config.json", &config.replace(": 512", ": 1000000000000000"));
    let options = bench.write("o.yml", "kv_cache_config: {max_tokens: 256}");
    let config = format!("--config={}", options.display());
    let few = bench.dataset("few.jsonl", &[(4, 2)]);
    let served = bench.serve(&few, &["--max_seq_len=1000000000000000", &config]);
    assert!(served.text.contains("Setting max sequence length to 1000000000000000"));
    let many =
        bench.write("many", r#"{"task_id": 0, "input_ids": [1], "output_tokens": 4000000000}"#);
    let text = fails(bench.throughput().arg("--dataset").arg(&many).arg(&config), 1);
    assert!(
        text.contains("1 requests need up to 4000000001 tokens, the cache holds 256"),
        "{text}"
    );
}

#[test]
fn a_sequence_that_is_too_long_is_named_with_its_line() {
    let bench = Bench::new();
    let long = bench.dataset("long.jsonl", &[(4, 2), (500, 20)]);
    let text = fails(bench.throughput().arg("--dataset").arg(&long), 1);
    assert!(
        text.contains(
            "long.jsonl:2: prompt length 500 and 20 output tokens exceed the model's max_position_embeddings 512 (1 requests)"
        ),
        "{text}"
    );
    let text = fails(bench.throughput().arg("--dataset").arg(&long).arg("--max_seq_len=100"), 1);
    assert!(text.contains("ValueError: Requests failed: "), "{text}");
    assert!(text.contains("exceed the max sequence length 100 (1 requests)"), "{text}");
    let file = bench.write("o.yml", "max_seq_len: 2000000000");
    let config = format!("--config={}", file.display());
    for (option, given) in
        [("--max_seq_len=999999999999999999", "999999999999999999"), (&config, "2000000000")]
    {
        let text = fails(bench.throughput().arg("--dataset").arg(&long).arg(option), 1);
        let message =
            format!("max_seq_len {given} exceeds the model's max_position_embeddings 512");
        assert!(text.contains(&message), "{text}");
    }
    let options = [
        "--num_requests=1",
        "--max_batch_size=1",
        "--max_num_tokens=3",
        "--disable_chunked_context",
    ];
    let text = fails(bench.throughput().arg("--dataset").arg(&long).args(options), 1);
    assert!(text.contains("[REFBENCH] [E] Error during benchmarking:\nTraceback"), "{text}");
    assert!(
        text.contains("prompt length 4 exceeds max_num_tokens 3 with chunked context disabled"),
        "{text}"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told_after_the_run() {
    let bench = Bench::new();
    let text = run(&bench, GOOD, &["--report_json=/nowhere/at/all/report.json"]);
    assert!(text.contains("Benchmark done. Reporting results..."), "{text}");
    assert!(
        text.contains(
            "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all/report.json'"
        ),
        "{text}"
    );
    // The device is full by definition.
    let text = run(&bench, GOOD, &["--report_json=/dev/full"]);
    assert!(text.contains("OSError: [Errno 28] No space left on device: '/dev/full'"), "{text}");
    let text = run(&bench, GOOD, &["--iteration_log=/dev/full"]);
    assert!(text.contains("OSError: [Errno 28]"), "{text}");
}

#[test]
fn a_missing_or_unusable_model_is_told() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("config.json")).expect("removed");
    let text = run(&bench, GOOD, &[]);
    assert!(text.contains("FileNotFoundError: [Errno 2] No such file or directory: '"), "{text}");
    assert!(text.contains("config.json'"), "{text}");
    bench.write("config.json", "{\"hidden_size\": 8}");
    let text = run(&bench, GOOD, &[]);
    assert!(text.contains("config.json: missing field `intermediate_size`"), "{text}");
}

#[test]
fn a_model_larger_than_the_memory_is_refused_before_its_weights_are_drawn() {
    let bench = Bench::new();
    let config = std::fs::read_to_string(bench.path("config.json")).expect("written");
    bench.write("config.json", &config.replace("200", "1000000000000000"));
    let message = "RuntimeError: The model requires at least: ";
    let text = run(&bench, GOOD, &["--max_batch_size=4", "--max_num_tokens=64"]);
    assert!(text.contains(message), "{text}");
    let text = run(&bench, GOOD, &[]);
    assert!(text.contains(message), "{text}");
    let limits = ["build", "--max_seq_len=64", "--max_batch_size=4", "--max_num_tokens=64"];
    let text = fails(bench.group().args(limits), 1);
    assert!(text.contains(message), "{text}");
}

#[test]
fn a_wrong_options_file_is_told_by_file_and_key() {
    let bench = Bench::new();
    let option = |text: &str| format!("--config={}", bench.write("o.yml", text).display());
    let text = run(&bench, GOOD, &[&option("max_batch_sise: 3")]);
    assert!(text.contains("o.yml: unknown option `max_batch_sise`; known: "), "{text}");
    let text = run(&bench, GOOD, &[&option("a: [")]);
    assert!(text.contains("yaml.YAMLError: "), "{text}");
    let text = run(&bench, GOOD, &["--config=/nowhere/o.yml"]);
    assert!(
        text.contains("FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/o.yml'"),
        "{text}"
    );
}

#[test]
fn numbers_out_of_range_are_told() {
    let bench = Bench::new();
    for (option, message) in [
        ("--kv_cache_free_gpu_mem_fraction=0", "must be above 0 and up to 1, not 0"),
        ("--kv_cache_free_gpu_mem_fraction=1.5", "must be above 0 and up to 1, not 1.5"),
        ("--max_batch_size=0", "--max_batch_size must be at least 1, not 0"),
        ("--num_requests=-1", "--num_requests must be at least 0, not -1"),
        ("--warmup=-2", "--warmup must be at least 0, not -2"),
    ] {
        let text = run(&bench, GOOD, &[option]);
        assert!(
            text.contains(&format!(
                "ValueError: {}",
                if message.starts_with("must") {
                    format!("--kv_cache_free_gpu_mem_fraction {message}")
                } else {
                    message.to_owned()
                }
            )),
            "{option}: {text}"
        );
    }
    let path = bench.write("data.jsonl", GOOD);
    let mut command = bench.throughput();
    let text = fails(command.env("REFBENCH_THREADS", "none").arg("--dataset").arg(path), 1);
    assert!(text.contains("REFBENCH_THREADS must be a positive number, not 'none'"), "{text}");
}

#[test]
fn a_slowdown_that_was_forgotten_in_the_environment_is_refused_and_so_is_one_that_means_nothing() {
    let bench = Bench::new();
    let path = bench.write("data.jsonl", GOOD);
    for (slowdown, gate, wanted) in [
        ("5%", None, "REFBENCH_SLOWDOWN is for gates alone: unset it"),
        ("5", Some("1"), "REFBENCH_SLOWDOWN must be a percentage such as 5%, not '5'"),
        ("-5%", Some("1"), "REFBENCH_SLOWDOWN must be a percentage"),
        ("101%", Some("1"), "REFBENCH_SLOWDOWN must be a percentage"),
        ("NaN%", Some("1"), "REFBENCH_SLOWDOWN must be a percentage"),
    ] {
        let mut command = bench.throughput();
        command.env("REFBENCH_SLOWDOWN", slowdown).arg("--dataset").arg(&path);
        gate.map(|gate| command.env("TRTLLM_PERF_GATE", gate));
        let text = fails(&mut command, 1);
        assert!(text.contains(wanted), "{slowdown}: {text}");
    }
}
