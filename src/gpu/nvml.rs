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
/// No driver, or one that does not answer; never for a single device, which then is among the lost.
pub fn read_all(library: Option<&OsStr>) -> Result<Gpus, GpuError> {
    let mut builder = Nvml::builder();
    if let Some(library) = library {
        builder.lib_path(library);
    }
    let nvml = builder.init().map_err(unavailable)?;
    let count = nvml.device_count().map_err(GpuError::Nvml)?;
    let read = |index| nvml.device_by_index(index).and_then(|it| read(index, &it));
    let (devices, lost) = sorted((0..count).map(|index| (index, read(index))));
    Ok(Gpus {
        driver_version: nvml.sys_driver_version().ok(),
        cuda_version: nvml.sys_cuda_driver_version().ok().map(|version| {
            format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version))
        }),
        devices,
        lost,
    })
}

/// What a user must know of a reading: which GPUs it could not count. No driver is no fault.
pub fn faults(read: &Result<Gpus, GpuError>) -> Vec<String> {
    match read {
        Ok(gpus) => gpus.lost.iter().map(|lost| format!("{lost}; it is not counted")).collect(),
        Err(GpuError::NoDriver(_)) => Vec::new(),
        Err(error) => vec![format!("{error}; no GPU is counted")],
    }
}

/// The devices that answered, and what the others said in place of their names.
fn sorted(
    readings: impl Iterator<Item = (u32, Result<Gpu, NvmlError>)>,
) -> (Vec<Gpu>, Vec<String>) {
    let (mut devices, mut lost) = (Vec::new(), Vec::new());
    for (index, reading) in readings {
        match reading {
            Ok(device) => devices.push(device),
            Err(error) => lost.push(format!("GPU {index} does not answer: {error}")),
        }
    }
    (devices, lost)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_is_lost_hides_none_of_the_others() {
        let gpu = |index| Gpu {
            index,
            name: "NVIDIA H100 80GB HBM3".to_owned(),
            memory: Memory::Unknown,
            compute_capability: None,
            uuid: None,
            shareable: None,
            mig: None,
        };
        let readings = [(0, Ok(gpu(0))), (1, Err(NvmlError::GpuLost)), (2, Ok(gpu(2)))];
        let (devices, lost) = sorted(readings.into_iter());
        assert_eq!(devices, [gpu(0), gpu(2)]);
        assert_eq!(lost.len(), 1);
        assert!(lost[0].starts_with("GPU 1 does not answer: "), "{lost:?}");
        let told = faults(&Ok(Gpus { devices, lost, ..Gpus::default() }));
        assert!(told[0].ends_with("; it is not counted"), "{told:?}");
    }

    #[test]
    fn a_driver_that_does_not_answer_is_a_fault_and_no_driver_is_none() {
        let told = faults(&Err(GpuError::Nvml(NvmlError::LibRmVersionMismatch)));
        assert!(told[0].starts_with("query NVML: "), "{told:?}");
        assert_eq!(faults(&Err(GpuError::NoDriver("not found".to_owned()))), [""; 0]);
    }
}
