//! `refbench`: a stand-in for `trtllm-bench` that really measures.
//!
//! Of that tool's commands it has `throughput` and `build`, with their options, log lines, report and exit codes (those
//! of release 1.2), over an engine of its own: a Llama-style decoder with seeded random weights on the CPU, with in-flight
//! batching and a paged key/value cache. So a harness can be run from end to end where there is neither GPU nor
//! TensorRT-LLM. It never claims to be that tool: the first line, the report's header and `engine.backend` say what it is.
//!
//! `click` reads the command line · `commands` are the plots · `dataset` and `options` read what the user wrote ·
//! `model` and `numeric` compute · `engine` schedules and stamps · `report` writes what came out.

mod click;
mod commands;
mod dataset;
mod engine;
mod engine_dir;
mod failure;
mod host;
mod log;
mod model;
mod numeric;
mod options;
mod report;
mod sizing;

use std::path::Path;
use std::process::ExitCode;

use failure::Failure;

/// The version in the first line, in reports and in engines.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    log::line(format_args!("[refbench] refbench version: {VERSION}"));
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or("refbench".as_ref()).to_string_lossy();
    match commands::run(&program, words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Err(Failure::Exception(exception)) => {
            if !exception.during_benchmark {
                eprintln!("{}", exception.traceback(&program));
            }
            ExitCode::FAILURE
        }
    }
}
