//! The build and the benchmark step.

use super::planner::Planner;
use super::{Step, StepKind};
use crate::case::{Backend, Case, hub_label};
use crate::engine::{EngineOptions, Flow};

/// Warm-up requests a GPU, where the flow asks for a warm-up of its own.
const WARMUP_REQUESTS_PER_GPU: u32 = 2;

impl Planner<'_> {
    /// The `--model` of the build: the Hugging Face id, or the name that throughput uses.
    pub(super) fn build_model(&self) -> String {
        self.model.hub_id.map_or_else(|| hub_label(&self.case.model), str::to_owned)
    }

    pub(super) fn build_step(&self) -> Step {
        let case = self.case;
        let longest = |lengths: &[u32]| u64::from(lengths.iter().copied().max().unwrap_or(0));
        let max_seq_len = longest(&case.lengths.inputs) + longest(&case.lengths.outputs);
        let mut argv = vec![
            self.context.bench_bin.to_owned(),
            "--log_level=info".to_owned(),
            format!("--workspace={}", self.work_dir),
            format!("--model={}", self.build_model()),
            format!("--model_path={}", self.model.dir),
            "build".to_owned(),
            format!("--tp_size={}", case.parallel.tp),
            format!("--pp_size={}", case.parallel.pp),
            format!("--max_seq_len={max_seq_len}"),
            format!("--max_batch_size={}", case.max_batch_size),
            format!("--max_num_tokens={}", case.max_num_tokens),
        ];
        argv.extend(
            case.quantization.iter().map(|name| format!("--quantization={}", name.to_uppercase())),
        );
        if self.model.entry.is_some_and(|model| model.trust_remote_code) {
            argv.push("--trust_remote_code=True".to_owned());
        }
        Step { kind: StepKind::Build, argv, stdout: None }
    }

    pub(super) fn bench_step(&self, options: Option<&(String, EngineOptions)>) -> Step {
        let case = self.case;
        let report = self.file("report.json");
        let mut argv = vec![
            self.context.bench_bin.to_owned(),
            format!("--model={}", hub_label(&case.model)),
            format!("--model_path={}", self.model.dir),
            "throughput".to_owned(),
            format!("--dataset={}", self.file("synthetic_data.json")),
            format!("--max_batch_size={}", case.max_batch_size),
            format!("--max_num_tokens={}", case.max_num_tokens),
            format!("--report_json={report}"),
        ];
        argv.extend(self.kv_cache_word());
        argv.push(format!("--backend={}", case.backend.option()));
        if case.backend == Backend::TensorRt {
            argv.push(format!("--engine_dir={}", self.engine_dir()));
        }
        argv.push(format!("--num_requests={}", case.requests));
        argv.extend(load_words(case));
        if self.context.flow >= Flow::V1_2 && case.parallel.gpus > 1 {
            argv.push(format!("--warmup={}", WARMUP_REQUESTS_PER_GPU * case.parallel.gpus));
        }
        if let Some((path, options)) = options {
            let option =
                if self.context.flow >= Flow::V1_2 { "config" } else { "extra_llm_api_options" };
            argv.push(format!("--{option}={path}"));
            if options.contains_key("guided_decoding_backend") {
                argv.push("--no_skip_tokenizer_init".to_owned());
            }
        }
        Step { kind: StepKind::Bench { report }, argv, stdout: None }
    }

    /// From 1.0 on always; before, only when the label says so.
    fn kv_cache_word(&self) -> Option<String> {
        let fraction = self.case.kv_cache_fraction;
        let said = fraction != Case::DEFAULT_KV_CACHE_FRACTION;
        (said || self.context.flow > Flow::Seed)
            .then(|| format!("--kv_cache_free_gpu_mem_fraction={fraction:?}"))
    }
}

/// Concurrency, parallel sizes and streaming, each only where it is not the default.
fn load_words(case: &Case) -> Vec<String> {
    let parallel = case.parallel;
    let mut words = Vec::new();
    words.extend(case.concurrency.map(|limit| format!("--concurrency={limit}")));
    words.extend(parallel.ep.map(|size| format!("--ep={size}")));
    words.extend((parallel.tp > 1).then(|| format!("--tp={}", parallel.tp)));
    words.extend((parallel.pp > 1).then(|| format!("--pp={}", parallel.pp)));
    words.extend(case.streaming.then(|| "--streaming".to_owned()));
    words
}
