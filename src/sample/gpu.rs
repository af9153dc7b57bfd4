//! Whether the GPUs were sound, alone and at their speed.

use std::time::Duration;

use jiff::Timestamp;

use super::{Check, Finding, Tolerances};
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
    /// NVML indices of the GPUs that the step had.
    pub gpus: &'a [u32],
    /// How long it measured: the rest is loading, warming up and tearing down.
    pub measured: Option<Duration>,
    /// Whether the numbers of processes mean anything here; in a container they are the host's.
    pub pids_are_ours: bool,
    /// Processes on the GPUs that are none of the step's, as far as that can be told.
    pub foreign: &'a [String],
}

/// What slows a GPU down against its will, apart from the power limit.
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
    let watched = match evidence {
        // A program of the CPU has no GPU to be wrong.
        GpuEvidence::NotUsed => return Vec::new(),
        GpuEvidence::Unknown(reason) => {
            return GPU_CHECKS.into_iter().map(|check| check.unverified(*reason)).collect();
        }
        GpuEvidence::Watched(watched) => watched,
    };
    let of = |check: Check, judge: &dyn Fn(&Seen<'_>) -> Finding| {
        let findings = watched.gpus.iter().map(|index| match watched.seen(*index, tolerances) {
            Some(seen) => judge(&seen),
            // That it should have answered is a matter of faults.
            None => check.unverified(format!("GPU {index} never answered")),
        });
        worst(check, findings)
    };
    vec![
        of(Check::Throttling, &|gpu| throttling(gpu, tolerances)),
        of(Check::ClockSpread, &|gpu| clock_spread(gpu, tolerances)),
        foreign_process(watched),
        worst(Check::Faults, watched.gpus.iter().map(|index| faults(watched, *index))),
        of(Check::MemoryBefore, &|gpu| memory_before(gpu, tolerances)),
    ]
}

/// The first of the worst.
fn worst(check: Check, findings: impl Iterator<Item = Finding>) -> Finding {
    let worse = |one: Finding, other: Finding| {
        if other.standing > one.standing { other } else { one }
    };
    findings.reduce(worse).unwrap_or_else(|| check.unverified("no GPU was watched"))
}

/// What was read of one GPU.
struct Seen<'a> {
    index: u32,
    /// From before the step to after it.
    readings: Vec<&'a Reading>,
    /// Those while it was busy measuring.
    busy: Vec<&'a Reading>,
    /// How long the step took, and how long of it was measured, in s.
    lasted: f64,
    measured: f64,
}

impl Watched<'_> {
    fn seen(&self, index: u32, tolerances: &Tolerances) -> Option<Seen<'_>> {
        let timed: Vec<(Timestamp, &Reading)> = self
            .moments
            .iter()
            .flat_map(|moment| moment.gpus.iter().map(|gpu| (moment.at, gpu)))
            .filter(|(_, gpu)| gpu.index == index)
            .collect();
        let (first, last) = (timed.first()?.0, timed.last()?.0);
        let lasted = last.duration_since(first).as_secs_f64().max(1e-9);
        let is_busy = |reading: &Reading| {
            reading.utilization_pct.is_some_and(|busy| busy >= tolerances.busy_pct)
        };
        let busy = timed.iter().filter(|(_, reading)| is_busy(reading));
        // The measurement is the last thing that a bench does with its GPUs.
        let end = busy.clone().next_back().map(|(at, _)| *at);
        let measured = self.measured.map_or(lasted, |it| it.as_secs_f64()).clamp(1e-9, lasted);
        let within =
            |at: Timestamp| end.is_some_and(|end| end.duration_since(at).as_secs_f64() <= measured);
        let busy = busy.filter(|(at, _)| within(*at)).map(|(_, reading)| *reading).collect();
        let readings = timed.iter().map(|(_, reading)| *reading).collect();
        Some(Seen { index, readings, busy, lasted, measured })
    }
}

/// Counters see what happens between two samples, but not when; samples see when, but not all.
fn throttling(gpu: &Seen<'_>, tolerances: &Tolerances) -> Finding {
    let index = gpu.index;
    let counted = |counter: &dyn Fn(&Reading) -> Option<u64>| {
        let mut values = gpu.readings.iter().filter_map(|reading| counter(reading));
        let first = values.next()?;
        Some(values.next_back()?.saturating_sub(first) as f64 / 1e9)
    };
    let allowed = tolerances.throttled_pct / 100.0 * gpu.measured;
    // What is longer than the rest of the step must have been while it measured.
    let elsewhere = gpu.lasted - gpu.measured;
    let mut found = Vec::new();
    for (cause, seconds) in [
        ("temperature", counted(&|it| it.violations.thermal_ns)),
        ("a limit of its board", counted(&|it| it.violations.board_ns)),
        ("voltage", counted(&|it| it.violations.reliability_ns)),
    ] {
        let Some(seconds) = seconds else {
            let text = format!("GPU {index} does not count how long it is slowed down for {cause}");
            found.push(Check::Throttling.unverified(text));
            continue;
        };
        let text = format!("GPU {index} was slowed down {seconds:.1} s for {cause}");
        if seconds > elsewhere + allowed {
            found.push(Check::Throttling.invalid(text));
        } else if seconds > allowed {
            found
                .push(Check::Throttling.unverified(format!("{text}, maybe not while it measured")));
        }
    }
    let bits: Vec<u64> =
        gpu.busy.iter().filter_map(|it| it.throttle_reasons).map(|bits| bits & SLOWED).collect();
    let hits = bits.iter().filter(|bits| **bits != 0).count();
    // One look says little of a second, two in a row of looks that this happens.
    if hits > 1 && 100.0 * hits as f64 > tolerances.throttled_pct * bits.len() as f64 {
        let words = reasons::words(bits.iter().fold(0, |all, bits| all | bits));
        let text = format!(
            "GPU {index} was slowed down in {hits} of {} busy samples: {words}",
            bits.len()
        );
        found.push(Check::Throttling.invalid(text));
    }
    match counted(&|it| it.violations.power_ns) {
        None => {
            let text = format!("GPU {index} does not count how long it is at its power limit");
            found.push(Check::Throttling.unverified(text));
        }
        // A limit that holds the clock at one level changes the speed, not its comparability.
        Some(seconds) if seconds > allowed => {
            let clocks = clock_spread(gpu, tolerances);
            let text =
                format!("GPU {index} was at its power limit {seconds:.1} s; {}", clocks.text);
            found.push(Finding { check: Check::Throttling, standing: clocks.standing, text });
        }
        Some(_) => found.push(Check::Throttling.verified(format!("GPU {index} was not throttled"))),
    }
    worst(Check::Throttling, found.into_iter())
}

fn clock_spread(gpu: &Seen<'_>, tolerances: &Tolerances) -> Finding {
    let index = gpu.index;
    let mut clocks: Vec<u32> = gpu.busy.iter().filter_map(|it| it.sm_clock_mhz).collect();
    if clocks.len() < tolerances.busy_samples {
        let seen = clocks.len();
        return Check::ClockSpread
            .unverified(format!("GPU {index} was seen busy measuring {seen} times only"));
    }
    clocks.sort_unstable();
    let (low, middle, high) = (rank(&clocks, 5), rank(&clocks, 50), rank(&clocks, 95));
    let spread = 100.0 * f64::from(high - low) / f64::from(middle.max(1));
    let text =
        format!("SM clock of GPU {index} {middle} MHz, 5th to 95th percentile {low} to {high}");
    if spread <= tolerances.steady_clock_pct {
        Check::ClockSpread.verified(text)
    } else if spread <= tolerances.unsteady_clock_pct || clocks.len() < OUTLIERS {
        Check::ClockSpread.unverified(text)
    } else {
        Check::ClockSpread.invalid(text)
    }
}

/// With fewer samples the 5th percentile is the smallest, and one look decides.
const OUTLIERS: usize = 21;

/// Nearest-rank percentile of sorted values.
fn rank(sorted: &[u32], percent: usize) -> u32 {
    let rank = (percent * sorted.len()).div_ceil(100).max(1);
    sorted[rank - 1]
}

fn foreign_process(watched: &Watched<'_>) -> Finding {
    if !watched.foreign.is_empty() {
        return Check::ForeignProcess.invalid(watched.foreign.join(", "));
    }
    let told = |moment: &Moment| {
        let told = moment.gpus.iter().filter(|gpu| gpu.processes.is_some()).count();
        told == watched.gpus.len()
    };
    if watched.moments.is_empty() || !watched.moments.iter().all(told) {
        return Check::ForeignProcess.unverified("not every look tells of processes");
    }
    if watched.pids_are_ours {
        Check::ForeignProcess.verified("none")
    } else {
        Check::ForeignProcess
            .unverified("none before; process numbers are those of another namespace")
    }
}

fn faults(watched: &Watched<'_>, index: u32) -> Finding {
    if watched.moments.is_empty() {
        return Check::Faults.unverified("nothing was read");
    }
    let all = watched.moments.iter().flat_map(|moment| &moment.gpus);
    let readings: Vec<&Reading> = all.filter(|gpu| gpu.index == index).collect();
    let xids = readings.iter().flat_map(|it| it.xids.iter().flatten());
    let xids: Vec<String> = xids.map(u64::to_string).collect();
    if !xids.is_empty() {
        return Check::Faults.invalid(format!("GPU {index}: XID {}", xids.join(", ")));
    }
    let missing = watched.moments.len().saturating_sub(readings.len());
    if missing > 0 {
        let looks = watched.moments.len();
        return Check::Faults
            .invalid(format!("GPU {index} did not answer {missing} of {looks} times"));
    }
    let ends = readings.first().zip(readings.last());
    let errors = ends.and_then(|(first, last)| {
        Some(last.ecc_uncorrected?.saturating_sub(first.ecc_uncorrected?))
    });
    if errors.is_some_and(|errors| errors > 0) {
        let errors = errors.unwrap_or(0);
        return Check::Faults
            .invalid(format!("GPU {index}: {errors} memory errors beyond correction"));
    }
    if errors.is_none() {
        Check::Faults.unverified(format!("GPU {index} does not count memory errors"))
    } else if readings.iter().any(|it| it.xids.is_none()) {
        Check::Faults.unverified(format!("GPU {index} does not tell of XIDs"))
    } else {
        Check::Faults.verified("none")
    }
}

fn memory_before(gpu: &Seen<'_>, tolerances: &Tolerances) -> Finding {
    let index = gpu.index;
    let Some(bytes) = gpu.readings.first().and_then(|reading| reading.memory_used_bytes) else {
        return Check::MemoryBefore.unverified(format!("GPU {index} does not tell its memory"));
    };
    let mib = bytes >> 20;
    let text = format!("{mib} MiB on GPU {index}");
    if mib <= tolerances.empty_memory_mib {
        Check::MemoryBefore.verified(text)
    } else {
        Check::MemoryBefore.invalid(text)
    }
}

impl Check {
    /// Whether it judges the GPUs, and not what the program did with them.
    pub fn is_of_gpus(self) -> bool {
        GPU_CHECKS.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Standing;

    #[test]
    fn the_worst_of_several_gpus_counts_and_of_equals_the_first() {
        let good = |text: &str| Check::Faults.verified(text);
        let bad = Check::Faults.invalid("GPU 1");
        let findings = vec![good("GPU 0"), bad.clone(), Check::Faults.unverified("GPU 2")];
        assert_eq!(worst(Check::Faults, findings.into_iter()), bad);
        let findings = vec![good("GPU 0"), good("GPU 1")];
        assert_eq!(worst(Check::Faults, findings.into_iter()), good("GPU 0"));
        let nothing = worst(Check::Faults, std::iter::empty());
        assert_eq!(nothing.standing, Standing::Unverified);
    }
}
