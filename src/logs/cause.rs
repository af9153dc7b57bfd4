//! Why a run failed: the closed set of causes, each with what a user can do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A cause of failure that a log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// GPU memory ran out.
    GpuOom,
    /// Host memory or shared memory ran out: OOM killer, bus error.
    HostOom,
    /// Communication between GPUs failed.
    Nccl,
    /// MPI could not start or wire up the ranks.
    MpiLaunch,
    /// The TensorRT engine is missing or can't be loaded.
    MissingEngine,
    /// The model, its tokenizer or its weights are missing.
    MissingModel,
    /// The command line or the options file was refused.
    BadOption,
    /// Native code crashed.
    Segfault,
    /// A check in the product failed.
    Assertion,
    /// Something waited until a limit.
    Hang,
    /// The log shows a failure of no known kind.
    Unknown,
}

impl Cause {
    /// The wire word, e.g. `gpu_oom`.
    pub fn word(self) -> &'static str {
        match self {
            Cause::GpuOom => "gpu_oom",
            Cause::HostOom => "host_oom",
            Cause::Nccl => "nccl",
            Cause::MpiLaunch => "mpi_launch",
            Cause::MissingEngine => "missing_engine",
            Cause::MissingModel => "missing_model",
            Cause::BadOption => "bad_option",
            Cause::Segfault => "segfault",
            Cause::Assertion => "assertion",
            Cause::Hang => "hang",
            Cause::Unknown => "unknown",
        }
    }

    /// What to do about it, one sentence.
    pub fn hint(self) -> &'static str {
        match self {
            Cause::GpuOom => {
                "lower `kv_frac`, `maxbs` or `maxnt`, or use more GPUs; look with nvidia-smi for processes that an earlier run left on the GPU"
            }
            Cause::HostOom => {
                "give the job more host memory; in a container raise shared memory (--ipc=host or --shm-size), which bus errors are often about"
            }
            Cause::Nccl => {
                "set NCCL_DEBUG=INFO and read the first failing rank's lines; check the GPU links (nvidia-smi topo -m), NCCL_SOCKET_IFNAME and shared memory"
            }
            Cause::MpiLaunch => {
                "check that the job has as many slots as ranks and that MPI and the launcher fit together (srun --mpi=pmix); run mpirun -n 1 hostname first"
            }
            Cause::MissingEngine => {
                "build the engine first with the same TensorRT-LLM version, and check --engine_dir"
            }
            Cause::MissingModel => {
                "check the models root (LLM_MODELS_ROOT) and that the model's config, tokenizer and weight files are all there"
            }
            Cause::BadOption => {
                "the installed version refuses this command line; compare it with the program's --help and pick the matching --flow"
            }
            Cause::Segfault => {
                "native code crashed: run again with a core dump or compute-sanitizer, and report it with the lines around the crash"
            }
            Cause::Assertion => {
                "a check in the product failed: read the line and the lines before it, and report it with the command"
            }
            Cause::Hang => {
                "something waited until its limit: read the last lines of every rank, and raise the limit only if they show progress"
            }
            Cause::Unknown => "read the line and the lines before it",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The first cause in a log, with the line that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub cause: Cause,
    /// Line of the log, from 1.
    pub line: u64,
    /// That line without escape sequences, cut to a few hundred characters.
    pub text: String,
}
