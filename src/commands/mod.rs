//! The subcommands of `trtllm-perf`, one a file: arguments and output; what they do lies in the stations.

pub mod baseline;
pub mod compare;
pub mod dataset;
pub mod doctor;
mod fleet;
pub mod gate;
pub mod gpus;
pub mod history;
pub mod parse;
pub mod prune;
pub mod rebuild;
pub mod report;
pub mod sanity;
pub mod selfcheck;
mod series_csv;
mod sides;
pub mod status;
mod steps;
pub mod trend;
