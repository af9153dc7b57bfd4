//! `cargo test --test perf`: each line of a test list as one libtest trial.
//!
//! The plot is `trtllm_perf::run`; this file only says where Cargo put the embedded engine.

use std::process::ExitCode;

use trtllm_perf::gpu;
use trtllm_perf::process;
use trtllm_perf::run::{self, Host};

fn main() -> ExitCode {
    process::supervisor_entry();
    gpu::clocks_entry();
    run::main(Host { refbench: Some(env!("CARGO_BIN_EXE_refbench")) })
}
