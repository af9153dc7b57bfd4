//! pytest-split: the selection cut into groups of about the same run time.

use std::collections::BTreeMap;

/// Expected run time in seconds by id without prefix.
pub type Durations = BTreeMap<String, f64>;

/// One group of several.
#[derive(Debug)]
pub struct Split {
    pub groups: usize,
    /// The group that runs, from 0.
    pub group: usize,
    /// Keep neighbours together instead of evening out the groups.
    pub chunks: bool,
    pub durations: Durations,
}

impl Split {
    /// The group of each id. A test of unknown duration counts as much as the mean of the known ones.
    pub fn assign(&self, ids: &[&str]) -> Vec<usize> {
        let known: Vec<f64> =
            ids.iter().filter_map(|&id| self.durations.get(id).copied()).collect();
        let mean =
            if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
        let times: Vec<f64> =
            ids.iter().map(|&id| self.durations.get(id).copied().unwrap_or(mean)).collect();
        if self.chunks { self.chunks(&times) } else { self.least_loaded(&times) }
    }

    /// Neighbours fill a group until it has its share of the total.
    fn chunks(&self, times: &[f64]) -> Vec<usize> {
        let share = times.iter().sum::<f64>() / self.groups as f64;
        let (mut group, mut filled) = (0, 0.0);
        let assign = |&time: &f64| {
            if filled >= share && group + 1 < self.groups {
                group += 1;
                filled = 0.0;
            }
            filled += time;
            group
        };
        times.iter().map(assign).collect()
    }

    /// The longest first, each to the group with least to do.
    fn least_loaded(&self, times: &[f64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by(|&a, &b| times[b].total_cmp(&times[a]));
        let mut loads = vec![0.0; self.groups];
        let mut groups = vec![0; times.len()];
        for test in order {
            let least =
                (0..self.groups).min_by(|&a, &b| f64::total_cmp(&loads[a], &loads[b])).unwrap_or(0);
            loads[least] += times[test];
            groups[test] = least;
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(groups: usize, chunks: bool, durations: &[(&str, f64)]) -> Split {
        let durations = durations.iter().map(|&(id, seconds)| (id.to_owned(), seconds)).collect();
        Split { groups, group: 0, chunks, durations }
    }

    #[test]
    fn chunks_keep_neighbours_together_and_least_loaded_evens_out() {
        let durations = [("a", 10.0), ("b", 1.0), ("c", 1.0), ("d", 8.0)];
        let ids = ["a", "b", "c", "d"];
        assert_eq!(split(2, true, &durations).assign(&ids), [0, 1, 1, 1]);
        assert_eq!(split(2, false, &durations).assign(&ids), [0, 1, 1, 1]);
        assert_eq!(split(3, false, &durations).assign(&ids), [0, 2, 2, 1]);
    }

    #[test]
    fn a_test_of_unknown_duration_counts_as_the_mean_of_the_known_ones() {
        let groups = |chunks| split(2, chunks, &[("a", 4.0)]).assign(&["a", "b", "c", "d", "e"]);
        assert_eq!(groups(true), [0, 0, 0, 1, 1]);
        assert_eq!(groups(false), [0, 1, 0, 1, 0]);
    }
}
