//! The embedded engine as its users meet it: a program with the command line, output and exit codes of `trtllm-bench`.

mod bad_input;
mod build;
mod command_line;
mod lora;
mod report;
mod serving;
mod support;
