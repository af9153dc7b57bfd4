//! Where steps happen and what they leave: several points in one case, workspaces, and the release of the program.

use std::fs;

use serde_json::json;

use crate::support::*;
#[test]
fn several_points_of_one_id_are_several_benches_with_names_and_reports_of_their_own() {
    let work = Work::new();
    let label = "refbench_tiny_llama-bench-float32-input_output_len:64,32+128,16-reqs:48";
    work.run_case(label, "points", &[]).exits(0);
    let rows = work.rows();
    let shown: Vec<_> =
        rows.iter().map(|row| (row["test_name"].as_str(), row["perf_metric"].as_str())).collect();
    let name = |metric: &str, lengths: &str| {
        let limits = "maxbs:512-maxnt:2048";
        format!(
            "test_perf_metric_{metric}[refbench_tiny_llama-bench-float32-{limits}-input_output_len:{lengths}-reqs:48]"
        )
    };
    let expected = [
        (name("build_time", "64,32+128,16"), "35.9738"),
        (name("inference_time", "64,32"), "1000"),
        (name("token_throughput", "64,32"), "768"),
        (name("seq_throughput", "64,32"), "48"),
        (name("inference_time", "128,16"), "2000"),
        (name("token_throughput", "128,16"), "384"),
        (name("seq_throughput", "128,16"), "24"),
    ];
    let expected: Vec<_> = expected.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(shown, expected);

    let (folder, result) = work.attempt();
    let kinds: Vec<_> =
        result["steps"].as_array().expect("steps").iter().map(|step| text(&step["kind"])).collect();
    assert_eq!(kinds, ["dataset", "build", "bench", "dataset", "bench"]);
    for (file, total) in [("report-1.json", 1000.0), ("report-2.json", 2000.0)] {
        let report = read_json(&folder.join(file));
        assert_eq!(report["performance"]["total_latency_ms"], json!(total), "{file}");
    }
    assert!(folder.join("bench-1.log").is_file() && folder.join("bench-2.log").is_file());
    assert!(!folder.join("report.json").exists());
    // What is left of the data sets is the last point's: 128 tokens in.
    let dataset = fs::read_to_string(folder.join("synthetic_data.json")).expect("a data set");
    let first = &json_lines(&dataset)[0];
    assert_eq!(first["input_ids"].as_array().map(Vec::len), Some(128));
}

#[test]
fn a_workspace_holds_data_set_and_engine_while_the_case_runs_and_nothing_afterwards() {
    let work = Work::new();
    work.run_case(TENSORRT, "good", &["--ws", "my ws"]).exits(0);
    let folder = work.word(
        "my ws/perf_engines/refbench_tiny_llama-bench-float32-input_output_len_64_32-reqs_48",
    );
    let (attempt, result) = work.attempt();
    let argv = |step: usize| {
        let words = result["steps"][step]["argv"].as_array().expect("words").iter();
        words.map(text).collect::<Vec<_>>()
    };
    assert!(argv(1).contains(&format!("--workspace={folder}")), "{:?}", argv(1));
    for word in [
        format!("--dataset={folder}/synthetic_data.json"),
        format!("--report_json={folder}/report.json"),
        format!("--engine_dir={folder}/refbench_tiny_llama_hf/tp_1_pp_1"),
    ] {
        assert!(argv(2).contains(&word), "no {word} in {:?}", argv(2));
    }
    assert!(!std::path::Path::new(&folder).exists(), "upstream removes it, too");
    let kept = ["plan.json", "build.log", "bench.log", "report.json", "result.json"];
    for file in kept {
        assert!(attempt.join(file).is_file(), "{file}");
    }
    let plan = read_json(&attempt.join("plan.json"));
    assert_eq!(plan["plan"]["steps"][0]["cwd"], folder);
}

#[test]
fn the_release_that_the_program_tells_picks_the_commands_and_is_asked_for_once() {
    let work = Work::new();
    let root = models_root(&work);
    let asked = work.word("asked");
    let label = "llama_v3.1_8b-bench-pytorch-streaming-bfloat16-input_output_len:64,32-reqs:48";
    let program = bench("release-1.2");
    let words = ["--case", label, "--bench-bin", &program, "--models-root", &root];
    let ended = run(work.harness(&words).env("ASKED", &asked)).exits(0);
    assert!(ended.err.contains("is TensorRT-LLM 1.2.0: commands of flow v1.2"), "{}", ended.err);
    let metrics = work.metrics();
    assert_eq!(metrics[3], "KV_CACHE_SIZE", "{metrics:?}");
    assert_eq!(
        work.value("KV_CACHE_SIZE"),
        52.51,
        "the last line, not the larger one or the first"
    );
    let csv = work.read("perf-output/perf_script_test_results.csv");
    assert!(
        csv.starts_with("network_name,network_hash,sm_clk,mem_clk,gpu_idx,device_subtype,"),
        "{csv}"
    );
    let (folder, result) = work.attempt();
    assert_eq!(result["facts"]["flow"], "v1.2");
    assert_eq!(result["facts"]["trtllm_version"], "1.2.0");
    assert_eq!(work.read("perf-output/trtllm_version.txt"), "1.2.0\n");
    let argv = result["steps"][1]["argv"].to_string();
    assert!(
        argv.contains("--config=") && argv.contains("--kv_cache_free_gpu_mem_fraction=0.9"),
        "{argv}"
    );
    let options = folder.join("tp_1_pp_1/extra-llm-api-config.yml");
    let hub = folder.join("meta-llama/Llama-3.1-8B/tp_1_pp_1/extra-llm-api-config.yml");
    assert!(options.is_file() || hub.is_file(), "beside the engine directory");

    run(work.harness(&words).env("ASKED", &asked)).exits(0);
    assert_eq!(
        work.read("asked"),
        "throughput\nbuild\nthroughput\n",
        "the second run asks for the release, and remembers its options"
    );
    // The same file may run another release the next time: it is a script that imports what is installed.
    let mut upgraded = work.harness(&words);
    run(upgraded.env("ASKED", &asked).env("RELEASE", "1.1.0")).exits(0);
    assert_eq!(work.attempt().1["facts"]["trtllm_version"], "1.1.0");
    assert_eq!(work.read("asked").lines().count(), 5, "another release is asked for everything");
    // The flag goes before what the program says.
    let words = [&words[..], &["--flow", "seed"]].concat();
    run(work.harness(&words).env("ASKED", &asked)).exits(0);
    assert!(!work.metrics().contains(&"KV_CACHE_SIZE".to_owned()));
}

#[test]
fn processes_of_one_nextest_run_ask_the_program_once() {
    let work = Work::new();
    let root = models_root(&work);
    let asked = work.word("asked");
    let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48-con:";
    let program = bench("release-1.2");
    for concurrency in ["2", "3"] {
        let label = format!("{label}{concurrency}");
        let words = ["--case", &label, "--bench-bin", &program, "--models-root", &root];
        let mut process = work.harness(&words);
        run(process.env("ASKED", &asked).env("NEXTEST_RUN_ID", "one-run")).exits(0);
    }
    assert_eq!(work.read("asked"), "throughput\nbuild\n");
}

#[test]
fn the_embedded_engine_keeps_its_commands_beside_a_release_of_tensorrt_llm() {
    let work = Work::new();
    let root = models_root(&work);
    let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";
    let words = ["--case", PYTORCH, "--case", label, "--models-root", &root];
    let mut harness = work.harness(&words);
    harness.env("TRTLLM_BENCH", bench("release-1.2")).env("ASKED", work.word("asked"));
    run(&mut harness).exits(0);
    let results: Vec<_> =
        work.attempts().iter().map(|folder| read_json(&folder.join("result.json"))).collect();
    let of = |front: &str| {
        let is = |result: &&serde_json::Value| text(&result["network_name"]).starts_with(front);
        results.iter().find(is).expect(front)["facts"].clone()
    };
    let (real, embedded) = (of("llama"), of("refbench"));
    assert_eq!((&real["flow"], &real["trtllm_version"]), (&json!("v1.2"), &json!("1.2.0")));
    assert_eq!((&embedded["flow"], &embedded["trtllm_version"]), (&json!("seed"), &json!(null)));
}

#[test]
fn labels_are_judged_by_the_release_that_will_run_them() {
    let work = Work::new();
    let root = models_root(&work);
    let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48-kv_frac:0.8";
    let words = ["-C", "--case", label, "--models-root", &root];
    let with = |release: &str| {
        let mut harness = work.harness(&words);
        harness.env("TRTLLM_BENCH", bench("release-1.2")).env("ASKED", work.word("asked"));
        run(harness.env("RELEASE", release))
    };
    with("1.1.0").exits(0);
    with("1.2.0").exits(2).says("kv_frac");
}

#[test]
fn a_script_without_sources_is_told_before_anything_runs() {
    let work = Work::new();
    let more = ["--dataset-tool", "script"];
    let ended = work.run_case(PYTORCH, "good", &more).exits(4);
    assert!(ended.err.contains("set --llm-root or LLM_ROOT"), "{}", ended.err);
    let plan = work.run_case(PYTORCH, "good", &[&more[..], &["--dry-run=json"]].concat()).exits(0);
    let plan = &json_lines(&plan.out)[0];
    assert!(text(&plan["reason"]).contains("--llm-root"), "{plan}");
}

#[test]
fn a_program_that_does_not_say_its_release_gets_the_oldest_commands_and_a_note() {
    let work = Work::new();
    let root = models_root(&work);
    let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";
    work.run_case(label, "good", &["--models-root", &root])
        .exits(0)
        .says("does not say which release of TensorRT-LLM it is: commands of flow seed; choose with --flow");
    assert_eq!(work.metrics(), ["INFERENCE_TIME", "TOKEN_THROUGHPUT", "SEQ_THROUGHPUT"]);
}

#[test]
fn the_first_of_several_models_roots_that_has_the_model_is_used() {
    let work = Work::new();
    let root = models_root(&work);
    let empty = work.word("empty");
    fs::create_dir(&empty).expect("a folder");
    let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";
    let roots = ["--models-root", &empty, "--models-root", &root];
    work.run_case(label, "good", &roots).exits(0);
    // A site's own table places a label elsewhere.
    let moved = work.word("moved");
    fs::rename(format!("{root}/llama-3.1-model/Meta-Llama-3.1-8B"), &moved).expect("moved");
    work.run_case(label, "good", &roots).exits(4);
    work.write("models.local.yml", format!("llama_v3.1_8b: {moved}\n"));
    work.run_case(label, "good", &roots).exits(0);
    let (_, result) = work.attempt();
    assert!(result["steps"][1]["argv"].to_string().contains(&format!("--model_path={moved}")));
}
