//! Sums and percentiles, to the last digit as the real tool's.

use serde::Serialize;

/// The sum of Python's built-in `sum` since 3.12: compensated after Neumaier ("Rundungsfehleranalyse einiger Verfahren
/// zur Summation endlicher Summen", 1974).
pub fn compensated_sum(values: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for &value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

/// The usual seven figures of a distribution. A percentile is an element, never an interpolation: in ascending order
/// the one at index `floor(n · q)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub minimum: f64,
    pub maximum: f64,
    pub average: f64,
}

impl Percentiles {
    /// Of whole numbers, at least one, whose sum is exact.
    pub fn of_integers(values: &[u64]) -> Self {
        let sum: u64 = values.iter().sum();
        let as_floats: Vec<f64> = values.iter().map(|&value| value as f64).collect();
        Self::with_average(&as_floats, sum as f64 / values.len() as f64)
    }

    /// Of doubles, at least one.
    pub fn of_floats(values: &[f64]) -> Self {
        Self::with_average(values, compensated_sum(values) / values.len() as f64)
    }

    fn with_average(values: &[f64], average: f64) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| sorted[(sorted.len() as f64 * q) as usize];
        Self {
            p50: at(0.50),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            minimum: sorted[0],
            maximum: sorted[sorted.len() - 1],
            average,
        }
    }

    /// All seven times `factor`: a change of unit.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            p50: self.p50 * factor,
            p90: self.p90 * factor,
            p95: self.p95 * factor,
            p99: self.p99 * factor,
            minimum: self.minimum * factor,
            maximum: self.maximum * factor,
            average: self.average * factor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plain_sum_loses_is_kept() {
        let values = [1.0, 1e100, 1.0, -1e100];
        assert_eq!(values.iter().sum::<f64>(), 0.0);
        assert_eq!(compensated_sum(&values), 2.0);
        assert_eq!(compensated_sum(&[0.1; 10]), 1.0);
    }

    #[test]
    fn a_percentile_is_the_element_at_the_floor_of_n_times_q() {
        let values: Vec<u64> = (1..=64).rev().collect();
        let p = Percentiles::of_integers(&values);
        assert_eq!((p.p50, p.p90, p.p95, p.p99), (33.0, 58.0, 61.0, 64.0));
        assert_eq!((p.minimum, p.maximum, p.average), (1.0, 64.0, 32.5));
        let one = Percentiles::of_floats(&[2.5]);
        assert_eq!((one.p50, one.p99, one.average), (2.5, 2.5, 2.5));
    }
}
