//! The command line: the group's options, then a command with its own.

mod adapters;
mod build;
mod cli;
mod group;
mod setup;
mod throughput;

pub use group::run;
