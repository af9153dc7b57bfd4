//! Golden plans of our own ids in the three flows, and the commands that upstream's documentation works out.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

const FLOWS: [&str; 3] = ["seed", "v1.1", "v1.2"];

/// The plans of `plans.txt` as printed.
fn printed(flow: &str) -> String {
    let words = [
        &[
            "run",
            "--dry-run=json",
            "-F",
            "plans.txt",
            "--flow",
            flow,
            "--models-root",
            "/no/models",
        ][..],
        &["--llm-root", "/trtllm", "--workspace", "/ws", "--dataset-tool", "script"],
        &["--bench-bin", "trtllm-bench", "--machine-facts", "machines/no-gpu.yml"],
    ]
    .concat();
    run(command(TRTLLM_PERF, Path::new(&fixture(""))).args(words)).exits(0).out
}

#[test]
fn the_plans_of_our_own_ids_are_those_that_were_checked() {
    for flow in FLOWS {
        let golden = fs::read_to_string(fixture(&format!("plans-{flow}.jsonl"))).expect("golden");
        for (got, want) in json_lines(&printed(flow)).iter().zip(json_lines(&golden)) {
            for (key, want) in want.as_object().expect("an object") {
                assert_eq!(&got[key], want, "{flow}: {key} of {}", got["id"]);
            }
        }
        assert_eq!(printed(flow), golden, "{flow}: also in order and spelling");
    }
}

#[test]
fn the_worked_examples_of_upstreams_commands_come_out_word_for_word() {
    // ENG is the engine directory, M the models root, L the sources; words are apart by one blank here.
    let lines = json_lines(&printed("v1.1"));
    let commands = |line: &Value| -> Vec<String> {
        let steps = line["steps"].as_array().expect("steps").iter();
        let short = |step: &Value| {
            let words: Vec<_> = step["argv"].as_array().expect("words").iter().map(text).collect();
            let words = words.join(" ").replace(step["cwd"].as_str().expect("a folder"), "ENG");
            words.replace("/no/models", "M").replace("/trtllm/", "L/")
        };
        steps.map(short).collect()
    };
    assert_eq!(
        commands(&lines[0]),
        [
            "python3 L/benchmarks/cpp/prepare_dataset.py --stdout \
             --tokenizer=M/llama-3.1-model/Meta-Llama-3.1-8B token-norm-dist --num-requests=512 \
             --input-mean=512 --output-mean=32 --input-stdev=0 --output-stdev=0",
            "trtllm-bench --log_level=info --workspace=ENG --model=meta-llama/Llama-3.1-8B \
             --model_path=M/llama-3.1-model/Meta-Llama-3.1-8B build --tp_size=1 --pp_size=1 \
             --max_seq_len=544 --max_batch_size=256 --max_num_tokens=2048 --quantization=FP8",
            "trtllm-bench --model=llama_v3.1_8b_hf --model_path=M/llama-3.1-model/Meta-Llama-3.1-8B \
             throughput --dataset=ENG/synthetic_data.json --max_batch_size=256 --max_num_tokens=2048 \
             --report_json=ENG/report.json --kv_cache_free_gpu_mem_fraction=0.9 --backend=tensorrt \
             --engine_dir=ENG/meta-llama/Llama-3.1-8B/tp_1_pp_1 --num_requests=512",
        ]
    );
    assert_eq!(
        commands(&lines[1])[1],
        "trtllm-bench --model=deepseek_r1_fp8_hf --model_path=M/DeepSeek-R1/DeepSeek-R1 throughput \
         --dataset=ENG/synthetic_data.json --max_batch_size=1 --max_num_tokens=2048 \
         --report_json=ENG/report.json --kv_cache_free_gpu_mem_fraction=0.9 --backend=pytorch \
         --num_requests=10 --concurrency=1 --ep=4 --tp=8 \
         --extra_llm_api_options=ENG/tp_8_pp_1/extra-llm-api-config.yml"
    );
    let seed = json_lines(&printed("seed"));
    let seed = &commands(&seed[1])[1];
    assert!(seed.ends_with(" --tp=8 --extra_llm_api_options=extra-llm-api-config.yml"), "{seed}");
    assert!(!seed.contains("kv_cache"), "{seed}");
}

#[test]
fn the_options_that_a_step_reads_are_those_of_its_plan() {
    let work = Work::new();
    work.run_case(PYTORCH, "good", &[]).exits(0);
    let (folder, _) = work.attempt();
    let written = fs::read_to_string(folder.join("extra-llm-api-config.yml")).expect("options");
    // As upstream dumps it: sorted keys, blocks.
    assert_eq!(written, "cuda_graph_config:\n  enable_padding: true\nprint_iter_log: true\n");
    let plan = read_json(&folder.join("plan.json"));
    assert_eq!(
        serde_yaml::from_str::<Value>(&written).ok().as_ref(),
        Some(&plan["plan"]["engine_config"])
    );
}
