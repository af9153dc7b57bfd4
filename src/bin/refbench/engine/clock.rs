//! The monotonic clock that requests are stamped with.

use std::time::Instant;

/// Nanoseconds since the clock was made; never zero, which in a report means "not yet".
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Nanoseconds since the start, at least 1.
    pub fn now(&self) -> u64 {
        // A u64 of nanoseconds holds 584 years.
        (self.origin.elapsed().as_nanos() as u64).max(1)
    }
}
