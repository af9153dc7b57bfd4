//! What the harness asks of a GPU driver, whoever answers.

use super::recording::RecordingError;
use super::{Gpus, Reading};

/// Why there are no GPUs to speak of.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// The ordinary case on a machine without an NVIDIA GPU.
    #[error("no NVIDIA driver: {0}")]
    NoDriver(String),
    /// There is a driver, and it does not answer.
    #[error("query NVML: {0}")]
    Nvml(String),
    /// A recording in place of a driver cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

/// The driver of a host's GPUs. Threads may share it.
pub trait Driver: Send + Sync + std::fmt::Debug {
    /// What the results say of the source of telemetry: `nvml`, or `recording FILE`.
    fn source(&self) -> String;

    /// Whether the numbers of processes are those of this process's own namespace. In a container they are the host's.
    fn pids_are_ours(&self) -> bool;

    /// What is there.
    ///
    /// # Errors
    /// When the driver does not answer; never for a single device, which then is among the lost.
    fn gpus(&self) -> Result<Gpus, GpuError>;

    /// What the GPU of this NVML index does now. What it refuses to say is missing; without `counters` also what only
    /// grows ([`Reading::energy_mj`], [`Reading::violations`]): an H100 takes 8 ms to say it, and 0.4 ms for all the rest.
    ///
    /// # Errors
    /// When the GPU does not answer at all.
    fn read(&self, index: u32, counters: bool) -> Result<Reading, GpuError>;

    /// Holds the clocks of a GPU at these frequencies in MHz; memory only where one is given.
    ///
    /// # Errors
    /// When the GPU refuses. The SM clock may be held by then.
    fn lock_clocks(&self, index: u32, sm: u32, memory: Option<u32>) -> Result<(), GpuError>;

    /// Gives the clocks of a GPU back to the driver, locked or not.
    ///
    /// # Errors
    /// When the GPU refuses.
    fn unlock_clocks(&self, index: u32, memory: bool) -> Result<(), GpuError>;
}

/// What a user must know of a reading: which GPUs it could not count. No driver is no fault.
pub fn faults(read: &Result<Gpus, GpuError>) -> Vec<String> {
    match read {
        Ok(gpus) => gpus.lost.iter().map(|lost| format!("{lost}; it is not counted")).collect(),
        Err(GpuError::NoDriver(_)) => Vec::new(),
        Err(error) => vec![format!("{error}; no GPU is counted")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_does_not_answer_is_a_fault_and_no_driver_is_none() {
        let told = faults(&Err(GpuError::Nvml("version mismatch".to_owned())));
        assert_eq!(told, ["query NVML: version mismatch; no GPU is counted"]);
        assert_eq!(faults(&Err(GpuError::NoDriver("not found".to_owned()))), [""; 0]);
        let lost = vec!["GPU 1 does not answer: lost".to_owned()];
        let told = faults(&Ok(Gpus { lost, ..Gpus::default() }));
        assert_eq!(told, ["GPU 1 does not answer: lost; it is not counted"]);
    }
}
