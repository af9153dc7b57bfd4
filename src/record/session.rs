//! The session files: where and on what a run took place, in upstream's columns and in the QA runner's texts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cell::{self, Cell};

/// Facts of the machine as probed when the run began. `None` is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub hostname: String,
    pub ip: Option<String>,
    pub nvidia_driver_version: Option<String>,
    pub nvidia_device_count: u32,
    /// Name of the system, e.g. `Linux`.
    pub os_name: Option<String>,
    /// Kernel and architecture in one line, e.g. `Linux-6.1.0-x86_64`.
    pub platform: Option<String>,
    /// The kernel's build text.
    pub platform_version: Option<String>,
    /// Logical CPUs.
    pub cpu_count: Option<u32>,
    /// Nominal clock in MHz.
    pub cpu_freq: Option<f64>,
    /// Model name, for `cpu.txt`.
    pub cpu_model: Option<String>,
    /// Product names as the driver gives them, for `gpu.txt`.
    pub gpus: Vec<String>,
    /// The product without the vendor, e.g. `H100 80GB HBM3`.
    pub device_product_name: Option<String>,
    pub pci_device_id: Option<String>,
    /// The product with `_` for blanks and hyphens.
    pub device_subtype: Option<String>,
    /// Version of the benchmarked engine, for `trtllm_version.txt`.
    pub trtllm_version: Option<String>,
    /// The CUDA version that the driver supports, e.g. `12.8`. No view shows it.
    #[serde(default)]
    pub cuda_version: Option<String>,
}

impl Session {
    /// Upstream's columns. What upstream leaves empty stays empty.
    fn columns(
        &self,
        started: Timestamp,
        ended: Timestamp,
        device_subtype: bool,
    ) -> Vec<(&'static str, Cell)> {
        let mut gpu = vec![
            ("device_product_name", Cell::text(&self.device_product_name)),
            ("pci_device_id", Cell::text(&self.pci_device_id)),
        ];
        if device_subtype {
            gpu.push(("device_subtype", Cell::text(&self.device_subtype)));
        }
        vec![
            ("username", Cell::Empty),
            ("start_timestamp", Cell::time(started)),
            ("hostname", Cell::Text(self.hostname.clone())),
            ("ip", Cell::text(&self.ip)),
            ("nvidia_driver_version", Cell::text(&self.nvidia_driver_version)),
            ("nvidia_device_count", Cell::Integer(self.nvidia_device_count)),
            (
                "os_properties",
                Cell::Mapping(vec![
                    ("os_name", Cell::text(&self.os_name)),
                    ("platform", Cell::text(&self.platform)),
                    ("platform_version", Cell::text(&self.platform_version)),
                ]),
            ),
            (
                "cpu_properties",
                Cell::Mapping(vec![
                    ("cpu_count", self.cpu_count.map_or(Cell::Empty, Cell::Integer)),
                    ("cpu_freq", self.cpu_freq.map_or(Cell::Empty, Cell::Number)),
                ]),
            ),
            ("gpu_properties", Cell::Mapping(gpu)),
            ("trt_change_id", Cell::Empty),
            ("trt_branch", Cell::Empty),
            ("commit_timestamp", Cell::Empty),
            ("cuda_version", Cell::Empty),
            ("cublas_version", Cell::Empty),
            ("cudnn_version", Cell::Empty),
            ("end_timestamp", Cell::time(ended)),
        ]
    }

    /// `session_properties.csv`: a header and one row.
    pub(super) fn csv(&self, started: Timestamp, ended: Timestamp, subtype: bool) -> Vec<u8> {
        let columns = self.columns(started, ended, subtype);
        let mut text = cell::csv_line(columns.iter().map(|(name, _)| *name));
        text.extend(cell::csv_line(columns.iter().map(|(_, cell)| cell.to_string())));
        text
    }

    /// `session_data.yml`: one mapping.
    pub(super) fn yaml(
        &self,
        started: Timestamp,
        ended: Timestamp,
        subtype: bool,
    ) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(&cell::mapping(&self.columns(started, ended, subtype)))
    }

    /// The one-line texts that the QA runner leaves beside the CSV: file name and content. An unknown fact is an
    /// empty file.
    pub(super) fn texts(&self) -> [(&'static str, String); 4] {
        let line = |text: &Option<String>| {
            text.as_ref().map(|text| format!("{text}\n")).unwrap_or_default()
        };
        [
            ("gpu.txt", self.gpus.iter().map(|gpu| format!("{gpu}\n")).collect()),
            ("cpu.txt", line(&self.cpu_model)),
            ("driver.txt", line(&self.nvidia_driver_version)),
            ("trtllm_version.txt", line(&self.trtllm_version)),
        ]
    }
}
