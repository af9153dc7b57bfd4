//! Cuts of a series: found by E-divisive in the whole and in windows, kept by Welch's test between their neighbours.

use super::energy::best_split;
use super::stats::{self, Moments};

/// Fewer points than this on a side of a cut say nothing about a level.
pub(super) const LEAST: usize = 4;

/// The p that makes a candidate: Hunter's threshold.
const CANDIDATE_P: f64 = 1e-3;

/// The square of the t that has this p, two-sided, under the normal distribution: 3.2905², less a little for rounding.
const CANDIDATE_T_SQUARED: f64 = 10.82;

/// The p that a cut must keep between its neighbouring cuts. The test supposes a place that was settled beforehand, and
/// the place was chosen as the best one: a tenth of the threshold pays for that.
pub(super) const KEPT_P: f64 = 1e-4;

/// How much a level must change: 2 %, as a logarithm.
pub(super) const LEAST_CHANGE: f64 = 0.019_802_627_296_179_712;

/// Length of the windows that are searched in each stretch that the whole was cut into; they overlap by half. What comes
/// and goes within a long series is too little of the whole to be seen there.
const WINDOW: usize = 50;

/// A place between two levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// The first value of the new level.
    pub at: usize,
    /// Means of the levels.
    pub before: f64,
    pub after: f64,
    /// Two-sided p of Welch's test, with the variance that neighbouring values share taken into account.
    pub p: f64,
}

/// The cuts of a series of logarithms without outliers, in order.
///
/// After Hunter (Fleming et al., "Hunter: using change point detection to hunt for performance regressions", 2023):
/// splits are taken as candidates with a t-test in place of permutations, and merged from the weakest on. Different here:
/// the sample variance and Welch's test, a place is looked for anew when its neighbours change, and values that depend on
/// the one before count for less.
pub(super) fn cuts(values: &[f64]) -> Vec<Cut> {
    let mut search = Search { values, splits: Vec::new() };
    let mut places = Vec::new();
    search.halve(0, values.len(), &mut places);
    places.sort_unstable();
    let mut start = 0;
    for end in [places.as_slice(), &[values.len()]].concat() {
        for start in (start..end).step_by(WINDOW / 2).filter(|_| end - start > WINDOW) {
            search.halve(start, end.min(start + WINDOW), &mut places);
        }
        start = end;
    }
    places.sort_unstable();
    places.dedup();
    search.merge(places)
}

/// A series and what was found in it.
struct Search<'a> {
    values: &'a [f64],
    /// The best split of a stretch, by its ends.
    splits: Vec<((usize, usize), usize)>,
}

impl Search<'_> {
    /// The place that splits a stretch best.
    fn split(&mut self, start: usize, end: usize) -> Option<usize> {
        if let Some((_, at)) = self.splits.iter().find(|(ends, _)| *ends == (start, end)) {
            return Some(*at);
        }
        let at = start + best_split(&self.values[start..end], LEAST)?.at;
        self.splits.push(((start, end), at));
        Some(at)
    }

    /// Splits at the largest Q̂, and each half again, as long as the halves differ.
    fn halve(&mut self, start: usize, end: usize, places: &mut Vec<usize>) {
        if !may_differ(&self.values[start..end]) {
            return;
        }
        let Some(at) = self.split(start, end) else { return };
        let (left, right) = (&self.values[start..at], &self.values[at..end]);
        let p = stats::welch(Moments::of(left), Moments::of(right));
        if p.is_some_and(|p| p <= CANDIDATE_P) {
            places.push(at);
            self.halve(start, at, places);
            self.halve(at, end, places);
        }
    }

    /// Drops the weakest place, then the smallest change, until all that is left is certain and large enough. After each
    /// the others are looked for again between their new neighbours.
    fn merge(&mut self, mut places: Vec<usize>) -> Vec<Cut> {
        loop {
            drop_crowded(&mut places, self.values.len());
            for place in 0..places.len() {
                let (start, end) = neighbours(&places, place, self.values.len());
                if let Some(at) = self.split(start, end) {
                    places[place] = at;
                }
            }
            let inflation = inflation(self.values, &places);
            let cuts: Vec<Cut> = (0..places.len())
                .map(|place| {
                    let (start, end) = neighbours(&places, place, self.values.len());
                    cut(self.values, start, places[place], end, inflation)
                })
                .collect();
            let weakest = (0..cuts.len()).max_by(|a, b| cuts[*a].p.total_cmp(&cuts[*b].p));
            let change = |place: usize| (cuts[place].after - cuts[place].before).abs();
            let least = (0..cuts.len()).min_by(|a, b| change(*a).total_cmp(&change(*b)));
            let weak = weakest
                .filter(|place| cuts[*place].p > KEPT_P)
                .or_else(|| least.filter(|place| change(*place) < LEAST_CHANGE));
            match weak {
                Some(place) => drop(places.remove(place)),
                None => return cuts,
            }
        }
    }
}

/// Whether some split could be a candidate. No Student's t has thinner tails than the normal distribution, so where no t
/// of Welch's reaches the normal quantile, no p falls below the threshold: one pass over prefix sums saves the search for
/// Q̂ in almost all quiet stretches and changes no result.
fn may_differ(values: &[f64]) -> bool {
    let n = values.len();
    let Some(first) = values.first().filter(|_| n >= 2 * LEAST) else { return false };
    let (mut all, mut all_squares) = (0.0, 0.0);
    for value in values {
        all += value - first;
        all_squares += (value - first).powi(2);
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut farthest = false;
    for (index, value) in values[..n - LEAST].iter().enumerate() {
        sum += value - first;
        squares += (value - first).powi(2);
        let (a, b) = ((index + 1) as f64, (n - index - 1) as f64);
        let difference = sum / a - (all - sum) / b;
        // Variance over number: the squared error of a mean.
        let error = |n: f64, sum: f64, squares: f64| (squares - sum * sum / n) / (n * (n - 1.0));
        let errors = error(a, sum, squares) + error(b, all - sum, all_squares - squares);
        farthest |= index + 1 >= LEAST && difference * difference > errors * CANDIDATE_T_SQUARED;
    }
    farthest
}

/// Leaves out places that stand too close to the one before or to the end: candidates of several windows for one step.
fn drop_crowded(places: &mut Vec<usize>, len: usize) {
    let mut before = 0;
    places.retain(|place| {
        let room = place - before >= LEAST && len - place >= LEAST;
        if room {
            before = *place;
        }
        room
    });
}

/// The cuts, or ends of the series, on either side of a place.
fn neighbours(places: &[usize], place: usize, len: usize) -> (usize, usize) {
    let start = if place == 0 { 0 } else { places[place - 1] };
    (start, places.get(place + 1).copied().unwrap_or(len))
}

fn cut(values: &[f64], start: usize, at: usize, end: usize, inflation: f64) -> Cut {
    let (left, right) = (Moments::of(&values[start..at]), Moments::of(&values[at..end]));
    let wider = |side: Moments| Moments { variance: side.variance * inflation, ..side };
    let p = stats::welch(wider(left), wider(right)).unwrap_or(1.0);
    Cut { at, before: left.mean, after: right.mean, p }
}

/// How much larger the variance of a mean is than of independent values: (1 + ρ)/(1 − ρ) with the autocorrelation ρ of
/// neighbouring residuals about their levels, as of an AR(1) process. Means that were fitted pull ρ down by about one
/// over the number of values each, which is given back. A negative ρ counts as none.
fn inflation(values: &[f64], places: &[usize]) -> f64 {
    let mut residuals = Vec::with_capacity(values.len());
    let mut start = 0;
    for end in places.iter().copied().chain([values.len()]) {
        let level = &values[start..end];
        let mean = stats::mean(level).unwrap_or(0.0);
        residuals.extend(level.iter().map(|value| value - mean));
        start = end;
    }
    let squares: f64 = residuals.iter().map(|it| it * it).sum();
    if squares == 0.0 {
        return 1.0;
    }
    let products: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let given_back = (places.len() + 1) as f64 / values.len() as f64;
    let rho = (products / squares + given_back).clamp(0.0, 0.9);
    (1.0 + rho) / (1.0 - rho)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of ±1 % with no memory, the same at each call.
    fn noise(index: usize) -> f64 {
        0.01 * ((index * 7919 % 101) as f64 / 50.0 - 1.0)
    }

    #[test]
    fn a_step_is_cut_where_it_is_and_noise_is_not() {
        let flat: Vec<f64> = (0..60).map(noise).collect();
        assert_eq!(cuts(&flat), []);
        let step: Vec<f64> =
            flat.iter().enumerate().map(|(i, v)| v + if i < 23 { 0.0 } else { 0.05 }).collect();
        let found = cuts(&step);
        assert_eq!(found.iter().map(|cut| cut.at).collect::<Vec<_>>(), [23]);
        assert!((found[0].after - found[0].before - 0.05).abs() < 0.005 && found[0].p < 1e-9);
    }

    #[test]
    fn what_comes_and_goes_in_a_long_series_is_seen_in_a_window() {
        let bump: Vec<f64> = (0..1000)
            .map(|i| noise(i) + if (500..515).contains(&i) { 0.06 } else { 0.0 })
            .collect();
        assert_eq!(cuts(&bump).iter().map(|cut| cut.at).collect::<Vec<_>>(), [500, 515]);
    }

    #[test]
    fn a_step_below_the_least_change_is_none_however_certain() {
        let step: Vec<f64> =
            (0..200).map(|i| 0.1 * noise(i) + if i < 90 { 0.0 } else { 0.015 }).collect();
        assert_eq!(cuts(&step), []);
    }

    #[test]
    fn values_that_never_vary_are_cut_only_where_they_change() {
        assert_eq!(cuts(&[1.0; 40]), []);
        let found = cuts(&[[1.0; 10], [1.1; 10]].concat());
        assert_eq!(found.iter().map(|cut| cut.at).collect::<Vec<_>>(), [10]);
        assert!(found[0].p < 1e-100, "{found:?}");
    }
}
