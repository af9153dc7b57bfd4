//! Throughput of the log reader on a debug flood, and its peak memory.
//!
//! `cargo bench --bench logs` writes a flood of `TRTLLM_PERF_BENCH_MIB` MiB (default 256) with one report in the middle
//! to a temporary file and reads it back the way the harness does.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use trtllm_perf::logs::observe;
use trtllm_perf::metric::Metric;

const REPORT: &[u8] = include_bytes!("../tests/fixtures/logs/1.2-pytorch-streaming.log");

fn main() {
    divan::main();
    if let Some(peak) = peak_memory() {
        println!("peak memory of this process: {peak}");
    }
}

/// Debug lines as an eight-rank run prints them, with words that a careless search would stop at.
static FLOOD: LazyLock<(File, u64)> = LazyLock::new(|| {
    let mib: u64 = match std::env::var("TRTLLM_PERF_BENCH_MIB") {
        Ok(text) => text.parse().expect("TRTLLM_PERF_BENCH_MIB is a number of MiB"),
        Err(_) => 256,
    };
    // Without a name: a static is never dropped, and this way the file goes with the process however that ends.
    let file = tempfile::tempfile().expect("a temporary file");
    let mut out = BufWriter::new(&file);
    flood(&mut out, mib << 19).expect("write the flood");
    out.write_all(REPORT).expect("write the report");
    flood(&mut out, mib << 19).expect("write the flood");
    out.flush().expect("write the flood");
    drop(out);
    let size = file.metadata().expect("its size").len();
    (file, size)
});

fn flood(out: &mut impl Write, bytes: u64) -> std::io::Result<()> {
    let mut written = 0;
    let mut n = 0u64;
    while written < bytes {
        let line = match n % 4 {
            0 => format!(
                "[11/24/2026-06:50:32] [TRT-LLM] [RANK {}] [I] iter = {n}, global_rank = 0, rank = 0, currank_total_requests = {}/256, host_step_time = 18.25ms, prev_device_step_time = 17.9ms, num_scheduled_requests: 256\n",
                n % 8,
                n % 256
            ),
            1 => format!(
                "[TensorRT-LLM][DEBUG] Allocated 512 bytes of workspace memory for request {n} (block 17)\n"
            ),
            2 => format!(
                "[1,{}]<stdout>:[TensorRT-LLM][DEBUG] model engine step {n}: num_ctx_requests: 0, error budget 0.01\n",
                n % 8
            ),
            _ => format!(
                "n1:812:991 [{}] NCCL INFO AllReduce: opCount {n} sendbuff 0x7f00 recvbuff 0x7f10 count 4096\n",
                n % 8
            ),
        };
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
        n += 1;
    }
    Ok(())
}

fn read(path: &Path) -> f64 {
    let seen = observe(Some(path), None, None).expect("the flood");
    seen.get(Metric::InferenceTime).expect("the report in the middle").value
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn debug_flood_with_one_report(bencher: divan::Bencher) {
    let (file, size) = &*FLOOD;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let path = Path::new(&path);
    // Once before, so that every sample finds the file in the page cache.
    assert_eq!(read(path), 1500.0);
    bencher.counter(BytesCount::new(*size)).bench(|| read(path));
}

/// The kernel's high-water mark of this process's resident memory, where it tells.
fn peak_memory() -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    File::open("/proc/self/status").ok()?.read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix("VmHWM:")?.trim().to_owned()))
}
