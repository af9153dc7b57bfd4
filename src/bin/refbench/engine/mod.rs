//! In-flight batching: which tokens are computed in which iteration, and when each request began and ended.

mod clock;
mod drag;
mod request;
mod scheduler;
mod serve;

pub use clock::Clock;
pub use drag::Drag;
pub use request::{Completion, Request};
pub use scheduler::{Limits, blocks_for};
pub use serve::{Engine, Event, Iteration};
