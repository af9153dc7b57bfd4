//! How busy the host is, from `/proc`.

use std::fs;

/// CPU time since the host was started, in clock ticks, of all cores together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTimes {
    total: u64,
    /// Taken away by the hypervisor.
    steal: u64,
}

impl CpuTimes {
    /// `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// `cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL GUEST GUEST_NICE`; the last two are in the first two.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        Some(Self { total: ticks.get(..8)?.iter().sum(), steal: ticks[7] })
    }

    /// The share of steal between `earlier` and this, in %.
    pub fn steal_pct_since(&self, earlier: &Self) -> f64 {
        let total = self.total.saturating_sub(earlier.total).max(1);
        100.0 * self.steal.saturating_sub(earlier.steal) as f64 / total as f64
    }
}

/// Load average of the last minute, per core of the host: the load is of all of it, whatever part of it is ours.
pub fn load_per_core() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    let cores = cores(&fs::read_to_string("/proc/stat").ok()?);
    (cores > 0).then(|| load / cores as f64)
}

/// The lines `cpu0`, `cpu1` … of `/proc/stat`.
fn cores(stat: &str) -> usize {
    let core = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    stat.lines().filter(core).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_the_share_that_the_hypervisor_took_meanwhile() {
        let times = |steal: u64, idle: u64| {
            CpuTimes::parse(&format!("cpu  10 0 10 {idle} 0 0 0 {steal} 5 0\ncpu0 1\n"))
                .expect("a line")
        };
        let share = times(30, 170).steal_pct_since(&times(10, 100));
        assert!((share - 100.0 * 20.0 / 90.0).abs() < 1e-9, "{share}");
        assert!(times(1, 1).steal_pct_since(&times(1, 1)).abs() < 1e-9, "no time, no share");
        assert_eq!(CpuTimes::parse("cpu 1 2 3"), None);
        assert_eq!(cores("cpu  1 2\ncpu0 1\ncpu1 2\nctxt 3\n"), 2);
    }
}
