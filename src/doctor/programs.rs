//! The programs: what runs the cases, what makes the data sets, what helps.

use std::path::Path;

use super::Finding;
use crate::case::Engine;
use crate::engine::Flow;
use crate::process::find_program;
use crate::program::{About, Programs};

/// The bench program of an engine, with its release and the flow that fits it.
pub fn bench(
    programs: &Programs,
    engine: Engine,
    about: Option<&Result<About, String>>,
) -> Vec<Finding> {
    let what = match engine {
        Engine::TrtllmBench => "bench program",
        Engine::Refbench => "refbench",
    };
    let path = match programs.find(engine) {
        Ok(path) => path,
        Err(message) => {
            let (found, advice) = message.split_once('\n').unwrap_or((&message, ""));
            return vec![Finding::missing(what, found).advice(advice.trim()).needed()];
        }
    };
    let path = path.display();
    match about {
        None => vec![Finding::ok(what, path.to_string())],
        Some(Err(error)) => vec![Finding::missing(what, format!("{path}: {error}")).needed()],
        Some(Ok(about)) => match about.version.as_deref() {
            Some(version) => {
                let flow = Flow::of_version(version).unwrap_or_default();
                vec![Finding::ok(
                    what,
                    format!("{path}, TensorRT-LLM {version}, commands of flow {flow}"),
                )]
            }
            None => vec![
                Finding::warn(
                    what,
                    format!("{path} does not say which release of TensorRT-LLM it is"),
                )
                .advice("choose the commands with --flow"),
            ],
        },
    }
}

/// Upstream's script, where it is to make the data sets.
pub fn dataset_script(llm_root: Option<&str>) -> Vec<Finding> {
    let what = "data-set script";
    let Some(root) = llm_root else {
        let finding = Finding::missing(
            what,
            "--dataset-tool script, but no sources of TensorRT-LLM are named",
        );
        return vec![
            finding.advice("set --llm-root or LLM_ROOT, or leave --dataset-tool native").needed(),
        ];
    };
    let script = Path::new(root).join("benchmarks/cpp/prepare_dataset.py");
    let script = if script.is_file() {
        Finding::ok(what, script.display().to_string())
    } else {
        Finding::missing(what, format!("{} is not there", script.display()))
            .advice("set --llm-root or LLM_ROOT")
            .needed()
    };
    let python = match find_program("python3") {
        Ok(path) => Finding::ok("python3", path.display().to_string()),
        Err(error) => Finding::missing("python3", error.to_string()).needed(),
    };
    vec![script, python]
}

/// Programs that some ways of working want.
pub fn helpers() -> Vec<Finding> {
    [
        ("nextest", "cargo-nextest", "one process a test: cargo install --locked cargo-nextest"),
        ("Slurm", "srun", "only for clusters"),
    ]
    .into_iter()
    .map(|(what, program, advice)| match find_program(program) {
        Ok(path) => Finding::ok(what, path.display().to_string()),
        Err(_) => Finding::warn(what, format!("{program} is not on PATH")).advice(advice),
    })
    .collect()
}
