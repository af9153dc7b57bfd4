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

/// What a warning says of something that was caught, beside the autotuner's complaints: a faster way of communication is
/// not taken. No other warning excuses what follows it.
const FALLBACKS: [&str; 6] = [
    "symmetric memory",
    "symmetric_memory",
    "SymmetricMemory",
    "alling back to",
    "fallback to",
    // TensorRT-LLM's reductions over NVLink between nodes: `MNNVL AllReduce can't be enabled due to …`
    "MNNVL",
];

/// Longest traceback of a warning, rounded up. One that goes on for longer is the program's own.
const EXCUSED_LINES: usize = 100;
/// Processes whose warnings are kept in mind. A log that seems to have more has them made up.
const SPEAKERS: usize = 256;

/// Looks at the lines of a run in their order.
#[derive(Debug, Default)]
pub struct FatalWatch {
    /// Warnings under way: their tracebacks are no failure's.
    excuses: Vec<Excuse>,
}

/// A warning that may be followed by the traceback of something that was caught.
#[derive(Debug)]
struct Excuse {
    by: Speaker,
    /// How many more lines it may be followed by.
    left: usize,
}

/// The process that a line is of, as far as the line says.
#[derive(Debug, PartialEq, Eq)]
struct Speaker {
    /// The launcher's tag; empty without one.
    tag: Vec<u8>,
    rank: Option<Vec<u8>>,
}

impl Speaker {
    fn of(line: &[u8]) -> Self {
        let (tag, rank) = prefix::speaker(line);
        Self { tag: tag.to_vec(), rank: rank.map(<[u8]>::to_vec) }
    }

    /// Whether both lines may be of one process.
    fn may_be(&self, other: &Self) -> bool {
        let known = self.rank.is_some() && other.rank.is_some();
        self.tag == other.tag && (!known || self.rank == other.rank)
    }
}

impl FatalWatch {
    /// Whether the run cannot succeed any more after this line.
    pub fn is_fatal(&mut self, line: &[u8]) -> bool {
        let line = prefix::without_ansi(line);
        let excused = self.is_excused(&line);
        let holds_one = |texts: &Literals| texts.find(&line, 0, line.len()).is_some();
        let [dying, raised] = &*TEXTS;
        (holds_one(dying) || !excused && holds_one(raised)) && !is_harmless(&line)
    }

    /// Whether the line belongs to a warning about something that was caught.
    fn is_excused(&mut self, line: &[u8]) -> bool {
        let excuses = excuses(line);
        if !excuses && self.excuses.is_empty() {
            return false;
        }
        let by = Speaker::of(line);
        if excuses {
            self.excuses.retain(|excuse| excuse.by != by);
            if self.excuses.len() == SPEAKERS {
                self.excuses.remove(0);
            }
            self.excuses.push(Excuse { by, left: EXCUSED_LINES });
            return true;
        }
        if prefix::begins_record(line) {
            // What an error is followed by may lack the rank, and is the error's.
            let is_error = !prefix::is_quiet(line);
            self.excuses
                .retain(|excuse| !(excuse.by.may_be(&by) || is_error && excuse.by.tag == by.tag));
            return false;
        }
        let mut excused = false;
        self.excuses.retain_mut(|excuse| {
            if excuse.by.may_be(&by) {
                excused = true;
                excuse.left -= 1;
            }
            excuse.left > 0
        });
        excused
    }
}

/// Whether this line may be followed by a traceback of something that was caught. An info record never is: a traceback
/// after it is the interpreter's own.
fn excuses(line: &[u8]) -> bool {
    let is_info = || ["[I]", "[INFO]", "INFO:"].iter().any(|level| holds(line, level));
    is_marked_harmless(line)
        || prefix::is_quiet(line) && FALLBACKS.iter().any(|text| holds(line, text)) && !is_info()
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
            &[
                "[03/09/2026-10:11:11] [TRT-LLM] [RANK 0] [W] MNNVL AllReduce can't be enabled due to an error",
                "[03/09/2026-10:11:11] [TRT-LLM] [RANK 1] [I] Loading weights",
                "Traceback (most recent call last):",
                "torch.OutOfMemoryError: CUDA out of memory.",
            ],
            &[
                "[1,0]<stderr>:[TRT-LLM] [W] [Autotuner] Failed when profiling X",
                "[1,1]<stderr>:[TRT-LLM] [W] Overriding kv_cache_config",
                "[1,0]<stderr>:torch.OutOfMemoryError: CUDA out of memory.",
            ],
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
            &[
                "[TRT-LLM] [W] Overriding kv_cache_config.free_gpu_memory_fraction",
                "Traceback (most recent call last):",
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 15.00 GiB.",
            ],
            &[
                tuner,
                warning,
                "Traceback (most recent call last):",
                "torch.OutOfMemoryError: CUDA out of memory.",
            ],
            &["[1,0]<stderr>:[TRT-LLM] [W] [Autotuner] X", "[1,1]<stderr>:CUDA out of memory"],
            &[
                "[03/09/2026-10:11:11] [TRT-LLM] [RANK 0] [W] [Autotuner] Failed when profiling X",
                "[rank1]: torch.OutOfMemoryError: CUDA out of memory.",
            ],
            &[
                "[03/09/2026-10:11:11] [TRT-LLM] [RANK 0] [W] [Autotuner] Failed when profiling X",
                "[03/09/2026-10:11:12] [TRT-LLM] [RANK 1] [E] Failed to initialize executor on rank 1",
                "torch.OutOfMemoryError: CUDA out of memory.",
            ],
        ] {
            assert!(ends_fatally(lines), "{lines:?}");
        }
    }
    #[test]
    fn a_harmless_warning_excuses_a_bounded_number_of_lines() {
        let tuner = "[TRT-LLM] [W] [Autotuner] Failed when profiling X";
        for (between, fatal) in [(EXCUSED_LINES - 1, false), (EXCUSED_LINES, true)] {
            let lines = [&[tuner][..], &vec!["  File \"x.py\""; between], &["CUDA out of memory"]];
            assert_eq!(ends_fatally(&lines.concat()), fatal, "{between}");
        }
    }
}
