//! Environment twins: each does what its flag does, for runners that cannot pass flags.

use std::collections::BTreeSet;
use std::process::Command;

use regex::Regex;

use crate::baseline;
use crate::gpus;
use crate::support::*;

/// An option: its words, its twin's name without `TRTLLM_PERF_`, the twin's value, and the rest of a command line on
/// which it shows. `{name}` is a file of the folder, `<name>` a fixture.
type Twin = (&'static str, &'static str, &'static str, &'static str);

const SHOWN: &str = "--dry-run=json";
const GPU_LIST: &str = "-F trt_llm_release_perf_sanity.yml --machine-facts <machines/h100-x8.yml>";
const CASE: &str = "--case refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:48 --bench-bin <bench/good.sh>";

const FAILING: &str = "--case refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:48 --bench-bin <bench/silent.sh>";

const JUDGED: &str = "--case refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:48 --bench-bin <bench/good.sh> --baseline {base.csv}";

const DRIFTED: &str = "--case refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:48 --bench-bin <bench/good.sh> --baseline {base.csv} --policy upstream";

const UNTRUSTED: &str = "--case llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48 --bench-bin <bench/good.sh> --models-root {models} --gpu-recording {faulty.jsonl} --lease-dir {locks}";

const ON_GPUS: &str = "--case llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48 --bench-bin <bench/good.sh> --models-root {models} --gpu-recording {two.jsonl}";

const LEASED: &str = "--lease-dir {locks} --case llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48 --bench-bin <bench/good.sh> --models-root {models} --gpu-recording {two.jsonl}";

/// Options that are about an earlier run.
const GO_ON: [&str; 3] = ["APPEND", "RESUME", "FAILED"];

/// Options that show in what is listed, planned or said.
fn of_selection() -> Vec<Twin> {
    vec![
        ("--test-list {a.txt} --test-list {b.txt}", "TEST_LIST", "{a.txt}\n{b.txt}\n", "--list"),
        ("--case X --case Y", "CASE", "X\nY", "--list"),
        ("--test-prefix H100", "TEST_PREFIX", "H100", "--list"),
        ("-R gqa", "REGEXP", "gqa", "-F embedded.yml --list"),
        ("-S {waives.txt}", "WAIVES_FILE", "{waives.txt}", "--list --ignored"),
        (
            "--machine-facts <machines/h100-x8.yml>",
            "MACHINE_FACTS",
            "<machines/h100-x8.yml>",
            "-F trt_llm_release_perf_sanity.yml --list",
        ),
        (
            "--include-unmatched",
            "INCLUDE_UNMATCHED",
            "1",
            "-F trt_llm_release_perf_sanity.yml --machine-facts <machines/no-gpu.yml> --list",
        ),
        ("--explain a --explain b", "EXPLAIN", "a\nb", "-F embedded.yml --case a --case b"),
        ("--allow-empty", "ALLOW_EMPTY", "yes", "-F embedded.yml -R nothing"),
        (
            "--test-model-suites=gqa;loras",
            "TEST_MODEL_SUITES",
            "gqa;loras",
            "-F embedded.yml --list",
        ),
        ("--splits 3", "SPLITS", "3", "--group 1 -F embedded.yml --list"),
        ("--group 3", "GROUP", "3", "--splits 3 -F embedded.yml --list"),
        (
            "--splitting-algorithm least_duration",
            "SPLITTING_ALGORITHM",
            "least_duration",
            "--splits 3 --group 2 -F embedded.yml --list",
        ),
        (
            "--durations-path {durations.json}",
            "DURATIONS_PATH",
            "{durations.json}",
            "--splits 2 --group 1 -F embedded.yml --list",
        ),
        ("-C", "APPLY_TEST_LIST_CORRECTION", "true", "-F <lists/one-bad-label.yml> --list"),
    ]
}

/// Options of plans and of running, and those that mean nothing here and say so.
fn of_running() -> Vec<Twin> {
    vec![
        ("--dry-run=json", "DRY_RUN", "json", "-F embedded.yml gqa --bench-bin b"),
        ("--bench-bin mine", "BENCH_BIN", "mine", SHOWN),
        ("--flow v1.2", "FLOW", "v1.2", SHOWN),
        (
            "--models-root {m} --models-root {n}",
            "MODELS_ROOT",
            "{m}\n{n}",
            "--dry-run=json -F <lists/shapes.yml>",
        ),
        ("--llm-root /src", "LLM_ROOT", "/src", "--dry-run=json --dataset-tool script"),
        ("--workspace /ws", "WORKSPACE", "/ws", SHOWN),
        ("--dataset-tool script", "DATASET_TOOL", "script", SHOWN),
        ("--timeout 7", "TIMEOUT", "7", SHOWN),
        // What does not fit the other option is refused.
        ("--stall 9", "STALL", "9", "--list --stall-active 5"),
        ("--stall-active 5", "STALL_ACTIVE", "5", "--list --stall 9"),
        ("--retries 1", "RETRIES", "1", FAILING),
        ("--baseline {base.csv}", "BASELINE", "{base.csv}", CASE),
        ("--policy upstream", "POLICY", "upstream", JUDGED),
        ("--drift-budget 1", "DRIFT_BUDGET", "1", DRIFTED),
        ("--resume", "RESUME", "1", FAILING),
        ("--failed", "FAILED", "1", FAILING),
        ("--on-io-error stop", "ON_IO_ERROR", "stop", "--workspace {a.txt} -F embedded.yml"),
        (
            "--gpu-recording <../gpu/h100-gemm.jsonl>",
            "GPU_RECORDING",
            "<../gpu/h100-gemm.jsonl>",
            "-F trt_llm_release_perf_sanity.yml --dry-run=json",
        ),
        ("--lease-dir {locks}", "LEASE_DIR", "{locks}", ON_GPUS),
        ("--exclusive-node", "EXCLUSIVE_NODE", "1", LEASED),
        ("--lock-clocks", "LOCK_CLOCKS", "1", ON_GPUS),
        ("--unmeasurable ignore", "UNMEASURABLE", "ignore", UNTRUSTED),
        ("--tables {tables}", "TABLES", "{tables}", SHOWN),
        ("--config {site.toml}", "CONFIG", "{site.toml}", SHOWN),
        ("-v", "VERBOSE", "1", CASE),
        ("-s", "SHOW_STEPS", "1", CASE),
        ("--timeout-method=thread", "TIMEOUT_METHOD", "thread", GPU_LIST),
        ("--periodic-interval 5", "PERIODIC_INTERVAL", "5", "--list"),
        ("--periodic-batch-size 5", "PERIODIC_BATCH_SIZE", "5", "--list"),
        ("--rootdir /x", "ROOTDIR", "/x", "--list"),
        ("--enable-gpu-clock-lock", "ENABLE_GPU_CLOCK_LOCK", "1", "--list"),
    ]
}

/// Options that show in the files of a run.
fn of_results() -> Vec<Twin> {
    vec![
        ("-O elsewhere", "OUTPUT_DIR", "elsewhere", CASE),
        ("--history kept.sqlite", "HISTORY", "kept.sqlite", CASE),
        ("--release 1.2.0rc3", "RELEASE", "1.2.0rc3", CASE),
        ("--commit abc123", "COMMIT", "abc123", CASE),
        ("--perf-log-formats csv,yaml", "PERF_LOG_FORMATS", "csv\nyaml", CASE),
        ("--append", "APPEND", "1", CASE),
        ("-o junit_logging=all", "INI_OPTION", "junit_logging=all", CASE),
        ("--junit-family legacy", "JUNIT_FAMILY", "legacy", CASE),
        ("--junitxml copy.xml", "JUNIT_XML", "copy.xml", CASE),
        ("--periodic-junit-xmlpath copy.xml", "PERIODIC_JUNIT_XMLPATH", "copy.xml", CASE),
        ("--csv report.csv", "CSV", "report.csv", CASE),
    ]
}

/// Always on here: nothing to be seen but that they are accepted.
const ALWAYS_ON: [Twin; 2] =
    [("--perf", "PERF", "1", "--list"), ("--periodic-junit", "PERIODIC_JUNIT", "1", "--list")];

/// A folder with everything that the table names, and the rows of an earlier run.
fn work() -> Work {
    let work = Work::new();
    work.list("a.txt", &["a", "b"]);
    work.list("b.txt", &["c"]);
    work.write("waives.txt", format!("{} SKIP (slow)\n", id(&embedded_label())));
    let short = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:8-con:1";
    let last =
        "refbench_deep_gqa_llama-bench-pytorch-streaming-float32-input_output_len:64,32-reqs:8";
    let durations =
        serde_json::json!({ id(&embedded_label()): 1000.0, id(short): 1.0, id(last): 2000.0 });
    work.write("durations.json", durations.to_string());
    models_root(&work);
    gpus::recording(&work, "two.jsonl", 2, &[gpus::quiet()]);
    let fault = gpus::but(serde_json::json!({ "xids": [79] }));
    let quiet = gpus::quiet;
    gpus::recording(&work, "faulty.jsonl", 1, &[quiet(), quiet(), quiet(), fault, quiet()]);
    work.write("site.toml", "timeout = 11\n");
    let row = baseline::case_name("", PYTORCH, "inference_time");
    // Worse than allowed by our rule alone; within five percent of its blessed level.
    work.write("base.csv", baseline::times(&[(row.clone(), 1360.0)]));
    work.write("base.blessed.csv", baseline::times(&[(row, 1480.0)]));
    let limits = include_str!("../../perf-tests/metrics.yml");
    work.write(
        "tables/metrics.yml",
        limits.replace("absolute_threshold: 50", "absolute_threshold: 51"),
    );
    work
}

fn embedded_label() -> String {
    "refbench_tiny_llama-bench-pytorch-float32-input_output_len:512,8-reqs:8".to_owned()
}

fn filled(text: &str, work: &Work) -> String {
    let text = Regex::new(r"<([^>]+)>")
        .expect("a pattern")
        .replace_all(text, |found: &regex::Captures<'_>| fixture(&found[1]));
    text.replace('{', &format!("{}/", work.folder().display())).replace('}', "")
}

/// Everything that can be seen of a run: how it ended, what it said, what it left, less what differs each time.
fn seen(work: &Work, command: &mut Command) -> String {
    let ended = run(command);
    let mut text = format!("{:?}\n{}\n{}\n", ended.code, ended.out, ended.err);
    // What shows the newest run: the order of runs of one second is by chance.
    for file in work.files().iter().filter(|file| !file.contains("/runs/")) {
        text.push_str(&format!("{file}\n"));
        // How quiet the host was is another matter each time.
        let varies = file.ends_with("perf_samples.csv");
        if !varies && ["xml", "csv", "yaml"].iter().any(|ending| file.ends_with(ending)) {
            text.push_str(&work.read(file));
        }
    }
    if work.path("perf-history.sqlite").exists() {
        let kept =
            run(crate::support::command(TRTLLM_PERF, work.folder())
                .args(["history", "list", "--json"]));
        for run in json_lines(&kept.out) {
            text += &format!("{} of {}\n", run["release"], run["facts"]["engine_commit"]);
        }
    }
    let text = text.replace(&work.word(""), "WORK/");
    let each_time = [
        (r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[0-9a-f]{8}", "RUN"),
        (r#"time="[0-9.]+"|timestamp="[^"]+"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"#, "TIME"),
        (r"certificate[^\n]*", "CERTIFICATE"),
        (r"in \d+\.\d+s|\b\d+\.\d{4,6}\b|cpu_freq[^,}]+|,0\.\d+,", "SECONDS"),
    ];
    each_time.iter().fold(text, |text, (pattern, name)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *name).into_owned()
    })
}

/// What is seen without the option, with its flag, and with its twin.
fn three_ways((flag, twin, value, rest): Twin) -> [String; 3] {
    let ways = [(flag, None), ("", Some(value)), ("", None)];
    ways.map(|(flag, value)| {
        let work = work();
        let words = filled(&format!("{rest} {flag}"), &work);
        let words: Vec<&str> = words.split_whitespace().collect();
        if GO_ON.contains(&twin) {
            let first = work.run(&words);
            assert!(matches!(first.code, Some(0 | 101)), "{}", first.err);
        }
        let mut command = work.harness(&words);
        if let Some(value) = value {
            command.env(format!("TRTLLM_PERF_{twin}"), filled(value, &work));
        }
        seen(&work, &mut command)
    })
}

fn check(twins: Vec<Twin>) {
    for twin in twins {
        let [by_flag, by_twin, without] = three_ways(twin);
        assert_eq!(by_flag, by_twin, "{twin:?}");
        assert_ne!(by_flag, without, "{twin:?} shows");
    }
}

#[test]
fn twins_of_selection_do_what_their_flags_do() {
    check(of_selection());
}

#[test]
fn twins_of_running_do_what_their_flags_do() {
    check(of_running());
}

#[test]
fn twins_of_results_do_what_their_flags_do() {
    check(of_results());
}

#[test]
fn what_is_always_on_is_accepted_both_ways() {
    for twin in ALWAYS_ON {
        let [by_flag, by_twin, without] = three_ways(twin);
        assert_eq!((&by_flag, &by_twin), (&without, &without), "{twin:?}");
    }
}

#[test]
fn every_option_of_the_help_text_is_in_the_tables_above() {
    let work = Work::new();
    let help = work.run(&["--help"]).exits(0).out;
    let twins = Regex::new(r"env:\s+TRTLLM_PERF_(\w+)").expect("a pattern");
    let told: BTreeSet<String> =
        twins.captures_iter(&help).map(|found| found[1].to_owned()).collect();
    let tables = [of_selection(), of_running(), of_results(), ALWAYS_ON.to_vec()].concat();
    let tested: BTreeSet<String> = tables.iter().map(|(_, twin, ..)| (*twin).to_owned()).collect();
    assert_eq!(told, tested);
}

#[test]
fn a_switch_is_off_where_its_twin_says_no() {
    let work = Work::new();
    for (value, code) in
        [("1", 0), ("true", 0), ("0", 4), ("false", 4), ("no", 4), ("off", 4), ("", 4)]
    {
        let mut command = work.harness(&["-F", "embedded.yml", "-R", "nothing"]);
        let ended = run(command.env("TRTLLM_PERF_ALLOW_EMPTY", value));
        assert_eq!(ended.code, Some(code), "`{value}`: {}", ended.err);
    }
}
