//! Rotary position embedding (Su et al., 2021), in the half-split form of Llama checkpoints.

/// Cosines and sines of every position.
#[derive(Debug)]
pub struct Rope {
    half: usize,
    /// For each position `half` cosines, then `half` sines.
    table: Vec<f32>,
}

impl Rope {
    /// Tables for positions `0..positions` and heads of `head_dim` values, with base `theta`.
    pub fn new(theta: f64, head_dim: usize, positions: usize) -> Self {
        let half = head_dim / 2;
        let mut table = Vec::with_capacity(positions * head_dim);
        for position in 0..positions {
            let angle = |i: usize| position as f64 * theta.powf(-2.0 * i as f64 / head_dim as f64);
            table.extend((0..half).map(|i| angle(i).cos() as f32));
            table.extend((0..half).map(|i| angle(i).sin() as f32));
        }
        Self { half, table }
    }

    /// Turns every head of `heads` (consecutive, each of `head_dim` values) to `position`.
    pub fn rotate(&self, position: usize, heads: &mut [f32]) {
        let width = 2 * self.half;
        let (cos, sin) = self.table[position * width..(position + 1) * width].split_at(self.half);
        for head in heads.chunks_exact_mut(width) {
            let (low, high) = head.split_at_mut(self.half);
            for i in 0..self.half {
                let (a, b) = (low[i], high[i]);
                low[i] = a * cos[i] - b * sin[i];
                high[i] = b * cos[i] + a * sin[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_turned_as_complex_numbers_are() {
        let rope = Rope::new(10_000.0, 8, 40);
        let start: Vec<f32> = (0..16).map(|i| i as f32 * 0.25 - 1.0).collect();
        let mut turned = start.clone();
        rope.rotate(37, &mut turned);
        for head in 0..2 {
            for i in 0..4 {
                let angle = 37.0 * 10_000f64.powf(-(2.0 * i as f64) / 8.0);
                let (a, b) = (f64::from(start[head * 8 + i]), f64::from(start[head * 8 + 4 + i]));
                let want = (a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos());
                assert!((f64::from(turned[head * 8 + i]) - want.0).abs() < 1e-5);
                assert!((f64::from(turned[head * 8 + 4 + i]) - want.1).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn scores_depend_on_the_distance_alone() {
        let rope = Rope::new(10_000.0, 4, 30);
        let score = |query_at, key_at| {
            let (mut q, mut k) = ([0.5, -1.0, 0.25, 2.0], [1.0, 0.75, -0.5, 0.1]);
            rope.rotate(query_at, &mut q);
            rope.rotate(key_at, &mut k);
            q.iter().zip(&k).map(|(q, k)| q * k).sum::<f32>()
        };
        assert!((score(9, 4) - score(25, 20)).abs() < 1e-5);
        assert!((score(9, 4) - score(9, 5)).abs() > 1e-3);
    }
}
