//! The adapter that puts Transformers behind the harness, as far as it goes without torch: its command line held against
//! what plans use, and its report against what the harness reads. Its own tests are in Python, and run from here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ADAPTER: &str = "perf-tests/adapters/hf-transformers";
/// The oldest Python with the grammar that the adapter is written in.
const OLDEST_PYTHON: (u32, u32) = (3, 10);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn adapter(name: &str) -> PathBuf {
    root().join(ADAPTER).join(name)
}

/// Whether there is a Python for the adapter. Nothing else of the project needs one.
fn has_python() -> bool {
    let words = ["-c", "import sys; print(sys.version_info[0], sys.version_info[1])"];
    let told = Command::new("python3").args(words).output().ok();
    let version = told.and_then(|told| {
        let text = String::from_utf8(told.stdout).ok()?;
        let (major, minor) = text.trim().split_once(' ')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    });
    let fits = version.is_some_and(|version| version >= OLDEST_PYTHON);
    if !fits {
        eprintln!("skipped: there is no python3 of 3.10 or later");
    }
    fits
}

fn python(words: &[&str]) -> Output {
    Command::new("python3").args(words).current_dir(root()).output().expect("python3 starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn trtllm_perf(words: &[&str], cwd: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
    for (name, _) in std::env::vars_os() {
        if ["TRTLLM_", "LLM_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.args(words).current_dir(cwd).output().expect("trtllm-perf starts")
}

/// `run` or `doctor` for the adapter's list `name`, with further words.
fn harness(subcommand: &str, name: &str, more: &[&str], cwd: &Path) -> Output {
    let word = |name: &str| adapter(name).to_string_lossy().into_owned();
    let (bench, tables, models, list) =
        (word("trtllm-bench"), word("tables"), word("models"), word(name));
    let mut words = vec![subcommand, "--flow", "v1.2", "--bench-bin", &bench, "--tables", &tables];
    words.extend(["--models-root", &models, "--test-list", &list]);
    words.extend(more);
    trtllm_perf(&words, cwd)
}

#[test]
fn the_adapters_own_tests_pass() {
    if !has_python() {
        return;
    }
    let tests = adapter("tests").to_string_lossy().into_owned();
    let ended = python(&["-m", "unittest", "discover", "-s", &tests]);
    let said = text(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next());
    let ran: usize = ran.and_then(|number| number.parse().ok()).expect("a number of tests");
    assert!(ran >= 15, "{said}");
}

#[test]
fn every_line_of_its_lists_is_planned_with_options_that_its_help_defines() {
    if !has_python() {
        return;
    }
    let work = tempfile::tempdir().expect("folder");
    let program = adapter("trtllm-bench").to_string_lossy().into_owned();
    let help = python(&[&program, "--model=any", "throughput", "--help"]);
    assert!(help.status.success(), "{}", text(&help.stderr));
    let help = text(&help.stdout);
    for (list, cases) in [("h100.yml", 8), ("cpu.yml", 2)] {
        let planned = harness("run", list, &["--dry-run=json"], work.path());
        assert!(planned.status.success(), "{}", text(&planned.stderr));
        let plans: Vec<serde_json::Value> = text(&planned.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a plan a line"))
            .collect();
        assert_eq!(plans.len(), cases);
        for plan in plans {
            assert!(plan["error"].is_null(), "{plan}");
            assert_eq!(
                plan["engine_config"].as_object().map(serde_json::Map::len),
                Some(0),
                "{plan}"
            );
            let steps = plan["steps"].as_array().expect("steps");
            let bench = steps.last().expect("a bench")["argv"].as_array().expect("words");
            let words: Vec<&str> = bench.iter().filter_map(serde_json::Value::as_str).collect();
            let command = words.iter().position(|word| *word == "throughput").expect("a command");
            for word in &words[command + 1..] {
                let option = word.split('=').next().unwrap_or(word);
                assert!(help.contains(&format!("{option} ")), "{option}\n{help}");
            }
            let model = words.iter().find_map(|word| word.strip_prefix("--model_path="));
            assert!(Path::new(model.expect("a model")).join("config.json").is_file(), "{model:?}");
        }
    }
}

#[test]
fn a_data_set_can_be_made_for_each_of_its_models() {
    for model in fs::read_dir(adapter("models")).expect("models") {
        let model = model.expect("an entry").path();
        let tokenizer = format!("--tokenizer={}", model.display());
        let lengths = ["--input-mean=64", "--input-stdev=0", "--output-mean=8", "--output-stdev=0"];
        let mut words = vec!["dataset", "--stdout", &tokenizer, "token-norm-dist"];
        words.push("--num-requests=3");
        words.extend(lengths);
        let made = trtllm_perf(&words, root());
        assert!(made.status.success(), "{}", text(&made.stderr));
        let config = fs::read(model.join("config.json")).expect("a configuration");
        let config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
        let vocabulary = config["vocab_size"].as_u64().expect("a vocabulary");
        for line in text(&made.stdout).lines() {
            let request: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let ids = request["input_ids"].as_array().expect("ids");
            assert_eq!(ids.len(), 64);
            assert!(ids.iter().all(|id| id.as_u64().is_some_and(|id| id < vocabulary)), "{line}");
        }
    }
}

#[test]
fn its_report_has_every_metric_as_text_and_as_json() {
    if !has_python() {
        return;
    }
    let work = tempfile::tempdir().expect("folder");
    let write = format!(
        "import json, sys; sys.dont_write_bytecode = True; sys.path.insert(0, {:?}); from test_adapter import recorded, report\n\
         content = recorded(True)\n\
         json.dump(content, open('report.json', 'w'), indent=4)\n\
         text = report.report_text(content)\n\
         open('bench.log', 'w').write('[01/01/2026-00:00:00] [HF-TRANSFORMERS] [I] [MemUsageChange] Allocated 53.81 GiB for max tokens \
         in paged KV cache (440832).\\n[01/01/2026-00:00:00] [HF-TRANSFORMERS] [I] ' + text + '\\n')",
        adapter("tests").display()
    );
    let words = ["-c", &write];
    let written = Command::new("python3").args(words).current_dir(work.path()).output();
    let written = written.expect("python3 starts");
    assert!(written.status.success(), "{}", text(&written.stderr));
    // The recorded times are round: see the Python test that works the figures out by hand.
    let expected = [
        ("INFERENCE_TIME", 60.0),
        ("TOKEN_THROUGHPUT", 333.3333),
        ("SEQ_THROUGHPUT", 66.6667),
        ("KV_CACHE_SIZE", 53.81),
        ("FIRST_TOKEN_TIME", 2.0),
        ("OUTPUT_TOKEN_TIME", 5.75),
    ];
    let log = ["parse", "bench.log", "--json"];
    for words in [log.to_vec(), [&log[..], &["--report-json", "report.json"]].concat()] {
        let parsed = trtllm_perf(&words, work.path());
        assert!(parsed.status.success(), "{}", text(&parsed.stderr));
        let parsed: serde_json::Value = serde_json::from_slice(&parsed.stdout).expect("JSON");
        assert_eq!(parsed["reports"], 1, "{parsed}");
        for (metric, value) in expected {
            let found = parsed["metrics"][metric].as_f64();
            let found = found.unwrap_or_else(|| panic!("{metric}: {parsed}"));
            assert!((found - value).abs() < 1e-3, "{metric} is {found}, not {value}");
        }
    }
}

#[test]
fn it_never_passes_for_tensorrt_llm_and_the_harness_says_so() {
    if !has_python() {
        return;
    }
    let work = tempfile::tempdir().expect("folder");
    let doctor = harness("doctor", "cpu.yml", &[], work.path());
    let told = text(&doctor.stdout) + &text(&doctor.stderr);
    assert!(told.contains("does not say which release of TensorRT-LLM it is"), "{told}");
}

/// Samples of one case in three attempts, and one that failed.
const SAMPLES: &str = "run_id,original_test_name,attempt,outcome,metric_type,perf_metric,unit,certificate,throttling,host,certificate_notes
r1,\"p::test_perf[m-bench-input_output_len:8,4]\",1,passed,TOKEN_THROUGHPUT,1.0,tokens/s/GPU,verified,verified,verified,
r2,\"p::test_perf[m-bench-input_output_len:8,4]\",1,passed,TOKEN_THROUGHPUT,2.0,tokens/s/GPU,verified,verified,verified,
r3,\"p::test_perf[m-bench-input_output_len:8,4]\",1,passed,TOKEN_THROUGHPUT,3.0,tokens/s/GPU,unverified,unverified,verified,throttling: not seen
r4,\"p::test_perf[m-bench-input_output_len:8,4]\",1,failed,,,,,,,
";

fn samples(words: &[&str]) -> Output {
    let work = tempfile::tempdir().expect("folder");
    let file = work.path().join("perf_samples.csv");
    fs::write(&file, SAMPLES).expect("written");
    let file = file.to_string_lossy().into_owned();
    python(&[&["scripts/samples.py"], words, &[&file]].concat())
}

#[test]
fn the_table_of_samples_has_a_line_a_case_and_the_noise_is_that_of_passed_ones() {
    if !has_python() {
        return;
    }
    let table = text(&samples(&["table"]).stdout);
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert_eq!(lines[1], ["m-bench-input_output_len:8,4", "-", "-", "1.00", "passed", "verified"]);
    assert_eq!(lines[4][3..], ["-", "failed", "-"]);
    let noise = text(&samples(&["noise"]).stdout);
    let row: Vec<&str> = noise.lines().last().expect("a row").split_whitespace().collect();
    // The sample standard deviation of 1, 2, 3 is 1.
    let expected = ["TOKEN_THROUGHPUT", "3", "2.0000", "1.0000", "50.000", "1.0000", "3.0000"];
    assert_eq!(row[..7], expected, "{noise}");
    let certificates = text(&samples(&["certificate"]).stdout);
    assert!(certificates.contains("  throttling      unverified\n"), "{certificates}");
    assert_eq!(samples(&["nonsense"]).status.code(), Some(2));
}

#[test]
fn the_scripts_say_what_they_take_and_refuse_what_they_do_not_know() {
    let folder = Path::new(env!("CARGO_BIN_EXE_trtllm-perf")).parent().expect("a folder");
    let folder = folder.to_string_lossy();
    for script in ["scripts/gpu-run.sh", "scripts/gpu-evidence.sh"] {
        let call = |words: &[&str]| {
            let ended = Command::new("bash").arg(script).args(words).current_dir(root()).output();
            ended.expect("bash starts")
        };
        let help = call(&["-h"]);
        assert!(help.status.success());
        assert!(text(&help.stdout).contains(&format!("{script} -H DIR")), "{script}");
        for (words, says) in [
            (vec![], "name the folder of trtllm-perf with -H"),
            (vec!["-H", "/no/such"], "/no/such/trtllm-perf is no program"),
            (vec!["-H", &*folder, "-g", "/no/such"], "read /no/such"),
            (vec!["-x"], "try: "),
        ] {
            let ended = call(&words);
            assert_eq!(ended.status.code(), Some(2), "{script} {words:?}");
            assert!(
                text(&ended.stderr).contains(says),
                "{script} {words:?}: {}",
                text(&ended.stderr)
            );
        }
    }
    let step = Command::new("bash")
        .args(["scripts/gpu-evidence.sh", "-H", &*folder, "nonsense"])
        .current_dir(root())
        .output()
        .expect("bash starts");
    assert_eq!(step.status.code(), Some(2));
    assert!(text(&step.stderr).contains("there is no step 'nonsense'"));
}
