//! The points of a series from the attempts of a case, the noise of each release, and its steps.

use std::collections::BTreeMap;

use super::data::{Band, Point, Remark, RunNote, Series};
use crate::history::{AttemptRecord, RunRecord, SampleRecord};
use crate::metric::Metric;
use crate::record::result::State;
use crate::sample::Standing;
use crate::trend::{Seen, steps};
use crate::verdict::stats::{mad, median};

/// The metric that stands for a case is the first of these that it has; the others follow in this order.
const ORDER: [Metric; 5] = [
    Metric::TokenThroughput,
    Metric::SeqThroughput,
    Metric::InferenceTime,
    Metric::FirstTokenTime,
    Metric::OutputTokenTime,
];

/// A release has a band from so many points on.
const BAND_FROM: usize = 5;

/// Why a sample of a run was marked as invalid, when it was.
pub(super) type Invalid<'a> = &'a dyn Fn(usize, Metric) -> Option<String>;

/// All series of a case. `attempts` are those of the case with the places of their runs, the oldest first.
pub(super) fn series(
    attempts: &[(usize, &AttemptRecord)],
    runs: &[&RunRecord],
    notes: &[RunNote],
    invalid: Invalid<'_>,
    remarks: &[Remark],
) -> Vec<Series> {
    let mut found: BTreeMap<(usize, Metric), BTreeMap<usize, Vec<Sample>>> = BTreeMap::new();
    for (run, attempt) in attempts {
        for sample in &attempt.samples {
            let rank = ORDER.iter().position(|metric| *metric == sample.metric);
            let key = (rank.unwrap_or(ORDER.len()), sample.metric);
            let of_run = found.entry(key).or_default().entry(*run).or_default();
            of_run.push((sample, attempt));
        }
    }
    let one = |((_, metric), by_run): ((usize, Metric), BTreeMap<usize, Vec<Sample>>)| {
        let newest = by_run.values().next_back()?.last()?;
        let limits = newest.0.limits;
        let points = by_run
            .iter()
            .filter_map(|(run, samples)| point(*run, samples, invalid(*run, metric)))
            .collect::<Vec<_>>();
        let bands = bands(&points, notes);
        let seen = points.iter().filter_map(|point| seen(point, by_run.get(&point.run)?, runs));
        let steps = steps(&seen.collect::<Vec<_>>(), metric.better(), remarks);
        Some(Series { metric, limits, points, bands, steps })
    };
    found.into_iter().filter_map(one).collect()
}

type Sample<'a> = (&'a SampleRecord, &'a AttemptRecord);

fn point(run: usize, samples: &[Sample<'_>], marked: Option<String>) -> Option<Point> {
    let values = |wanted: &dyn Fn(State) -> bool| -> Vec<f64> {
        let samples = samples.iter().filter(|(sample, _)| wanted(sample.state));
        samples.map(|(sample, _)| sample.value).filter(|value| value.is_finite()).collect()
    };
    let all = values(&|_| true);
    let counting = values(&State::counts);
    let flaky = samples.iter().all(|(sample, _)| sample.state == State::Flaky);
    let worst = samples.iter().map(|(sample, _)| sample.state).max()?;
    let (state, repeats, note) = match marked {
        Some(reason) => (State::Invalid, all, Some(reason)),
        None if counting.is_empty() => (worst, all, Some(why(samples, worst))),
        None if flaky => (State::Flaky, counting, None),
        None => (State::Valid, counting, None),
    };
    Some(Point { run, value: median(&repeats)?, state, note, repeats })
}

/// A point as the search for steps takes it; of several attempts the last knows what it was measured on.
fn seen<'a>(point: &Point, samples: &[Sample<'a>], runs: &[&'a RunRecord]) -> Option<Seen<'a>> {
    let run = runs[point.run];
    let (_, attempt) = samples.last()?;
    Some(Seen {
        time: run.started,
        value: point.value,
        counts: point.state.counts(),
        run_id: &run.id,
        release: run.release.as_deref(),
        origin: run.origin,
        facts: [&attempt.facts, &run.facts],
    })
}

/// The checks of the certificate that say so.
fn why(samples: &[Sample<'_>], state: State) -> String {
    let certificates = samples.iter().filter_map(|(_, attempt)| attempt.certificate.as_ref());
    let findings: Vec<String> =
        certificates.flat_map(|it| it.with(Standing::Invalid)).map(ToString::to_string).collect();
    if findings.is_empty() { state.word().to_owned() } else { findings.join("; ") }
}

/// A band for each stretch of runs of one release that has points enough.
fn bands(points: &[Point], runs: &[RunNote]) -> Vec<Band> {
    let counting: Vec<&Point> = points.iter().filter(|point| point.state.counts()).collect();
    let release = |point: &&Point| &runs[point.run].release;
    let stretches = counting.chunk_by(|one, other| release(one) == release(other));
    let band = |stretch: &[&Point]| {
        let values: Vec<f64> = stretch.iter().map(|point| point.value).collect();
        let (first, last) = (stretch.first()?.run, stretch.last()?.run);
        let band = Band { first, last, median: median(&values)?, mad: mad(&values)? };
        (values.len() >= BAND_FROM).then_some(band)
    };
    stretches.filter_map(band).collect()
}
