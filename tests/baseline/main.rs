//! Station 9, baselines: perf CSVs read back, and values held against those that stand.

mod command;
mod support;
mod tables;
