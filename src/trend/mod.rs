//! Station 14, trends: what a history tells over time.
//!
//! [`night`] puts the numbers of a night beside those of the nights before and says which cases got slower. Which earlier
//! points may be held against a new one is for `earlier` to say, and what was left out, and why.

mod bless;
mod earlier;
pub mod night;

pub use bless::{LEAST_BLESSED, level_to_bless};
pub use earlier::{Earlier, LeftOut, earlier, other_conditions};
