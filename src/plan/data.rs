//! The data-set step.

use super::planner::Planner;
use super::{DatasetTool, Step, StepKind};
use crate::case::Point;
use crate::dataset::{
    DEFAULT_SEED, Lengths, Normal, Spec, TaskIds, length_words, native_argv, task_words,
};
use crate::engine::Flow;

/// Spread of the lengths where requests carry adapters, in tokens (input, output).
const LORA_STDEV: (i64, i64) = (16, 24);

impl Planner<'_> {
    pub(super) fn dataset_step(&self, point: Point) -> Step {
        let spec = self.spec(point);
        let file = self.file("synthetic_data.json");
        let (argv, captured, native) = match (self.context.dataset_tool, self.context.flow) {
            (DatasetTool::Native, _) => {
                let tokenizer = self.tokenizer_dir();
                (native_argv(&spec, tokenizer.as_ref()), true, Some((spec, tokenizer)))
            }
            (DatasetTool::Script, Flow::V1_2) => (self.sub_command(&spec, &file), false, None),
            (DatasetTool::Script, _) => (self.script(&spec), true, None),
        };
        let stdout = captured.then(|| file.clone());
        Step { kind: StepKind::Dataset { native, file }, argv, stdout }
    }

    fn spec(&self, point: Point) -> Spec {
        let loras = i64::from(self.case.loras);
        let (input_stdev, output_stdev) = if loras > 0 { LORA_STDEV } else { (0, 0) };
        Spec {
            requests: self.case.requests.into(),
            lengths: Lengths::Normal {
                input: Normal { mean: point.input.into(), stdev: input_stdev },
                output: Normal { mean: point.output.unwrap_or(0).into(), stdev: output_stdev },
            },
            seed: DEFAULT_SEED,
            task_ids: if loras > 0 {
                TaskIds::Random { low: 0, high: loras - 1 }
            } else {
                TaskIds::None
            },
            lora_dir: (loras > 0).then(|| self.file("loras")),
        }
    }

    /// `prepare_dataset.py`, whose stdout is the data set.
    fn script(&self, spec: &Spec) -> Vec<String> {
        let mut argv = vec![
            "python3".to_owned(),
            format!("{}/benchmarks/cpp/prepare_dataset.py", self.context.llm_root),
            "--stdout".to_owned(),
        ];
        argv.extend(task_words(spec));
        argv.push(format!("--tokenizer={}", self.tokenizer_name()));
        argv.extend(spec.lora_dir.iter().map(|dir| format!("--lora-dir={dir}")));
        argv.extend(length_words(spec));
        argv
    }

    /// `trtllm-bench … prepare-dataset`, which writes the file itself.
    fn sub_command(&self, spec: &Spec, file: &str) -> Vec<String> {
        let mut argv = vec![
            self.context.bench_bin.to_owned(),
            format!("--model={}", self.tokenizer_name()),
            "prepare-dataset".to_owned(),
            "--output".to_owned(),
            file.to_owned(),
        ];
        argv.extend(task_words(spec));
        argv.extend(spec.lora_dir.iter().map(|dir| format!("--lora-dir={dir}")));
        argv.extend(length_words(spec));
        argv
    }

    /// What the script is told: a Hugging Face label goes by its id, which Python downloads or finds in its cache.
    fn tokenizer_name(&self) -> String {
        match self.model.hub_id {
            Some(id) if self.context.models.is_hub_label(&self.case.model) => id.to_owned(),
            _ => self.tokenizer_dir(),
        }
    }

    fn tokenizer_dir(&self) -> String {
        if self.model.dir.is_empty() {
            let fallback = &self.context.models.fallback_tokenizer;
            return (self.context.locate)(crate::case::Engine::TrtllmBench, fallback);
        }
        self.model.dir.clone()
    }
}
