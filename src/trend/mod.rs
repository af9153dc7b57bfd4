//! Station 14, trends: what a history tells over time.
//!
//! Pure. [`steps()`] finds where the level of a series changed, and tells what came with it: the release and facts that
//! changed with the level ([`CameWith`](crate::compare::CameWith)), and what people remarked near it ([`Remarks`]).

mod came_with;
mod remarks;
mod steps;

pub use remarks::{Remark, Remarks};
pub use steps::{Seen, Step, steps};
