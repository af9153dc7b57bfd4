//! Holm's correction: several metrics judged at once, at the error rate of one.

/// The p values corrected for their number, in the given order. Those at most α are significant, and chance alone makes
/// one of them so with a probability of at most α, whatever their dependence. NaN counts as 1.
///
/// S. Holm, "A simple sequentially rejective multiple test procedure", 1979: the k-th smallest of m is multiplied by
/// m − k + 1, and none is smaller than the one before it.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let known = |p: f64| if p.is_nan() { 1.0 } else { p };
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| known(p_values[*a]).total_cmp(&known(p_values[*b])));
    let mut corrected = vec![1.0; p_values.len()];
    let mut before: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        before = before.max((known(p_values[index]) * factor).min(1.0));
        corrected[index] = before;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_p_is_multiplied_by_what_is_left_and_never_falls() {
        // Sorted .01 .02 .03 .04, times 4 3 2 1: .04 .06 .06 .04, and the last may not fall below .06.
        assert_eq!(holm(&[0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06]);
        assert_eq!(holm(&[0.9, f64::NAN]), [1.0, 1.0]);
        assert_eq!(holm(&[0.004]), [0.004]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
