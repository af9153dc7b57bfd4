//! From a case of runtime `bench` to its plan.

use super::{Context, Plan, PlanError, metrics};
use crate::case::{Backend, Case, Model};
use crate::engine::{EngineOptions, Flow, engine_options};

pub(super) struct Planner<'a> {
    pub case: &'a Case,
    pub work_dir: &'a str,
    pub context: &'a Context<'a>,
    pub model: Resolved<'a>,
}

/// What stands in the way of a case.
pub(super) enum Readiness {
    /// Nothing.
    Ready { adapters: Vec<String> },
    /// trtllm-bench cannot run the model, though its commands can be written down.
    Blocked { adapters: Vec<String>, reason: String },
    /// There are no commands.
    Skip(String),
}

/// The directories and names a case's model stands for.
pub(super) struct Resolved<'a> {
    pub entry: Option<&'a Model>,
    /// Checkpoint directory; empty when the table has none.
    pub dir: String,
    pub hub_id: Option<&'a str>,
}

impl<'a> Resolved<'a> {
    fn of(case: &Case, context: &Context<'a>) -> Result<Self, PlanError> {
        let models = context.models;
        let entry = models.checkpoint(&case.model);
        if entry.is_none() && models.is_hub_label(&case.model) {
            return Err(PlanError::Commands(format!(
                "no checkpoint directory is known for `{}`; add a line for it to models.local.yml",
                case.model
            )));
        }
        let dir =
            entry.map(|model| (context.locate)(model.engine, &model.path)).unwrap_or_default();
        Ok(Self { entry, dir, hub_id: models.hub_id(&case.model) })
    }
}

impl<'a> Planner<'a> {
    pub fn new(
        case: &'a Case,
        work_dir: &'a str,
        context: &'a Context<'a>,
    ) -> Result<Self, PlanError> {
        Ok(Self { case, work_dir, context, model: Resolved::of(case, context)? })
    }

    /// Whether the case can be planned at all, without the cost of a plan.
    pub fn readiness(&self) -> Result<Readiness, PlanError> {
        let case = self.case;
        let builds = case.backend == Backend::TensorRt;
        let cannot = |reason: String| Ok(Readiness::Skip(reason));
        if builds && self.model.dir.is_empty() {
            return cannot(format!(
                "trtllm-bench has no checkpoint for model `{}`; add its path to models.local.yml",
                case.model
            ));
        }
        if case.build_only && !builds {
            return cannot("build_only on a backend that builds nothing".to_owned());
        }
        let adapters = match self.adapters()? {
            Ok(adapters) => adapters,
            Err(reason) => return cannot(reason),
        };
        if builds && (case.max_batch_size == 0 || case.max_num_tokens == 0) {
            return Err(PlanError::Commands(
                "maxbs and maxnt must be more than 0 where a TensorRT engine is built".to_owned(),
            ));
        }
        match self.model.entry.and_then(|model| model.cannot_run.as_deref()) {
            Some(reason) => Ok(Readiness::Blocked { adapters, reason: reason.to_owned() }),
            None => Ok(Readiness::Ready { adapters }),
        }
    }

    pub fn plan(&self) -> Result<Plan, PlanError> {
        let case = self.case;
        let (adapters, blocked) = match self.readiness()? {
            Readiness::Skip(reason) => {
                let metrics = metrics::without_steps(case, self.context);
                return Ok(Plan { metrics, skip: Some(reason), ..Plan::default() });
            }
            Readiness::Blocked { adapters, reason } => (adapters, Some(reason)),
            Readiness::Ready { adapters } => (adapters, None),
        };
        let links: Vec<String> =
            (0..adapters.len()).map(|k| self.file(&format!("loras/{k}"))).collect();
        let options = engine_options(case, self.context.flow, self.context.options, &links);
        let options_file = options.map(|options| (self.options_path(), options));
        let mut plan = Plan {
            adapter_links: adapters.into_iter().zip(links).collect(),
            model_dir: self.model.dir.clone(),
            engine_dir: (case.backend == Backend::TensorRt).then(|| self.engine_dir()),
            skip: blocked,
            ..Plan::default()
        };
        self.steps(&mut plan, options_file.as_ref());
        plan.options_file = options_file;
        Ok(plan)
    }

    /// Data set, build, benchmark of the first point; then data set and benchmark of each further one.
    fn steps(&self, plan: &mut Plan, options: Option<&(String, EngineOptions)>) {
        let case = self.case;
        if case.build_only {
            plan.steps.push(self.build_step());
            plan.metrics = metrics::build(case, self.context, Some(0));
            return;
        }
        for (i, point) in case.points().into_iter().enumerate() {
            plan.steps.push(self.dataset_step(point));
            if i == 0 && case.backend == Backend::TensorRt {
                plan.metrics = metrics::build(case, self.context, Some(plan.steps.len()));
                plan.steps.push(self.build_step());
            }
            plan.metrics.extend(metrics::inference(
                case,
                point,
                self.context,
                Some(plan.steps.len()),
            ));
            plan.steps.push(self.bench_step(options));
        }
    }

    /// The adapter directories of the case, or why it is skipped for lack of them.
    fn adapters(&self) -> Result<Result<Vec<String>, String>, PlanError> {
        let case = self.case;
        if case.loras == 0 {
            return Ok(Ok(Vec::new()));
        }
        let entry = self.model.entry.filter(|_| case.backend == Backend::PyTorch);
        let known = entry.map(|model| (model.engine, model.lora.0.as_slice()));
        let Some((engine, paths)) = known.filter(|(_, paths)| !paths.is_empty()) else {
            return Ok(Err(format!(
                "no LoRA adapters for model `{}` on this backend: they need backend pytorch and a `lora` entry in models.yml",
                case.model
            )));
        };
        if paths.len() != case.loras as usize {
            return Err(PlanError::Commands(format!(
                "loras:{} asks for {} adapters, but models.yml has {} for `{}`",
                case.loras,
                case.loras,
                paths.len(),
                case.model
            )));
        }
        Ok(Ok(paths.iter().map(|path| (self.context.locate)(engine, path)).collect()))
    }

    /// A file in the work directory.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.work_dir)
    }

    /// Where `trtllm-bench build` puts the engine: its workspace, the model's name, the parallel sizes.
    pub fn engine_dir(&self) -> String {
        self.file(&format!("{}/{}", self.build_model(), self.parallel_dir()))
    }

    fn parallel_dir(&self) -> String {
        let parallel = self.case.parallel;
        format!("tp_{}_pp_{}", parallel.tp, parallel.pp)
    }

    fn options_path(&self) -> String {
        let name = match self.case.backend {
            Backend::AutoDeploy => "extra_llm_api_options.yaml",
            _ => "extra-llm-api-config.yml",
        };
        match (self.context.flow, self.model.hub_id) {
            (Flow::Seed, _) => name.to_owned(),
            (_, None) => self.file(&format!("{}/{name}", self.parallel_dir())),
            (_, Some(id)) => self.file(&format!("{id}/{}/{name}", self.parallel_dir())),
        }
    }
}
