//! Cases of several points, i.e. pairs of lengths: a result has each metric several times, under the label of the point.

use crate::case::ModelTable;
use crate::history::{AttemptRecord, CaseIdentity, SampleRecord};
use crate::metric::Metric;

/// What stands in the brackets of a name.
pub(super) fn label(name: &str) -> &str {
    let inner = name.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    inner.unwrap_or(name)
}

/// An attempt in which a metric is there several times becomes one attempt for each point, as if it were alone. Any other
/// stays as it is. `labels` has the label of each sample.
pub(super) fn by_point(
    attempt: AttemptRecord,
    labels: &[String],
    models: &ModelTable,
) -> Vec<AttemptRecord> {
    let metrics: Vec<Metric> = attempt.samples.iter().map(|sample| sample.metric).collect();
    let repeats = |(index, metric)| metrics[..index].contains(metric);
    if !metrics.iter().enumerate().any(repeats) {
        return vec![attempt];
    }
    let mut points: Vec<(&String, Vec<SampleRecord>)> = Vec::new();
    for (label, sample) in labels.iter().zip(&attempt.samples) {
        match points.iter_mut().find(|(known, _)| *known == label) {
            Some((_, samples)) => samples.push(sample.clone()),
            None => points.push((label, vec![sample.clone()])),
        }
    }
    let domain = attempt.test_name.rsplit_once("::").map_or("", |(domain, _)| domain);
    points.sort_by_key(|(label, _)| *label);
    let one = |(label, samples): (&String, Vec<SampleRecord>)| AttemptRecord {
        case: CaseIdentity::of(label, models),
        test_name: format!("{domain}::test_perf[{label}]"),
        samples,
        ..attempt.clone()
    };
    points.into_iter().map(one).collect()
}
