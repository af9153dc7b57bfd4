//! The machine: GPUs and disk.

use std::path::Path;

use super::Finding;
use crate::gpu::{self, Driver, Gpu, GpuError, Gpus, Memory};
use crate::machine;

const GIB: f64 = (1_u64 << 30) as f64;
/// Below this a night's engines and data sets may not fit.
const LITTLE_SPACE: u64 = 20 << 30;

/// The GPUs, their driver, and modes that spoil measurements. They are needed where the cases are TensorRT-LLM's.
pub fn gpus(read: &Result<Gpus, GpuError>, needed: bool) -> Vec<Finding> {
    let gpus = match read {
        Err(error) => {
            let finding = Finding::missing("GPU", error.to_string());
            let finding =
                finding.advice("install the NVIDIA driver, or start the container with --gpus all");
            return vec![if needed { finding.needed() } else { finding }];
        }
        Ok(gpus) => gpus,
    };
    let driver = gpus.driver_version.as_deref().unwrap_or("unknown");
    let cuda = gpus.cuda_version.as_deref().unwrap_or("unknown");
    let mut findings = vec![Finding::ok("driver", format!("{driver}, CUDA up to {cuda}"))];
    if let Some(first) = gpus.devices.first() {
        let memory = match first.memory {
            Memory::Bytes(bytes) => format!(", {:.0} GiB each", bytes as f64 / GIB),
            Memory::NotSupported | Memory::Unknown => String::new(),
        };
        let prefix = gpu::expected_prefix(&first.name);
        findings.push(Finding::ok(
            "GPU",
            format!("{} x {}{memory}; prefix {prefix}", gpus.devices.len(), first.name),
        ));
    }
    findings.extend(gpus.lost.iter().map(|lost| Finding::warn("GPU", lost.clone())));
    findings.extend(gpus.devices.iter().flat_map(modes));
    findings
}

/// GPUs that are not empty, so that no step could start on them.
pub fn in_use(driver: &dyn Driver, gpus: &Gpus, empty_memory_mib: u64) -> Vec<Finding> {
    let occupied = |gpu: &Gpu| {
        let why = driver.read(gpu.index, false).ok()?.occupied(empty_memory_mib)?;
        let finding = Finding::warn("GPU in use", format!("{}: {why}", gpu.title()));
        Some(finding.advice("end what runs there; a step waits a minute for it, then fails"))
    };
    gpus.devices.iter().filter_map(occupied).collect()
}

fn modes(gpu: &Gpu) -> Vec<Finding> {
    let mut findings = Vec::new();
    if gpu.mig == Some(true) {
        let finding = Finding::warn("MIG", format!("GPU {} is cut into MIG instances", gpu.index));
        findings.push(finding.advice("it is not used; nvidia-smi -mig 0 gives the whole GPU back"));
    }
    if gpu.shareable == Some(false) {
        let found = format!("GPU {} takes one process only", gpu.index);
        findings.push(
            Finding::warn("compute mode", found)
                .advice("ranks and helper processes may be refused; nvidia-smi -c DEFAULT"),
        );
    }
    findings
}

/// Room for results, and, with a workspace, for engines and data sets.
pub fn disk(output_dir: &Path, workspace: Option<&Path>) -> Vec<Finding> {
    let places = [Some(output_dir), workspace];
    places.into_iter().flatten().map(room).collect()
}

fn room(path: &Path) -> Finding {
    match machine::free_space(path) {
        Err(error) => Finding::missing("disk", format!("{}: {error}", path.display())).needed(),
        Ok(0) => Finding::missing("disk", format!("no space left for {}", path.display())).needed(),
        Ok(free) => {
            let found = format!("{:.0} GiB free for {}", free as f64 / GIB, path.display());
            if free < LITTLE_SPACE {
                return Finding::warn("disk", found)
                    .advice("engines and data sets of a long list may not fit");
            }
            Finding::ok("disk", found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn no_driver_stops_only_a_run_that_needs_a_gpu() {
        let none = || Err(GpuError::NoDriver("libnvidia-ml.so.1: not found".to_owned()));
        assert!(gpus(&none(), true)[0].stops());
        assert!(!gpus(&none(), false)[0].stops());
    }

    #[test]
    fn modes_that_spoil_measurements_are_warned_of() {
        let device = Gpu {
            index: 1,
            name: "NVIDIA H100 80GB HBM3".to_owned(),
            memory: Memory::Bytes(80 << 30),
            compute_capability: None,
            uuid: None,
            shareable: Some(false),
            mig: Some(true),
            ..Gpu::default()
        };
        let lost = vec!["GPU 0 does not answer: lost".to_owned()];
        let read = Ok(Gpus { devices: vec![device], lost, ..Gpus::default() });
        let findings = gpus(&read, true);
        assert!(findings[1].found.contains("prefix H100_80GB_HBM3"), "{}", findings[1]);
        let warned: Vec<_> =
            findings.iter().filter(|it| it.state == State::Warn).map(|it| it.what).collect();
        assert_eq!(warned, ["GPU", "MIG", "compute mode"]);
    }

    #[test]
    fn room_is_looked_for_where_a_folder_will_be_made() {
        let folder = tempfile::tempdir().expect("folder");
        let findings = disk(&folder.path().join("not/there/yet"), None);
        assert_ne!(findings[0].state, State::Missing, "{}", findings[0]);
    }
}
