//! Reading NVML. The only user of `nvml-wrapper`.

use std::ffi::OsStr;

use nvml_wrapper::enum_wrappers::device::ComputeMode;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use super::{ComputeCapability, Gpu, Gpus, Memory};

/// Why there are no GPUs to speak of.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// The ordinary case on a machine without an NVIDIA GPU.
    #[error("no NVIDIA driver: {0}")]
    NoDriver(String),
    /// There is a driver, and it does not answer.
    #[error("query NVML: {0}")]
    Nvml(NvmlError),
}

/// Reads every GPU of this host. `library` is the NVML to load instead of the system's `libnvidia-ml.so.1`.
///
/// # Errors
/// No driver, or one that does not answer; never for a single reading of a device.
pub fn read_all(library: Option<&OsStr>) -> Result<Gpus, GpuError> {
    let mut builder = Nvml::builder();
    if let Some(library) = library {
        builder.lib_path(library);
    }
    let nvml = builder.init().map_err(unavailable)?;
    let count = nvml.device_count().map_err(GpuError::Nvml)?;
    let devices =
        (0..count).map(|index| nvml.device_by_index(index).and_then(|it| read(index, &it)));
    Ok(Gpus {
        driver_version: nvml.sys_driver_version().ok(),
        cuda_version: nvml.sys_cuda_driver_version().ok().map(|version| {
            format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version))
        }),
        devices: devices.collect::<Result<_, _>>().map_err(GpuError::Nvml)?,
    })
}

/// The name is what everything else hangs on; the other readings may be missing.
fn read(index: u32, device: &Device<'_>) -> Result<Gpu, NvmlError> {
    Ok(Gpu {
        index,
        name: device.name()?,
        memory: match device.memory_info() {
            Ok(memory) => Memory::Bytes(memory.total),
            Err(NvmlError::NotSupported) => Memory::NotSupported,
            Err(_) => Memory::Unknown,
        },
        compute_capability: device.cuda_compute_capability().ok().and_then(|it| {
            Some(ComputeCapability {
                major: it.major.try_into().ok()?,
                minor: it.minor.try_into().ok()?,
            })
        }),
        uuid: device.uuid().ok(),
        shareable: device.compute_mode().ok().map(|mode| mode == ComputeMode::Default),
        mig: device.mig_mode().ok().map(|mode| mode.current != 0),
    })
}

fn unavailable(error: NvmlError) -> GpuError {
    match error {
        NvmlError::LibloadingError(error) => GpuError::NoDriver(error.to_string()),
        NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded => {
            GpuError::NoDriver(error.to_string())
        }
        other => GpuError::Nvml(other),
    }
}
