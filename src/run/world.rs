//! What planning needs to know of this machine: tables, roots, programs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{Host, absolute};
use crate::case::{Case, Engine, Runtime};
use crate::engine::Flow;
use crate::failure::Exit;
use crate::plan::{Context, DatasetTool};
use crate::process::{Interrupt, Supervisor};
use crate::program::{self, About, Programs};
use crate::selection::Line;
use crate::settings::Settings;
use crate::tables::Tables;

/// Where models and programs are; enough to plan.
pub struct World {
    pub tables: Tables,
    pub programs: Programs,
    /// Commands for TensorRT-LLM: as asked for, else of the program's release, once it was asked.
    pub flow: Flow,
    /// What TensorRT-LLM's bench program says of itself; nothing until it was asked.
    pub about: About,
    /// How many GPUs a case can have; unknown where none can be watched.
    pub usable_gpus: Option<usize>,
    asked_flow: Option<Flow>,
    pub(super) models_roots: Vec<String>,
    pub(super) refbench_models: String,
    llm_root: String,
    dataset_tool: DatasetTool,
    /// Which directories exist: a list names a model thousands of times, and a models root may be far away.
    directories: Mutex<HashMap<String, bool>>,
}

impl World {
    /// A world to plan in; nothing is started or written.
    ///
    /// # Errors
    /// [`Exit::Usage`] when a table cannot be read.
    pub fn new(settings: &Settings, host: Host) -> Result<Self, Exit> {
        let tables = Tables::load(settings.tables.as_deref())
            .map_err(|error| Exit::usage(error.to_string()))?;
        let programs =
            Programs::new(settings.bench_bin.clone(), settings.trtllm_bench.clone(), host.refbench);
        let models = absolute(&settings.output_dir).join("refbench-models");
        Ok(Self {
            tables,
            programs,
            flow: settings.flow.unwrap_or_default(),
            about: About::default(),
            usable_gpus: None,
            asked_flow: settings.flow,
            models_roots: settings.models_roots.iter().map(|root| absolute_text(root)).collect(),
            refbench_models: models.to_string_lossy().into_owned(),
            llm_root: settings.llm_root.as_deref().map(absolute_text).unwrap_or_default(),
            dataset_tool: settings.dataset_tool,
            directories: Mutex::default(),
        })
    }

    /// Asks the bench program of TensorRT-LLM what it is, and takes the commands of its release unless others were asked
    /// for. The answer is kept in `folder`.
    ///
    /// # Errors
    /// What cannot be asked, and why.
    pub fn learn(
        &mut self,
        folder: &Path,
        group: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<(), String> {
        // It is started in another folder.
        self.programs = self.programs.clone().absolute();
        let program = self.programs.find(Engine::TrtllmBench)?;
        let shown = program.display();
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("make {}: {error}", folder.display()))?;
        self.about = program::ask(&program, folder, group, &Supervisor::default(), interrupt)
            .map_err(|error| format!("ask {shown} for its version: {error}"))?;
        let of_release = self.about.version.as_deref().and_then(Flow::of_version);
        self.flow = self.asked_flow.or(of_release).unwrap_or_default();
        Ok(())
    }

    /// Says on stderr how the commands were chosen, where nobody chose them.
    pub fn say_flow(&self) {
        if self.asked_flow.is_some() {
            return;
        }
        let program = self.programs.command(Engine::TrtllmBench);
        let flow = self.flow;
        match self.about.version.as_deref().filter(|release| Flow::of_version(release).is_some()) {
            Some(release) => {
                eprintln!("{program} is TensorRT-LLM {release}: commands of flow {flow}")
            }
            None => eprintln!(
                "{program} does not say which release of TensorRT-LLM it is: commands of flow {flow}; choose with --flow"
            ),
        }
    }

    /// The engine of a line, whether or not its checkpoint is here; `None` where nothing can run it anywhere.
    pub fn engine_of(&self, line: &Line<'_>) -> Option<Engine> {
        let case = Case::parse(line.label()?, &self.tables.models).ok()?;
        let model = self.tables.models.checkpoint(&case.model);
        let nobody =
            case.runtime != Runtime::Bench || model.is_some_and(|model| model.cannot_run.is_some());
        (!nobody).then(|| self.engine(&case))
    }

    /// The engine that runs a case.
    pub fn engine(&self, case: &Case) -> Engine {
        self.tables.models.checkpoint(&case.model).map(|model| model.engine).unwrap_or_default()
    }

    /// The directory of a path of the model table: absolute ones as they are, others below the first models root
    /// that has them.
    pub fn locate(&self, engine: Engine, path: &str) -> String {
        if Path::new(path).is_absolute() {
            return path.to_owned();
        }
        if engine == Engine::Refbench {
            return format!("{}/{path}", self.refbench_models);
        }
        let below = |root: &String| format!("{}/{path}", root.trim_end_matches('/'));
        let there = self.models_roots.iter().map(below).find(|dir| self.is_directory(dir));
        there.or_else(|| self.models_roots.first().map(below)).unwrap_or_else(|| path.to_owned())
    }

    fn is_directory(&self, dir: &str) -> bool {
        let mut known = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&there) = known.get(dir) {
            return there;
        }
        let there = Path::new(dir).is_dir();
        known.insert(dir.to_owned(), there);
        there
    }

    /// Hands a planning context for the cases of `engine` to `with`.
    pub fn with_context<T>(&self, engine: Engine, with: impl FnOnce(&Context<'_>) -> T) -> T {
        let bench_bin = self.programs.command(engine);
        with(&Context {
            // The embedded engine has no release; a flow that was asked for is tried on it, too.
            flow: match engine {
                Engine::TrtllmBench => self.flow,
                Engine::Refbench => self.asked_flow.unwrap_or_default(),
            },
            models: &self.tables.models,
            options: &self.tables.options,
            limits: &self.tables.limits,
            locate: &|engine, path| self.locate(engine, path),
            llm_root: &self.llm_root,
            bench_bin: &bench_bin,
            dataset_tool: self.dataset_tool,
        })
    }

    /// What a case needs that is not here, when there is such a thing: GPUs, the checkpoint (the embedded engine's are
    /// made on demand), or the script that makes its data set.
    pub fn missing(&self, engine: Engine, gpus: u32, model_dir: &str) -> Option<String> {
        if engine == Engine::TrtllmBench
            && let Some(usable) = self.usable_gpus.filter(|usable| *usable < gpus as usize)
        {
            return Some(format!("GPUs needed: {gpus}, usable here: {usable}"));
        }
        if engine == Engine::TrtllmBench && !model_dir.is_empty() && !self.is_directory(model_dir) {
            let roots = self.models_roots.join(", ");
            return Some(format!(
                "model directory {model_dir} does not exist (models root: {roots}; set --models-root or LLM_MODELS_ROOT)"
            ));
        }
        let scripted = self.with_context(engine, |context| {
            context.dataset_tool == DatasetTool::Script && context.flow < Flow::V1_2
        });
        (scripted && self.llm_root.is_empty()).then(|| {
            "--dataset-tool script needs TensorRT-LLM's sources (set --llm-root or LLM_ROOT)"
                .to_owned()
        })
    }
}

/// A path of the command line, right in the steps' working directory, too.
fn absolute_text(path: &str) -> String {
    absolute(Path::new(path)).to_string_lossy().into_owned()
}
