//! `--dry-run`: the shape of what it prints, and that it does nothing.

use serde_json::{Value, json};

use crate::support::*;

const KEYS: [&str; 14] = [
    "name",
    "id",
    "list",
    "line",
    "block",
    "selected",
    "reason",
    "timeout_s",
    "label",
    "config",
    "steps",
    "engine_config",
    "metrics",
    "error",
];

/// The plans of `lists/shapes.yml` on a machine.
fn plans(work: &Work, machine: &str, more: &[&str]) -> Vec<Value> {
    let facts = fixture(&format!("machines/{machine}.yml"));
    let list = fixture("lists/shapes.yml");
    let words = ["--dry-run=json", "-F", &list, "--machine-facts", &facts];
    let words = [&words[..], &["--models-root", "/no/models", "--bench-bin", "trtllm-bench"], more]
        .concat();
    json_lines(&run(work.harness(&words).env("PATH", "/nowhere")).exits(0).out)
}

/// Where `mark` first stands, for the order of keys, which a parsed object does not keep.
fn places(line: &str, marks: &[&str]) -> Vec<usize> {
    let place = |mark: &&str| {
        let key = format!("\"{mark}\":");
        line.find(&key).unwrap_or_else(|| panic!("no {mark} in {line}"))
    };
    marks.iter().map(place).collect()
}

#[test]
fn every_line_has_the_keys_of_the_interface_in_their_order() {
    let work = Work::new();
    let list = fixture("lists/shapes.yml");
    let out = work.run(&["--dry-run=json", "-F", &list]).exits(0).out;
    for line in out.lines() {
        let parsed: Value = serde_json::from_str(line).expect("JSON");
        let keys = parsed.as_object().expect("an object");
        assert_eq!(keys.len(), KEYS.len(), "{line}");
        // `config` and what follows hold keys of the same names: only the first places count.
        assert!(places(line, &KEYS[..10]).is_sorted(), "{line}");
        if let [step, ..] = &parsed["steps"].as_array().expect("a list")[..] {
            let keys: Vec<_> = step.as_object().expect("an object").keys().collect();
            assert_eq!(keys.len(), 5, "{line}");
            let steps = &line[places(line, &["steps"])[0]..];
            assert!(places(steps, &["kind", "argv", "cwd", "stdout", "env"]).is_sorted(), "{line}");
            let metrics = &steps[places(steps, &["metrics"])[0]..];
            let keys = ["metric_type", "name", "threshold", "abs_threshold", "error"];
            assert!(places(metrics, &keys).is_sorted(), "{line}");
        }
    }
    assert_eq!(work.files(), [""; 0]);
}

#[test]
fn lines_are_numbered_judged_and_planned_also_where_they_do_not_run() {
    let work = Work::new();
    let list = fixture("lists/shapes.yml");
    let lines = plans(&work, "h100-x8", &[]);
    let facts =
        |line: &Value| json!([line["line"], line["block"], line["selected"], line["timeout_s"]]);
    let shown: Vec<_> = lines.iter().map(facts).collect();
    assert_eq!(
        shown,
        [
            json!([8, 0, true, 5400]),
            json!([13, 1, false, 3600]),
            json!([15, 2, true, null]),
            json!([16, 2, false, null]),
            json!([17, 2, false, 3600]),
            json!([18, 2, false, 3600]),
            json!([19, 2, true, 3600]),
            json!([20, 2, true, 3600]),
            json!([21, 2, true, 3600]),
            json!([22, 2, true, 3600]),
        ]
    );
    assert!(lines.iter().all(|line| line["list"] == list));
    assert_eq!(lines[1]["reason"], "condition not met: gpu is H100 80GB HBM3, needs *b200*");
    assert_eq!(lines[1]["steps"].as_array().map(Vec::len), Some(2), "planned all the same");
    assert_eq!(lines[3]["reason"], format!("duplicate of {list}:15"));
    assert_eq!(lines[5]["reason"], "waived: slow");

    // Another machine, another selection; the plans are the same.
    let elsewhere = plans(&work, "no-gpu", &[]);
    assert_eq!(elsewhere[0]["selected"], false);
    assert_eq!(elsewhere[0]["reason"], "condition not met: system_gpu_count is 0, needs >= 8");
    assert_eq!(elsewhere[0]["steps"], lines[0]["steps"]);
}

#[test]
fn a_line_of_another_kind_has_name_and_id_alone() {
    let work = Work::new();
    let other = &plans(&work, "h100-x8", &[])[4];
    assert_eq!(other["id"], "unittest/llmapi/test_llm.py -k \"not slow\"");
    assert_eq!((&other["name"], &other["reason"]), (&other["id"], &json!("not a perf test")));
    for (key, empty) in [
        ("label", json!(null)),
        ("config", json!(null)),
        ("steps", json!([])),
        ("error", json!(null)),
    ] {
        assert_eq!(other[key], empty, "{key}");
    }
}

#[test]
fn errors_have_a_stage_and_what_nobody_can_run_has_a_reason() {
    let work = Work::new();
    let lines = plans(&work, "h100-x8", &[]);
    let unknown = &lines[6];
    assert_eq!(unknown["error"]["stage"], "load");
    let message = text(&unknown["error"]["message"]);
    assert!(
        message.starts_with("unknown data type `bfloat17`; did you mean `bfloat16`?"),
        "{message}"
    );
    assert_eq!((&unknown["config"], &unknown["steps"]), (&json!(null), &json!([])));

    let adapters = &lines[7];
    assert_eq!(adapters["error"]["stage"], "plan");
    assert!(
        text(&adapters["error"]["message"]).contains("loras:2 asks for 2 adapters"),
        "{adapters}"
    );
    assert_eq!(adapters["config"]["num_loras"], 2);

    let skipped = &lines[8];
    assert_eq!(skipped["error"], json!(null));
    assert!(
        text(&skipped["reason"]).contains("no LoRA adapters for model `mixtral_8x7b_v0.1`"),
        "{skipped}"
    );
    assert_eq!(skipped["steps"], json!([]));

    let removed = &lines[9];
    assert_eq!(removed["reason"], "runtime removed upstream; write the case for runtime `bench`");
    assert_eq!(removed["steps"], json!([]));
    assert_eq!(removed["config"]["runtime"], "cppmanager");

    let missing = text(&lines[0]["reason"]);
    assert!(
        missing.starts_with("model directory /no/models/DeepSeek-R1/DeepSeek-R1 does not exist"),
        "{missing}"
    );
}

#[test]
fn text_for_people_has_the_same_lines_and_a_filter_narrows_both() {
    let work = Work::new();
    let list = fixture("lists/shapes.yml");
    let words = ["-F", &list, "--bench-bin", "trtllm-bench", "--flow", "v1.2", "quant:fp8"];
    let shown = work.run(&[&words[..], &["--dry-run"]].concat()).exits(0).out;
    assert_eq!(shown.matches("test_perf[llama_v3.1_8b-bench-bfloat16").count(), 2, "{shown}");
    for part in [
        &format!("from     {list}:15"),
        "build    trtllm-bench --log_level=info",
        "metrics  BUILD_TIME",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    let lines = json_lines(&work.run(&[&words[..], &["--dry-run=json"]].concat()).exits(0).out);
    assert_eq!(lines.len(), 2);
    let command = lines[0]["steps"][1]["argv"].as_array().expect("words");
    assert!(command.iter().all(|word| shown.contains(&text(word))), "{shown}");
}

#[test]
fn without_a_workspace_steps_lie_in_an_attempt_folder_and_with_one_in_the_engine_directory() {
    let work = Work::new();
    let cwd = |line: &Value| text(&line["steps"][0]["cwd"]);
    let own = cwd(&plans(&work, "h100-x8", &[])[2]);
    let front = work.word("perf-output/runs/dry-run/perf_test_perf.py_test_perf_llama_v3.1_8b-");
    assert!(own.starts_with(&front) && own.ends_with("/attempt-1"), "{own}");
    let in_workspace = cwd(&plans(&work, "h100-x8", &["--workspace", "/ws"])[2]);
    assert_eq!(
        in_workspace,
        "/ws/perf_engines/llama_v3.1_8b-bench-bfloat16-maxbs_256-input_output_len_512_32-quant_fp8"
    );
    assert_eq!(work.files(), [""; 0], "starts nothing, writes nothing");
}

#[test]
fn a_case_that_stands_in_no_list_has_no_place() {
    let work = Work::new();
    let lines = json_lines(&work.run(&["--dry-run=json", "--case", PYTORCH]).exits(0).out);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!([&line["list"], &line["line"], &line["block"]], [&Value::Null; 3]);
    assert_eq!((&line["selected"], &line["id"]), (&json!(true), &json!(id(PYTORCH))));
}
