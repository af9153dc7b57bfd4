//! `trtllm-perf gpus`: what the harness sees of the GPUs here, and recordings of it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::gpu::{self, Driver, FormFactor, Gpu, Gpus, Memory, RecordingWriter};

/// Show the GPUs of this machine as the harness sees them, or record what they do.
#[derive(Debug, clap::Args)]
pub struct GpusArgs {
    /// One JSON object for all GPUs instead of a line each.
    #[arg(long)]
    pub json: bool,
    /// Write readings to FILE, to be played back with `run --gpu-recording FILE`.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub record: Option<PathBuf>,
    /// How long to record.
    #[arg(long, value_name = "SECS", default_value_t = 60, requires = "record")]
    pub seconds: u64,
    /// Time from reading to reading.
    #[arg(long, value_name = "MS", default_value_t = 1000, requires = "record", value_parser = clap::value_parser!(u64).range(1..))]
    pub interval: u64,
    /// Show the GPUs of a recording instead of this machine's.
    #[arg(long, value_name = "FILE")]
    pub gpu_recording: Option<PathBuf>,
}

/// Prints or records.
///
/// # Errors
/// When there is no driver, it does not answer, or the recording cannot be written.
pub fn run(args: GpusArgs) -> anyhow::Result<()> {
    let driver = gpu::driver(args.gpu_recording.as_deref())?;
    let gpus = driver.gpus()?;
    if let Some(path) = &args.record {
        let mut writer = RecordingWriter::create(path, &driver.source(), gpus.clone())?;
        let indices: Vec<u32> = gpus.devices.iter().map(|gpu| gpu.index).collect();
        let begun = Instant::now();
        let interval = Duration::from_millis(args.interval);
        let end = Duration::from_secs(args.seconds);
        for turn in 1.. {
            writer.add(&gpu::look(driver.as_ref(), &indices, None, true))?;
            if begun.elapsed() >= end {
                eprintln!("{}: {turn} readings of {} GPUs", path.display(), indices.len());
                return Ok(());
            }
            thread::sleep(interval.saturating_mul(turn).min(end).saturating_sub(begun.elapsed()));
        }
    }
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&gpus)?)
    } else {
        table(&gpus, driver.as_ref())
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The GPUs for people, with what they do now.
fn table(gpus: &Gpus, driver: &dyn Driver) -> String {
    let version = gpus.driver_version.as_deref().unwrap_or("unknown");
    let cuda = gpus.cuda_version.as_deref().unwrap_or("unknown");
    let mut text = format!("driver {version}, CUDA up to {cuda} ({})\n", driver.source());
    for gpu in &gpus.devices {
        text.push_str(&format!("{}: {}\n", gpu.title(), describe(gpu)));
        match driver.read(gpu.index, false) {
            Err(error) => text.push_str(&format!("  {error}\n")),
            Ok(now) => {
                let words = [
                    now.sm_clock_mhz.map(|mhz| format!("SM {mhz} MHz")),
                    now.utilization_pct.map(|pct| format!("busy {pct} %")),
                    now.memory_used_bytes.map(|bytes| format!("{} MiB in use", bytes >> 20)),
                    now.power_mw.map(|mw| format!("{} W", mw / 1000)),
                    now.temperature_c.map(|c| format!("{c} °C")),
                    now.processes.map(|processes| format!("{} processes", processes.len())),
                ];
                text.push_str(&format!("  {}\n", joined(words)));
            }
        }
    }
    gpus.lost.iter().for_each(|lost| text.push_str(&format!("{lost}\n")));
    text
}

fn describe(gpu: &Gpu) -> String {
    let mode = |on: Option<bool>, word: &str| {
        on.map(|on| format!("{word} {}", if on { "on" } else { "off" }))
    };
    let words = [
        Some(gpu.name.clone()),
        FormFactor::of(&gpu.name).map(|form| form.word().to_owned()),
        match gpu.memory {
            Memory::Bytes(bytes) => Some(format!("{} MiB", bytes >> 20)),
            Memory::NotSupported | Memory::Unknown => None,
        },
        gpu.compute_capability.map(|it| format!("compute {}.{}", it.major, it.minor)),
        gpu.power_limit_mw.map(|mw| format!("limit {} W", mw / 1000)),
        mode(gpu.ecc, "ECC"),
        mode(gpu.mig, "MIG"),
        mode(gpu.persistence, "persistence"),
        (gpu.shareable == Some(false)).then(|| "exclusive compute mode".to_owned()),
    ];
    joined(words)
}

fn joined(words: impl IntoIterator<Item = Option<String>>) -> String {
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
