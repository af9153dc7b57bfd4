//! Nights made by hand: one case with one throughput, with noise of half a per cent, and what was known of each.

use jiff::{SignedDuration, Timestamp};
use trtllm_perf::case::ModelTable;
use trtllm_perf::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Origin, RunRecord, SampleRecord,
};
use trtllm_perf::metric::{Limits, Metric};
use trtllm_perf::record::result::State;

pub const LLAMA: &str = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128";
pub const H100: &str = "H100_80GB_HBM3";

pub fn identity(label: &str) -> CaseIdentity {
    let models = include_str!("../../perf-tests/models.yml");
    CaseIdentity::of(label, &ModelTable::parse(models).expect("our table"))
}

/// Half past one of a night, from 0.
pub fn start(night: usize) -> Timestamp {
    let first: Timestamp = "2026-10-01T01:30:00Z".parse().expect("a time");
    first + SignedDuration::from_hours(24 * night as i64)
}

/// One night.
#[derive(Debug, Clone)]
pub struct Night {
    pub run_id: String,
    pub time: Timestamp,
    pub value: f64,
    pub state: State,
    pub release: Option<String>,
    pub origin: Origin,
    pub facts: Facts,
}

impl Night {
    pub fn with(mut self, aspect: Aspect, value: &str) -> Self {
        self.facts.insert(aspect, value.to_owned());
        self
    }

    pub fn release(mut self, release: &str) -> Self {
        self.release = Some(release.to_owned());
        self
    }

    /// The run of this night, of one case.
    pub fn run(&self, label: &str) -> RunRecord {
        let limits = Limits { threshold: -0.03, absolute_threshold: 10.0 };
        let sample = SampleRecord {
            metric: Metric::TokenThroughput,
            value: self.value,
            limits,
            state: self.state,
        };
        let case = identity(label);
        let attempt = AttemptRecord {
            test_name: format!("{H100}/perf/test_perf.py::test_perf[{}]", case.label),
            case,
            number: 1,
            start: self.time,
            end: self.time + SignedDuration::from_secs(90),
            ended: Ended::Passed,
            machine_class: H100.to_owned(),
            engine: "tensorrt_llm".to_owned(),
            facts: Facts::new(),
            samples: vec![sample],
            certificate: None,
        };
        RunRecord {
            id: self.run_id.clone(),
            origin: self.origin,
            started: self.time,
            ended: Some(attempt.end),
            prefix: Some(H100.to_owned()),
            release: self.release.clone(),
            facts: self.facts.clone(),
            attempts: vec![attempt],
            problems: Vec::new(),
        }
    }
}

/// So many nights of this level. All facts are known and the same.
pub fn nights(count: usize, level: impl Fn(usize) -> f64) -> Vec<Night> {
    let night = |night: usize| Night {
        run_id: format!("night-{night:02}"),
        time: start(night),
        value: level(night) * (1.0 + 0.005 * ((night * 41 % 101) as f64 / 50.0 - 1.0)),
        state: State::Valid,
        release: Some("1.1.0".to_owned()),
        origin: Origin::RunFolder,
        facts: Aspect::ALL.map(|aspect| (aspect, "same".to_owned())).into(),
    };
    (0..count).map(night).collect()
}

/// 1,000 until a night, 950 from it on: 5 % lost.
pub fn lost_at(at: usize) -> impl Fn(usize) -> f64 {
    move |night| if night < at { 1000.0 } else { 950.0 }
}
