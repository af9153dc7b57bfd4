//! Command lines as Click 8.1 reads them: the rules, the texts and the help of the real tool's parser.
//!
//! A general parser would do for a program of our own; this one stands in for a Click program, and what a
//! harness meets when it misspells an option is part of the contract.

mod error;
mod help;
mod option;
mod parse;
mod suggestion;
mod value;

pub use error::UsageError;
pub use help::{command_help, group_help};
pub use option::{Kind, Opt, OptionGroup};
pub use parse::{Arguments, Command, Parsed};
