//! Whether the host was quiet.

use super::{Check, Finding, Tolerances};

/// What the host did while a step ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostLoad {
    /// CPU time that the hypervisor gave to others, in % of all CPU time.
    pub steal_pct: f64,
    /// Load average of the minute before the step, per core.
    pub load_before_per_core: f64,
}

/// Never invalid: a bench on GPUs hardly feels it, and the figures say nothing of which process suffered.
pub(super) fn finding(load: Option<&HostLoad>, tolerances: &Tolerances) -> Finding {
    let Some(load) = load else { return Check::Host.unverified("/proc does not tell") };
    let text = format!(
        "CPU steal {:.1} %, load {:.2} a core before",
        load.steal_pct, load.load_before_per_core
    );
    let quiet = load.steal_pct <= tolerances.cpu_steal_pct
        && load.load_before_per_core <= tolerances.cpu_load_per_core;
    if quiet { Check::Host.verified(text) } else { Check::Host.unverified(text) }
}
