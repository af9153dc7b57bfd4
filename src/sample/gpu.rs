//! Whether the GPUs were sound, alone and at their speed.

use std::time::Duration;

use super::{Check, Finding, Standing, Tolerances};
use crate::gpu::{Moment, Reading, reasons};

/// What is known of the GPUs of a step.
#[derive(Debug)]
pub enum GpuEvidence<'a> {
    /// The step uses none.
    NotUsed,
    /// They could not be watched; why.
    Unknown(&'a str),
    Watched(Watched<'a>),
}

/// GPUs that were read while a step ran.
#[derive(Debug)]
pub struct Watched<'a> {
    /// From before the step began to after it had ended.
    pub moments: &'a [Moment],
    /// How many GPUs the step had.
    pub gpus: usize,
    /// Whether the numbers of processes mean anything here; in a container they are the host's.
    pub pids_are_ours: bool,
    /// Processes on the GPUs that are none of the step's, as far as that can be told.
    pub foreign: &'a [String],
}

const SLOWED: u64 =
    reasons::HW_SLOWDOWN | reasons::SW_THERMAL | reasons::HW_THERMAL | reasons::POWER_BRAKE;
const GPU_CHECKS: [Check; 5] = [
    Check::Throttling,
    Check::ClockSpread,
    Check::ForeignProcess,
    Check::Faults,
    Check::MemoryBefore,
];

pub(super) fn findings(evidence: &GpuEvidence<'_>, tolerances: &Tolerances) -> Vec<Finding> {
    match evidence {
        // A program of the CPU has no GPU to be wrong.
        GpuEvidence::NotUsed => Vec::new(),
        GpuEvidence::Unknown(reason) => {
            GPU_CHECKS.into_iter().map(|check| check.unverified(*reason)).collect()
        }
        GpuEvidence::Watched(watched) => {
            let clocks = clock_spread(watched, tolerances);
            vec![
                throttling(watched, &clocks, tolerances),
                clocks,
                foreign_process(watched),
                faults(watched),
                memory_before(watched, tolerances),
            ]
        }
    }
}

impl Watched<'_> {
    /// The readings of each GPU, in time.
    fn by_gpu(&self) -> Vec<Vec<&Reading>> {
        let mut indices: Vec<u32> =
            self.moments.iter().flat_map(|it| &it.gpus).map(|gpu| gpu.index).collect();
        indices.sort_unstable();
        indices.dedup();
        let of = |index: u32| {
            let all = self.moments.iter().flat_map(|moment| &moment.gpus);
            all.filter(|gpu| gpu.index == index).collect()
        };
        indices.into_iter().map(of).collect()
    }

    fn lasted(&self) -> Duration {
        match (self.moments.first(), self.moments.last()) {
            (Some(first), Some(last)) => last.at.duration_since(first.at).unsigned_abs(),
            _ => Duration::ZERO,
        }
    }
}

/// Counters see what happens between two samples; samples see what a driver does not count.
fn throttling(watched: &Watched<'_>, clocks: &Finding, tolerances: &Tolerances) -> Finding {
    if watched.moments.len() < 2 {
        return Check::Throttling.unverified("the GPUs were read less than twice");
    }
    let lasted = watched.lasted().as_secs_f64().max(1e-9);
    let by_gpu = watched.by_gpu();
    let found = by_gpu.iter().flat_map(|readings| slowed(readings, lasted, clocks, tolerances));
    let mut worst = match by_gpu.is_empty() {
        true => Check::Throttling.unverified("no GPU answered"),
        false => Check::Throttling.verified("not throttled"),
    };
    for finding in found {
        if finding.standing >= worst.standing {
            worst = finding;
        }
    }
    worst
}

/// Everything that slowed one GPU down.
fn slowed(
    readings: &[&Reading],
    lasted: f64,
    clocks: &Finding,
    tolerances: &Tolerances,
) -> Vec<Finding> {
    let index = readings[0].index;
    let mut found = Vec::new();
    let share = |counter: &dyn Fn(&Reading) -> Option<u64>| {
        let mut values = readings.iter().filter_map(|reading| counter(reading));
        let first = values.next()?;
        let nanoseconds = values.next_back()?.saturating_sub(first);
        Some(100.0 * nanoseconds as f64 / 1e9 / lasted)
    };
    let beyond = |share: &f64| *share > tolerances.throttled_pct;
    let power = share(&|it| it.violations.power_ns);
    if power.is_none() {
        let text = format!("GPU {index} does not count how long it is throttled");
        found.push(Check::Throttling.unverified(text));
    }
    if let Some(power) = power.filter(beyond) {
        // A limit that holds the clock at one level changes the speed, not its comparability.
        let text =
            format!("GPU {index} was at its power limit {power:.1} % of the time; {}", clocks.text);
        found.push(Finding { check: Check::Throttling, standing: clocks.standing, text });
    }
    let causes = [
        ("temperature", share(&|it| it.violations.thermal_ns)),
        ("a limit of its board", share(&|it| it.violations.board_ns)),
        ("voltage", share(&|it| it.violations.reliability_ns)),
    ];
    for (cause, share) in causes {
        if let Some(share) = share.filter(beyond) {
            let text = format!("GPU {index} was slowed down {share:.1} % of the time for {cause}");
            found.push(Check::Throttling.invalid(text));
        }
    }
    let bits: Vec<u64> =
        readings.iter().filter_map(|it| it.throttle_reasons).map(|bits| bits & SLOWED).collect();
    let hits = bits.iter().filter(|bits| **bits != 0).count();
    if beyond(&(100.0 * hits as f64 / bits.len().max(1) as f64)) {
        let words = reasons::words(bits.iter().fold(0, |all, bits| all | bits));
        let text =
            format!("GPU {index} was slowed down in {hits} of {} samples: {words}", bits.len());
        found.push(Check::Throttling.invalid(text));
    }
    found
}

fn clock_spread(watched: &Watched<'_>, tolerances: &Tolerances) -> Finding {
    let mut worst: Option<(f64, String)> = None;
    for readings in watched.by_gpu() {
        let busy = |it: &&&Reading| it.utilization_pct.is_some_and(|it| it >= tolerances.busy_pct);
        let clocks = readings.iter().filter(busy).filter_map(|it| it.sm_clock_mhz);
        let mut clocks: Vec<u32> = clocks.collect();
        let index = readings[0].index;
        if clocks.len() < tolerances.busy_samples {
            return Check::ClockSpread
                .unverified(format!("GPU {index} was seen busy {} times only", clocks.len()));
        }
        clocks.sort_unstable();
        let (low, middle, high) = (rank(&clocks, 5), rank(&clocks, 50), rank(&clocks, 95));
        let spread = 100.0 * f64::from(high - low) / f64::from(middle.max(1));
        let text =
            format!("SM clock of GPU {index} {middle} MHz, 5th to 95th percentile {low} to {high}");
        if worst.as_ref().is_none_or(|(known, _)| spread > *known) {
            worst = Some((spread, text));
        }
    }
    match worst {
        None => Check::ClockSpread.unverified("no GPU answered"),
        Some((spread, text)) if spread <= tolerances.steady_clock_pct => {
            Check::ClockSpread.verified(text)
        }
        Some((spread, text)) if spread <= tolerances.unsteady_clock_pct => {
            Check::ClockSpread.unverified(text)
        }
        Some((_, text)) => Check::ClockSpread.invalid(text),
    }
}

/// Nearest-rank percentile of sorted values.
fn rank(sorted: &[u32], percent: usize) -> u32 {
    let rank = (percent * sorted.len()).div_ceil(100).max(1);
    sorted[rank - 1]
}

fn foreign_process(watched: &Watched<'_>) -> Finding {
    if !watched.foreign.is_empty() {
        return Check::ForeignProcess.invalid(watched.foreign.join(", "));
    }
    let told = |moment: &Moment| moment.gpus.iter().all(|gpu| gpu.processes.is_some());
    if !watched.moments.iter().all(told) || watched.moments.is_empty() {
        return Check::ForeignProcess.unverified("the driver does not tell of processes");
    }
    if watched.pids_are_ours {
        Check::ForeignProcess.verified("none")
    } else {
        Check::ForeignProcess
            .unverified("none before and after; process numbers are those of another namespace")
    }
}

fn faults(watched: &Watched<'_>) -> Finding {
    let mut unknown = Vec::new();
    for readings in watched.by_gpu() {
        let index = readings[0].index;
        let xids: Vec<String> =
            readings.iter().flat_map(|it| it.xids.iter().flatten()).map(u64::to_string).collect();
        if !xids.is_empty() {
            return Check::Faults.invalid(format!("GPU {index}: XID {}", xids.join(", ")));
        }
        let mut errors = readings.iter().filter_map(|it| it.ecc_uncorrected);
        if let (Some(first), Some(last)) = (errors.next(), errors.next_back())
            && last > first
        {
            let errors = last - first;
            return Check::Faults
                .invalid(format!("GPU {index}: {errors} memory errors beyond correction"));
        }
        if readings.len() < watched.moments.len() {
            return Check::Faults.invalid(format!(
                "GPU {index} did not answer {} of {} times",
                watched.moments.len() - readings.len(),
                watched.moments.len()
            ));
        }
        if readings.iter().all(|it| it.ecc_uncorrected.is_none()) {
            unknown.push(format!("GPU {index} does not count memory errors"));
        }
        if readings.iter().all(|it| it.xids.is_none()) {
            unknown.push(format!("GPU {index} does not tell of XIDs"));
        }
    }
    if watched.by_gpu().len() < watched.gpus {
        return Check::Faults.invalid("a GPU never answered");
    }
    if unknown.is_empty() {
        Check::Faults.verified("none")
    } else {
        Check::Faults.unverified(unknown.join(", "))
    }
}

fn memory_before(watched: &Watched<'_>, tolerances: &Tolerances) -> Finding {
    let Some(first) = watched.moments.first() else {
        return Check::MemoryBefore.unverified("no GPU answered");
    };
    let mut standing = Standing::Verified;
    let mut words = Vec::new();
    for gpu in &first.gpus {
        let Some(bytes) = gpu.memory_used_bytes else {
            return Check::MemoryBefore
                .unverified(format!("GPU {} does not tell its memory", gpu.index));
        };
        let mib = bytes >> 20;
        if mib > tolerances.empty_memory_mib {
            standing = Standing::Invalid;
        }
        words.push(format!("{mib} MiB on GPU {}", gpu.index));
    }
    Finding { check: Check::MemoryBefore, standing, text: words.join(", ") }
}
