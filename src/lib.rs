//! `trtllm-perf`, the performance-test harness for TensorRT-LLM.
//!
//! A line of a test list becomes a libtest trial: it makes a data set, runs `trtllm-bench`, reads the metrics and
//! writes them to the perf CSV and to JUnit XML. The test target `perf` and the command `trtllm-perf run` are both
//! [`run::main`]; everything else of the crate is what that one call needs, a module a noun.
//!
//! The stations of a run, in the order in which data pass through them:
//!
//! 1. [`list`] reads YAML and text lists, waives and the facts of a machine, and says which lines are for it.
//! 2. [`case`](mod@case) parses a line's label into a case, checks it, and prints it in canonical form.
//! 3. [`dataset`] makes synthetic data sets, the bytes of upstream's scripts, and keeps them by content.
//! 4. [`engine`] works out the engine options of a case: defaults, then the pattern table, then the label.
//! 5. [`plan`](mod@plan) turns a case into steps (data set, build, bench) and expected metrics, as pure data.
//! 6. [`process`] runs one step under a time limit and lets nothing of it survive.
//! 7. [`logs`] reads the report JSON and the log of a step: values first, else the cause of the failure.
//! 8. [`sample`] says what is known about the validity of the numbers: the certificate.
//! 9. [`verdict`] says whether numbers are worse than others, with a known rate of error.
//! 10. [`baseline`] reads perf CSVs back and holds values against those that stand.
//! 11. [`record`] keeps the journal of a run and folds CSV, YAML and JUnit from it.
//! 12. [`history`] keeps every sample of every run.
//! 13. [`compare`] lays two runs, releases or days beside each other.
//! 14. [`trend`](mod@trend) says what a history tells over time: where a level stepped and what came with it, and whether a night
//!     is slower than those before.
//! 15. [`dashboard`] makes the report: one HTML file of runs and of the history.
//!
//! [`trial`] is the plot of one trial over these stations, and [`run`] that of all trials of one invocation.
//! Beside the stations, [`gpu`] watches and leases the GPUs and [`machine`] tells what this host is, [`program`] finds the
//! bench program, [`tables`] holds the tables and lists that come with the harness, [`doctor`] says what is missing for a
//! run, and [`progress`] what is going on, to a person at a terminal.
//!
//! A module imports only those before it; `docs/ARCHITECTURE.md` has the order, and a test holds the code to it.

pub mod baseline;
pub mod case;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod dashboard;
pub mod dataset;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod failure;
pub mod gpu;
pub mod history;
pub mod list;
pub mod logs;
pub mod machine;
pub mod metric;
pub mod plan;
pub mod process;
pub mod program;
pub mod progress;
pub mod record;
pub mod run;
pub mod sample;
pub mod selection;
pub mod settings;
pub mod tables;
pub mod trend;
pub mod trial;
pub mod verdict;
