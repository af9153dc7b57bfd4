//! The bench program: which one runs a case, where it is, which release it is of.

use std::path::{Path, PathBuf};

use crate::case::Engine;
use crate::process::find_program;

mod about;
mod contract;
mod libraries;

pub use about::{About, AskError, ask};
pub use contract::{Contract, Unknown};
pub use libraries::library_path;

/// What the program of TensorRT-LLM is called where nobody says otherwise.
const TRTLLM_BENCH: &str = "trtllm-bench";
const REFBENCH: &str = "refbench";

/// The programs that this run may start.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `--bench-bin`: runs every case.
    pub asked: Option<String>,
    /// For cases of TensorRT-LLM.
    pub trtllm: Option<String>,
    /// Where the embedded engine was found.
    pub refbench: Option<PathBuf>,
}

impl Programs {
    /// `compiled_in` is the path that Cargo knew when the harness was built.
    pub fn new(asked: Option<String>, trtllm: Option<String>, compiled_in: Option<&str>) -> Self {
        Self { asked, trtllm, refbench: find_refbench(compiled_in) }
    }

    /// The same, right in every working directory: names with a `/` are made absolute.
    #[must_use]
    pub fn absolute(self) -> Self {
        let absolute = |name: String| match name.contains('/') {
            true => {
                std::path::absolute(&name).map_or(name, |path| path.to_string_lossy().into_owned())
            }
            false => name,
        };
        Self {
            asked: self.asked.map(absolute),
            trtllm: self.trtllm.map(absolute),
            refbench: self.refbench,
        }
    }

    /// The program as a command names it.
    pub fn command(&self, engine: Engine) -> String {
        if let Some(asked) = &self.asked {
            return asked.clone();
        }
        match engine {
            Engine::TrtllmBench => self.trtllm.clone().unwrap_or_else(|| TRTLLM_BENCH.to_owned()),
            Engine::Refbench => self
                .refbench
                .as_ref()
                .map_or_else(|| REFBENCH.to_owned(), |path| path.to_string_lossy().into_owned()),
        }
    }

    /// The file behind [`Programs::command`].
    ///
    /// # Errors
    /// What was looked for, where, and what to do.
    pub fn find(&self, engine: Engine) -> Result<PathBuf, String> {
        let command = self.command(engine);
        find_program(&command).map_err(|error| match engine {
            _ if self.asked.is_some() => format!("{error}\n  --bench-bin names it; leave that out, or name a program that is there"),
            Engine::TrtllmBench => format!(
                "{error}\n  it comes with TensorRT-LLM (run inside its container, or pip install tensorrt_llm); \
                 name another one with --bench-bin or TRTLLM_BENCH"
            ),
            Engine::Refbench => format!(
                "{error}\n  the embedded engine is built with the harness and looked for beside it; \
                 run `cargo build --bins`, or name it with --bench-bin"
            ),
        })
    }
}

/// The embedded engine: as nextest names it, beside this executable or in a folder above it up to the profile's,
/// or where Cargo built it.
fn find_refbench(compiled_in: Option<&str>) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NEXTEST_BIN_EXE_refbench")
        .map(PathBuf::from)
        .filter(|path| path.is_file())
    {
        return Some(path);
    }
    let exe = std::env::current_exe().ok();
    let folders = exe.iter().flat_map(|exe| exe.ancestors().skip(1).take(2).map(Path::to_owned));
    let beside = folders.map(|folder| folder.join(REFBENCH)).find(|path| path.is_file());
    beside.or_else(|| compiled_in.map(PathBuf::from).filter(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_asked_for_by_flag_runs_every_case() {
        let programs = Programs::new(Some("./mine".to_owned()), Some("other".to_owned()), None);
        assert_eq!(programs.command(Engine::TrtllmBench), "./mine");
        assert_eq!(programs.command(Engine::Refbench), "./mine");
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_do() {
        let programs =
            Programs { asked: None, trtllm: Some("no-such-bench".to_owned()), refbench: None };
        let error = programs.find(Engine::TrtllmBench).expect_err("missing");
        assert!(error.contains("`no-such-bench`") && error.contains("--bench-bin"), "{error}");
    }
}
