//! Station 14, trends: what a history tells over time.
//!
//! Pure. [`steps()`] finds where the level of a series changed, and tells what came with it: the release and facts that
//! changed with the level ([`CameWith`](crate::compare::CameWith)), and what people remarked near it ([`Remarks`]).
//! [`night`] puts the numbers of a night beside those of the nights before and says which cases got slower. Which earlier
//! points may be held against a new one is for `earlier` to say, and what was left out, and why.

mod bless;
mod came_with;
mod earlier;
pub mod night;
mod remarks;
mod steps;

pub use bless::{LEAST_BLESSED, level_to_bless};
pub use earlier::{Earlier, LeftOut, earlier, other_conditions};
pub use remarks::{Remark, Remarks};
pub use steps::{Seen, Step, steps};
