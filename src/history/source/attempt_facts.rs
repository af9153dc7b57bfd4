//! What the result of an attempt tells of the machine, the engine, and how it was called.

use std::path::{Path, PathBuf};

use crate::history::{Aspect, Facts};
use crate::record::result::{AttemptResult, StepRecord};
use crate::record::words_without_secrets;

/// The engine options beside a result.
const OPTIONS_FILE: &str = "extra-llm-api-config.yml";
/// The options of a bench command that name the file of engine options.
const OPTIONS_WORDS: [&str; 2] = ["--config=", "--extra_llm_api_options="];

/// What stands as engine where the program under test is TensorRT-LLM.
pub(super) const TENSORRT_LLM: &str = "tensorrt_llm";
/// The embedded engine. It uses no GPU.
pub(super) const REFBENCH: &str = "refbench";

/// What stands for an aspect that is known not to be there, which is not the same as unknown.
const NONE: &str = "none";

/// The machine class and the engine of an attempt, as series are told apart by.
pub fn measured_on(result: &AttemptResult) -> (String, String) {
    (machine_class(result), engine(result))
}

/// The GPUs of the steps that used any; else the CPU, which then did the work.
fn machine_class(result: &AttemptResult) -> String {
    let subtype = result.steps.iter().find_map(|step| step.gpu.device_subtype.clone());
    let fact = |key: &str| result.facts.get(key).cloned();
    subtype
        .or_else(|| fact("machine"))
        .or_else(|| fact("cpu"))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// What was measured. Backends of `trtllm-bench` are TensorRT-LLM; any other name is that of another engine.
fn engine(result: &AttemptResult) -> String {
    match result.facts.get("engine_backend").map(|name| name.to_lowercase()) {
        Some(name)
            if !["pytorch", "tensorrt", "_autodeploy", "autodeploy"].contains(&name.as_str()) =>
        {
            name
        }
        _ => TENSORRT_LLM.to_owned(),
    }
}

/// The facts of an attempt whose result lies in `folder`.
pub(super) fn attempt_facts(result: &AttemptResult, folder: &Path) -> Facts {
    let fact = |key: &str| result.facts.get(key).cloned();
    let bench = result.steps.iter().find(|step| step.kind == "bench");
    let known = [
        (Aspect::EngineBackend, fact("engine_backend")),
        (Aspect::EngineVersion, fact("engine_version").or_else(|| fact("trtllm_version"))),
        (Aspect::Flow, fact("flow")),
        (Aspect::BenchOptions, bench.map(bench_options)),
        (Aspect::EngineOptions, bench.and_then(|step| engine_options(step, folder))),
        (Aspect::Clocks, clocks(result)),
        (Aspect::Dataset, fact("dataset_sha256")),
        (Aspect::DatasetTool, fact("dataset_tool")),
        (Aspect::Harness, fact("harness_version")),
        (Aspect::GpuVariant, bench.and_then(|step| step.gpu.device_subtype.clone())),
        (
            Aspect::GpuCount,
            bench.and_then(|step| Some(step.gpu.gpu_idx.as_ref()?.split(',').count().to_string())),
        ),
        (Aspect::Cpu, fact("cpu")),
    ];
    let mut facts: Facts =
        known.into_iter().filter_map(|(aspect, text)| Some((aspect, text?))).collect();
    if engine(result) == REFBENCH {
        facts.extend(without_gpus());
    }
    facts
}

/// What is known of an attempt that used no GPU: those of the host are no part of what was measured.
pub(super) fn without_gpus() -> Facts {
    let aspects =
        [Aspect::GpuVariant, Aspect::GpuCount, Aspect::Driver, Aspect::Cuda, Aspect::Clocks];
    aspects.map(|aspect| (aspect, NONE.to_owned())).into()
}

/// What the clocks were locked to; `none` where the harness had the GPUs and left their clocks alone.
fn clocks(result: &AttemptResult) -> Option<String> {
    let fact = |key: &str| result.facts.get(key).cloned();
    fact("gpu_clocks_locked").or_else(|| fact("gpus").map(|_| NONE.to_owned()))
}

/// The options of the bench command, in their order; of one that holds a path, the name alone, since paths differ
/// from run to run.
fn bench_options(step: &StepRecord) -> String {
    let stripped = words_without_secrets(step.argv.iter().skip(1).map(String::as_str));
    let words = stripped.iter().map(|word| match word.split_once('=') {
        Some((name, value)) if value.contains('/') => name,
        _ => word,
    });
    words.filter(|word| !word.starts_with('/')).collect::<Vec<_>>().join(" ")
}

/// The engine options of the bench command as one line of JSON, or `none` where it was given none; `None` where their
/// file is not there or is no YAML.
fn engine_options(step: &StepRecord, folder: &Path) -> Option<String> {
    let value = |word: &String| {
        OPTIONS_WORDS.iter().find_map(|name| Some(word.strip_prefix(name)?.to_owned()))
    };
    let beside = folder.join(OPTIONS_FILE);
    let file = match step.argv.iter().find_map(value) {
        Some(named) => place(&named, folder),
        None if beside.is_file() => beside,
        None => return Some(NONE.to_owned()),
    };
    let text = std::fs::read_to_string(file).ok()?;
    let options: serde_json::Value = serde_yaml::from_str(&text).ok()?;
    Some(options.to_string())
}

/// Where a file that a command names lies now: below the attempt's folder, which may have moved since.
fn place(named: &str, folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let below = named.split_once(&format!("/{name}/")).map(|(_, below)| below);
    // A whole path replaces the folder.
    folder.join(below.unwrap_or(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_attempt_is_found_where_the_attempt_is_now() {
        let folder = Path::new("/new/runs/r/t/attempt-2");
        let moved = place("/old/runs/r/t/attempt-2/tp_1/o.yml", folder);
        assert_eq!(moved, Path::new("/new/runs/r/t/attempt-2/tp_1/o.yml"));
        assert_eq!(place("o.yml", folder), Path::new("/new/runs/r/t/attempt-2/o.yml"));
        assert_eq!(place("/elsewhere/o.yml", folder), Path::new("/elsewhere/o.yml"));
    }
}
