//! What the operating system tells about the host, without a process being started.

use std::fs;

use super::system::{System, system};
use crate::list::{Fact, Facts};

/// The processor's model, e.g. `AMD EPYC 9654 96-Core Processor`, for records; `None` when it is not told.
/// Arm machines tell numbers of implementer and part instead.
pub fn cpu_model() -> Option<String> {
    cpu_model_of(&fs::read_to_string("/proc/cpuinfo").ok()?)
}

fn cpu_model_of(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        cpuinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    field("model name").or_else(|| {
        Some(format!("implementer {} part {}", field("CPU implementer")?, field("CPU part")?))
    })
}

/// What the operating system says about the host, unread texts left empty.
#[derive(Debug, Default)]
pub(super) struct Host {
    system: System,
    /// `/etc/os-release`
    os_release: String,
    /// `/proc/meminfo`
    meminfo: String,
}

impl Host {
    /// Reads the host's texts; one that cannot be read leaves its facts unstated.
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            system: system(),
            os_release: text("/etc/os-release"),
            meminfo: text("/proc/meminfo"),
        }
    }

    /// The facts that need no GPU.
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let System { hostname, name, machine, platform, version } = &self.system;
        for (key, text) in [("cpu", machine), ("sysname", name), ("hostname", hostname)] {
            if !text.is_empty() {
                facts.set(key, text.as_str());
            }
        }
        facts.set("is_linux", name == "Linux");
        facts.set("is_aarch64", machine == "aarch64");
        facts.set("is_power", machine.starts_with("ppc64"));
        let is_microsofts = |text: &String| text.to_lowercase().contains("microsoft");
        facts.set("is_wsl", [platform, version].into_iter().any(is_microsofts));
        facts.set("is_native_windows", false);
        facts.set("is_remote", false);
        for (key, field) in [
            ("linux_distribution_name", "ID"),
            ("linux_version", "VERSION_ID"),
            ("linux_codename", "VERSION_CODENAME"),
        ] {
            facts.set(key, os_release_field(&self.os_release, field).unwrap_or("na"));
        }
        for (key, field) in
            [("host_mem_total_mib", "MemTotal"), ("host_mem_available_mib", "MemAvailable")]
        {
            if let Some(mib) = meminfo_mib(&self.meminfo, field) {
                facts.set(key, (mib * 100.0).round() / 100.0);
            }
        }
        // Upstream's collector states these as unknown everywhere.
        for key in ["cuda_version", "cublas_version", "cudnn_version", "is_android"] {
            facts.set(key, Fact::Null);
        }
        facts
    }
}

/// The value of `field` in an `os-release` text, quotes taken off.
fn os_release_field<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix('='))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}

/// The value of `field` in `/proc/meminfo`, which counts in KiB.
fn meminfo_mib(text: &str, field: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: f64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            system: System {
                hostname: "node1".to_owned(),
                name: "Linux".to_owned(),
                machine: "x86_64".to_owned(),
                platform: "Linux-6.8.0-51-generic-x86_64".to_owned(),
                version: "#52-Ubuntu SMP".to_owned(),
            },
            os_release: "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nID=ubuntu\nID_LIKE=debian\n\
                         VERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n"
                .to_owned(),
            meminfo:
                "MemTotal:       1056461708 kB\nMemFree:        1000 kB\nMemAvailable:   1 kB\n"
                    .to_owned(),
        }
    }

    fn text(host: &Host, key: &str) -> Option<String> {
        host.facts().get(key).map(ToString::to_string)
    }

    #[test]
    fn the_hosts_texts_become_the_facts_of_the_collector() {
        for (key, value) in [
            ("cpu", "x86_64"),
            ("sysname", "Linux"),
            ("hostname", "node1"),
            ("is_linux", "true"),
            ("is_aarch64", "false"),
            ("is_wsl", "false"),
            ("linux_distribution_name", "ubuntu"),
            ("linux_version", "24.04"),
            ("linux_codename", "noble"),
            ("host_mem_total_mib", "1031700.89"),
            ("host_mem_available_mib", "0.0"),
        ] {
            assert_eq!(text(&host(), key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(text(&host(), "cuda_version"), None);
    }

    #[test]
    fn an_arm_host_and_a_windows_kernel_are_known() {
        let system = System {
            machine: "aarch64".to_owned(),
            platform: "Linux-5.15.90.1-microsoft-standard-WSL2-aarch64".to_owned(),
            ..host().system
        };
        let host = Host { system, ..host() };
        assert_eq!(text(&host, "is_aarch64").as_deref(), Some("true"));
        assert_eq!(text(&host, "is_wsl").as_deref(), Some("true"));
    }

    #[test]
    fn texts_that_cannot_be_read_leave_facts_unstated_or_na() {
        let host = Host::default();
        assert_eq!(text(&host, "cpu"), None);
        assert_eq!(text(&host, "host_mem_total_mib"), None);
        assert_eq!(text(&host, "linux_distribution_name").as_deref(), Some("na"));
    }

    #[test]
    fn the_processor_is_named_by_model_or_by_its_arm_numbers() {
        assert_eq!(
            cpu_model_of("processor\t: 0\nmodel name\t: AMD EPYC 9654\n").as_deref(),
            Some("AMD EPYC 9654")
        );
        let arm = "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd4f\n";
        assert_eq!(cpu_model_of(arm).as_deref(), Some("implementer 0x41 part 0xd4f"));
        assert_eq!(cpu_model_of(""), None);
    }
}
