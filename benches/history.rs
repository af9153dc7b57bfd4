//! What the history costs: the import, a page of a series, a query over one release.
//!
//! `cargo bench --bench history` with 600,000 samples; `benches/history.sh` with ten million. The history is one of nightly
//! runs of 1,500 cases with four metrics each, a release a week, in `TMPDIR`.

use std::sync::LazyLock;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use trtllm_perf::case::ModelTable;
use trtllm_perf::history::{
    AttemptRecord, CaseIdentity, Ended, Facts, Filter, Mode, Origin, Place, RunRecord,
    SampleRecord, Series, Store,
};
use trtllm_perf::metric::{Limits, Metric};
use trtllm_perf::record::result::State;

const CASES: usize = 1500;
const METRICS: [Metric; 4] =
    [Metric::InferenceTime, Metric::TokenThroughput, Metric::SeqThroughput, Metric::KvCacheSize];

fn main() {
    LazyLock::force(&HISTORY);
    divan::main();
}

/// A history on disk, and its last release.
struct History {
    folder: TempDir,
    release: String,
}

static HISTORY: LazyLock<History> = LazyLock::new(|| {
    let wanted = std::env::var("HISTORY_BENCH_SAMPLES").ok().and_then(|text| text.parse().ok());
    let nights = wanted.unwrap_or(600_000_usize).div_ceil(CASES * METRICS.len());
    let folder = tempfile::tempdir().expect("a folder");
    let cases = cases();
    let mut store = open(&folder);
    let begun = Instant::now();
    // One transaction, as `history import` has it.
    let done = store.append(&mut (0..nights).map(|night| run(night, &cases))).expect("imported");
    let took = begun.elapsed();
    assert_eq!(done.samples, nights * CASES * METRICS.len());
    let rate = done.samples as f64 / took.as_secs_f64();
    let size = std::fs::metadata(folder.path().join("history.sqlite")).expect("a file").len() >> 20;
    println!("import: {} samples in {took:.1?}, {rate:.0} a second, {size} MiB", done.samples);
    History { folder, release: release(nights - 1) }
});

fn open(folder: &TempDir) -> Box<dyn Store> {
    let place = Place::File(folder.path().join("history.sqlite"));
    place.open(Mode::Create).expect("opened")
}

fn cases() -> Vec<CaseIdentity> {
    let models = ModelTable::parse(include_str!("../perf-tests/models.yml")).expect("our table");
    let label = |case: usize| {
        format!("llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128-con:{}", case + 1)
    };
    (0..CASES).map(|case| CaseIdentity::of(&label(case), &models)).collect()
}

/// A release a week.
fn release(night: usize) -> String {
    format!("1.{}.0", night / 7)
}

fn run(night: usize, cases: &[CaseIdentity]) -> RunRecord {
    let first: Timestamp = "2020-01-01T20:00:00Z".parse().expect("time");
    let started = first + SignedDuration::from_hours(24 * night as i64);
    let attempt = |(index, case): (usize, &CaseIdentity)| {
        let start = started + SignedDuration::from_secs(20 * index as i64);
        let value = 1000.0 + (night * 31 + index * 17) as f64 % 97.0 + 0.123;
        AttemptRecord {
            case: case.clone(),
            test_name: format!("H100_80GB_HBM3/perf/test_perf.py::test_perf[{}]", case.label),
            number: 1,
            start,
            end: start + SignedDuration::from_secs(20),
            ended: Ended::Passed,
            machine_class: "H100_80GB_HBM3".to_owned(),
            engine: "tensorrt_llm".to_owned(),
            facts: Facts::new(),
            samples: METRICS
                .map(|metric| SampleRecord {
                    metric,
                    value,
                    limits: Limits { threshold: -0.1, absolute_threshold: 10.0 },
                    state: State::Valid,
                })
                .into(),
            certificate: None,
        }
    };
    RunRecord {
        id: format!("night-{night}"),
        origin: Origin::Synthetic,
        started,
        ended: Some(started + SignedDuration::from_hours(9)),
        prefix: Some("H100_80GB_HBM3".to_owned()),
        release: Some(release(night)),
        facts: Facts::new(),
        attempts: cases.iter().enumerate().map(attempt).collect(),
        problems: Vec::new(),
    }
}

fn one_series(store: &mut dyn Store) -> Series {
    let all = store.series().expect("series");
    let wanted = |series: &Series| series.metric == Metric::TokenThroughput;
    all.into_iter().filter(wanted).nth(700).expect("a series")
}

/// The newest 200 points of a series.
#[divan::bench]
fn a_page_of_200_points(bencher: divan::Bencher) {
    let mut store = open(&HISTORY.folder);
    let series = one_series(store.as_mut());
    bencher.bench_local(|| store.points(&series, &Filter::default(), Some(200)).expect("points"));
}

/// All series of one release: seven nights.
#[divan::bench(sample_count = 20)]
fn a_query_over_one_release(bencher: divan::Bencher) {
    let mut store = open(&HISTORY.folder);
    let filter = Filter { release: Some(HISTORY.release.clone()), ..Filter::default() };
    bencher.bench_local(|| store.values(&filter).expect("values"));
}

/// Opening a history that is there.
#[divan::bench]
fn opening() -> usize {
    open(&HISTORY.folder).place().len()
}

/// A run of one case is added, as a harness does at its end.
#[divan::bench(sample_count = 20)]
fn adding_a_run(bencher: divan::Bencher) {
    let mut store = open(&HISTORY.folder);
    let cases = cases();
    let mut night = 100_000;
    bencher.bench_local(|| {
        night += 1;
        store.append(&mut std::iter::once(run(night, &cases[..1]))).expect("added")
    });
}
