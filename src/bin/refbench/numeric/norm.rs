//! Root-mean-square normalisation (Zhang and Sennrich, 2019).

use super::simd::widened;

widened! {
    /// `out = x / sqrt(mean(x²) + eps) · weight`, for one row.
    pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
        // Eight partial sums: the order is fixed, and the compiler may keep them in one register.
        let mut sums = [0.0f32; 8];
        let (whole, rest) = x.as_chunks::<8>();
        for chunk in whole {
            for lane in 0..8 {
                sums[lane] += chunk[lane] * chunk[lane];
            }
        }
        let mut square: f32 = sums.iter().sum();
        for value in rest {
            square += value * value;
        }
        let scale = 1.0 / (square / x.len() as f32 + eps).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * scale * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::fill_uniform;
    use super::*;

    #[test]
    fn it_agrees_with_the_formula_in_double_precision() {
        for len in [1, 7, 8, 96, 101] {
            let (mut x, mut weight) = (vec![0.0; len], vec![0.0; len]);
            fill_uniform(1, "x", 3.0, &mut x);
            fill_uniform(1, "weight", 1.0, &mut weight);
            let mut out = vec![0.0; len];
            rms_norm(&x, &weight, 1e-5, &mut out);
            let mean = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / len as f64;
            for i in 0..len {
                let want = f64::from(x[i]) / (mean + 1e-5).sqrt() * f64::from(weight[i]);
                assert!((f64::from(out[i]) - want).abs() < 1e-5, "{len} {i}");
            }
        }
    }
}
