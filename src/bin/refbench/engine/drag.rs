//! Work on purpose: what makes the engine slower by a known share, for tests of gates that must notice it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::numeric::{Matrix, few_rows};

/// Outputs and inputs of the product that is computed for nothing: microseconds, so that little is overshot.
const SIDE: usize = 64;

/// Computes for nothing for a share of the time that the engine computes.
#[derive(Debug)]
pub struct Drag {
    /// Time wasted for each second of computing, in seconds.
    share: f64,
    /// Seconds still to be wasted; below zero after too much.
    owed: f64,
    weights: Matrix,
}

impl Drag {
    /// Work that lengthens computing by `share`, e.g. 0.05 for 5 %.
    pub fn new(share: f64) -> Self {
        let weights = (0..SIDE * SIDE).map(|i| (i % 17) as f32 / 17.0).collect();
        Self { share, owed: 0.0, weights: Matrix::new(SIDE, SIDE, weights) }
    }

    /// Multiplies matrices until the share of `computed` is spent.
    pub fn work(&mut self, computed: Duration) {
        self.owed += computed.as_secs_f64() * self.share;
        if self.owed <= 0.0 {
            return;
        }
        let began = Instant::now();
        let mut x = [0.5; SIDE];
        let mut y = [0.0; SIDE];
        while began.elapsed().as_secs_f64() < self.owed {
            few_rows(&x, &self.weights, &mut y);
            x = y.map(|value| value / SIDE as f32);
        }
        black_box(x);
        self.owed -= began.elapsed().as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overshot_is_taken_off_the_next_time() {
        let mut drag = Drag::new(0.5);
        let began = Instant::now();
        for _ in 0..20 {
            drag.work(Duration::from_millis(2));
        }
        // A machine at work may take longer; never shorter.
        assert!(began.elapsed() >= Duration::from_millis(19), "{:?}", began.elapsed());
        assert!(drag.owed <= 0.0);
    }
}
