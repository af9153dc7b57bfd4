//! The harness from the outside: the real executables with the embedded engine, and with scripted bench programs
//! that misbehave on purpose (`fixtures/harness`).

#[path = "harness/junit.rs"]
mod junit;
#[path = "harness/perf_target.rs"]
mod perf_target;
#[path = "harness/small_disk.rs"]
mod small_disk;
#[path = "harness/support.rs"]
mod support;

#[path = "harness/baseline.rs"]
mod baseline;
#[path = "harness/commands.rs"]
mod commands;
#[path = "harness/comparisons.rs"]
mod comparisons;
#[path = "harness/disk.rs"]
mod disk;
#[path = "harness/dry_run.rs"]
mod dry_run;
#[path = "harness/elsewhere.rs"]
mod elsewhere;
#[path = "harness/embedded.rs"]
mod embedded;
#[path = "harness/exits.rs"]
mod exits;
#[path = "harness/failures.rs"]
mod failures;
#[path = "harness/gate.rs"]
mod gate;
#[path = "harness/gpus.rs"]
mod gpus;
#[path = "harness/listing.rs"]
mod listing;
#[path = "harness/live.rs"]
mod live;
#[path = "harness/plans.rs"]
mod plans;
#[path = "harness/precedence.rs"]
mod precedence;
#[path = "harness/reports.rs"]
mod reports;
#[path = "harness/selection.rs"]
mod selection;
#[path = "harness/stall.rs"]
mod stall;
#[path = "harness/steps.rs"]
mod steps;
#[path = "harness/twins.rs"]
mod twins;
#[path = "harness/waives.rs"]
mod waives;
