//! What the engine does: the same tokens however it is scheduled, within the limits it is given.

use crate::support::{Bench, Served, fails};

const MIXED: &[(usize, usize)] =
    &[(70, 12), (5, 20), (33, 1), (1, 9), (64, 16), (12, 30), (90, 7), (40, 11)];

#[test]
fn tokens_are_reproducible_whatever_the_batch_the_chunks_the_threads_and_the_concurrency() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", MIXED);
    let tokens = bench.serve(&dataset, &[]).tokens();
    for options in [
        &["--max_batch_size=1", "--max_num_tokens=512"][..],
        &["--max_batch_size=3", "--max_num_tokens=7"],
        &["--max_batch_size=8", "--max_num_tokens=100", "--disable_chunked_context"],
        &["--concurrency=2", "--streaming"],
    ] {
        assert_eq!(bench.serve(&dataset, options).tokens(), tokens, "{options:?}");
    }
    let requests = bench.path("threads.json");
    let mut command = bench.throughput();
    command.env("REFBENCH_THREADS", "3").arg("--dataset").arg(&dataset);
    command.arg("--request_json").arg(&requests).assert().success();
    let text = std::fs::read_to_string(requests).expect("written");
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    rows.sort_by_key(|row| row["id"].as_u64());
    let with_threads: Vec<_> = rows.iter().map(|row| row["output_tokens"].clone()).collect();
    assert_eq!(with_threads, tokens);
}

#[test]
fn requests_get_the_number_of_tokens_they_ask_for_and_differ() {
    let bench = Bench::new();
    let served = bench.serve(&bench.dataset("d", MIXED), &[]);
    for (request, (input, output)) in served.requests.iter().zip(MIXED) {
        assert_eq!(request["num_input_tokens"], *input);
        assert_eq!(request["output_tokens"].as_array().map(Vec::len), Some(*output));
    }
    assert_ne!(served.tokens()[1], served.tokens()[5]);
}

#[test]
fn the_seed_of_a_model_decides_its_tokens() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(20, 10)]);
    let tokens = bench.serve(&dataset, &[]).tokens();
    let config = std::fs::read_to_string(bench.path("config.json")).expect("written");
    bench.write("config.json", &config.replacen('{', "{\"refbench_seed\": 9,", 1));
    assert_ne!(bench.serve(&dataset, &[]).tokens(), tokens);
}

#[test]
fn no_more_requests_are_open_than_the_concurrency_allows() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(10, 8); 9]);
    for concurrency in [1, 3] {
        let served =
            bench.serve(&dataset, &[&format!("--concurrency={concurrency}"), "--streaming"]);
        assert_eq!(served.most_at_a_time(), concurrency);
    }
    for unlimited in ["--concurrency=-1", "--concurrency=0"] {
        assert_eq!(bench.serve(&dataset, &[unlimited]).most_at_a_time(), 9);
    }
}

#[test]
fn the_end_of_submission_is_told_when_it_happens_and_with_the_time_it_took() {
    let bench = Bench::new();
    let told_after = |options: &[&str]| {
        let served = with_iterations(&bench, &[(10, 8); 3], "", options);
        let measured = served.text.split("Warmup done.").last().expect("a run").to_owned();
        let (before, line) = measured.split_once("Request submission complete. [").expect("told");
        assert!(line.starts_with("count=3, time=0."), "{line}");
        before.matches("] iter = ").count()
    };
    assert_eq!(told_after(&[]), 0, "all are submitted before the first iteration");
    assert_eq!(told_after(&["--concurrency=1"]), 16, "the last when the second is done");
    let alone = bench.serve(&bench.dataset("one", &[(10, 8)]), &[]);
    let rate = alone.text.rsplit_once("rate=").expect("told").1;
    let rate: f64 = rate.split(' ').next().expect("a word").parse().expect("a number");
    assert!(rate < 1e9, "submitting takes more than a nanosecond: {rate}");
}

/// A number from a line of the iteration log.
fn figure(line: &str, key: &str) -> usize {
    let rest = line.split_once(key).unwrap_or_else(|| panic!("{key} in {line}")).1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn with_iterations(
    bench: &Bench,
    lengths: &[(usize, usize)],
    yaml: &str,
    options: &[&str],
) -> Served {
    let dataset = bench.dataset("d", lengths);
    let file = bench.write("options.yml", &format!("print_iter_log: true\n{yaml}"));
    let config = format!("--config={}", file.display());
    let options: Vec<&str> = options.iter().copied().chain([config.as_str()]).collect();
    bench.serve(&dataset, &options)
}

#[test]
fn a_small_batch_size_makes_requests_queue() {
    let bench = Bench::new();
    let served =
        with_iterations(&bench, &[(8, 6); 6], "", &["--max_batch_size=2", "--max_num_tokens=64"]);
    let iterations = served.iterations();
    assert_eq!(iterations.len(), 18, "three rounds of six tokens");
    assert!(iterations.iter().all(|line| figure(line, "num_scheduled_requests: ") == 2));
    assert_eq!(served.most_at_a_time(), 6, "all are submitted at once");
}

#[test]
fn a_small_token_budget_cuts_prompts_into_chunks() {
    let bench = Bench::new();
    let served = with_iterations(
        &bench,
        &[(50, 2), (50, 2)],
        "",
        &["--max_batch_size=4", "--max_num_tokens=16"],
    );
    let tokens = |line: &&str| {
        (figure(line, "'num_ctx_tokens': "), figure(line, "'num_generation_tokens': "))
    };
    let iterations: Vec<_> = served.iterations().iter().map(tokens).collect();
    assert_eq!(iterations[..3], [(16, 0), (16, 0), (16, 0)]);
    assert!(iterations.iter().all(|(prompt, next)| prompt + next <= 16));
    assert_eq!(iterations.iter().map(|(prompt, _)| prompt).sum::<usize>(), 100);
}

#[test]
fn a_small_cache_lets_in_only_what_fits() {
    let bench = Bench::new();
    // Two blocks of 32 tokens a request, four in all.
    let yaml = "kv_cache_config: {max_tokens: 128}";
    let served = with_iterations(&bench, &[(40, 4); 4], yaml, &[]);
    assert!(served.text.contains("for max tokens in paged KV cache (128)."));
    let most = served.iterations().iter().map(|l| figure(l, "num_scheduled_requests: ")).max();
    assert_eq!(most, Some(2));
    let json = served.json();
    assert!(
        json["world_info"]["kv_cache_percentage"].is_null(),
        "the file's section replaces the option"
    );
    assert!(served.text.contains("KV Memory Percentage:   None"));
}

#[test]
fn a_request_larger_than_the_cache_is_refused() {
    let bench = Bench::new();
    let file = bench.write("o.yml", "kv_cache_config: {max_tokens: 32}");
    let dataset = bench.dataset("d", &[(40, 4), (4, 4)]);
    let mut command = bench.throughput();
    command.arg("--dataset").arg(dataset).arg("--extra_llm_api_options").arg(file);
    let text = fails(&mut command, 1);
    assert!(text.contains("[E] Error during benchmarking:\nTraceback"), "{text}");
    assert!(
        text.contains(
            "RuntimeError: The amount of KV cache memory is insufficient to run this model"
        ),
        "{text}"
    );
}

#[test]
fn the_options_file_wins_over_the_command_line() {
    let bench = Bench::new();
    let yaml = "max_batch_size: 5\nmax_num_tokens: 77\nkv_cache_config: {free_gpu_memory_fraction: 0.25}\n\
                cuda_graph_config: {enable_padding: true}";
    let served =
        with_iterations(&bench, &[(4, 2)], yaml, &["--max_batch_size=9", "--max_num_tokens=99"]);
    let world = &served.json()["world_info"];
    assert_eq!((&world["max_batch_size"], &world["max_num_tokens"]), (&5.into(), &77.into()));
    assert_eq!(world["kv_cache_percentage"], 0.25);
    assert!(served.text.contains("[W] Overriding kv_cache_config because it's specified in /"));
    assert!(served.text.contains("[W] No effect on this engine"), "{}", served.text);
    assert!(served.text.contains(": cuda_graph_config\n"), "{}", served.text);
    let served = with_iterations(&bench, &[(4, 2)], "max_batch_size: 5", &["--max_num_tokens=99"]);
    assert!(served.text.contains("Use user-provided max batch size and max num tokens."));
    let served = with_iterations(&bench, &[(4, 2)], "max_batch_size: 5", &[]);
    assert!(served.text.contains("Using heuristics or pre-defined settings: max_batch_size=5, "));
}

#[test]
fn an_engine_that_the_backend_does_not_run_is_said_to_be_unused() {
    let bench = Bench::new();
    let engine = format!("--engine_dir={}", bench.path("").display());
    let served = bench.serve(&bench.dataset("d", &[(4, 2)]), &[&engine]);
    assert!(served.text.contains("is not used: that needs --backend tensorrt"), "{}", served.text);
}

#[test]
fn limits_are_estimated_where_none_are_given() {
    let bench = Bench::new();
    let served = bench.serve(&bench.dataset("d", &[(8, 8)]), &["--warmup=0"]);
    assert!(served.text.contains(
        "Using heuristics or pre-defined settings: max_batch_size=4096, max_num_tokens=8192."
    ));
    assert!(!served.text.contains("warmup"));
    assert_eq!(served.json()["world_info"]["max_batch_size"], 4096);
}

#[test]
fn an_estimated_token_budget_holds_the_longest_prompt_unless_the_file_enables_chunks() {
    let bench = Bench::new();
    let config = std::fs::read_to_string(bench.path("config.json")).expect("written");
    bench.write("config.json", &config.replace("512", "1024"));
    let budget = |yaml: &str, options: &[&str]| {
        let load = ["--target_input_len=1", "--target_output_len=1000"];
        let options: Vec<&str> = load.iter().chain(options).copied().collect();
        let served = with_iterations(&bench, &[(700, 2)], yaml, &options);
        served.json()["world_info"]["max_num_tokens"].as_u64()
    };
    assert_eq!(budget("", &[]), Some(700 + 4096));
    assert_eq!(budget("enable_chunked_prefill: true", &[]), Some(4608));
    assert_eq!(budget("", &["--max_num_tokens=1000"]), Some(1000), "a given one stands");
}

#[test]
fn generation_ends_at_the_end_of_sequence_token_when_one_is_named() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(20, 30)]);
    let tokens = bench.serve(&dataset, &[]).tokens()[0].as_array().expect("tokens").clone();
    let end = &tokens[4];
    let first = tokens.iter().position(|token| token == end).expect("it is there");
    let served = bench.serve(&dataset, &[&format!("--eos_id={end}")]);
    assert_eq!(served.tokens()[0].as_array().map(Vec::as_slice), Some(&tokens[..=first]));
    assert_eq!(served.json()["request_info"]["avg_output_length"], (first + 1) as f64);
}

#[test]
fn only_the_requests_asked_for_are_taken_from_the_data_set() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", &[(4, 2), (6, 2), (90, 2)]);
    let json = bench.serve(&dataset, &["--num_requests=2"]).json();
    assert_eq!(json["dataset"]["num_requests"], 2);
    assert_eq!(json["dataset"]["max_isl"], 6);
    assert_eq!(bench.serve(&dataset, &["--num_requests=0"]).requests.len(), 3);
}

#[test]
fn the_iteration_log_has_one_python_dictionary_a_line() {
    let bench = Bench::new();
    let log = bench.path("iterations.log");
    bench.serve(
        &bench.dataset("d", &[(8, 3), (8, 3)]),
        &["--iteration_log", log.to_str().expect("UTF-8")],
    );
    let text = std::fs::read_to_string(log).expect("written");
    assert_eq!(text.lines().count(), 3, "the warm-up is not in it");
    for (number, line) in text.lines().enumerate() {
        assert!(line.starts_with(&format!("{{'iter': {number}, 'iterLatencyMS': ")), "{line}");
        assert!(
            line.contains("'kvCacheStats': {'maxNumBlocks': ") && line.ends_with("}}"),
            "{line}"
        );
    }
}

#[test]
fn the_models_of_the_repository_run() {
    let bench = Bench::new();
    let models =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("perf-tests/refbench-models");
    let dataset = bench.dataset("d", &[(16, 4), (16, 4)]);
    for model in ["tiny-llama", "deep-gqa-llama"] {
        let dir = models.join(model);
        let json = |name: &str| -> serde_json::Value {
            let text = std::fs::read_to_string(dir.join(name)).expect("readable");
            serde_json::from_str(&text).expect("JSON")
        };
        let tokenizer = json("tokenizer.json");
        let vocab = tokenizer["model"]["vocab"].as_object().expect("a vocabulary");
        assert_eq!(json("config.json")["vocab_size"], vocab.len());
        let eos = json("tokenizer_config.json")["eos_token"].clone();
        assert_eq!(json("config.json")["eos_token_id"], vocab[eos.as_str().expect("text")]);
        let mut command = crate::support::refbench();
        command.arg("--model").arg(model).arg("--model_path").arg(&dir).arg("throughput");
        command.arg("--dataset").arg(&dataset).assert().success();
    }
}

#[test]
fn an_engine_slowed_on_purpose_gives_the_same_tokens_and_says_so_in_log_and_report() {
    let bench = Bench::new();
    let dataset = bench.dataset("d", MIXED);
    let tokens = bench.serve(&dataset, &[]).tokens();
    let (report, requests) = (bench.path("slow.json"), bench.path("slow-requests.json"));
    let mut command = bench.throughput();
    command.env("REFBENCH_SLOWDOWN", "50%").env("TRTLLM_PERF_GATE", "1");
    command.arg("--dataset").arg(&dataset).arg("--report_json").arg(&report);
    let output = command.arg("--request_json").arg(&requests).output().expect("the program starts");
    assert!(output.status.success());
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(log.contains("Slowed on purpose: 50 % more work (REFBENCH_SLOWDOWN)."), "{log}");
    let report = std::fs::read_to_string(report).expect("written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let version = format!("{}+slowed-by-50%", env!("CARGO_PKG_VERSION"));
    assert_eq!(report["engine"]["version"], version);
    let text = std::fs::read_to_string(requests).expect("written");
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    rows.sort_by_key(|row| row["id"].as_u64());
    let slowed: Vec<_> = rows.iter().map(|row| row["output_tokens"].clone()).collect();
    assert_eq!(slowed, tokens);
}
