//! The watch for a line after which a run cannot succeed any more.
//!
//! It has programs ended, so it knows fewer texts than the reader of failures: only such as no healthy run prints, not
//! files that are missing, retries, or remarks of MPI's libraries.

use std::sync::LazyLock;

use super::failures::{holds, is_harmless, is_marked_harmless};
use super::prefix;
use super::search::Literals;

/// What a process or a launcher says that is coming to its end. It stands alone, whatever was said before.
const DYING: [&str; 10] = [
    "Segmentation fault",
    "Bus error",
    "(core dumped)",
    // Open MPI's handler of fatal signals
    "*** Process received signal ***",
    "Fatal Python error",
    "terminate called",
    // TensorRT-LLM's check of NCCL's return codes, which exits, and torch's watchdog, which aborts
    "Failed, NCCL error",
    "Watchdog caught collective operation timeout",
    // MPI ends the other ranks
    "MPI_ABORT was invoked",
    "noticed that process rank",
];

/// What an exception says that ends the run, unless it is told as part of a warning.
const RAISED: [&str; 9] = [
    "RuntimeError: [TensorRT-LLM][ERROR]",
    "CUDA out of memory",
    "OutOfMemoryError",
    "KV cache memory is insufficient",
    "The model requires at least",
    "NCCL error",
    "NCCL Error",
    "DistBackendError",
    // trtllm-bench's last record before it exits with 1
    "Error during benchmarking:",
];

static TEXTS: LazyLock<[Literals; 2]> =
    LazyLock::new(|| [Literals::new(&DYING), Literals::new(&RAISED)]);

/// Looks at the lines of a run in their order.
#[derive(Debug, Default)]
pub struct FatalWatch {
    /// The record under way began as a warning or as the autotuner's complaint: its traceback is no failure's.
    excused: bool,
}

impl FatalWatch {
    /// Whether the run cannot succeed any more after this line.
    pub fn is_fatal(&mut self, line: &[u8]) -> bool {
        let line = prefix::without_ansi(line);
        if prefix::begins_record(&line) || is_marked_harmless(&line) {
            self.excused = excuses(&line);
        }
        let holds_one = |texts: &Literals| texts.find(&line, 0, line.len()).is_some();
        let [dying, raised] = &*TEXTS;
        (holds_one(dying) || !self.excused && holds_one(raised)) && !is_harmless(&line)
    }
}

/// Whether a record with this first line may show a traceback of something that was caught. An info record never does:
/// a traceback after it is the interpreter's own.
fn excuses(line: &[u8]) -> bool {
    let is_info = || ["[I]", "[INFO]"].iter().any(|level| holds(line, level));
    is_marked_harmless(line) || prefix::is_quiet(line) && !is_info()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the last of these lines is fatal, and none before it.
    fn ends_fatally(lines: &[&str]) -> bool {
        let mut watch = FatalWatch::default();
        let fatal: Vec<_> = lines.iter().map(|line| watch.is_fatal(line.as_bytes())).collect();
        let (last, before) = fatal.split_last().expect("a line");
        assert!(!before.contains(&true), "{lines:?}: {fatal:?}");
        *last
    }

    const INFO: &str = "[03/09/2026-10:11:10] [TRT-LLM] [I] Setting up throughput benchmark.";

    #[test]
    fn a_run_that_goes_on_is_not_ended() {
        for lines in [
            &[
                "[03/09/2026-10:11:11] [TRT-LLM] [W] [Autotuner] Failed when profiling runner=X, tactic=3",
                "Traceback (most recent call last):",
                "RuntimeError: CUDA out of memory",
            ][..],
            &[
                "[1,0]<stderr>:[03/09/2026-10:11:11] [TRT-LLM] [W] [Autotuner] Failed when profiling X",
                "[1,0]<stderr>:RuntimeError: [TensorRT-LLM][ERROR] Assertion failed: no such tactic",
            ],
            &[
                "[03/09/2026-10:11:11] [TRT-LLM] [W] NCCL symmetric memory is not used:",
                "Traceback (most recent call last):",
                "RuntimeError: NCCL error: invalid usage",
            ],
            &["WARNING:root:[AutoTuner] no room", "torch.OutOfMemoryError: CUDA out of memory."],
            &["[TRT-LLM] [W] CUDA out of memory, trying less"],
            &["RuntimeError: [Autotuner] CUDA out of memory"],
            &["[n1:77] PMIX ERROR: ERROR in file gds_ds12_lock_pthread.c at line 206"],
            &["checkpoint /x does not exist, starting fresh"],
            &[
                "'(ReadTimeoutError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Read timed out. (read timeout=10)\"), '(Request ID: 7)')' thrown while requesting HEAD https://huggingface.co/acme/x/resolve/main/config.json",
                "Retrying in 1s [Retry 1/5].",
            ],
            &["n1:812:991 [0] NCCL WARN Call to connect failed : Connection refused"],
            &[INFO],
        ] {
            assert!(!ends_fatally(lines), "{lines:?}");
        }
    }

    #[test]
    fn a_run_that_cannot_succeed_any_more_is_ended() {
        let warning = "[03/09/2026-10:11:11] [TRT-LLM] [W] Overriding kv_cache_config";
        let tuner = "[03/09/2026-10:11:11] [TRT-LLM] [W] [Autotuner] Failed when profiling X";
        for lines in [
            &[warning, "\x1b[31mSegmentation fault\x1b[0m (core dumped)"][..],
            &[tuner, "[n1:00077] *** Process received signal ***"],
            &[tuner, "Fatal Python error: Aborted"],
            &[tuner, "terminate called after throwing an instance of 'std::bad_alloc'"],
            &[
                warning,
                "Failed, NCCL error /src/runtime/ncclCommunicator.cpp:99 'unhandled system error'",
            ],
            &[
                "[rank3]:[E1124 06:50:32 ProcessGroupNCCL.cpp:632] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9)",
            ],
            &[INFO, "MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD"],
            &["mpirun noticed that process rank 2 exited on signal 6 (Aborted)."],
            &[INFO, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 15.00 GiB."],
            &[
                tuner,
                INFO,
                "Traceback (most recent call last):",
                "RuntimeError: CUDA out of memory",
            ],
            &[tuner, "[03/09/2026-10:11:20] [TRT-LLM] [E] Error during benchmarking:"],
            &[
                tuner,
                "[03/09/2026-10:11:20] [TRT-LLM] [RANK 1] [E] Failed to initialize executor on rank 1",
                "RuntimeError: The amount of KV cache memory is insufficient to run this model. Please try with more GPUs.",
            ],
            &[
                INFO,
                "RuntimeError: [TensorRT-LLM][ERROR] CUDA runtime error in cudaDeviceSynchronize()",
            ],
            &[INFO, "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:77"],
        ] {
            assert!(ends_fatally(lines), "{lines:?}");
        }
    }
}
