//! Station 4, engine options: the mapping that goes into `extra-llm-api-config.yml`.
//!
//! Defaults < pattern table < case. The table is `perf-tests/pytorch-config.yml`; its head says what its keys mean.

mod flow;
mod options;
mod table;

pub use flow::Flow;
pub use options::{EngineOptions, engine_options};
pub use table::{OptionTable, OptionTableError, Rule};
