//! NVIDIA's management library. The only user of `nvml-wrapper`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enum_wrappers::device::{
    Clock, ComputeMode, EccCounter, MemoryError, PerformancePolicy, TemperatureSensor,
};
use nvml_wrapper::enums::device::{GpuLockedClocksSetting, UsedGpuMemory};
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::event::EventSet;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use super::{
    ComputeCapability, Driver, Gpu, GpuError, GpuProcess, Gpus, Memory, Reading, Violations,
};

/// The namespace that the kernel starts with (`PROC_PID_INIT_INO`), in whose numbers the driver speaks.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Loads the driver's library; `library` instead of the system's `libnvidia-ml.so.1` where it is given.
///
/// It stays loaded until the process ends: GPUs that lose their last client may reset counters and clocks.
///
/// # Errors
/// No driver, or one that does not answer.
pub fn open(library: Option<&OsStr>) -> Result<Arc<dyn Driver>, GpuError> {
    let mut builder = Nvml::builder();
    if let Some(library) = library {
        builder.lib_path(library);
    }
    let nvml: &'static Nvml = Box::leak(Box::new(builder.init().map_err(unavailable)?));
    let faults = Mutex::new(Faults::watch(nvml));
    Ok(Arc::new(NvmlDriver { nvml, faults }))
}

struct NvmlDriver {
    nvml: &'static Nvml,
    faults: Mutex<Faults>,
}

impl fmt::Debug for NvmlDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NvmlDriver")
    }
}

impl Driver for NvmlDriver {
    fn source(&self) -> String {
        "nvml".to_owned()
    }

    fn pids_are_ours(&self) -> bool {
        std::fs::read_link("/proc/self/ns/pid")
            .is_ok_and(|namespace| namespace.as_os_str() == FIRST_PID_NAMESPACE)
    }

    fn gpus(&self) -> Result<Gpus, GpuError> {
        let nvml = self.nvml;
        let count = nvml.device_count().map_err(silent)?;
        let read = |index| nvml.device_by_index(index).and_then(|it| describe(index, &it));
        let (devices, lost) = sorted((0..count).map(|index| (index, read(index))));
        Ok(Gpus {
            driver_version: nvml.sys_driver_version().ok(),
            cuda_version: nvml.sys_cuda_driver_version().ok().map(|version| {
                let major = cuda_driver_version_major(version);
                format!("{major}.{}", cuda_driver_version_minor(version))
            }),
            devices,
            lost,
        })
    }

    fn read(&self, index: u32, counters: bool) -> Result<Reading, GpuError> {
        let device = self.nvml.device_by_index(index).map_err(silent)?;
        let mut reading = read(index, &device, counters);
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        reading.xids = faults.take(index);
        Ok(reading)
    }

    fn lock_clocks(&self, index: u32, sm: u32, memory: Option<u32>) -> Result<(), GpuError> {
        let mut device = self.nvml.device_by_index(index).map_err(silent)?;
        let setting = GpuLockedClocksSetting::Numeric { min_clock_mhz: sm, max_clock_mhz: sm };
        device.set_gpu_locked_clocks(setting).map_err(silent)?;
        match memory {
            Some(memory) => device.set_mem_locked_clocks(memory, memory).map_err(silent),
            None => Ok(()),
        }
    }

    fn unlock_clocks(&self, index: u32, memory: bool) -> Result<(), GpuError> {
        let mut device = self.nvml.device_by_index(index).map_err(silent)?;
        let sm = device.reset_gpu_locked_clocks();
        let memory = if memory { device.reset_mem_locked_clocks() } else { Ok(()) };
        sm.and(memory).map_err(silent)
    }
}

/// Critical faults, as the driver tells of them.
struct Faults {
    /// `None` where it does not.
    events: Option<EventSet<'static>>,
    /// What was told and not yet taken, by GPU.
    told: BTreeMap<u32, Vec<u64>>,
}

impl Faults {
    fn watch(nvml: &'static Nvml) -> Self {
        let events = || -> Option<EventSet<'static>> {
            let mut events = nvml.create_event_set().ok()?;
            for index in 0..nvml.device_count().ok()? {
                let Ok(device) = nvml.device_by_index(index) else { continue };
                events = device.register_events(EventTypes::CRITICAL_XID_ERROR, events).ok()?;
            }
            Some(events)
        };
        Self { events: events(), told: BTreeMap::new() }
    }

    fn take(&mut self, index: u32) -> Option<Vec<u64>> {
        let events = self.events.as_ref()?;
        loop {
            let event = match events.wait(0) {
                Ok(event) => event,
                Err(NvmlError::Timeout) => break,
                // Whether there were any cannot be told any more.
                Err(_) => return None,
            };
            let number = match event.event_data {
                Some(XidError::Value(number)) => number,
                _ => 0,
            };
            if let Ok(index) = event.device.index() {
                self.told.entry(index).or_default().push(number);
            }
        }
        Some(self.told.remove(&index).unwrap_or_default())
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
fn describe(index: u32, device: &Device<'_>) -> Result<Gpu, NvmlError> {
    Ok(Gpu {
        index,
        name: device.name()?,
        uuid: device.uuid().ok(),
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
        shareable: device.compute_mode().ok().map(|mode| mode == ComputeMode::Default),
        mig: device.mig_mode().ok().map(|mode| mode.current != 0),
        ecc: device.is_ecc_enabled().ok().map(|state| state.currently_enabled),
        persistence: device.is_in_persistent_mode().ok(),
        pci_device_id: device.pci_info().ok().map(|pci| pci.pci_device_id),
        pcie_width_max: device.max_pcie_link_width().ok(),
        power_limit_mw: device.enforced_power_limit().ok(),
        sm_clock_max_mhz: device.max_clock_info(Clock::SM).ok(),
    })
}

fn read(index: u32, device: &Device<'_>, counters: bool) -> Reading {
    let utilization = device.utilization_rates().ok();
    let violation = |policy| {
        let status = counters.then(|| device.violation_status(policy).ok())??;
        Some(status.violation_time)
    };
    Reading {
        index,
        sm_clock_mhz: device.clock_info(Clock::SM).ok(),
        memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
        graphics_clock_mhz: device.clock_info(Clock::Graphics).ok(),
        utilization_pct: utilization.as_ref().map(|it| it.gpu),
        memory_utilization_pct: utilization.as_ref().map(|it| it.memory),
        encoder_utilization_pct: device.encoder_utilization().ok().map(|it| it.utilization),
        decoder_utilization_pct: device.decoder_utilization().ok().map(|it| it.utilization),
        temperature_c: device.temperature(TemperatureSensor::Gpu).ok(),
        fan_speed_pct: device.fan_speed(0).ok(),
        perf_state: device.performance_state().ok().map(|state| state.as_c()),
        power_mw: device.power_usage().ok(),
        energy_mj: counters.then(|| device.total_energy_consumption().ok()).flatten(),
        memory_used_bytes: device.memory_info().ok().map(|memory| memory.used),
        throttle_reasons: device.current_throttle_reasons().ok().map(|reasons| reasons.bits()),
        violations: Violations {
            power_ns: violation(PerformancePolicy::Power),
            thermal_ns: violation(PerformancePolicy::Thermal),
            board_ns: violation(PerformancePolicy::BoardLimit),
            reliability_ns: violation(PerformancePolicy::Reliability),
        },
        ecc_uncorrected: device
            .total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile)
            .ok(),
        pcie_width: device.current_pcie_link_width().ok(),
        xids: None,
        processes: device.running_compute_processes().ok().map(|processes| {
            let known = processes.into_iter().map(|process| GpuProcess {
                pid: process.pid,
                memory_bytes: match process.used_gpu_memory {
                    UsedGpuMemory::Used(bytes) => Some(bytes),
                    UsedGpuMemory::Unavailable => None,
                },
            });
            known.collect()
        }),
    }
}

fn silent(error: NvmlError) -> GpuError {
    GpuError::Nvml(error.to_string())
}

fn unavailable(error: NvmlError) -> GpuError {
    match error {
        NvmlError::LibloadingError(error) => GpuError::NoDriver(error.to_string()),
        NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded => {
            GpuError::NoDriver(error.to_string())
        }
        other => silent(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_is_lost_hides_none_of_the_others() {
        let gpu = |index| Gpu { index, name: "NVIDIA H100 80GB HBM3".to_owned(), ..Gpu::default() };
        let readings = [(0, Ok(gpu(0))), (1, Err(NvmlError::GpuLost)), (2, Ok(gpu(2)))];
        let (devices, lost) = sorted(readings.into_iter());
        assert_eq!(devices, [gpu(0), gpu(2)]);
        assert_eq!(lost.len(), 1);
        assert!(lost[0].starts_with("GPU 1 does not answer: "), "{lost:?}");
    }

    #[test]
    fn without_a_driver_there_is_a_reason_and_no_crash() {
        let missing = OsStr::new("/no/such/libnvidia-ml.so.1");
        let error = open(Some(missing)).expect_err("no library");
        assert!(matches!(error, GpuError::NoDriver(_)), "{error}");
        assert!(error.to_string().starts_with("no NVIDIA driver: "), "{error}");
    }
}
