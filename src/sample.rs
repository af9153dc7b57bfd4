//! Station 8, samples: what is known about the validity of the numbers of a step.
//!
//! Pure: readings of GPUs, the report and what the plan asked for go in, a [`Certificate`] comes out. A check that could
//! not be made is `unverified`, never silently passed.

mod bench;
mod gpu;
mod host;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use bench::Planned;
pub use gpu::{GpuEvidence, Watched};
pub use host::HostLoad;

use crate::logs::Observations;

/// Figures of `perf-tests/certificate.yml`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerances {
    sample_interval_ms: u64,
    pub throttled_pct: f64,
    pub steady_clock_pct: f64,
    pub unsteady_clock_pct: f64,
    pub busy_pct: u32,
    pub busy_samples: usize,
    pub empty_memory_mib: u64,
    empty_within_s: u64,
    pub tokens_pct: f64,
    pub steady_turnover: f64,
    pub cpu_steal_pct: f64,
    pub cpu_load_per_core: f64,
}

impl Tolerances {
    /// Reads the table.
    ///
    /// # Errors
    /// When the text is not such a table.
    pub fn parse(yaml: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(yaml)
    }

    /// Time from reading to reading of the GPUs.
    pub fn sample_interval(&self) -> Duration {
        Duration::from_millis(self.sample_interval_ms.max(1))
    }

    /// How long a GPU may take to become empty.
    pub fn empty_within(&self) -> Duration {
        Duration::from_secs(self.empty_within_s)
    }
}

/// What is looked at, in the order of the columns of `perf_samples.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The GPUs were not slowed down against their will.
    Throttling,
    /// The SM clock was steady.
    ClockSpread,
    /// Nobody else used the GPUs.
    ForeignProcess,
    /// No memory error and no critical fault (XID).
    Faults,
    /// The GPUs were empty before.
    MemoryBefore,
    /// The program warmed up.
    WarmUp,
    /// As many requests as planned.
    Requests,
    /// As many tokens a request as planned.
    Tokens,
    /// The run is long enough for ramp-up and drain not to count.
    SteadyState,
    /// The log holds one report.
    OneReport,
    /// The numbers are the report's own, not read off its printed text.
    Sources,
    /// The host was quiet.
    Host,
}

impl Check {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::Throttling,
        Self::ClockSpread,
        Self::ForeignProcess,
        Self::Faults,
        Self::MemoryBefore,
        Self::WarmUp,
        Self::Requests,
        Self::Tokens,
        Self::SteadyState,
        Self::OneReport,
        Self::Sources,
        Self::Host,
    ];

    /// The column's name, e.g. `clock_spread`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Throttling => "throttling",
            Self::ClockSpread => "clock_spread",
            Self::ForeignProcess => "foreign_process",
            Self::Faults => "faults",
            Self::MemoryBefore => "memory_before",
            Self::WarmUp => "warm_up",
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::SteadyState => "steady_state",
            Self::OneReport => "one_report",
            Self::Sources => "sources",
            Self::Host => "host",
        }
    }
}

/// What came of a check, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Verified,
    /// It could not be made, or only in part.
    Unverified,
    Invalid,
}

impl Standing {
    /// `verified`, `unverified` or `invalid`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Invalid => "invalid",
        }
    }
}

/// One check and what it found, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub check: Check,
    pub standing: Standing,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.check.word(), self.standing.word(), self.text)
    }
}

/// What is known about the validity of a step's numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Certificate(Vec<Finding>);

/// Everything a certificate is made from.
#[derive(Debug)]
pub struct Evidence<'a> {
    pub gpus: GpuEvidence<'a>,
    pub observed: &'a Observations,
    pub planned: Planned,
    pub host: Option<HostLoad>,
}

impl Certificate {
    /// Judges the evidence.
    pub fn new(evidence: &Evidence<'_>, tolerances: &Tolerances) -> Self {
        let mut findings = gpu::findings(&evidence.gpus, tolerances);
        findings.extend(bench::findings(evidence.observed, &evidence.planned, tolerances));
        findings.push(host::finding(evidence.host.as_ref(), tolerances));
        Self(findings)
    }

    /// The worst of its checks; unverified when there are none.
    pub fn standing(&self) -> Standing {
        self.0.iter().map(|finding| finding.standing).max().unwrap_or(Standing::Unverified)
    }

    /// The findings, in order. A check that means nothing for the step, as of a GPU for a program of the CPU, is absent.
    pub fn findings(&self) -> &[Finding] {
        &self.0
    }

    /// The findings of this standing.
    pub fn with(&self, standing: Standing) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(move |finding| finding.standing == standing)
    }

    /// What a check came to.
    pub fn get(&self, check: Check) -> Option<&Finding> {
        self.0.iter().find(|finding| finding.check == check)
    }
}

impl Check {
    fn verified(self, text: impl Into<String>) -> Finding {
        Finding { check: self, standing: Standing::Verified, text: text.into() }
    }

    fn unverified(self, text: impl Into<String>) -> Finding {
        Finding { check: self, standing: Standing::Unverified, text: text.into() }
    }

    fn invalid(self, text: impl Into<String>) -> Finding {
        Finding { check: self, standing: Standing::Invalid, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_as_good_as_its_worst_check() {
        let good = Check::Requests.verified("3");
        let unknown = Check::Faults.unverified("no driver");
        let bad = Check::OneReport.invalid("2 reports");
        assert_eq!(Certificate(vec![good.clone()]).standing(), Standing::Verified);
        assert_eq!(
            Certificate(vec![good.clone(), unknown.clone()]).standing(),
            Standing::Unverified
        );
        assert_eq!(Certificate(vec![bad.clone(), unknown, good]).standing(), Standing::Invalid);
        assert_eq!(
            Certificate::default().standing(),
            Standing::Unverified,
            "nothing was looked at"
        );
        assert_eq!(bad.to_string(), "one_report: invalid (2 reports)");
    }

    #[test]
    fn columns_are_the_words_of_the_file() {
        for check in Check::ALL {
            let word = serde_json::to_value(check).expect("a word");
            assert_eq!(word, check.word());
        }
    }
}
