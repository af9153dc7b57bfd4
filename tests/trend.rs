//! Station 14, trends: steps of series and what came with them, by hand and through the program with a real history.

#[path = "harness/support.rs"]
#[expect(dead_code, reason = "the tests of the harness use more of it")]
mod harness;
#[path = "harness/junit.rs"]
#[expect(dead_code, reason = "named by the harness's support")]
mod junit;

#[path = "trend/commands.rs"]
mod commands;
#[path = "trend/nights.rs"]
mod nights;
#[path = "trend/steps.rs"]
mod steps;
