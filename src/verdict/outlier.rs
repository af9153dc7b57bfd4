//! Single values far off both neighbourhoods: a bad night, not a new level.

use super::stats;

/// How many standard deviations of the noise make an outlier.
const FAR: f64 = 4.5;

/// How many values on each side are the neighbourhood, and how many nearest ones at the ends.
const SIDE: usize = 5;
const NEAREST: usize = 3;

/// Which values are outliers: further than 4.5 standard deviations from most of the values before and from most of those
/// after, in the same direction. The first value of a new level agrees with those after it, and stays. At the ends the
/// three nearest values are asked.
///
/// The noise is taken from the differences of neighbours, by the median of their sizes, so that steps and the outliers
/// themselves do not count.
pub(super) fn outliers(values: &[f64]) -> Vec<bool> {
    let steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let step = stats::median(&steps).unwrap_or(0.0);
    let far = FAR * step * stats::MAD_TO_SD / std::f64::consts::SQRT_2;
    // Above most of some others (1), below most (−1), or neither.
    let side = |value: f64, others: &[&[f64]]| -> i32 {
        let (mut above, mut below, mut all) = (0, 0, 0);
        for other in others.iter().copied().flatten() {
            above += usize::from(value - other > far);
            below += usize::from(other - value > far);
            all += 1;
        }
        i32::from(2 * above > all) - i32::from(2 * below > all)
    };
    let is_outlier = |index: usize| {
        let value = values[index];
        let before = &values[index.saturating_sub(SIDE)..index];
        let after = &values[index + 1..values.len().min(index + 1 + SIDE)];
        match (before.len() >= NEAREST, after.len() >= NEAREST) {
            (true, true) => {
                let first = side(value, &[before]);
                first != 0 && first == side(value, &[after])
            }
            // At an end: what there is on the short side, made up to three from the other.
            (true, false) => {
                let rest = &before[before.len() - (NEAREST - after.len())..];
                side(value, &[rest, after]) != 0
            }
            (false, true) => side(value, &[before, &after[..NEAREST - before.len()]]) != 0,
            (false, false) => false,
        }
    };
    (0..values.len()).map(is_outlier).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(values: &[f64]) -> Vec<usize> {
        let marks = outliers(values);
        (0..values.len()).filter(|index| marks[*index]).collect()
    }

    #[test]
    fn a_single_value_far_off_is_an_outlier_also_at_the_ends() {
        let mut values: Vec<f64> = (0..30).map(|i| f64::from(i % 3)).collect();
        assert_eq!(at(&values), [0; 0]);
        for index in [0, 14, 29] {
            values[index] = -20.0;
        }
        assert_eq!(at(&values), [0, 14, 29]);
    }

    #[test]
    fn a_new_level_is_none_at_its_start_nor_when_it_is_four_values_long() {
        let level = |from: usize| -> Vec<f64> {
            (0..30).map(|i| (i % 3) as f64 + if i < from { 0.0 } else { 20.0 }).collect()
        };
        assert_eq!(at(&level(15)), [0; 0]);
        assert_eq!(at(&level(26)), [0; 0]);
    }

    #[test]
    fn few_or_equal_values_have_no_outliers() {
        assert_eq!(at(&[]), [0; 0]);
        assert_eq!(at(&[1.0, 9.0]), [0; 0]);
        assert_eq!(at(&[5.0; 9]), [0; 0]);
        assert_eq!(at(&[5.0, 5.0, 5.0, 5.0, 6.0, 5.0, 5.0, 5.0]), [4], "noise of none");
    }
}
