//! The table of texts that show why a run failed.
//!
//! Every rule says why it is there. Within one line the first rule of the table wins, so special rules stand before
//! general ones. Between lines the strength decides first, then the order of the log: a `Traceback` header or the echo
//! of a launcher never hides the error that it announces or repeats.

use super::cause::Cause;

/// How much a text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Announces or repeats a failure, without its reason.
    Echo,
    /// Shows a failure, but a clearer line may stand elsewhere.
    Weak,
    /// Names the reason.
    Clear,
}

/// One text and what it shows.
#[derive(Debug)]
pub struct Rule {
    /// Literal text, matched case-sensitively anywhere in a line.
    pub text: &'static str,
    /// What else must hold.
    pub also: Also,
    pub cause: Cause,
    pub strength: Strength,
}

/// What a line must show besides a rule's text.
#[derive(Debug, Clone, Copy)]
pub enum Also {
    Nothing,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// The line as a whole passes this.
    Line(fn(&[u8]) -> bool),
}

const fn clear(cause: Cause, text: &'static str) -> Rule {
    Rule { text, also: Also::Nothing, cause, strength: Strength::Clear }
}

const fn with(cause: Cause, text: &'static str, with: &'static [&'static str]) -> Rule {
    Rule { text, also: Also::OneOf(with), cause, strength: Strength::Clear }
}

const fn weak(cause: Cause, text: &'static str) -> Rule {
    Rule { text, also: Also::Nothing, cause, strength: Strength::Weak }
}

const fn echo(text: &'static str) -> Rule {
    Rule { text, also: Also::Nothing, cause: Cause::Unknown, strength: Strength::Echo }
}

/// Marks of lines that a healthy run prints and that look fatal: the autotuner tries kernels that may fail or run out
/// of memory and goes on with the next one; TensorRT's builder does the same with tactics.
pub const HARMLESS: &[&str] = &[
    "[Autotuner]",
    "[AutoTuner]",
    "[AutoTunner]",
    "utotuner",
    "autotuning",
    "profiling runner",
    "when profiling",
    "to use tactic",
    "Tactic Device request",
    "skipping tactic",
    "Skipping tactic",
];

const ON_GPU: &[&str] = &["CUDA", "Cuda", "cuda", "GPU", "cublas", "device memory", "nvml"];
const GONE: &[&str] = &[
    "No such file",
    "not found",
    "does not exist",
    "doesn't exist",
    "Error opening",
    "Failed to open",
    "cannot open",
    "FileNotFound",
    "could not be found",
];
const OF_MODEL: &[&str] = &[
    "config.json",
    "tokenizer",
    "safetensors",
    "/models/",
    "model_path",
    "checkpoint",
    "hf_quant_config",
    "-hf/",
    "_hf/",
    "model directory",
    "Model directory",
];

/// `Killed` alone on the line, or the shell's `…: line 3:  1234 Killed   command`.
fn is_shells_killed(line: &[u8]) -> bool {
    let (_, text) = super::prefix::split_tag(line);
    let words: Vec<&[u8]> = text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
    match words.iter().position(|word| *word == b"Killed") {
        Some(0) => words.len() == 1,
        Some(at) => words[at - 1].iter().all(u8::is_ascii_digit),
        None => false,
    }
}

/// The rules; see the module's text for their order.
pub const RULES: &[Rule] = &[
    // --- host memory, before the GPU's rules: the kernel also says "Out of memory"
    // the kernel's OOM killer, in dmesg lines that CI logs append
    clear(Cause::HostOom, "Out of memory: Killed process"),
    clear(Cause::HostOom, "oom-kill"),
    // slurmstepd: "Detected 1 oom_kill event in StepId=…"
    clear(Cause::HostOom, "oom_kill event"),
    // Kubernetes and docker inspect
    clear(Cause::HostOom, "OOMKilled"),
    // mpirun's and the shell's word for a SIGKILL that nobody here sent: mostly the OOM killer's
    clear(Cause::HostOom, "signal 9 (Killed)"),
    Rule {
        text: "Killed",
        also: Also::Line(is_shells_killed),
        cause: Cause::HostOom,
        strength: Strength::Clear,
    },
    // shared memory of a container too small, or a file mapping cut short
    clear(Cause::HostOom, "Bus error"),
    clear(Cause::HostOom, "bus error"),
    clear(Cause::HostOom, "SIGBUS"),
    clear(Cause::HostOom, "insufficient shared memory"),
    clear(Cause::HostOom, "std::bad_alloc"),
    // errno 12; from the driver's pinned allocations it is still the host's memory
    clear(Cause::HostOom, "Cannot allocate memory"),
    // PyTorch's CPU allocator
    clear(Cause::HostOom, "DefaultCPUAllocator"),
    // --- GPU memory
    // torch.OutOfMemoryError, torch.cuda.OutOfMemoryError
    clear(Cause::GpuOom, "OutOfMemoryError"),
    // torch's and TensorRT-LLM's text; also "[TensorRT-LLM][ERROR] CUDA runtime error in cudaMalloc…: out of memory"
    clear(Cause::GpuOom, "CUDA out of memory"),
    with(Cause::GpuOom, "out of memory", ON_GPU),
    clear(Cause::GpuOom, "cudaErrorMemoryAllocation"),
    clear(Cause::GpuOom, "CUDA_ERROR_OUT_OF_MEMORY"),
    clear(Cause::GpuOom, "CUBLAS_STATUS_ALLOC_FAILED"),
    // TensorRT, at run time
    clear(Cause::GpuOom, "Requested amount of GPU memory"),
    // trtllm-bench's size heuristics refuse a model that can't fit
    clear(Cause::GpuOom, "The model requires at least"),
    // the KV cache manager after loading the weights
    clear(Cause::GpuOom, "KV cache memory is insufficient"),
    // Python's own MemoryError; OutOfMemoryError was taken above
    clear(Cause::HostOom, "MemoryError"),
    // --- options: Click's sentences; --engine_dir's value is about the engine, the model's about the model
    with(Cause::MissingEngine, "Invalid value for '--engine_dir'", GONE),
    with(Cause::MissingModel, "Invalid value for '--model_path'", GONE),
    clear(Cause::BadOption, "Error: Invalid value for"),
    clear(Cause::BadOption, "Error: No such option"),
    clear(Cause::BadOption, "Error: No such command"),
    clear(Cause::BadOption, "Error: Missing "),
    clear(Cause::BadOption, "Error: Mutually exclusive options"),
    clear(Cause::BadOption, "should be specified or none should be specified"),
    clear(Cause::BadOption, "Error: Got unexpected extra argument"),
    with(Cause::BadOption, "Error: Option ", &["requires an argument", "does not take a value"]),
    // argparse
    clear(Cause::BadOption, "error: unrecognized arguments"),
    clear(Cause::BadOption, "error: the following arguments are required"),
    with(
        Cause::BadOption,
        "error: argument ",
        &["invalid choice", "invalid int", "invalid float", "expected "],
    ),
    // an options file with a key that this version doesn't know (pydantic, dataclasses)
    clear(Cause::BadOption, "Extra inputs are not permitted"),
    clear(Cause::BadOption, "got an unexpected keyword argument"),
    with(Cause::BadOption, "validation error", &[" for "]),
    // trtllm-bench build and throughput checks of their own
    clear(Cause::BadOption, "Multiple engine build options detected"),
    clear(Cause::BadOption, "Unspecified max_seq_len for engine build"),
    clear(Cause::BadOption, "Please try with a mapping with"),
    clear(Cause::BadOption, "max_seq_len is not a runtime parameter"),
    clear(Cause::BadOption, "Engine supports a max sequence of"),
    clear(Cause::BadOption, "Model is a file or directory, please provide a model name"),
    // --- MPI, before NCCL and files: its texts name both
    clear(Cause::MpiLaunch, "not enough slots available"),
    // "mpirun was unable to launch the specified application", "… was unable to start the specified application"
    clear(Cause::MpiLaunch, "was unable to launch the specified"),
    clear(Cause::MpiLaunch, "was unable to start the specified"),
    clear(Cause::MpiLaunch, "MPI_ERR_SPAWN"),
    clear(Cause::MpiLaunch, "could not spawn processes"),
    with(Cause::MpiLaunch, "MPI_Init", &["rror", "ailed", "fail", "abort", "***"]),
    with(Cause::MpiLaunch, "MPI_INIT", &["rror", "ailed", "fail", "abort", "***"]),
    clear(Cause::MpiLaunch, "An error occurred in MPI_"),
    // also of a lock that PMIx then does without
    weak(Cause::MpiLaunch, "PMIX ERROR"),
    with(Cause::MpiLaunch, "PMIx", &["rror", "ailed", "Unable"]),
    with(Cause::MpiLaunch, "PMI2_", &["rror", "ailed"]),
    clear(Cause::MpiLaunch, "ORTE_ERROR_LOG"),
    clear(Cause::MpiLaunch, "PRTE ERROR"),
    clear(Cause::MpiLaunch, "ORTE daemon has unexpectedly failed"),
    clear(Cause::MpiLaunch, "PRTE daemon has unexpectedly failed"),
    with(Cause::MpiLaunch, "mpirun: ", &["command not found", "No such file"]),
    with(Cause::MpiLaunch, "libmpi", &["cannot open shared object"]),
    clear(Cause::MpiLaunch, "srun: error: Unable to create step"),
    clear(Cause::MpiLaunch, "srun: error: mpi/"),
    // --- NCCL
    // "Failed, NCCL error /path:123 'unhandled system error'", torch's "NCCL error in: …"
    clear(Cause::Nccl, "NCCL error"),
    clear(Cause::Nccl, "NCCL Error"),
    clear(Cause::Nccl, "NCCL failure"),
    clear(Cause::Nccl, "ncclSystemError"),
    clear(Cause::Nccl, "ncclInternalError"),
    clear(Cause::Nccl, "ncclUnhandledCudaError"),
    clear(Cause::Nccl, "ncclRemoteError"),
    clear(Cause::Nccl, "ncclInvalid"),
    clear(Cause::Nccl, "DistBackendError"),
    // a collective that one rank never joined
    clear(Cause::Nccl, "Watchdog caught collective operation timeout"),
    // NCCL's only level above INFO: an error when the run fails, often a remark when it doesn't
    weak(Cause::Nccl, "NCCL WARN"),
    // --- engine
    with(Cause::MissingEngine, ".engine", GONE),
    with(Cause::MissingEngine, "engine_dir", GONE),
    with(Cause::MissingEngine, "ngine directory", GONE),
    with(Cause::MissingEngine, "perf_engines", GONE),
    with(Cause::MissingEngine, "No such file or directory", &["/engine", "engine/", "engines/"]),
    clear(Cause::MissingEngine, "Error opening engine file"),
    // there, but built by another version or for another GPU: the same thing to do
    clear(Cause::MissingEngine, "not compatible with this version of TensorRT"),
    with(Cause::MissingEngine, "eserialize", &["ngine"]),
    // --- model
    with(Cause::MissingModel, "No such file or directory", OF_MODEL),
    with(Cause::MissingModel, "does not exist", OF_MODEL),
    // Hugging Face's sentences for a folder without files, a wrong name, and a hub that can't be reached
    clear(Cause::MissingModel, "does not appear to have a file named"),
    clear(Cause::MissingModel, "RepositoryNotFoundError"),
    clear(Cause::MissingModel, "Repository Not Found"),
    clear(Cause::MissingModel, "is not a local folder and is not a valid model identifier"),
    clear(Cause::MissingModel, "Can't load tokenizer"),
    clear(Cause::MissingModel, "Can't load the configuration"),
    clear(Cause::MissingModel, "Incorrect path_or_model_id"),
    clear(Cause::MissingModel, "HFValidationError"),
    clear(Cause::MissingModel, "LocalEntryNotFoundError"),
    clear(Cause::MissingModel, "GatedRepoError"),
    clear(Cause::MissingModel, "We couldn't connect to"),
    // PyTorch backend: a folder with a config but no weights
    clear(Cause::MissingModel, "No weight files found"),
    clear(Cause::MissingModel, "No safetensors files"),
    // --- crashes
    clear(Cause::Segfault, "Segmentation fault"),
    clear(Cause::Segfault, "segmentation fault"),
    clear(Cause::Segfault, "SIGSEGV"),
    clear(Cause::Assertion, "AssertionError"),
    // TensorRT-LLM's TLLM_CHECK
    clear(Cause::Assertion, "Assertion failed"),
    // glibc: "prog: file.c:12: function: Assertion `x' failed."
    with(Cause::Assertion, "Assertion `", &["failed"]),
    clear(Cause::Assertion, "device-side assert triggered"),
    // --- waiting
    // TensorRT-LLM's hang detector
    clear(Cause::Hang, "ang detected"),
    // pytest-timeout
    clear(Cause::Hang, "Timeout (>"),
    clear(Cause::Hang, "Timeout >"),
    // Slurm ends a job at its limit
    clear(Cause::Hang, "DUE TO TIME LIMIT"),
    // also of a download that is tried again
    weak(Cause::Hang, "TimeoutError"),
    clear(Cause::Hang, "TimeoutExpired"),
    clear(Cause::Hang, "imed out waiting"),
    // --- a failure that says no more
    // a GPU fault with many reasons
    clear(Cause::Unknown, "illegal memory access"),
    weak(Cause::Unknown, "Fatal Python error"),
    weak(Cause::Unknown, "terminate called"),
    // the last line of a Python traceback: "ValueError: …"
    weak(Cause::Unknown, "Error: "),
    weak(Cause::Unknown, "Exception: "),
    // --- announcements and echoes
    echo("Error during benchmarking:"),
    echo("Traceback (most recent call last)"),
    echo("[TensorRT-LLM][ERROR]"),
    echo("] [E] "),
    echo("] [F] "),
    echo("MPI_ABORT was invoked"),
    echo("noticed that process rank"),
    echo("Aborted (core dumped)"),
    echo("SIGABRT"),
    echo("Process received signal"),
];

/// What the scan of a whole log looks for: short texts of which every line that a rule is about holds one (most rules'
/// texts are messages of exceptions or error records, so `Error: ` or `[E]` stands before them). Two groups, because a vector search over two dozen literals with rare beginnings is several times faster than over twice as many.
pub const SEEDS: [&[&str]; 2] = [
    &[
        "Error: ",
        "xception: ",
        "Traceback (",
        "][ERROR]",
        "] [E] ",
        "] [F] ",
        "noticed that",
        "core dumped",
        "received signal",
        "Fatal Python",
        "terminate called",
        "of memory",
        "MemoryE",
        "OUT_OF_ME",
        "oom-kill",
        "oom_kill",
        "Killed",
        "us error",
        "SIGBUS",
        "SIGSEGV",
        "SIGABRT",
        "egmentation fault",
        "Assertion",
    ],
    &[
        "ang detected",
        "Timeout (>",
        "Timeout >",
        "TimeoutE",
        "DUE TO TIME",
        "imed out wait",
        "Cannot alloc",
        "No such file",
        "MPI_",
        "enough slots",
        "was unable to",
        "PMIX ERR",
        "PMIx",
        "PMI2_",
        "ORTE",
        "PRTE",
        "mpirun: ",
        "cannot open shared",
        "srun: error: ",
        "NCCL error",
        "NCCL Error",
        "NCCL WARN",
        "NCCL fail",
        "Watchdog caught",
        "error: unrecog",
        "error: argument",
        "error: the foll",
        "insufficient",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_hidden_by_an_earlier_general_one() {
        for (at, rule) in RULES.iter().enumerate() {
            let hiding = RULES[..at].iter().find(|earlier| {
                rule.text.contains(earlier.text) && matches!(earlier.also, Also::Nothing)
            });
            assert!(hiding.is_none(), "{} is hidden by {hiding:?}", rule.text);
        }
    }
}
