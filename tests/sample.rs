//! Station 8, samples: certificates of readings that a real H100 gave, and of reports of all kinds.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use trtllm_perf::gpu::{self, Moment, Reading, Violations};
use trtllm_perf::logs::{self, Observations};
use trtllm_perf::sample::{
    Certificate, Check, Evidence, GpuEvidence, HostLoad, Planned, Standing, Tolerances, Watched,
};

fn tolerances() -> Tolerances {
    Tolerances::parse(include_str!("../perf-tests/certificate.yml")).expect("the table")
}

fn h100() -> Vec<Moment> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gpu/h100-gemm.jsonl");
    gpu::moments(Path::new(path)).expect("the recording").collect()
}

/// The report of 48 requests, 64 tokens in and 32 out.
fn observed() -> Observations {
    let file = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs").join(name);
    let (log, report) = (file("1.2-pytorch-streaming.log"), file("1.2-pytorch-streaming.json"));
    logs::observe(Some(&log), Some(&report), None).expect("a log")
}

const PLANNED: Planned = Planned { requests: 48, tokens: Some((64, 32)) };
const QUIET: HostLoad = HostLoad { steal_pct: 0.1, load_before_per_core: 0.2 };

fn certificate(gpus: GpuEvidence<'_>, observed: &Observations, planned: Planned) -> Certificate {
    let evidence = Evidence { gpus, observed, planned, host: Some(QUIET) };
    Certificate::new(&evidence, &tolerances())
}

fn of_gpus(moments: &[Moment]) -> Certificate {
    let watched =
        Watched { moments, gpus: &[0], measured: None, pids_are_ours: true, foreign: &[] };
    certificate(GpuEvidence::Watched(watched), &observed(), PLANNED)
}

fn of_bench(observed: &Observations, planned: Planned) -> Certificate {
    certificate(GpuEvidence::NotUsed, observed, planned)
}

#[track_caller]
fn standing(certificate: &Certificate, check: Check, expected: Standing, words: &str) {
    let finding = certificate.get(check).unwrap_or_else(|| panic!("no {}", check.word()));
    assert_eq!(finding.standing, expected, "{finding}");
    assert!(finding.text.contains(words), "{finding}");
}

/// The same for a step of which so many seconds were measured.
fn measured(moments: &[Moment], seconds: u64) -> Certificate {
    let measured = Some(Duration::from_secs(seconds));
    let watched = Watched { moments, gpus: &[0], measured, pids_are_ours: true, foreign: &[] };
    certificate(GpuEvidence::Watched(watched), &observed(), PLANNED)
}

#[test]
fn a_real_h100_at_its_power_limit_is_told_with_the_clock_that_it_held() {
    let certificate = of_gpus(&h100());
    let clocks = "SM clock of GPU 0 1305 MHz, 5th to 95th percentile 1200 to 1335";
    standing(&certificate, Check::ClockSpread, Standing::Unverified, clocks);
    standing(&certificate, Check::Throttling, Standing::Unverified, "at its power limit 25.3 s");
    standing(&certificate, Check::Faults, Standing::Verified, "none");
    standing(&certificate, Check::MemoryBefore, Standing::Verified, "0 MiB on GPU 0");
    standing(&certificate, Check::ForeignProcess, Standing::Verified, "none");
}

#[test]
fn clocks_are_judged_while_the_bench_measured_and_not_while_it_loaded() {
    // The card is warm by then, and its clock steady: the limit spoils nothing.
    let certificate = measured(&h100(), 18);
    standing(&certificate, Check::ClockSpread, Standing::Verified, "1320 MHz");
    standing(&certificate, Check::Throttling, Standing::Verified, "at its power limit");
}

#[test]
fn seconds_of_throttling_count_against_the_time_that_was_measured() {
    let slowed = |seconds: u64| {
        let mut moments = h100();
        let count = moments.len() as u64;
        for (place, moment) in moments.iter_mut().enumerate() {
            let so_far = seconds * 1_000_000_000 * place as u64 / (count - 1);
            moment.gpus[0].violations.thermal_ns = Some(so_far);
        }
        moments
    };
    // 2 of 45 s: while it measured for 40 s, or not; but of 44 s it must have been.
    let certificate = measured(&slowed(2), 40);
    standing(&certificate, Check::Throttling, Standing::Unverified, "maybe not while it measured");
    let certificate = measured(&slowed(4), 44);
    standing(&certificate, Check::Throttling, Standing::Invalid, "4.0 s for temperature");
    let mut seen = h100();
    for moment in &mut seen[20..22] {
        moment.gpus[0].throttle_reasons = Some(0x40);
    }
    let certificate = measured(&seen, 18);
    standing(
        &certificate,
        Check::Throttling,
        Standing::Invalid,
        "in 2 of 19 busy samples: hw_thermal",
    );
    seen[21].gpus[0].throttle_reasons = Some(0x4);
    let certificate = measured(&seen, 18);
    standing(&certificate, Check::Throttling, Standing::Verified, "");
}

#[test]
fn a_gpu_that_is_wrong_is_not_hidden_by_one_that_tells_nothing() {
    let mut moments = h100();
    for moment in &mut moments {
        let silent = Reading { index: 0, ..Reading::default() };
        let mut wrong = moment.gpus[0].clone();
        wrong.index = 1;
        wrong.memory_used_bytes = Some(9 << 30);
        moment.gpus = vec![silent, wrong];
    }
    let gpus = &[0, 1];
    let watched =
        Watched { moments: &moments, gpus, measured: None, pids_are_ours: true, foreign: &[] };
    let certificate = certificate(GpuEvidence::Watched(watched), &observed(), PLANNED);
    standing(&certificate, Check::MemoryBefore, Standing::Invalid, "9216 MiB on GPU 1");
}

#[test]
fn a_gpu_that_stops_to_answer_spoils_the_sample() {
    let mut moments = h100();
    moments[20].gpus.clear();
    standing(&of_gpus(&moments), Check::Faults, Standing::Invalid, "did not answer 1 of 46 times");
    moments.iter_mut().for_each(|moment| moment.gpus.clear());
    let certificate = of_gpus(&moments);
    standing(&certificate, Check::Faults, Standing::Invalid, "did not answer 46 of 46 times");
    standing(&certificate, Check::Throttling, Standing::Unverified, "GPU 0 never answered");
    standing(&certificate, Check::ForeignProcess, Standing::Unverified, "not every look");
    // Without a look nothing is known, and nothing wrong.
    let certificate = of_gpus(&[]);
    assert!(certificate.with(Standing::Invalid).next().is_none());
    standing(&certificate, Check::Faults, Standing::Unverified, "nothing was read");
}

#[test]
fn what_a_gpu_does_not_tell_is_not_verified() {
    let mut moments = h100();
    for reading in moments.iter_mut().flat_map(|moment| &mut moment.gpus) {
        *reading = Reading { index: 0, ..Reading::default() };
    }
    let certificate = of_gpus(&moments);
    for (check, words) in [
        (Check::Throttling, "does not count how long"),
        (Check::ClockSpread, "was seen busy measuring 0 times only"),
        (Check::ForeignProcess, "not every look tells of processes"),
        (Check::Faults, "does not count memory errors"),
        (Check::MemoryBefore, "does not tell its memory"),
    ] {
        standing(&certificate, check, Standing::Unverified, words);
    }
}

#[test]
fn a_report_as_planned_is_verified_and_one_that_is_not_is_invalid() {
    let observed = observed();
    let certificate = of_bench(&observed, PLANNED);
    for check in [Check::Requests, Check::Tokens, Check::SteadyState, Check::OneReport] {
        standing(&certificate, check, Standing::Verified, "");
    }
    assert!(certificate.get(Check::Throttling).is_none(), "nothing of a GPU that is not used");
    let fewer = Planned { requests: 50, ..PLANNED };
    standing(&of_bench(&observed, fewer), Check::Requests, Standing::Invalid, "48 instead of 50");
    let longer = Planned { tokens: Some((64, 33)), ..PLANNED };
    let certificate = of_bench(&observed, longer);
    standing(
        &certificate,
        Check::Tokens,
        Standing::Invalid,
        "64.00 in and 32.00 out instead of 64 and 33",
    );
    let drawn = Planned { tokens: None, ..PLANNED };
    standing(&of_bench(&observed, drawn), Check::Tokens, Standing::Unverified, "at random");
    let mut twice = observed.clone();
    twice.reports = 2;
    standing(&of_bench(&twice, PLANNED), Check::OneReport, Standing::Invalid, "2");
    let nothing = of_bench(&Observations::default(), PLANNED);
    assert_eq!(nothing.standing(), Standing::Unverified);
}

#[test]
fn a_run_hardly_longer_than_a_request_is_not_in_a_steady_state() {
    let mut observed = observed();
    observed.facts.concurrency = Some(24.0);
    let certificate = of_bench(&observed, PLANNED);
    standing(&certificate, Check::SteadyState, Standing::Unverified, "2.0 times as long");
}

#[test]
fn a_host_that_is_not_quiet_is_said_and_spoils_nothing() {
    let busy = HostLoad { steal_pct: 12.0, ..QUIET };
    let observed = observed();
    let evidence = Evidence {
        gpus: GpuEvidence::NotUsed,
        observed: &observed,
        planned: PLANNED,
        host: Some(busy),
    };
    let certificate = Certificate::new(&evidence, &tolerances());
    standing(&certificate, Check::Host, Standing::Unverified, "CPU steal 12.0 %");
}

fn reading() -> impl Strategy<Value = Reading> {
    let counter = prop::option::of(any::<u64>());
    let violations = (counter.clone(), counter.clone()).prop_map(|(power_ns, thermal_ns)| {
        Violations { power_ns, thermal_ns, ..Violations::default() }
    });
    let small = prop::option::of(0..4_000_u32);
    (0..3_u32, small.clone(), small, counter.clone(), violations, counter).prop_map(
        |(index, sm_clock_mhz, utilization_pct, memory_used_bytes, violations, ecc)| Reading {
            index,
            sm_clock_mhz,
            utilization_pct,
            memory_used_bytes,
            violations,
            throttle_reasons: ecc,
            ecc_uncorrected: ecc,
            ..Reading::default()
        },
    )
}

proptest! {
    #[test]
    fn any_readings_give_each_check_once_and_in_order(
        readings in prop::collection::vec(prop::collection::vec(reading(), 0..4), 0..8)
    ) {
        let at = |second: usize| jiff::Timestamp::from_second(second as i64).expect("a time");
        let moments: Vec<Moment> = readings
            .into_iter()
            .enumerate()
            .map(|(second, gpus)| Moment { at: at(second), step: None, gpus })
            .collect();
        let certificate = of_gpus(&moments);
        let checks: Vec<Check> = certificate.findings().iter().map(|it| it.check).collect();
        prop_assert_eq!(checks, Check::ALL);
    }
}
