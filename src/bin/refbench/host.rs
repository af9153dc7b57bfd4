//! Facts of the machine: processor, memory, cores.

use std::fs;
use std::path::Path;
use std::thread;

use crate::failure::Exception;
use crate::report::Machine;

/// Environment variable with the number of worker threads.
pub const THREADS: &str = "REFBENCH_THREADS";

/// Worker threads: [`THREADS`], else one a core.
///
/// # Errors
/// The variable holds something else than a positive number, or the cores can't be counted.
pub fn threads() -> Result<usize, Exception> {
    match std::env::var(THREADS) {
        Ok(text) => match text.trim().parse() {
            Ok(threads) if threads > 0 => Ok(threads),
            _ => {
                Err(Exception::value(format!("{THREADS} must be a positive number, not '{text}'")))
            }
        },
        Err(_) => thread::available_parallelism()
            .map(usize::from)
            .map_err(|error| Exception::runtime(format!("cannot count the cores: {error}"))),
    }
}

/// Environment variable that slows the engine on purpose, in percent, e.g. `5%`.
pub const SLOWDOWN: &str = "REFBENCH_SLOWDOWN";

/// What allows [`SLOWDOWN`]: set by `trtllm-perf gate` and `selfcheck` for their steps, so that a variable that was
/// forgotten never slows a measurement unseen.
pub const GATE: &str = "TRTLLM_PERF_GATE";

/// By which share the engine is to be slowed, from [`SLOWDOWN`]; `None` without it.
///
/// # Errors
/// The variable holds something else than a percentage up to 100 %, or [`GATE`] does not allow it.
pub fn slowdown() -> Result<Option<f64>, Exception> {
    let Ok(text) = std::env::var(SLOWDOWN) else { return Ok(None) };
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    match percent {
        Some(percent @ 0.0..=100.0) => {
            if std::env::var_os(GATE).is_none() {
                return Err(Exception::value(format!(
                    "{SLOWDOWN} is for gates alone: unset it, or set {GATE} to try a gate by hand"
                )));
            }
            Ok(Some(percent / 100.0))
        }
        _ => Err(Exception::value(format!(
            "{SLOWDOWN} must be a percentage such as 5%, not '{text}'"
        ))),
    }
}

/// The processor's name and the host's memory, where the system tells. The memory's clock is not known.
pub fn machine() -> Option<Machine> {
    let memory = memory_bytes("MemTotal")?;
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Some(Machine {
        name: cpu_name(&cpuinfo),
        memory_total: memory as f64 / (1u64 << 30) as f64,
        clocks_mem: None,
    })
}

/// Bytes that a new program can have without swapping.
pub fn available_memory() -> Option<u64> {
    memory_bytes("MemAvailable")
}

fn memory_bytes(key: &str) -> Option<u64> {
    meminfo(&fs::read_to_string(Path::new("/proc/meminfo")).ok()?, key)
}

fn meminfo(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `model name` on x86; on Arm, which has no such line, implementer and part numbers.
fn cpu_name(cpuinfo: &str) -> String {
    let field = |key: &str| {
        cpuinfo.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    if let Some(name) = field("model name").or_else(|| field("Model")) {
        return name;
    }
    match (field("CPU implementer"), field("CPU part")) {
        (Some(implementer), Some(part)) => {
            let maker = match implementer.as_str() {
                "0x41" => "Arm",
                "0x4e" => "NVIDIA",
                "0x61" => "Apple",
                "0xc0" => "Ampere",
                other => other,
            };
            format!("{maker} CPU part {part}")
        }
        _ => format!("{} CPU", std::env::consts::ARCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_named_on_x86_and_on_arm() {
        assert_eq!(cpu_name("processor : 0\nmodel name\t: AMD EPYC 9654\n"), "AMD EPYC 9654");
        let grace = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n";
        assert_eq!(cpu_name(grace), "Arm CPU part 0xd4f");
        assert!(cpu_name("").ends_with(" CPU"));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:       16384 kB\nMemFree:        1 kB\nMemAvailable:    8192 kB\n";
        assert_eq!(meminfo(text, "MemAvailable"), Some(8192 * 1024));
        assert_eq!(meminfo(text, "Mem"), None);
    }
}
