//! How many pairs a question needs: what noise and practical limit leave to be seen.

use super::{Limit, paired, stats};

/// With what probability the verdict should come when the question is put to so many pairs.
const POWER: f64 = 0.9;

/// Above this the answer is no longer a number anyone would measure.
const MOST: usize = 10_000;

/// The least number of pairs with which a real loss of `loss` (a share, 0.05 for 5 %) is called a regression nine times
/// in ten, when the log-ratio of a pair has the standard deviation `pair_sd`. `None` when the loss is no larger than
/// the limit, or more than 10,000 pairs would be needed.
///
/// The mean must be beyond both the interval's half-width and δ: with the standard error e = s/√n,
/// ln(1 + loss) ≥ max(t·e, ln(1 + δ)) + z·e.
pub fn pairs_to_see(loss: f64, pair_sd: f64, limit: Limit) -> Option<usize> {
    least(pair_sd, |t_error, z_error| loss.ln_1p() >= t_error.max(limit.log()) + z_error)
}

/// The least number of pairs with which no change at all passes nine times in ten: ln(1 + δ) ≥ (t + z)·s/√n.
/// `None` beyond 10,000 pairs.
pub fn pairs_to_pass(pair_sd: f64, limit: Limit) -> Option<usize> {
    least(pair_sd, |t_error, z_error| limit.log() >= t_error + z_error)
}

/// The first number of pairs whose `t·e` and `z·e` are enough.
fn least(pair_sd: f64, enough: impl Fn(f64, f64) -> bool) -> Option<usize> {
    let z = stats::normal_quantile(POWER);
    let holds = |pairs: usize| {
        let error = pair_sd / (pairs as f64).sqrt();
        enough(stats::t_quantile(1.0 - paired::ALPHA, (pairs - 1) as f64) * error, z * error)
    };
    // Both terms fall with each pair more, so the answer can be halved in on.
    let (mut low, mut high) = (paired::LOOKS[0], MOST);
    if !holds(high) {
        return None;
    }
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;

    #[test]
    fn noise_has_its_price_in_pairs() {
        let limit = Limit::new(Better::Lower);
        let sd = |cv: f64| cv * std::f64::consts::SQRT_2;
        assert_eq!(pairs_to_see(0.10, sd(0.01), limit), Some(4));
        let needed: Vec<_> =
            [0.01, 0.02, 0.03, 0.05].map(|cv| pairs_to_see(0.05, sd(cv), limit)).to_vec();
        assert!(needed.is_sorted() && needed[0] < needed[3], "{needed:?}");
        assert_eq!(pairs_to_see(0.03, sd(0.01), limit), None, "the limit itself is not beyond it");
        assert!(pairs_to_pass(sd(0.05), limit) > pairs_to_see(0.10, sd(0.05), limit));
        assert_eq!(pairs_to_pass(0.0, limit), Some(4));
        assert_eq!(pairs_to_pass(9.0, limit), None);
    }
}
