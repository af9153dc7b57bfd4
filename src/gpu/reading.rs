//! What a GPU says of itself at one moment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Bits of [`Reading::throttle_reasons`], from NVML's documentation (`nvmlClocksEventReasons`).
pub mod reasons {
    /// Nothing runs.
    pub const IDLE: u64 = 0x1;
    /// Clocks are held by a setting.
    pub const APPLICATION_CLOCKS: u64 = 0x2;
    /// The power limit, kept by software.
    pub const SW_POWER_CAP: u64 = 0x4;
    /// Temperature, power brake or a power draw that the hardware answers with half the clock or less.
    pub const HW_SLOWDOWN: u64 = 0x8;
    /// GPUs of one board wait for the slowest.
    pub const SYNC_BOOST: u64 = 0x10;
    /// Temperature, kept by software.
    pub const SW_THERMAL: u64 = 0x20;
    /// Temperature, kept by hardware.
    pub const HW_THERMAL: u64 = 0x40;
    /// The power supply asks for less.
    pub const POWER_BRAKE: u64 = 0x80;

    /// Words for the bits that slow a GPU down against its will, e.g. `sw_thermal+power_brake`.
    pub fn words(bits: u64) -> String {
        let known = [
            (SW_POWER_CAP, "sw_power_cap"),
            (HW_SLOWDOWN, "hw_slowdown"),
            (SYNC_BOOST, "sync_boost"),
            (SW_THERMAL, "sw_thermal"),
            (HW_THERMAL, "hw_thermal"),
            (POWER_BRAKE, "power_brake"),
        ];
        let set = known.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| *word);
        set.collect::<Vec<_>>().join("+")
    }
}

/// The readings of some GPUs at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub at: Timestamp,
    /// Index of the step that ran, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The GPUs that answered.
    pub gpus: Vec<Reading>,
}

/// One GPU at one time. What it does not say is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// NVML index.
    pub index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sm_clock_mhz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_clock_mhz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphics_clock_mhz: Option<u32>,
    /// Share of the last sampling period of the driver in which a kernel ran, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization_pct: Option<u32>,
    /// Share in which memory was read or written, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_utilization_pct: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_utilization_pct: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_utilization_pct: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fan_speed_pct: Option<u32>,
    /// 0 is the fastest, 15 the slowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perf_state: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_mw: Option<u32>,
    /// Since the driver was loaded, in mJ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_mj: Option<u64>,
    /// In use by processes, without what the driver reserves, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// Bits of [`reasons`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_reasons: Option<u64>,
    pub violations: Violations,
    /// Memory errors since the driver was loaded that could not be corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecc_uncorrected: Option<u64>,
    /// Lanes in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcie_width: Option<u32>,
    /// Critical faults that the driver told of since the last reading, by NVIDIA's numbers (XID); missing where it does
    /// not tell of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xids: Option<Vec<u64>>,
    /// Processes with a compute context. In a container the numbers may be the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<GpuProcess>>,
}

impl Reading {
    /// What keeps the GPU from being empty: processes, or more memory in use than `empty_memory_mib`.
    pub fn occupied(&self, empty_memory_mib: u64) -> Option<String> {
        let processes = self.processes.iter().flatten();
        let pids: Vec<String> = processes.map(|process| process.pid.to_string()).collect();
        let mib = self.memory_used_bytes.unwrap_or(0) >> 20;
        if pids.is_empty() && mib <= empty_memory_mib {
            return None;
        }
        let memory = format!("{mib} MiB in use");
        Some(if pids.is_empty() {
            memory
        } else {
            format!("{memory}, process {}", pids.join(", "))
        })
    }
}

/// How long a GPU has run slower than it was asked to, since the driver was loaded, in ns: counters, which also see
/// what happens between two looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Violations {
    /// For its power limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_ns: Option<u64>,
    /// For its temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thermal_ns: Option<u64>,
    /// For a limit of the board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_ns: Option<u64>,
    /// For the limit of reliable voltage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reliability_ns: Option<u64>,
}

/// A process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuProcess {
    pub pid: u32,
    /// Memory that it holds there, where the driver tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}
