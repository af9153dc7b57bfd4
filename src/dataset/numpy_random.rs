//! NumPy's legacy normal deviates (`np.random.seed` and `np.random.normal`). Beside `python_random` the only user of `rand_mt` here.

use rand_mt::Mt;

use super::python_random::unit;

/// Standard normal deviates by the polar method (Marsaglia and Bray, 1964), two at a time, in NumPy's
/// order: the deviate of the second coordinate first.
pub(super) struct NormalDeviates {
    mt: Mt,
    kept: Option<f64>,
}

impl NormalDeviates {
    /// `np.random.seed(seed)`.
    pub(super) fn new(seed: u32) -> Self {
        Self { mt: Mt::new(seed), kept: None }
    }

    pub(super) fn draw(&mut self) -> f64 {
        if let Some(deviate) = self.kept.take() {
            return deviate;
        }
        loop {
            let x = 2.0 * unit(&mut self.mt) - 1.0;
            let y = 2.0 * unit(&mut self.mt) - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.kept = Some(scale * x);
                return scale * y;
            }
        }
    }
}
