//! Token rates of the embedded engine on one thread, beside what the machine could do at best.
//!
//! `cargo bench --bench refbench` drives the program as a user would and reads its report. Decode of one request is bound by
//! reading every weight once a token, so its rate is set against the measured memory bandwidth; prefill is bound by
//! arithmetic, so its rate is set against the measured peak of multiply-adds. Beside both stands what the same products
//! alone take in `matrixmultiply`. All of it is measured in one run; rates are medians of several.

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
    // Cargo says `--bench` when it is to measure. `cargo test --benches` says nothing, and wants to be done at once.
    if !std::env::args_os().any(|word| word == "--bench") {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("config.json"), MODEL)?;
    let bandwidth = memory_bandwidth();
    let (peak, instructions) = peak_flops();
    println!(
        "machine, one thread: {bandwidth:.1} GB/s read, {:.1} GFLOP/s f32 multiply-add ({instructions})",
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
    println!("  matrixmultiply:     {:7.0}", library(1, LAYER_WEIGHTS + HEAD_WEIGHTS)?);
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
    println!("  matrixmultiply:     {:7.0}", library(512, LAYER_WEIGHTS)?);
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

/// Tokens a second of the library's products of `tokens` rows with `weights` weights, in rows as long as the hidden size.
fn library(tokens: usize, weights: f64) -> Result<f64, Box<dyn Error>> {
    const HIDDEN: usize = 256;
    let outputs = weights as usize / HIDDEN;
    let (x, w) = (vec![0.5f32; tokens * HIDDEN], vec![0.25f32; outputs * HIDDEN]);
    let mut y = vec![0f32; tokens * outputs];
    let (hidden, columns) = (HIDDEN as isize, outputs as isize);
    median(|| {
        let started = Instant::now();
        // SAFETY: x is tokens × HIDDEN, w the transpose of outputs × HIDDEN, y tokens × outputs, each as long as that.
        unsafe {
            matrixmultiply::sgemm(
                tokens,
                HIDDEN,
                outputs,
                1.0,
                x.as_ptr(),
                hidden,
                1,
                w.as_ptr(),
                1,
                hidden,
                0.0,
                y.as_mut_ptr(),
                columns,
                1,
            );
        }
        black_box(&y);
        Ok(tokens as f64 / started.elapsed().as_secs_f64())
    })
}

/// Rounds of multiply-adds for the peak.
const ROUNDS: usize = 20_000_000;

/// FLOP/s of independent multiply-adds on values in registers, and the instructions: those that `matrixmultiply` picks
/// on this processor, since prefill is its products.
fn peak_flops() -> (f64, &'static str) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
        #[target_feature(enable = "avx512f")]
        fn avx512() {
            let (factor, summand) = (_mm512_set1_ps(0.999), _mm512_set1_ps(0.001));
            let mut chains = black_box([_mm512_set1_ps(1.0); 12]);
            for _ in 0..ROUNDS {
                for chain in &mut chains {
                    *chain = _mm512_fmadd_ps(*chain, factor, summand);
                }
            }
            black_box(chains);
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2() {
            chains::<true>();
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature, as was just asked.
            return (best_rate(12 * 16, || unsafe { avx512() }), "AVX-512");
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features, as was just asked.
            return (best_rate(LANES, || unsafe { avx2() }), "AVX2 with FMA");
        }
    }
    let neon = cfg!(target_arch = "aarch64");
    let rate = best_rate(LANES, chains::<{ cfg!(target_arch = "aarch64") }>);
    (rate, if neon { "NEON" } else { "the target's baseline" })
}

const LANES: usize = 64;

/// As many chains of multiply-adds as there are lanes, for the compiler to put into the widest registers it may use.
#[inline(always)]
fn chains<const FUSED: bool>() {
    let mut lanes = black_box([1.0f32; LANES]);
    for _ in 0..ROUNDS {
        for lane in &mut lanes {
            *lane = if FUSED { lane.mul_add(0.999, 0.001) } else { *lane * 0.999 + 0.001 };
        }
    }
    black_box(lanes);
}

/// FLOP/s of the best of several calls of `work`, which does [`ROUNDS`] multiply-adds on each of `lanes` lanes.
fn best_rate(lanes: usize, work: impl Fn()) -> f64 {
    let seconds = (0..3).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    });
    2.0 * lanes as f64 * ROUNDS as f64 / seconds.fold(f64::INFINITY, f64::min)
}
