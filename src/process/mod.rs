//! Station 6, process: runs one step of a plan and lets nothing of it outlive its end.
//!
//! The plot: [`run()`] resolves the program, opens the log and starts a *supervisor*: our own executable
//! again, entered through [`supervisor_entry`]. The supervisor starts the step in its own process group
//! (and cgroup, where one can be made), copies its output to the log, and on the step's end, on an order, or
//! when the harness disappears, ends everything that descends from the step, however it detached. Meanwhile
//! [`run()`] watches time limit, log, activity and ctrl-c, and decides when to give that order.
//!
//! One supervisor a step, because orphans go to the nearest sub-reaper: two steps in one supervisor would
//! adopt each other's. Only descendants of the supervisor are ever signalled.
//!
//! This station alone starts programs; `link` is the only user of `duct`, `interrupt` of `signal-hook`.

mod cgroup;
mod end_tree;
mod error;
mod fork;
mod inbox;
mod interrupt;
mod link;
mod observer;
mod program;
mod pump;
mod run;
mod step;
mod supervisor;
mod tail;
mod tree;
mod wait;
mod watch;
mod watchdog;
mod wire;

pub use error::ProcessError;
pub use interrupt::Interrupt;
pub use link::Supervisor;
pub use program::find_program;
pub use run::run;
pub use signal_hook::consts::{SIGBUS, SIGSEGV};
pub use step::{Ended, Frame, Process, Step, StepEnd};
pub use supervisor::supervisor_entry;
pub use tree::stranger;
pub use watch::{Fatal, Progress, Stall, Watch};
