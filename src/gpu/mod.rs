//! The GPUs of this host as the driver's management library (NVML) sees them.
//!
//! The library is loaded at run time, so that the same program runs where there is no driver: then there are
//! no GPUs and a reason why. A single reading that a device refuses (MIG, a container without the right) is
//! missing from that device and fails nothing.

mod nvml;
mod product;

pub use nvml::{GpuError, faults, read_all};
pub use product::{device_subtype, expected_prefix, prefix_matches, product_name};

/// All GPUs of a host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gpus {
    /// E.g. `570.86.15`.
    pub driver_version: Option<String>,
    /// The newest CUDA that the driver serves, e.g. `13.0`.
    pub cuda_version: Option<String>,
    /// By NVML index.
    pub devices: Vec<Gpu>,
    /// What is wrong with each of those that do not answer; they are not among the devices.
    pub lost: Vec<String>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// NVML index, from 0 in the order of the PCI bus.
    pub index: u32,
    /// E.g. `NVIDIA H100 80GB HBM3`; with or without the vendor's name, as the driver gives it.
    pub name: String,
    /// Its own memory.
    pub memory: Memory,
    /// CUDA compute capability.
    pub compute_capability: Option<ComputeCapability>,
    /// E.g. `GPU-6ab4…`.
    pub uuid: Option<String>,
    /// Whether several processes may use it; `false` in the exclusive and prohibited compute modes.
    pub shareable: Option<bool>,
    /// Whether it is cut into MIG instances.
    pub mig: Option<bool>,
}

/// Total memory of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// In bytes.
    Bytes(u64),
    /// The device has no memory of its own to report, as boards that share the host's.
    NotSupported,
    /// The reading failed.
    Unknown,
}

/// CUDA compute capability, e.g. 9.0 for Hopper and 10.3 for B300. Ordered as versions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComputeCapability {
    pub major: u32,
    pub minor: u32,
}
