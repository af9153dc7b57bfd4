//! Runs made for tests: stated numbers on cases of our own lists.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use trtllm_perf::case::ModelTable;
use trtllm_perf::dashboard::{
    Evidence, Remark, ReportData, Said, StepNote, Telemetry, Traces, gather,
};
use trtllm_perf::history::{
    Aspect, AttemptRecord, CaseIdentity, Ended, Facts, Origin, RunRecord, SampleRecord,
};
use trtllm_perf::metric::{Limits, Metric};
use trtllm_perf::record::result::State;
use trtllm_perf::sample::Certificate;

pub const GPU: &str = "H100_80GB_HBM3";

pub fn models() -> ModelTable {
    ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table")
}

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A case of a streaming benchmark.
pub fn label(model: &str, lengths: &str, concurrency: u32) -> String {
    format!(
        "{model}-bench-pytorch-streaming-float8-input_output_len:{lengths}-reqs:512-con:{concurrency}"
    )
}

pub fn limits(metric: Metric) -> Limits {
    let threshold = match metric {
        Metric::TokenThroughput | Metric::SeqThroughput => -0.1,
        _ => 0.1,
    };
    Limits { threshold, absolute_threshold: 0.5 }
}

/// The numbers of a case as they fit together, from its token throughput.
pub fn samples(tokens: f64, state: State) -> Vec<SampleRecord> {
    let numbers = [
        (Metric::InferenceTime, 65_536_000.0 / tokens),
        (Metric::TokenThroughput, tokens),
        (Metric::SeqThroughput, tokens / 128.0),
        (Metric::FirstTokenTime, 40_000.0 / tokens),
        (Metric::OutputTokenTime, 9_000.0 / tokens),
    ];
    let sample = |(metric, value)| SampleRecord { metric, value, limits: limits(metric), state };
    numbers.map(sample).to_vec()
}

pub fn attempt(case: &CaseIdentity, start: Timestamp, tokens: f64) -> AttemptRecord {
    let sha = "9f2c1e9a6a584a3c9c3e3f8d1d1f9d11".to_owned();
    AttemptRecord {
        case: case.clone(),
        test_name: format!("{GPU}/perf/test_perf.py::test_perf[{}]", case.label),
        number: 1,
        start,
        end: start + SignedDuration::from_secs(95),
        ended: Ended::Passed,
        machine_class: GPU.to_owned(),
        engine: "tensorrt_llm".to_owned(),
        facts: Facts::from([(Aspect::EngineVersion, "1.2.0".to_owned()), (Aspect::Dataset, sha)]),
        samples: samples(tokens, State::Valid),
        certificate: Some(certificate("verified")),
    }
}

/// A certificate with one finding of this standing.
pub fn certificate(standing: &str) -> Certificate {
    let finding = serde_json::json!([{ "check": "throttling", "standing": standing, "text": "0.2 % of the time" }]);
    serde_json::from_value(finding).expect("a certificate")
}

pub fn run(id: &str, start: Timestamp, release: &str, attempts: Vec<AttemptRecord>) -> RunRecord {
    RunRecord {
        id: id.to_owned(),
        origin: Origin::RunFolder,
        started: start,
        ended: attempts.iter().map(|it| it.end).max(),
        prefix: Some(GPU.to_owned()),
        release: Some(release.to_owned()),
        facts: Facts::from([
            (Aspect::Node, "node7".to_owned()),
            (Aspect::Driver, "580.159.04".to_owned()),
            (Aspect::GpuVariant, GPU.to_owned()),
        ]),
        attempts,
        problems: Vec::new(),
    }
}

pub fn report(runs: &[RunRecord]) -> ReportData {
    gather(runs, &Said::nothing(), BTreeMap::new(), time("2026-11-24T12:00:00Z"))
}

/// Numbers that look like noise of about 1 % and are the same everywhere.
pub fn wobble(one: usize, other: usize) -> f64 {
    // SplitMix64.
    let mut z = (one as u64 * 1_000_003 + other as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    1.0 + ((z >> 40) as f64 / (1_u64 << 24) as f64 - 0.5) * 0.03
}

/// So many cases on so many nights, with commands, GPU readings and a few failures in the newest.
pub fn big(cases: usize, nights: usize) -> ReportData {
    let models = models();
    let names = ["llama_v3.3_70b_instruct_fp8", "llama_v3.1_8b_instruct", "qwen3_8b"];
    let identities: Vec<CaseIdentity> = (0..cases)
        .map(|it| {
            let lengths = format!("{},{}", 128 + it / 30 * 16, 128);
            CaseIdentity::of(&label(names[it % 3], &lengths, 1 << (it / 3 % 10)), &models)
        })
        .collect();
    let first = time("2026-09-26T01:30:00Z");
    let run_of = |night: usize| {
        let start = first + SignedDuration::from_hours(24 * night as i64);
        let attempt_of = |(place, case): (usize, &CaseIdentity)| {
            let level = 900.0 * (1.0 + (place % 40) as f64) * if night > 30 { 1.05 } else { 1.0 };
            let mut attempt = attempt(case, start, level * wobble(place, night));
            if (place * 31 + night).is_multiple_of(97) {
                let message = "the GPU is out of memory".to_owned();
                attempt.ended = Ended::Failed { kind: "gpu_oom".to_owned(), message };
                attempt.samples.clear();
            }
            attempt
        };
        let attempts = identities.iter().enumerate().map(attempt_of).collect();
        run(&format!("night-{night:02}"), start, ["1.1.0", "1.2.0"][night / 31 % 2], attempts)
    };
    let runs: Vec<RunRecord> = (0..nights).map(run_of).collect();
    let newest = runs.last().expect("a night");
    let evidence = newest.attempts.iter().enumerate().map(|(place, attempt)| {
        let failed = matches!(attempt.ended, Ended::Failed { .. });
        let evidence = Evidence {
            steps: steps(&attempt.case.label),
            origin: Some(format!("trt_llm_release_perf_test.yml:{}", 10 + place)),
            details: failed
                .then(|| "[TRT-LLM] [E] torch.OutOfMemoryError: CUDA out of memory\n".repeat(40)),
            telemetry: Some(telemetry(place)),
            ..Evidence::default()
        };
        ((newest.id.clone(), attempt.test_name.clone()), evidence)
    });
    gather(&runs, &Said::nothing(), evidence.collect(), time("2026-11-24T12:00:00Z"))
}

/// Commands as long as those of a real plan.
fn steps(label: &str) -> Vec<StepNote> {
    let step = |kind: &str, words: &[&str]| StepNote {
        kind: kind.to_owned(),
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
        ended: "exit 0".to_owned(),
        seconds: 41.5,
    };
    let dataset = format!("--output=/data/perf/{}/dataset.jsonl", label.len());
    vec![
        step(
            "dataset",
            &[
                "trtllm-perf",
                "dataset",
                "token-norm-dist",
                "--num-requests=512",
                "--input-mean=128",
                "--output-mean=128",
                "--input-stdev=0",
                "--output-stdev=0",
                "--tokenizer=/models/llama-3.3-models/Llama-3.3-70B-Instruct-FP8",
                &dataset,
            ],
        ),
        step(
            "bench",
            &[
                "trtllm-bench",
                "--model=llama_v3.3_70b_instruct_fp8_hf",
                "--model_path=/models/llama-3.3-models/Llama-3.3-70B-Instruct-FP8",
                "throughput",
                &dataset,
                "--max_batch_size=512",
                "--max_num_tokens=2048",
                "--backend=pytorch",
                "--streaming",
                "--concurrency=64",
                "--report_json=report.json",
                "--extra_llm_api_options=extra-llm-api-config.yml",
            ],
        ),
    ]
}

fn telemetry(place: usize) -> Telemetry {
    let trace = |low: f64, wide: f64| -> Vec<Option<f64>> {
        (0..60).map(|it| Some(low + wide * (wobble(place, it) - 0.985) / 0.03)).collect()
    };
    let traces = Traces {
        sm_clock_mhz: trace(1905.0, 75.0),
        power_w: trace(480.0, 200.0),
        temperature_c: trace(41.0, 20.0),
        utilization_pct: trace(70.0, 30.0),
    };
    Telemetry {
        seconds: 95.0,
        steps: vec![("bench".to_owned(), 30.0, 90.0)],
        gpus: vec![(0, traces)],
    }
}

/// Texts that break out of careless places.
pub const HOSTILE: [&str; 8] = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'); alert(1); ('",
    "</svg><svg onload=alert(1)>",
    "<!--<script>",
    "]]></style><style>body{display:none}</style>",
    "javascript:alert(1)",
    "\u{202e}gnp.exe\u{0}\u{1b}[2J&lt;b&gt;",
];

/// A report in which every text is hostile; in the middle a step, which comes with a release and a driver.
pub fn hostile_report(text: &str) -> ReportData {
    let start = time("2026-11-23T01:00:00Z");
    let case = CaseIdentity {
        label: text.to_owned(),
        fields: serde_json::json!({ "label": text }).to_string(),
    };
    let mut runs = Vec::new();
    for night in 0..24_usize {
        let at = start + SignedDuration::from_hours(24 * night as i64);
        let level = if night < 12 { 1000.0 } else { 900.0 };
        let mut one = attempt(&case, at, level * wobble(0, night));
        one.machine_class = text.to_owned();
        one.engine = text.to_owned();
        if night == 23 {
            one.ended = Ended::Failed { kind: text.to_owned(), message: text.to_owned() };
        }
        one.facts.values_mut().for_each(|value| *value = text.to_owned());
        let release = if night < 12 { "1.0" } else { text };
        let mut run = run(&format!("{night}{text}"), at, release, vec![one]);
        run.prefix = Some(text.to_owned());
        run.facts.values_mut().for_each(|value| *value = text.to_owned());
        if night < 12 {
            run.facts.insert(Aspect::Driver, "580".to_owned());
        }
        runs.push(run);
    }
    let newest = runs.last().expect("a run");
    let step = StepNote {
        kind: text.to_owned(),
        argv: vec![text.to_owned(), text.to_owned()],
        ended: text.to_owned(),
        seconds: 1.0,
    };
    let evidence = Evidence {
        steps: vec![step],
        origin: Some(format!("{text}:1")),
        hint: Some(text.to_owned()),
        details: Some(text.repeat(3)),
        problems: vec![text.to_owned()],
        telemetry_note: Some(text.to_owned()),
        ..Evidence::default()
    };
    let key = (newest.id.clone(), newest.attempts[0].test_name.clone());
    let said = Said {
        invalid: &|run, _, _| run.starts_with('3').then(|| text.to_owned()),
        remarks: &|_| vec![Remark { at: start, text: text.to_owned() }],
        ..Said::nothing()
    };
    gather(&runs, &said, BTreeMap::from([(key, evidence)]), start)
}
