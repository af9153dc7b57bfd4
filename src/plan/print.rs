//! The plan as text and as JSON, for `--dry-run` and for `plan.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Plan, PlanError, PlannedMetric, Step};
use crate::case::{Case, LabelError};
use crate::engine::EngineOptions;
use crate::metric::Metric;

/// One line of `--dry-run=json`, and the content of `plan.json`.
#[derive(Debug, Clone, Serialize)]
pub struct DryRun {
    #[serde(flatten)]
    pub line: PlannedLine,
    pub label: Option<String>,
    pub config: Option<Map<String, Value>>,
    pub steps: Vec<PrintedStep>,
    pub engine_config: Option<EngineOptions>,
    pub metrics: Vec<PrintedMetric>,
    pub error: Option<Fault>,
}

/// One command.
#[derive(Debug, Clone, Serialize)]
pub struct PrintedStep {
    pub kind: &'static str,
    pub argv: Vec<String>,
    pub cwd: String,
    pub stdout: Option<String>,
    /// What is added to the environment on every machine: nothing so far. What a machine adds is known when it runs.
    pub env: BTreeMap<String, String>,
}

/// One number that the commands must give.
#[derive(Debug, Clone, Serialize)]
pub struct PrintedMetric {
    pub metric_type: Metric,
    pub name: String,
    pub threshold: f64,
    pub abs_threshold: f64,
}

/// Why a line has no plan.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    pub stage: &'static str,
    pub message: String,
}

impl From<&LabelError> for Fault {
    fn from(error: &LabelError) -> Self {
        Self { stage: "load", message: error.to_string() }
    }
}

impl From<&PlanError> for Fault {
    fn from(error: &PlanError) -> Self {
        Self { stage: error.stage(), message: error.to_string() }
    }
}

/// Where a planned line stands and whether it would run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PlannedLine {
    pub name: String,
    pub id: String,
    pub list: Option<String>,
    pub line: Option<usize>,
    pub block: Option<usize>,
    pub selected: bool,
    pub reason: Option<String>,
    pub timeout_s: Option<u64>,
}

impl DryRun {
    /// The printable form of a line; case and plan as far as there are any.
    pub fn new(
        line: PlannedLine,
        case: Option<&Case>,
        plan: Option<(&Plan, &str)>,
        error: Option<Fault>,
    ) -> Self {
        let (plan, cwd) = plan.unzip();
        let steps = plan.map(|plan| steps(plan, cwd.unwrap_or_default())).unwrap_or_default();
        Self {
            line,
            label: case.map(Case::to_string),
            config: case.map(config),
            steps,
            engine_config: plan
                .and_then(|plan| plan.options_file.as_ref())
                .map(|(_, options)| options.clone()),
            metrics: plan.map(metrics).unwrap_or_default(),
            error,
        }
    }

    /// The line for people: what would run, or why nothing would.
    pub fn text(&self) -> String {
        let line = &self.line;
        let mut text = format!("{}\n", line.name);
        if let Some(list) = &line.list {
            text.push_str(&format!("  from     {list}:{}\n", line.line.unwrap_or_default()));
        }
        if let Some(reason) = &line.reason {
            let verb = if line.selected { "note" } else { "not run" };
            let _ = writeln!(text, "  {verb:<8} {reason}");
        }
        if let Some(error) = &self.error {
            let _ = writeln!(text, "  error    {}", error.message);
        }
        for step in &self.steps {
            let words: Vec<_> = step.argv.iter().map(|word| quote(word)).collect();
            let _ = write!(text, "  {:<8} {}", step.kind, words.join(" "));
            match &step.stdout {
                Some(file) => {
                    let _ = writeln!(text, " > {}", quote(file));
                }
                None => text.push('\n'),
            }
        }
        if let Some(options) = &self.engine_config {
            let _ = writeln!(text, "  options  {}", Value::Object(options.clone()));
        }
        let metrics: Vec<_> =
            self.metrics.iter().map(|metric| metric.metric_type.wire_name()).collect();
        if !metrics.is_empty() {
            let _ = writeln!(text, "  metrics  {}", metrics.join(" "));
        }
        text
    }
}

/// A word as a shell would take it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn steps(plan: &Plan, cwd: &str) -> Vec<PrintedStep> {
    let printed = |step: &Step| PrintedStep {
        kind: step.kind.word(),
        argv: step.argv.clone(),
        cwd: cwd.to_owned(),
        stdout: step.stdout.clone(),
        env: BTreeMap::new(),
    };
    plan.steps.iter().map(printed).collect()
}

fn metrics(plan: &Plan) -> Vec<PrintedMetric> {
    let printed = |planned: &PlannedMetric| PrintedMetric {
        metric_type: planned.metric,
        name: planned.name.clone(),
        threshold: planned.limits.threshold,
        abs_threshold: planned.limits.absolute_threshold,
    };
    plan.metrics.iter().map(printed).collect()
}

/// The case under the key names of upstream's configuration object.
pub fn config(case: &Case) -> Map<String, Value> {
    let flag = |set: bool, word: &str| if set { word.to_owned() } else { String::new() };
    let whole = json!({
        "model_name": case.model,
        "runtime": case.runtime.word(),
        "api": flag(case.exe_api, "exe"),
        "backend": case.backend.word().unwrap_or_default(),
        "streaming": flag(case.streaming, "streaming"),
        "static_batching": flag(case.static_batching, "static_batching"),
        "mode": case.mode.word(),
        "data_type": case.data_type.word(),
        "gpu_weights_percent": case.gpu_weights_fraction.map_or(json!(-1), |fraction| json!(fraction)),
        "multiple_profiles": case.multiple_profiles,
        "max_batch_size": case.max_batch_size,
        "max_num_tokens": case.max_num_tokens,
        "build_only": case.build_only,
        "batch_sizes": case.batch_sizes,
        "input_lens": case.lengths.inputs,
        "output_lens": case.lengths.outputs,
        "num_beams": case.beams,
        "num_loras": case.loras,
        "quantization": case.quantization.clone().unwrap_or_default(),
        "kv_cache_dtype": case.kv_cache_dtype.word(),
        "num_reqs": case.requests,
        "concurrency": case.concurrency.map_or(json!(-1), |limit| json!(limit)),
        "ep_size": case.parallel.ep,
        "tp_size": case.parallel.tp,
        "pp_size": case.parallel.pp,
        "num_gpus": case.parallel.gpus,
    });
    let Value::Object(mut keys) = whole else { unreachable!("a JSON object literal") };
    if case.kv_cache_fraction != Case::DEFAULT_KV_CACHE_FRACTION {
        keys.insert("kv_frac".to_owned(), json!(case.kv_cache_fraction));
    }
    if let Some(subtype) = &case.device_subtype {
        keys.insert("device_subtype".to_owned(), json!(subtype));
    }
    if case.extra {
        keys.insert("extra".to_owned(), json!(true));
    }
    if let Some((context, generation)) = case.disagg {
        for (name, side) in [("ctx", context), ("gen", generation)] {
            for (dimension, size) in [("tp", side.tp), ("dp", side.dp), ("pp", side.pp)] {
                keys.insert(format!("{name}_{dimension}_size"), json!(size));
            }
        }
    }
    keys
}
