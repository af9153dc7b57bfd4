//! Plans against what upstream's own code makes of the same ids.
//!
//! Those recordings lie beside a checkout in some places only; where they do not, there is nothing to compare here. The
//! plans of our own ids, which are always compared, are in `harness/plans.rs`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trtllm_perf::case::{Case, Engine, ModelTable};
use trtllm_perf::engine::{Flow, OptionTable};
use trtllm_perf::list::TestList;
use trtllm_perf::metric::MetricTable;
use trtllm_perf::plan::{self, Context, DatasetTool, DryRun, Fault, PlannedLine};

struct Tables {
    models: ModelTable,
    options: OptionTable,
    limits: MetricTable,
}

fn tables() -> Tables {
    Tables {
        models: ModelTable::parse(include_str!("../perf-tests/models.yml")).expect("models"),
        options: OptionTable::parse(include_str!("../perf-tests/pytorch-config.yml"))
            .expect("options"),
        limits: MetricTable::parse(include_str!("../perf-tests/metrics.yml")).expect("metrics"),
    }
}

fn locate(_: Engine, path: &str) -> String {
    format!("/models/{path}")
}

/// What `--dry-run=json` says of an id, as the harness makes it.
fn dry_run(id: &str, flow: Flow, tables: &Tables) -> Value {
    let context = Context {
        flow,
        models: &tables.models,
        options: &tables.options,
        limits: &tables.limits,
        locate: &locate,
        llm_root: "/trtllm",
        bench_bin: "trtllm-bench",
        dataset_tool: DatasetTool::Script,
    };
    let list = TestList::parse("ids.txt", id).expect("a list of one");
    let raw = list.entries[0].label().expect("a perf id");
    let line = PlannedLine { id: id.to_owned(), ..PlannedLine::default() };
    let printed = match Case::parse(raw, &tables.models) {
        Err(error) => DryRun::new(line, None, None, Some(Fault::from(&error))),
        Ok(case) => {
            let cwd = plan::work_dir(Path::new("/ws"), raw);
            match plan::plan(&case, &cwd, &context) {
                Err(error) => DryRun::new(line, Some(&case), None, Some(Fault::from(&error))),
                Ok(plan) => {
                    let line = PlannedLine { reason: plan.skip.clone(), ..line };
                    DryRun::new(line, Some(&case), Some((&plan, &cwd)), None)
                }
            }
        }
    };
    serde_json::to_value(printed).expect("serializable")
}

/// Upstream's data-set command as one argument vector: without `mkdir`, `ln` and `>`, words apart.
fn dataset_argv(command: &Value) -> Vec<String> {
    let words: Vec<String> = command
        .as_array()
        .expect("a list")
        .iter()
        .map(|word| word.as_str().expect("text").trim().to_owned())
        .collect();
    let last = words.rsplit(|word| word == ";").next().expect("rsplit gives at least one");
    last.iter()
        .filter(|word| !word.starts_with('>'))
        .flat_map(|word| word.split(' '))
        .map(str::to_owned)
        .collect()
}

fn argvs(got: &Value, kind: &str) -> Vec<Value> {
    got["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter(|step| step["kind"] == kind)
        .map(|step| step["argv"].clone())
        .collect()
}

/// Compares one golden record with our plan; `Err` says what differs.
fn compare(record: &Value, flow: Flow, tables: &Tables) -> Result<(), String> {
    let id = record["id"].as_str().expect("id");
    let got = dry_run(id, flow, tables);
    let differs = |what: &str, want: &Value, got: &Value| {
        if want == got {
            Ok(())
        } else {
            Err(format!("{id}\n  {what}\n  want {want}\n  got  {got}"))
        }
    };
    if let Some(error) = record["error"].as_str() {
        return compare_refused(record, error, flow, &got)
            .map_err(|fault| format!("{id}\n  {fault} (upstream: {error})\n  got {got}"));
    }
    differs("error", &Value::Null, &got["error"])?;
    differs("label", &record["to_string"], &got["label"])?;
    for (key, want) in record["config"].as_object().expect("config") {
        let default = match key.as_str() {
            // Ours are printed only when they are not the default.
            "kv_cache_free_gpu_mem_fraction" => ("kv_frac", json!(0.9)),
            "extra" => ("extra", json!(false)),
            "device_subtype" => ("device_subtype", Value::Null),
            _ => {
                differs(key, want, &got["config"][key])?;
                continue;
            }
        };
        let got = got["config"].get(default.0).cloned().unwrap_or(default.1);
        differs(key, want, &got)?;
    }
    let metrics: Vec<Value> = record["metrics"].as_array().expect("metrics").iter().map(|metric| {
        json!({"metric_type": metric["metric_type"], "name": metric["name"], "threshold": metric["threshold"].as_f64(), "abs_threshold": metric["abs_threshold"].as_f64()})
    }).collect();
    differs("metrics", &Value::Array(metrics), &got["metrics"])?;
    if record["config"]["runtime"] != "bench" {
        return differs("steps of a removed runtime", &json!([]), &got["steps"]);
    }
    let ours = our_build(record);
    if record["config"]["build_only"] == true {
        return differs("steps", &json!([ours]), &json!(argvs(&got, "build")));
    }
    differs(
        "build",
        &record["build_cmd"].as_array().map_or(json!([]), |_| json!([ours])),
        &json!(argvs(&got, "build")),
    )?;
    let datasets: Vec<Vec<String>> =
        record["dataset_cmds"].as_array().expect("data sets").iter().map(dataset_argv).collect();
    differs("data sets", &json!(datasets), &json!(argvs(&got, "dataset")))?;
    let benches: Vec<Value> = record["benchmark_cmds"]
        .as_array()
        .expect("benchmarks")
        .iter()
        .map(|argv| our_bench(record, argv))
        .collect();
    differs("benchmarks", &json!(benches), &json!(argvs(&got, "bench")))?;
    if flow == Flow::V1_1 {
        // That golden data holds no options.
        return Ok(());
    }
    differs("options", &record["pytorch_yaml"], &got["engine_config"])
}

/// The name that stands in for upstream's empty `--model=` of a build.
fn bench_name(record: &Value) -> String {
    let model = record["config"]["model_name"].as_str().expect("model");
    if model.ends_with("_hf") { model.to_owned() } else { format!("{model}_hf") }
}

fn our_build(record: &Value) -> Value {
    let words = record["build_cmd"].as_array().into_iter().flatten();
    words
        .map(|word| {
            if word == "--model=" {
                json!(format!("--model={}", bench_name(record)))
            } else {
                word.clone()
            }
        })
        .collect()
}

fn our_bench(record: &Value, argv: &Value) -> Value {
    let nameless =
        record["build_cmd"].as_array().is_some_and(|words| words.contains(&json!("--model=")));
    let words =
        argv.as_array().expect("a list").iter().filter(|word| {
            !word.as_str().is_some_and(|word| word.starts_with("--sampler_options="))
        });
    words
        .map(|word| match word.as_str() {
            Some(text) if nameless && text.starts_with("--engine_dir=") => {
                let (head, tail) = text.rsplit_once("/tp_").expect("an engine directory");
                json!(format!("{}/{}/tp_{tail}", head.trim_end_matches('/'), bench_name(record)))
            }
            _ => word.clone(),
        })
        .collect()
}

/// What upstream refuses or skips is refused or skipped here too, unless the cause is that its code knew less.
fn compare_refused(record: &Value, error: &str, flow: Flow, got: &Value) -> Result<(), String> {
    let later_grammar = error.contains("Invalid runtime disagg_server!")
        || error.contains("kv_frac") && flow < Flow::V1_2
        || error.contains("is not in allowed_models!") && got["error"].is_null();
    if later_grammar {
        return got["error"]
            .is_null()
            .then_some(())
            .ok_or("refused an id of a later grammar".to_owned());
    }
    let removed_runtime = record["config"].get("runtime").is_some_and(|runtime| runtime != "bench");
    if record.get("skip").is_some() || removed_runtime && record["error_stage"] != "runtime" {
        let skipped =
            got["error"].is_null() && got["reason"].is_string() && got["steps"] == json!([]);
        return skipped.then_some(()).ok_or("expected a skip with a reason".to_owned());
    }
    let stage = match record["error_stage"].as_str() {
        Some("commands") => "plan",
        _ => "load",
    };
    if got["error"]["stage"] != stage {
        return Err(format!("expected an error of stage {stage}"));
    }
    let has_label = record.get("to_string").is_some();
    if has_label && got["label"] != record["to_string"] {
        return Err("the label is missing".to_owned());
    }
    Ok(())
}

fn check_file(path: &Path, flow: Flow) -> usize {
    let tables = tables();
    let text = std::fs::read_to_string(path).expect("golden file");
    let records =
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    let perf: Vec<Value> = records.filter(|record| record.get("not_perf").is_none()).collect();
    let faults: Vec<String> =
        perf.iter().filter_map(|record| compare(record, flow, &tables).err()).collect();
    assert!(
        faults.is_empty(),
        "{} of {} differ in {}:\n{}",
        faults.len(),
        perf.len(),
        path.display(),
        faults.join("\n")
    );
    perf.len()
}

fn check_folder(folder: &Path, flow: Flow) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("{} is not here; nothing compared", folder.display());
        return;
    };
    let files = entries.map(|entry| entry.expect("entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let compared: usize = files.map(|path| check_file(&path, flow)).sum();
    assert!(compared > 0, "{} holds plans", folder.display());
}

fn shared(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder)
}

#[test]
fn plans_of_flow_seed_equal_the_golden_ones() {
    check_folder(&shared("golden"), Flow::Seed);
}

#[test]
fn plans_of_flow_v1_1_equal_the_golden_ones() {
    check_folder(&shared("golden-v1.1"), Flow::V1_1);
}

#[test]
fn plans_of_flow_v1_2_equal_the_golden_ones() {
    check_folder(&shared("golden-v1.2"), Flow::V1_2);
}
