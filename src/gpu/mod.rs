//! The GPUs of this host: what they are, what they do while a step runs, and who may use them.
//!
//! Everything that asks a GPU goes through a [`Driver`]: the management library of NVIDIA's driver ([`open`]), loaded
//! at run time so that the same program runs where there is none, or a [`Recording`] of its readings. A single
//! reading that a device refuses (MIG, a container without the right) is missing from that device and fails nothing.

mod clocks;
mod driver;
mod lease;
mod nvml;
mod product;
mod reading;
mod recording;
mod sampler;
mod visible;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use clocks::{ClockCommands, ClockTable, Clocks, clocks_entry};
pub use driver::{Driver, GpuError, faults};
pub use lease::{Lease, LeaseError, Leases};
pub use nvml::open;
pub use product::{FormFactor, device_subtype, expected_prefix, prefix_matches, product_name};
pub use reading::{GpuProcess, Moment, Reading, Violations, reasons};
pub use recording::{Recording, RecordingError, RecordingWriter, moments};
pub use sampler::{Sampler, look};
pub use visible::visible;

/// The driver of this host's GPUs, or the recording that is played in its place.
///
/// # Errors
/// No driver, one that does not answer, or a recording that cannot be read.
pub fn driver(recording: Option<&Path>) -> Result<Arc<dyn Driver>, GpuError> {
    match recording {
        Some(path) => Ok(Arc::new(Recording::open(path)?)),
        None => open(None),
    }
}

/// All GPUs of a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gpus {
    /// E.g. `570.86.15`.
    pub driver_version: Option<String>,
    /// The newest CUDA that the driver serves, e.g. `13.0`.
    pub cuda_version: Option<String>,
    /// By NVML index.
    pub devices: Vec<Gpu>,
    /// What is wrong with each of those that do not answer; they are not among the devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
}

/// One GPU.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gpu {
    /// NVML index, from 0 in the order of the PCI bus.
    pub index: u32,
    /// E.g. `NVIDIA H100 80GB HBM3`; with or without the vendor's name, as the driver gives it.
    pub name: String,
    /// E.g. `GPU-6ab4…`.
    pub uuid: Option<String>,
    /// Its own memory.
    pub memory: Memory,
    /// CUDA compute capability.
    pub compute_capability: Option<ComputeCapability>,
    /// Whether several processes may use it; `false` in the exclusive and prohibited compute modes.
    pub shareable: Option<bool>,
    /// Whether it is cut into MIG instances.
    pub mig: Option<bool>,
    /// Whether memory errors are corrected.
    pub ecc: Option<bool>,
    /// Whether the driver stays loaded without clients.
    pub persistence: Option<bool>,
    /// Device and vendor in one word, as PCI has them: device in the upper 16 bits.
    pub pci_device_id: Option<u32>,
    /// Lanes that the board can use.
    pub pcie_width_max: Option<u32>,
    /// The limit in force, in mW.
    pub power_limit_mw: Option<u32>,
    /// The highest SM clock, in MHz.
    pub sm_clock_max_mhz: Option<u32>,
}

impl Gpu {
    /// How results name it: `GPU 0 (GPU-6ab4…)`.
    pub fn title(&self) -> String {
        match &self.uuid {
            Some(uuid) => format!("GPU {} ({uuid})", self.index),
            None => format!("GPU {}", self.index),
        }
    }
}

/// Total memory of a GPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// In bytes.
    Bytes(u64),
    /// The device has no memory of its own to report, as boards that share the host's.
    NotSupported,
    /// The reading failed.
    #[default]
    Unknown,
}

/// CUDA compute capability, e.g. 9.0 for Hopper and 10.3 for B300. Ordered as versions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ComputeCapability {
    pub major: u32,
    pub minor: u32,
}
