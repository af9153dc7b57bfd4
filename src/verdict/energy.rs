//! The E-divisive statistic: where two halves of a series differ most in distribution.

/// Where a series falls apart best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// How many values stand before the split.
    pub at: usize,
    /// Q̂ of the split; larger is better.
    pub q: f64,
}

/// The split with the largest Q̂ that leaves at least `least` values on either side; the first of equals.
///
/// For the split after τ of κ values, with the exponent 1 of Matteson and James ("A nonparametric approach for multiple
/// change point analysis of multivariate data", 2014):
/// Ê = 2·mean|Xᵢ−Yⱼ| − mean|Xᵢ−Xₖ| − mean|Yⱼ−Yₖ| and Q̂ = τ(κ−τ)/κ · Ê.
///
/// One value after the other moves from the right half to the left. The sum of its distances to a half is that of the
/// smaller values and that of the larger ones, which two Fenwick trees over the ranks give: O(n log n) in all, where
/// the table of all distances would be O(n²).
pub(super) fn best_split(values: &[f64], least: usize) -> Option<Split> {
    let n = values.len();
    let least = least.max(2);
    if n < 2 * least {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let ranks = ranks(values);
    let mut left = Distances::new(n);
    let mut right = Distances::new(n);
    // Sums of distances: within the left half, within the right one, and between the two.
    let (mut within_left, mut within_right, mut between) = (0.0, 0.0, 0.0);
    for (value, rank) in values.iter().zip(&ranks) {
        within_right += right.to(value - mean, *rank);
        right.add(value - mean, *rank, 1.0);
    }
    let mut best: Option<Split> = None;
    for at in 1..=n - least {
        let (value, rank) = (values[at - 1] - mean, ranks[at - 1]);
        right.add(value, rank, -1.0);
        let (to_left, to_right) = (left.to(value, rank), right.to(value, rank));
        left.add(value, rank, 1.0);
        within_left += to_left;
        within_right -= to_right;
        between += to_right - to_left;
        if at < least {
            continue;
        }
        let (a, b) = (at as f64, (n - at) as f64);
        let pairs = |n: f64| n * (n - 1.0) / 2.0;
        let e = 2.0 * between / (a * b) - within_left / pairs(a) - within_right / pairs(b);
        let q = a * b / n as f64 * e;
        if best.is_none_or(|best| q > best.q) {
            best = Some(Split { at, q });
        }
    }
    best
}

/// The place of each value in the sorted series, from 1; equals in the order of the series.
fn ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0; values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank + 1;
    }
    ranks
}

/// Numbers and sums of the values up to a rank.
struct Distances {
    /// A Fenwick tree of (number, sum).
    tree: Vec<(f64, f64)>,
    all: (f64, f64),
}

impl Distances {
    fn new(n: usize) -> Self {
        Self { tree: vec![(0.0, 0.0); n + 1], all: (0.0, 0.0) }
    }

    /// Puts a value in (`sign` 1) or takes it out (−1).
    fn add(&mut self, value: f64, rank: usize, sign: f64) {
        self.all = (self.all.0 + sign, self.all.1 + sign * value);
        let mut at = rank;
        while at < self.tree.len() {
            self.tree[at] = (self.tree[at].0 + sign, self.tree[at].1 + sign * value);
            at += at & at.wrapping_neg();
        }
    }

    /// The sum of the distances from a value of this rank to all values in here.
    fn to(&self, value: f64, rank: usize) -> f64 {
        let (mut number, mut sum) = (0.0, 0.0);
        let mut at = rank;
        while at > 0 {
            number += self.tree[at].0;
            sum += self.tree[at].1;
            at -= at & at.wrapping_neg();
        }
        (value * number - sum) + (self.all.1 - sum) - value * (self.all.0 - number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, pair by pair.
    fn q(values: &[f64], at: usize) -> f64 {
        let (x, y) = values.split_at(at);
        let within = |half: &[f64]| {
            let pairs = half.len() * (half.len() - 1) / 2;
            let sum: f64 =
                (0..half.len()).flat_map(|i| (0..i).map(move |k| (half[i] - half[k]).abs())).sum();
            sum / pairs as f64
        };
        let between: f64 = x.iter().flat_map(|a| y.iter().map(move |b| (a - b).abs())).sum();
        let (a, b) = (x.len() as f64, y.len() as f64);
        a * b / (a + b) * (2.0 * between / (a * b) - within(x) - within(y))
    }

    #[test]
    fn the_statistic_is_that_of_the_definition_at_its_best_split() {
        let values = [1.0, 1.5, 0.5, 1.0, 3.0, 2.5, 3.5, 3.0, 3.0, 1.0, 3.25];
        let best = best_split(&values, 2).expect("long enough");
        let expected = (2..=values.len() - 2)
            .max_by(|a, b| q(&values, *a).total_cmp(&q(&values, *b)))
            .expect("some");
        assert_eq!((best.at, expected), (4, 4));
        assert!((best.q - q(&values, 4)).abs() < 1e-12);
    }

    #[test]
    fn a_series_too_short_has_no_split_and_a_constant_one_nothing_to_gain() {
        assert_eq!(best_split(&[1.0, 2.0, 3.0], 2), None);
        assert_eq!(best_split(&[7.0; 20], 4).expect("long enough").q, 0.0);
    }
}
