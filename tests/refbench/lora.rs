//! Adapters: applied per request, within what the options file allows.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::support::{Bench, fails};

fn adapter(bench: &Bench, name: &str, rank: usize, seed: u64) -> PathBuf {
    let dir = bench.path(name);
    fs::create_dir(&dir).expect("made");
    let config = format!(
        r#"{{"peft_type": "LORA", "r": {rank}, "lora_alpha": 32, "target_modules": ["q_proj", "v_proj", "down_proj"],
            "refbench_seed": {seed}}}"#
    );
    fs::write(dir.join("adapter_config.json"), config).expect("written");
    dir
}

/// Four times the same prompt: without adapter, with the first, with the second, with the first again.
fn dataset(bench: &Bench, adapters: [&PathBuf; 2]) -> PathBuf {
    let mut lines = String::new();
    for (id, adapter) in [None, Some(0), Some(1), Some(0)].into_iter().enumerate() {
        let lora = adapter.map_or_else(String::new, |nth: usize| {
            let path = adapters[nth].display();
            format!(r#","lora_request":{{"lora_name":"lora_{nth}","lora_int_id":{nth},"lora_path":"{path}"}}"#)
        });
        writeln!(lines, r#"{{"task_id":{id},"input_ids":[5,6,7,8,9],"output_tokens":12{lora}}}"#)
            .expect("a string takes it");
    }
    bench.write("lora.jsonl", &lines)
}

fn options(bench: &Bench, dirs: &[&PathBuf], more: &str) -> PathBuf {
    let dirs: String = dirs.iter().map(|dir| format!("  - {}\n", dir.display())).collect();
    bench.write("options.yml", &format!("lora_config:\n  lora_dir:\n{dirs}{more}"))
}

#[test]
fn each_request_gets_its_own_adapter_whatever_shares_the_batch() {
    let bench = Bench::new();
    let (a, b) = (adapter(&bench, "a", 4, 1), adapter(&bench, "b", 8, 2));
    let dataset = dataset(&bench, [&a, &b]);
    let config = format!(
        "--config={}",
        options(&bench, &[&a, &b], "  max_lora_rank: 8\n  max_loras: 2\n").display()
    );
    let tokens = bench.serve(&dataset, &[&config, "--streaming"]).tokens();
    assert_ne!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
    assert_eq!(tokens[1], tokens[3]);
    let alone = bench
        .serve(&dataset, &[&config, "--concurrency=1", "--max_batch_size=2", "--max_num_tokens=3"]);
    assert_eq!(alone.tokens(), tokens);
    let plain =
        bench.write("plain", "{\"task_id\":0,\"input_ids\":[5,6,7,8,9],\"output_tokens\":12}\n");
    assert_eq!(bench.serve(&plain, &[]).tokens()[0], tokens[0]);
}

#[test]
fn an_adapter_reached_by_a_link_is_the_same_adapter() {
    let bench = Bench::new();
    let (a, b) = (adapter(&bench, "a", 4, 1), adapter(&bench, "b", 8, 2));
    let linked = bench.path("linked");
    std::os::unix::fs::symlink(&a, &linked).expect("linked");
    let dataset = dataset(&bench, [&linked, &b]);
    let config = format!("--config={}", options(&bench, &[&a, &b], "").display());
    bench.serve(&dataset, &[&config]);
}

#[test]
fn what_the_options_file_does_not_allow_is_refused_with_the_line() {
    let bench = Bench::new();
    let (a, b) = (adapter(&bench, "a", 4, 1), adapter(&bench, "b", 8, 2));
    let dataset = dataset(&bench, [&a, &b]);
    let refused = |options: Option<PathBuf>, message: &str| {
        let mut command = bench.throughput();
        command.arg("--dataset").arg(&dataset);
        if let Some(options) = options {
            command.arg("--config").arg(options);
        }
        let text = fails(&mut command, 1);
        assert!(text.contains(message), "{message} in {text}");
    };
    refused(None, "lora.jsonl:2: a LoRA request needs `lora_config` in the options file");
    refused(Some(options(&bench, &[&a], "")), "b is not in `lora_config.lora_dir`");
    refused(
        Some(options(&bench, &[&a, &b], "  max_lora_rank: 4\n")),
        "b has rank 8, `lora_config.max_lora_rank` is 4",
    );
    refused(
        Some(options(&bench, &[&a, &b], "  max_loras: 1\n")),
        "the data set asks for 2 adapters, `lora_config.max_loras` allows 1",
    );
    fs::remove_file(b.join("adapter_config.json")).expect("removed");
    refused(
        Some(options(&bench, &[&a, &b], "")),
        "lora.jsonl:3: [Errno 2] No such file or directory",
    );
}

#[test]
fn the_adapters_of_the_repository_apply_to_their_model() {
    let bench = Bench::new();
    let models =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("perf-tests/refbench-models");
    let (a, b) = (models.join("tiny-llama-lora-0"), models.join("tiny-llama-lora-1"));
    let dataset = dataset(&bench, [&a, &b]);
    let requests = bench.path("requests.json");
    let mut command = crate::support::refbench();
    command.args(["--model=tiny", "--model_path"]).arg(models.join("tiny-llama")).arg("throughput");
    command.arg("--dataset").arg(dataset).arg("--request_json").arg(&requests);
    command
        .arg("--config")
        .arg(options(&bench, &[&a, &b], "  max_lora_rank: 64\n"))
        .assert()
        .success();
    let text = fs::read_to_string(requests).expect("written");
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    rows.sort_by_key(|row| row["id"].as_u64());
    assert_ne!(rows[0]["output_tokens"], rows[1]["output_tokens"]);
    assert_ne!(rows[1]["output_tokens"], rows[2]["output_tokens"]);
    assert_eq!(rows[1]["output_tokens"], rows[3]["output_tokens"]);
}
