//! What planning needs to know of this machine: tables, roots, programs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{Host, absolute};
use crate::case::{Case, Engine};
use crate::engine::Flow;
use crate::failure::Exit;
use crate::plan::{Context, DatasetTool};
use crate::program::Programs;
use crate::settings::Settings;
use crate::tables::Tables;

/// Where models and programs are; enough to plan.
pub struct World {
    pub tables: Tables,
    pub programs: Programs,
    pub flow: Flow,
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
            models_roots: settings.models_roots.iter().map(|root| absolute_text(root)).collect(),
            refbench_models: models.to_string_lossy().into_owned(),
            llm_root: settings.llm_root.as_deref().map(absolute_text).unwrap_or_default(),
            dataset_tool: settings.dataset_tool,
            directories: Mutex::default(),
        })
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
            // The embedded engine speaks one command line; a flow that was asked for is tried on it, too.
            flow: self.flow,
            models: &self.tables.models,
            options: &self.tables.options,
            limits: &self.tables.limits,
            locate: &|engine, path| self.locate(engine, path),
            llm_root: &self.llm_root,
            bench_bin: &bench_bin,
            dataset_tool: self.dataset_tool,
        })
    }

    /// Why the checkpoint of a model cannot be used here, when it cannot. The embedded engine's are made on demand.
    pub fn missing_model(&self, engine: Engine, dir: &str) -> Option<String> {
        if engine == Engine::Refbench || dir.is_empty() || self.is_directory(dir) {
            return None;
        }
        let roots = self.models_roots.join(", ");
        Some(format!(
            "model directory {dir} does not exist (models root: {roots}; set --models-root or LLM_MODELS_ROOT)"
        ))
    }
}

/// A path of the command line, right in the steps' working directory, too.
fn absolute_text(path: &str) -> String {
    absolute(Path::new(path)).to_string_lossy().into_owned()
}
