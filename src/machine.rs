//! Facts of this host: what the conditions of test lists are held against.
//!
//! Two probes: [`probe`] for a run, with what the GPU driver's library told, and [`glance`] for `--list`,
//! which must not touch a GPU. Neither starts a process.

use std::fs;
use std::path::Path;

use crate::gpu::{ComputeCapability, Gpus, Memory};
use crate::list::{Fact, Facts};

mod disk;
mod host;
mod load;
mod system;

pub use disk::{free_space, network_file_system};
pub use host::cpu_model;
pub use load::{CpuTimes, load_per_core};
pub use system::{System, system, user};

use host::Host;

/// What upstream's collector states for a GPU that reports no memory of its own, in MiB.
const MEMORY_WHEN_NOT_SUPPORTED: f64 = 8192.0;
const MIB: f64 = 1024.0 * 1024.0;

/// Where the NVIDIA kernel driver describes its GPUs, one folder each, named by PCI address.
const DRIVER_GPUS: &str = "/proc/driver/nvidia/gpus";

/// All facts of this host, with those of `gpus` (from [`crate::gpu::Driver::gpus`]; none, when there is no driver).
pub fn probe(gpus: &Gpus) -> Facts {
    let mut facts = Host::read().facts();
    add_gpu_facts(&mut facts, gpus);
    facts
}

/// The facts that can be had without touching a GPU, for listing tests.
///
/// The count and the model come from the kernel driver's text files; memory and compute capability stay
/// unstated, because only the driver's library knows them, and loading that wakes the GPUs up. A fact that is
/// not stated satisfies a condition, so a listing may name tests that the run then leaves out rather than
/// hide one that would run. Under WSL the files do not exist, and the count stays unstated, too.
pub fn glance() -> Facts {
    let mut facts = Host::read().facts();
    let files = Path::new(DRIVER_GPUS);
    if files.exists() || facts.get("is_wsl") != Some(&Fact::Bool(true)) {
        add_driver_facts(&mut facts, files);
    }
    facts
}

/// Facts of the first GPU stand for all, as upstream's collector has it; without one only the count is stated.
fn add_gpu_facts(facts: &mut Facts, gpus: &Gpus) {
    facts.set("system_gpu_count", gpus.devices.len() as u64);
    let Some(first) = gpus.devices.first() else { return };
    facts.set("gpu", gpu_name(&first.name));
    match first.memory {
        Memory::Bytes(bytes) => facts.set("gpu_memory", bytes as f64 / MIB),
        Memory::NotSupported => facts.set("gpu_memory", MEMORY_WHEN_NOT_SUPPORTED),
        Memory::Unknown => {}
    }
    if let Some(capability) = first.compute_capability {
        let at_least = |major, minor| capability >= ComputeCapability { major, minor };
        let ComputeCapability { major, minor } = capability;
        facts.set("compute_capability", f64::from(10 * major + minor) / 10.0);
        facts.set("supports_tf32", at_least(8, 0));
        facts.set("supports_int8", at_least(6, 1));
        facts.set("supports_fp8", at_least(8, 9));
    }
}

/// The count and the model, from the `information` file of each GPU under `folder`.
fn add_driver_facts(facts: &mut Facts, folder: &Path) {
    let mut gpus: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("information")).ok())
        .collect();
    // All GPUs of a host are of one model; sorting makes the first one the same each time.
    gpus.sort();
    facts.set("system_gpu_count", gpus.len() as u64);
    let model = gpus
        .first()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Model:")).map(str::trim));
    if let Some(model) = model.filter(|model| !model.is_empty()) {
        facts.set("gpu", gpu_name(model));
    }
}

/// The `gpu` fact: upper case, without the vendor's name.
fn gpu_name(driver_name: &str) -> String {
    driver_name.replace("NVIDIA", "").trim().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Gpu;

    /// A reading written from NVML's documentation: names, bytes and capabilities as a driver gives them.
    fn gpus(name: &str, memory: Memory, capability: Option<(u32, u32)>, count: u32) -> Gpus {
        let device = |index| Gpu {
            index,
            name: name.to_owned(),
            memory,
            compute_capability: capability.map(|(major, minor)| ComputeCapability { major, minor }),
            uuid: Some(format!("GPU-{index:08}")),
            shareable: Some(true),
            mig: Some(false),
            ..Gpu::default()
        };
        Gpus {
            driver_version: Some("570.86".to_owned()),
            cuda_version: Some("12.8".to_owned()),
            devices: (0..count).map(device).collect(),
            lost: Vec::new(),
        }
    }

    fn texts(gpus: &Gpus) -> Vec<String> {
        let mut facts = Facts::default();
        add_gpu_facts(&mut facts, gpus);
        facts.iter().map(|(key, fact)| format!("{key}={fact}")).collect()
    }

    #[test]
    fn the_first_gpu_stands_for_all() {
        let eight = gpus("NVIDIA H100 80GB HBM3", Memory::Bytes(85_520_809_984), Some((9, 0)), 8);
        assert_eq!(
            texts(&eight),
            [
                "compute_capability=9.0",
                "gpu=H100 80GB HBM3",
                "gpu_memory=81559.0",
                "supports_fp8=true",
                "supports_int8=true",
                "supports_tf32=true",
                "system_gpu_count=8",
            ]
        );
    }

    #[test]
    fn what_a_capability_supports_begins_where_the_hardware_does() {
        for (capability, tf32, int8, fp8) in [
            ((6, 0), false, false, false),
            ((6, 1), false, true, false),
            ((8, 0), true, true, false),
            ((8, 6), true, true, false),
            ((8, 9), true, true, true),
            ((10, 3), true, true, true),
        ] {
            let texts = texts(&gpus("A GPU", Memory::Unknown, Some(capability), 1));
            for (key, value) in
                [("supports_tf32", tf32), ("supports_int8", int8), ("supports_fp8", fp8)]
            {
                assert!(texts.contains(&format!("{key}={value}")), "{capability:?}: {texts:?}");
            }
            let decimal = format!("compute_capability={}.{}", capability.0, capability.1);
            assert!(texts.contains(&decimal), "{texts:?}");
        }
    }

    #[test]
    fn a_reading_that_failed_is_a_fact_that_is_not_stated() {
        let texts = texts(&gpus("NVIDIA A100-SXM4-40GB MIG 1g.5gb", Memory::Unknown, None, 1));
        assert_eq!(texts, ["gpu=A100-SXM4-40GB MIG 1G.5GB", "system_gpu_count=1"]);
    }

    #[test]
    fn a_gpu_without_memory_of_its_own_counts_as_eight_gibibytes() {
        let texts = texts(&gpus("NVIDIA GB10", Memory::NotSupported, None, 1));
        assert!(texts.contains(&"gpu_memory=8192.0".to_owned()), "{texts:?}");
    }

    #[test]
    fn without_a_driver_the_count_is_zero_and_nothing_else_is_stated() {
        assert_eq!(texts(&Gpus::default()), ["system_gpu_count=0"]);
    }

    #[test]
    fn the_kernel_drivers_files_give_count_and_model() {
        let folder = tempfile::tempdir().expect("a folder");
        for address in ["0000:1b:00.0", "0000:43:00.0"] {
            let gpu = folder.path().join(address);
            fs::create_dir(&gpu).expect("a GPU's folder");
            // The layout of the driver's own file.
            let text = format!(
                "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 120\nBus Location: \t {address}\n"
            );
            fs::write(gpu.join("information"), text).expect("its description");
        }
        let mut facts = Facts::default();
        add_driver_facts(&mut facts, folder.path());
        let texts: Vec<_> = facts.iter().map(|(key, fact)| format!("{key}={fact}")).collect();
        assert_eq!(texts, ["gpu=H100 80GB HBM3", "system_gpu_count=2"]);
        let mut facts = Facts::default();
        add_driver_facts(&mut facts, &folder.path().join("missing"));
        assert_eq!(facts.get("system_gpu_count").and_then(|it| it.as_number()), Some(0.0));
    }
}
