//! Makes a history of 60 nights from one real run: each number times a stated synthetic noise. Nothing of it was measured,
//! and every run says so (`Origin::Synthetic`).
//!
//!     demo_history OUTPUT_DIR HISTORY.sqlite
//!
//! The noise of a case is normal on the logarithm, with a standard deviation between 0.4 % and 2.5 % that its label draws.
//! Release 1.2.0 is 4 % faster for half of the cases, 1.3.0rc1 makes 3 % of them 15 % slower from its second night on, and 3 % in the last night. About one
//! attempt in 150 fails, one in 120 passes on its second attempt, one in 100 is throttled and invalid.

use std::error::Error;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use trtllm_perf::history::source::read_run_folder;
use trtllm_perf::history::{
    About, Annotation, Aspect, AttemptRecord, Ended, Entry, Facts, Invalidation, Made, Mode,
    Origin, Place, RunRecord,
};
use trtllm_perf::metric::Better;
use trtllm_perf::record::OutputDir;
use trtllm_perf::record::result::State;
use trtllm_perf::sample::Certificate;
use trtllm_perf::tables::Tables;

const NIGHTS: i64 = 60;
const SEED: u64 = 20_261_124;

/// First night of each release.
const RELEASES: [(i64, &str); 4] =
    [(0, "1.1.0"), (18, "1.2.0rc2"), (36, "1.2.0"), (52, "1.3.0rc1")];

/// Random numbers that are the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn of(words: &[&str]) -> Self {
        let mut random = Self(SEED);
        for byte in words.iter().flat_map(|word| word.bytes()) {
            random.0 ^= u64::from(byte);
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(output), Some(history)) = (words.next(), words.next()) else {
        return Err("usage: demo_history OUTPUT_DIR HISTORY.sqlite".into());
    };
    let tables = Tables::load(None)?;
    let run = OutputDir::new(output).newest_run()?;
    let base = read_run_folder(&run, &tables.models)?;
    let newest: Timestamp = "2026-11-24T01:30:00Z".parse()?;
    let night = |night: i64| newest - SignedDuration::from_hours(24 * (NIGHTS - 1 - night));
    let mut store = Place::File(PathBuf::from(history)).open(Mode::Create)?;
    let mut runs = (0..NIGHTS).map(|number| synthetic(&base, number, night(number)));
    let appended = store.append(&mut runs)?;
    let made = Made { at: newest, by: "demo_history".to_owned() };
    store.add(&Entry::Annotation(Annotation {
        made: made.clone(),
        about: About::Time(night(27)),
        case: None,
        text: "synthetic remark: new node image".to_owned(),
    }))?;
    store.add(&Entry::Invalidation(Invalidation {
        made,
        run_id: id(night(44)),
        case: Some("*deep_gqa*".to_owned()),
        metric: None,
        reason: "synthetic: another job ran on the node".to_owned(),
        taken_back: false,
    }))?;
    println!(
        "{} runs, {} attempts, {} samples",
        appended.runs, appended.attempts, appended.samples
    );
    Ok(())
}

fn id(start: Timestamp) -> String {
    format!("synthetic-{}", start.strftime("%Y-%m-%d"))
}

fn release(night: i64) -> &'static str {
    RELEASES.iter().rfind(|(first, _)| *first <= night).map_or("1.1.0", |(_, name)| name)
}

fn synthetic(base: &RunRecord, night: i64, start: Timestamp) -> RunRecord {
    let mut at = start;
    let mut attempts = Vec::new();
    for (place, measured) in base.attempts.iter().enumerate() {
        // One case was dropped from the list in the last night.
        if night < NIGHTS - 1 || place != 97 {
            attempts.extend(attempts_of(measured, night, &mut at));
        }
    }
    RunRecord {
        id: id(start),
        origin: Origin::Synthetic,
        started: start,
        ended: Some(at),
        prefix: Some("SYNTHETIC_DEMO".to_owned()),
        release: Some(release(night).to_owned()),
        facts: base.facts.clone(),
        attempts,
        problems: Vec::new(),
    }
}

fn attempts_of(measured: &AttemptRecord, night: i64, at: &mut Timestamp) -> Vec<AttemptRecord> {
    let label = measured.case.label.as_str();
    let mut of_case = Random::of(&[label]);
    let noise = 0.004 + 0.021 * of_case.share().powi(2);
    let (gains, loses) = (of_case.share() < 0.5, of_case.share());
    let mut speed = 1.0;
    if gains && night >= 36 {
        speed *= 1.04;
    }
    if loses < 0.03 && night >= 53 || loses > 0.97 && night == NIGHTS - 1 {
        speed *= 0.85;
    }
    let mut facts = Facts::clone(&measured.facts);
    facts.insert(Aspect::EngineVersion, release(night).to_owned());
    let mut of_night = Random::of(&[label, &night.to_string()]);
    let fate = of_night.share();
    let mut one = |number: u32, ended: Ended, state: State| {
        let took = measured.end.duration_since(measured.start);
        let start = *at;
        *at += took;
        let drift = (noise * of_night.normal()).exp() * speed;
        let failed = matches!(&ended, Ended::Failed { kind, .. } if kind != "regression" && kind != "unmeasurable");
        let mut samples = measured.samples.clone();
        for sample in &mut samples {
            let own = drift * (noise * 0.3 * of_night.normal()).exp();
            sample.value *= if sample.metric.better() == Better::Higher { own } else { 1.0 / own };
            if state == State::Invalid {
                sample.value *= if sample.metric.better() == Better::Higher { 0.8 } else { 1.25 };
            }
            sample.state = state;
        }
        AttemptRecord {
            number,
            start,
            end: *at,
            ended,
            samples: if failed { Vec::new() } else { samples },
            certificate: if failed { None } else { certificate(measured, state) },
            facts: Facts::clone(&facts),
            ..measured.clone()
        }
    };
    let failure = |kind: &str, message: &str| Ended::Failed {
        kind: kind.to_owned(),
        message: format!("synthetic: {message}"),
    };
    if loses > 0.985 && night == NIGHTS - 1 {
        return vec![one(
            1,
            failure("regression", "slower than the baseline allows"),
            State::Valid,
        )];
    }
    match fate {
        _ if fate < 0.0025 => {
            vec![one(1, failure("gpu_oom", "the GPU is out of memory"), State::Valid)]
        }
        _ if fate < 0.005 => {
            vec![one(1, failure("hang", "silent and idle for 600 s"), State::Valid)]
        }
        _ if fate < 0.0067 => vec![one(1, failure("nccl", "a rank was lost"), State::Valid)],
        _ if fate < 0.015 => vec![
            one(1, failure("infra", "the node was not ready"), State::Valid),
            one(2, Ended::Flaky, State::Flaky),
        ],
        _ if fate < 0.025 => {
            vec![one(1, failure("unmeasurable", "the GPU was throttled"), State::Invalid)]
        }
        _ => vec![one(1, Ended::Passed, State::Valid)],
    }
}

/// That of the measured attempt; of an invalid one with a finding more.
fn certificate(measured: &AttemptRecord, state: State) -> Option<Certificate> {
    let known = measured.certificate.clone()?;
    if state != State::Invalid {
        return Some(known);
    }
    let mut findings = serde_json::to_value(&known).expect("a certificate is JSON");
    findings.as_array_mut()?.push(serde_json::json!({
        "check": "throttling", "standing": "invalid", "text": "synthetic: slowed down 12 % of the time",
    }));
    serde_json::from_value(findings).ok()
}
