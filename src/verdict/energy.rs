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
/// smaller values and that of the larger ones, which prefix sums over the sorted series give for the whole, and a Fenwick
/// tree over the ranks for the left half: O(n log n) in all, where the table of all distances would be O(n²).
pub(super) fn best_split(values: &[f64], least: usize) -> Option<Split> {
    let n = values.len();
    let least = least.max(2);
    if n < 2 * least {
        return None;
    }
    // Small numbers, so that sums of them keep their digits.
    let values: Vec<f64> = values.iter().map(|value| value - values[0]).collect();
    let mut sorted: Vec<(i64, usize)> =
        values.iter().enumerate().map(|(index, value)| (key(*value), index)).collect();
    sorted.sort_unstable();
    let (mut ranks, mut to_all) = (vec![0; n], vec![0.0; n]);
    let (all, mut below) = (values.iter().sum::<f64>(), 0.0);
    for (rank, (_, index)) in sorted.into_iter().enumerate() {
        let value = values[index];
        ranks[index] = rank + 1;
        to_all[index] = value * (2.0 * rank as f64 - n as f64) + all - 2.0 * below;
        below += value;
    }
    // Sums of distances: within the left half, within the right one, and between the two.
    let (mut within_left, mut between) = (0.0, 0.0);
    let mut within_right = to_all.iter().sum::<f64>() / 2.0;
    let mut left = Left::new(n);
    let mut best: Option<Split> = None;
    for at in 1..=n - least {
        let to_left = left.distances_and_add(values[at - 1], ranks[at - 1]);
        let to_right = to_all[at - 1] - to_left;
        within_left += to_left;
        within_right -= to_right;
        between += to_right - to_left;
        if at < least {
            continue;
        }
        // The formula above with the means written out as sums over numbers of pairs.
        let (a, b) = (at as f64, (n - at) as f64);
        let q =
            2.0 / n as f64 * (between - within_left * b / (a - 1.0) - within_right * a / (b - 1.0));
        if best.is_none_or(|best| q > best.q) {
            best = Some(Split { at, q });
        }
    }
    best
}

/// An integer with the order of `f64::total_cmp`, which is quicker to sort by.
fn key(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// The values of the left half: a Fenwick tree of numbers and sums over the ranks.
struct Left {
    tree: Vec<(f64, f64)>,
    number: f64,
    sum: f64,
}

impl Left {
    fn new(n: usize) -> Self {
        Self { tree: vec![(0.0, 0.0); n + 1], number: 0.0, sum: 0.0 }
    }

    /// The sum of the distances from a value to those in here, to which it is then added.
    fn distances_and_add(&mut self, value: f64, rank: usize) -> f64 {
        let (mut number, mut sum) = (0.0, 0.0);
        let mut at = rank;
        while at > 0 {
            number += self.tree[at].0;
            sum += self.tree[at].1;
            at &= at - 1;
        }
        let distances = value * (2.0 * number - self.number) + self.sum - 2.0 * sum;
        self.number += 1.0;
        self.sum += value;
        at = rank;
        while at < self.tree.len() {
            self.tree[at].0 += 1.0;
            self.tree[at].1 += value;
            at += at & at.wrapping_neg();
        }
        distances
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
