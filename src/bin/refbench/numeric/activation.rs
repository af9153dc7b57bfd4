//! The exponential and what is built from it: softmax weights and the SwiGLU gate.

use super::simd::widened;

/// `e^x` for `x` up to 88, to within three units in the last place; 0 below -87. Written out, and not taken
/// from the C library, so that loops over it vectorise and every machine gets the same value.
///
/// Range reduction by ln 2 in two parts and the polynomial of Cephes' `expf` (Moshier).
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "the published coefficients")]
pub fn exp(x: f32) -> f32 {
    let clamped = x.clamp(-87.0, 88.0);
    // Adding and taking away 1.5 · 2^23 rounds to the nearest whole number without a library call.
    const ROUND: f32 = 12_582_912.0;
    let n = (clamped * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (clamped - n * 0.693_359_375) - n * -2.121_944_4e-4;
    let mut p = 1.987_569_15e-4;
    p = p * r + 1.398_199_950_7e-3;
    p = p * r + 8.333_451_907_3e-3;
    p = p * r + 4.166_579_589_4e-2;
    p = p * r + 1.666_666_545_9e-1;
    p = p * r + 5.000_000_120_1e-1;
    let value = p * r * r + r + 1.0;
    let power = f32::from_bits(((n as i32 + 127) as u32) << 23);
    if x < -87.0 { 0.0 } else { value * power }
}

widened! {
    /// SwiGLU: `gate = silu(gate) · up` with `silu(x) = x / (1 + e^-x)`, for one row that holds the gates and
    /// then the ups.
    pub fn silu_times(gate_up: &[f32], out: &mut [f32]) {
        let (gate, up) = gate_up.split_at(out.len());
        for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
            *out = gate / (1.0 + exp(-gate)) * up;
        }
    }
}

widened! {
    /// Turns scores into weights: `scores[i] = e^(scores[i] - max) / Σ`.
    pub fn softmax(scores: &mut [f32]) {
        let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for score in scores.iter_mut() {
            *score = exp(*score - max);
        }
        let mut sums = [0.0f32; 8];
        let (whole, rest) = scores.as_chunks::<8>();
        for chunk in whole {
            for lane in 0..8 {
                sums[lane] += chunk[lane];
            }
        }
        let sum = sums.iter().chain(rest).sum::<f32>();
        let scale = 1.0 / sum;
        for score in scores {
            *score *= scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_a_few_units_in_the_last_place() {
        let mut x = -86.0f32;
        while x < 87.0 {
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (got / want - 1.0).abs() < 3.0 * f64::from(f32::EPSILON),
                "e^{x}: {got} {want}"
            );
            x += 0.003_7;
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1000.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn the_gate_agrees_with_the_formula_in_double_precision() {
        let gate_up = [-40.0, -1.5, 0.0, 0.3, 20.0, 2.0, -3.0, 4.0, 5.0, -6.0];
        let mut out = [0.0; 5];
        silu_times(&gate_up, &mut out);
        for i in 0..5 {
            let (gate, up) = (f64::from(gate_up[i]), f64::from(gate_up[5 + i]));
            let want = gate / (1.0 + (-gate).exp()) * up;
            assert!((f64::from(out[i]) - want).abs() < 1e-5 * want.abs().max(1.0), "{i}");
        }
    }

    #[test]
    fn softmax_weights_sum_to_one_also_far_from_zero() {
        let mut scores: Vec<f32> = (0..19).map(|i| 900.0 + i as f32).collect();
        softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((scores[17] / scores[18] - (-1.0f32).exp()).abs() < 1e-6);
    }
}
