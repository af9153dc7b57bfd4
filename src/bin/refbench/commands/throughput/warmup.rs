//! Which requests warm the engine up.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::engine::Request;

/// Draws `count` of `requests` with replacement, differently in each process, as the real tool does.
pub fn draw(requests: &[Request], count: usize) -> Vec<Request> {
    let random = RandomState::new();
    (0..count)
        .map(|nth| requests[(random.hash_one(nth) % requests.len() as u64) as usize].clone())
        .collect()
}
