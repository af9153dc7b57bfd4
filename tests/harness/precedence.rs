//! Where a setting comes from: flag, its twin, the variables of TensorRT-LLM, `perf.toml`, the default.

use serde_json::Value;

use crate::support::*;

const LABEL: &str = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:8,4";

/// The plan of one case, with all places given that stand in `places`.
fn plan(flags: &[&str], variables: &[(&str, &str)], toml: &str) -> Value {
    let work = Work::new();
    work.write("perf.toml", toml);
    let mut command = work.harness(&[&["--dry-run=json", "--case", LABEL], flags].concat());
    let out = run(command.envs(variables.iter().copied())).exits(0).out;
    json_lines(&out).remove(0)
}

fn bench_word(plan: &Value, at: usize) -> String {
    text(&plan["steps"][1]["argv"][at])
}

#[test]
fn the_models_root_is_the_flags_then_the_twins_then_the_variables_then_the_files() {
    let root = |flags: &[&str], variables: &[(&str, &str)], toml: &str| {
        let word = bench_word(&plan(flags, variables, toml), 2);
        let path = word.strip_prefix("--model_path=").expect("the checkpoint").to_owned();
        path.strip_suffix("/llama-3.1-model/Meta-Llama-3.1-8B").expect("below the root").to_owned()
    };
    let (twin, variable) = (("TRTLLM_PERF_MODELS_ROOT", "/twin"), ("LLM_MODELS_ROOT", "/variable"));
    let toml = "models_root = ['/file']\n";
    assert_eq!(root(&["--models-root", "/flag"], &[twin, variable], toml), "/flag");
    assert_eq!(root(&[], &[twin, variable], toml), "/twin");
    assert_eq!(root(&[], &[variable], toml), "/variable");
    assert_eq!(root(&[], &[], toml), "/file");
    assert!(root(&[], &[], "").ends_with("/llm-models"), "upstream's own place");
}

#[test]
fn the_bench_program_is_the_flags_then_the_twins_then_the_variables_then_the_files() {
    let program = |flags: &[&str], variables: &[(&str, &str)], toml: &str| {
        bench_word(&plan(flags, variables, toml), 0)
    };
    let (twin, variable) = (("TRTLLM_PERF_BENCH_BIN", "twin"), ("TRTLLM_BENCH", "variable"));
    let toml = "bench_bin = 'file'\n";
    assert_eq!(program(&["--bench-bin", "flag"], &[twin, variable], toml), "flag");
    assert_eq!(program(&[], &[twin, variable], toml), "twin");
    assert_eq!(program(&[], &[variable], toml), "variable");
    assert_eq!(program(&[], &[], toml), "file");
    assert_eq!(program(&[], &[("TRTLLM_BENCH", "")], ""), "trtllm-bench");
}

#[test]
fn the_sources_are_found_the_same_way() {
    let script = |flags: &[&str], variables: &[(&str, &str)], toml: &str| {
        let flags = [&["--dataset-tool", "script"], flags].concat();
        let word = text(&plan(&flags, variables, toml)["steps"][0]["argv"][1]);
        word.strip_suffix("/benchmarks/cpp/prepare_dataset.py").expect("the script").to_owned()
    };
    let (twin, variable) = (("TRTLLM_PERF_LLM_ROOT", "/twin"), ("LLM_ROOT", "/variable"));
    let toml = "llm_root = '/file'\n";
    assert_eq!(script(&["--llm-root", "/flag"], &[twin, variable], toml), "/flag");
    assert_eq!(script(&[], &[twin, variable], toml), "/twin");
    assert_eq!(script(&[], &[variable], toml), "/variable");
    assert_eq!(script(&[], &[], toml), "/file");
}

#[test]
fn the_time_limit_is_the_markers_then_the_options_then_the_files_then_an_hour_and_0_is_none() {
    let limits = |flags: &[&str], variables: &[(&str, &str)], toml: &str| {
        let work = Work::new();
        work.write("perf.toml", toml);
        let marked = format!("{} TIMEOUT (2)\n{} TIMEOUT (0)\n{}\n", id("a"), id("b"), id("c"));
        let list = work.write("list.txt", marked);
        let mut command = work.harness(&[&["--dry-run=json", "-F", &list], flags].concat());
        let lines = json_lines(&run(command.envs(variables.iter().copied())).exits(0).out);
        let limits = lines.iter().map(|line| line["timeout_s"].as_u64());
        limits.collect::<Vec<_>>()
    };
    let twin = ("TRTLLM_PERF_TIMEOUT", "8");
    let toml = "timeout = 9\n";
    assert_eq!(limits(&["--timeout", "7"], &[twin], toml), [Some(120), None, Some(7)]);
    assert_eq!(limits(&[], &[twin], toml), [Some(120), None, Some(8)]);
    assert_eq!(limits(&[], &[], toml), [Some(120), None, Some(9)]);
    assert_eq!(limits(&[], &[], ""), [Some(120), None, Some(3600)]);
    assert_eq!(limits(&["--timeout", "0"], &[], ""), [Some(120), None, None]);
}

#[test]
fn a_flag_given_twice_counts_as_it_was_given_last() {
    assert_eq!(bench_word(&plan(&["--bench-bin", "a", "--bench-bin", "b"], &[], ""), 0), "b");
}

#[test]
fn every_key_of_the_settings_file_is_heard() {
    let work = Work::new();
    work.write("waives.txt", format!("{} SKIP (slow)\n", id(PYTORCH)));
    let toml = "waives_file = 'waives.txt'\nworkspace = '/ws'\nflow = 'v1.1'\ndataset_tool = 'script'\n\
                output_dir = 'results'\ntables = 'tables'\nperf_log_formats = ['yaml']\n\
                junit_family = 'legacy'\njunit_logging = 'all'\nretries = 1\non_io_error = 'stop'\n";
    work.write("perf.toml", toml);
    work.write("tables/models.local.yml", "a_model_of_the_tables: mine\n");
    let own = "a_model_of_the_tables-bench-float16-input_output_len:1,1";
    let words = ["--dry-run=json", "--case", PYTORCH, "--case", own];
    let [plan, of_the_tables] = &json_lines(&work.run(&words).exits(0).out)[..] else { panic!() };
    assert_eq!(of_the_tables["error"], serde_json::Value::Null, "{of_the_tables}");
    assert_eq!(plan["reason"], "waived: slow");
    assert!(text(&plan["steps"][0]["cwd"]).starts_with("/ws/perf_engines/"), "{plan}");
    assert_eq!(plan["steps"][0]["argv"][0], "python3");
    assert!(plan["steps"][1]["argv"].to_string().contains("--kv_cache_free_gpu_mem_fraction=0.9"));
    let program = bench("good");
    let more = ["--workspace", "ws", "--dataset-tool", "native", "--bench-bin", &program];
    work.run(&[&["--case", STREAMING], &more[..]].concat()).exits(0).says("results: results");
    let junit = work.read("results/junit.xml");
    assert!(
        junit.contains("file=\"perf/test_perf.py\"") && junit.contains("system-out"),
        "{junit}"
    );
    assert!(work.path("results/perf_script_test_results.yaml").is_file());
    assert!(!work.path("results/perf_script_test_results.csv").exists());
    let failing = ["--case", STREAMING, "--case", TENSORRT, "--bench-bin", &bench("silent")];
    let here = ["--workspace", "perf.toml", "--dataset-tool", "native"];
    let ended = work.run(&[&failing[..], &here].concat()).exits(101);
    assert!(
        ended.out.contains("0 passed; 1 failed; 1 ignored"),
        "no more after an I/O error: {}",
        ended.out
    );
    assert!(ended.err.contains("attempt 1 failed; trying again"), "{}", ended.err);
}

#[test]
fn a_settings_file_that_is_wrong_is_2_with_file_and_place() {
    let work = Work::new();
    for (toml, told) in [
        (
            "timeout = 5\ntime_out = 5\n",
            &["perf.toml", "line 2, column 1", "unknown field `time_out`"][..],
        ),
        ("timeout = 'long'\n", &["perf.toml", "line 1, column 11", "invalid type"]),
        ("flow = 'v9'\n", &["perf.toml", "unknown variant `v9`", "`v1.2`"]),
        (
            "dataset_tool = 'python'\n",
            &["perf.toml: dataset_tool: unknown value `python`; accepted: native, script"],
        ),
        ("junit_logging = 'some'\n", &["perf.toml: junit_logging: unknown value `some`"]),
        (
            "perf_log_formats = ['xml']\n",
            &["perf.toml: perf_log_formats: unknown value `xml`; accepted: csv, yaml"],
        ),
        (
            "[stall]\nbench = { idle = 'long' }\n",
            &["perf.toml", "line 2, column 18", "invalid type"],
        ),
        ("= 1\n", &["perf.toml", "line 1, column 1"]),
    ] {
        work.write("perf.toml", toml);
        let ended = work.run(&["--list"]).exits(2);
        for told in told {
            assert!(ended.err.contains(told), "{toml}: no {told} in {}", ended.err);
        }
    }
}
