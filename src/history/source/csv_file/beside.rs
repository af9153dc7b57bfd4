//! The one-line texts that the harness and the QA runner leave in the folder of their results.

use std::fs;
use std::path::Path;

use crate::gpu;
use crate::history::{Aspect, Facts};

/// The files of results that have such texts beside them.
const RESULTS: [&str; 2] = ["perf_script_test_results.csv", "perf_samples.csv"];

/// What stands beside a file; nothing beside one that is no result.
pub(super) struct Beside {
    gpu: Option<String>,
    cpu: Option<String>,
    driver: Option<String>,
    pub release: Option<String>,
}

impl Beside {
    /// Reads `gpu.txt`, `cpu.txt`, `driver.txt` and `trtllm_version.txt`, as far as they are there.
    pub fn of(path: &Path) -> Self {
        let is_result = path.file_name().is_some_and(|name| RESULTS.iter().any(|it| name == *it));
        let line = |name: &str| {
            let text = fs::read_to_string(path.with_file_name(name)).ok().filter(|_| is_result)?;
            Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
        };
        Self {
            gpu: line("gpu.txt"),
            cpu: line("cpu.txt"),
            driver: line("driver.txt"),
            release: line("trtllm_version.txt"),
        }
    }

    /// The embedded engine runs on the CPU, also where there are GPUs.
    pub fn machine_class(&self, is_refbench: bool) -> Option<String> {
        match is_refbench {
            true => self.cpu.clone(),
            false => self.gpu.as_deref().map(gpu::device_subtype),
        }
    }

    pub fn facts(&self) -> Facts {
        let known = [
            (Aspect::GpuVariant, self.gpu.as_deref().map(gpu::device_subtype)),
            (Aspect::Cpu, self.cpu.clone()),
            (Aspect::Driver, self.driver.clone()),
            (Aspect::EngineVersion, self.release.clone()),
        ];
        known.into_iter().filter_map(|(aspect, text)| Some((aspect, text?))).collect()
    }
}
