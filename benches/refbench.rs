//! Token rates of the embedded engine on one thread, beside what the machine could do at best.
//!
//! `cargo bench --bench refbench` drives the program as a user would and reads its report. Decode of one request is bound by
//! reading every weight once a token, so its rate is set against the measured memory bandwidth; prefill is bound by
//! arithmetic, so its rate is set against the measured peak of multiply-adds. Figures are medians of several runs.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

const RUNS: usize = 5;

const MODEL: &str = r#"{"model_type": "llama", "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 32000, "max_position_embeddings": 4096}"#;
/// Weights of the layers, and of the output projection, which prefill needs for one token a request only.
const LAYER_WEIGHTS: f64 = 4.0 * 256.0 * (2.0 * 256.0 + 2.0 * 128.0 + 3.0 * 1024.0);
const HEAD_WEIGHTS: f64 = 32_000.0 * 256.0;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` asks for a dry run.
    if std::env::args().any(|word| word == "--test") {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("config.json"), MODEL)?;
    let bandwidth = memory_bandwidth();
    let peak = peak_flops();
    println!(
        "machine, one thread: {bandwidth:.1} GB/s read, {:.1} GFLOP/s f32 multiply-add",
        peak / 1e9
    );

    let decode = median(|| {
        let report = run(dir.path(), 1, 1, 257, 1)?;
        Ok(1e3 / number(&report, "/streaming_metrics/avg_tpot_ms")?)
    })?;
    let bytes = 4.0 * (LAYER_WEIGHTS + HEAD_WEIGHTS);
    println!(
        "decode,  one request: {decode:7.0} tokens/s = {:.1} GB/s of weights, {:.0} % of the bandwidth",
        decode * bytes / 1e9,
        100.0 * decode * bytes / 1e9 / bandwidth
    );
    let prefill = median(|| {
        let report = run(dir.path(), 4, 512, 1, 1)?;
        Ok(4.0 * 512.0 * 1e3 / number(&report, "/performance/total_latency_ms")?)
    })?;
    let flops = 2.0 * (LAYER_WEIGHTS + HEAD_WEIGHTS / 512.0);
    println!(
        "prefill, 512 tokens:  {prefill:7.0} tokens/s = {:.1} GFLOP/s of products, {:.0} % of the peak",
        prefill * flops / 1e9,
        100.0 * prefill * flops / peak
    );
    println!("output tokens/s by concurrency (32 tokens in, 64 out):");
    let mut alone = None;
    for concurrency in [1, 2, 4, 8, 16] {
        let rate = median(|| {
            let report = run(dir.path(), 2 * concurrency, 32, 64, concurrency)?;
            number(&report, "/performance/system_output_throughput_tok_s")
        })?;
        let alone = *alone.get_or_insert(rate);
        println!("{concurrency:6}: {rate:7.0}  ({:.2} x)", rate / alone);
    }
    Ok(())
}

fn median(mut figure: impl FnMut() -> Result<f64, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut figures = (0..RUNS).map(|_| figure()).collect::<Result<Vec<_>, _>>()?;
    figures.sort_by(f64::total_cmp);
    Ok(figures[RUNS / 2])
}

/// Serves `requests` requests with one thread and returns the report.
fn run(
    dir: &Path,
    requests: usize,
    input: usize,
    output: usize,
    concurrency: usize,
) -> Result<Value, Box<dyn Error>> {
    let mut lines = String::new();
    for id in 0..requests {
        let prompt: Vec<usize> = (0..input).map(|i| (i * 7919 + id * 104_729) % 32_000).collect();
        writeln!(lines, r#"{{"task_id":{id},"input_ids":{prompt:?},"output_tokens":{output}}}"#)?;
    }
    let (dataset, report) = (dir.join("data.jsonl"), dir.join("report.json"));
    fs::write(&dataset, lines)?;
    let ended = Command::new(env!("CARGO_BIN_EXE_refbench"))
        .env("REFBENCH_THREADS", "1")
        .args(["--model=bench", "--log_level=error"])
        .arg("--model_path")
        .arg(dir)
        .args(["throughput", "--streaming", "--max_batch_size=64", "--max_num_tokens=2048"])
        .arg(format!("--concurrency={concurrency}"))
        .arg("--dataset")
        .arg(&dataset)
        .arg("--report_json")
        .arg(&report)
        .output()?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into_owned().into());
    }
    Ok(serde_json::from_str(&fs::read_to_string(&report)?)?)
}

fn number(report: &Value, pointer: &str) -> Result<f64, Box<dyn Error>> {
    let value = report.pointer(pointer).and_then(Value::as_f64);
    value.ok_or_else(|| format!("the report has no number at {pointer}").into())
}

/// GB/s of reading, over an array as large as the weights of the model, which is what decode does; best of several.
fn memory_bandwidth() -> f64 {
    let values = vec![1u64; (LAYER_WEIGHTS + HEAD_WEIGHTS) as usize / 2];
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let started = Instant::now();
        let (chunks, _) = values.as_chunks::<32>();
        let mut sums = [0u64; 32];
        for chunk in chunks {
            for lane in 0..32 {
                sums[lane] = sums[lane].wrapping_add(chunk[lane]);
            }
        }
        black_box(sums);
        best = best.min(started.elapsed().as_secs_f64());
    }
    size_of_val(&values[..]) as f64 / best / 1e9
}

/// FLOP/s of independent multiply-adds on values in registers, with the widest instructions that the program uses.
fn peak_flops() -> f64 {
    const ROUNDS: usize = 20_000_000;
    #[inline(always)]
    fn chains<const FUSED: bool>(lanes: &mut [f32; 64]) {
        for _ in 0..ROUNDS {
            for lane in lanes.iter_mut() {
                *lane = if FUSED { lane.mul_add(0.999, 0.001) } else { *lane * 0.999 + 0.001 };
            }
        }
    }
    fn plain(lanes: &mut [f32; 64]) {
        chains::<{ cfg!(target_arch = "aarch64") }>(lanes);
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn wide(lanes: &mut [f32; 64]) {
        chains::<true>(lanes);
    }
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let mut lanes = black_box([1.0f32; 64]);
        let started = Instant::now();
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features, as was just asked.
            unsafe { wide(&mut lanes) };
        } else {
            plain(&mut lanes);
        }
        #[cfg(not(target_arch = "x86_64"))]
        plain(&mut lanes);
        black_box(lanes);
        best = best.min(started.elapsed().as_secs_f64());
    }
    2.0 * 64.0 * ROUNDS as f64 / best
}
