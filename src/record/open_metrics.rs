//! `metrics.txt`: the numbers of the perf CSV as OpenMetrics text, for the metrics reports of merge requests.
//!
//! The format is that of <https://prometheus.io/docs/specs/om/open_metrics_spec/>: a family's samples stand together below
//! its TYPE, UNIT and HELP, its name ends with its unit, and the text ends with `# EOF`. Values are in the units of the perf
//! CSV. There are no time stamps, so that a report shows what changed and not that time went by.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::result::{AttemptResult, Outcome};
use crate::metric::Metric;

/// The lines of one trial, by family.
#[derive(Debug, Default)]
pub(super) struct Lines {
    metrics: BTreeMap<Metric, String>,
    info: String,
}

/// The lines of the attempt that decides a trial. Only numbers that count are there.
pub(super) fn lines(result: &AttemptResult) -> Lines {
    let mut lines = Lines::default();
    let machine = result.facts.get("machine").map_or("", String::as_str);
    let mut points: BTreeMap<Metric, usize> = BTreeMap::new();
    for row in &result.metrics {
        let point = points.entry(row.metric).or_default();
        *point += 1;
        let counts = result.steps.get(row.step).is_some_and(|step| step.state(false).counts());
        if !counts || !row.value.is_finite() {
            continue;
        }
        let place = point.to_string();
        let mut labels = vec![("test", result.name.as_str()), ("machine", machine)];
        // A label of several pairs of lengths gives a metric several times.
        labels.extend((*point > 1).then_some(("point", place.as_str())));
        let text = lines.metrics.entry(row.metric).or_default();
        writeln!(text, "{}{} {}", family(row.metric).0, labels_text(&labels), row.value)
            .expect("a string takes any text");
    }
    let outcome = match &result.outcome {
        Outcome::Passed => "passed",
        Outcome::Skipped(_) => "skipped",
        Outcome::Failed(failure) => failure.kind.word(),
    };
    let labels = [("test", result.name.as_str()), ("outcome", outcome)];
    writeln!(lines.info, "trtllm_perf_test_info{} 1", labels_text(&labels))
        .expect("a string takes any text");
    lines
}

/// The whole file.
pub(super) fn document<'a>(cases: impl Iterator<Item = &'a Lines>) -> Vec<u8> {
    let cases: Vec<&Lines> = cases.collect();
    let mut text = String::new();
    for metric in Metric::ALL {
        let lines: String =
            cases.iter().filter_map(|case| case.metrics.get(&metric)).map(String::as_str).collect();
        if lines.is_empty() {
            continue;
        }
        let (name, unit) = family(metric);
        write!(
            text,
            "# TYPE {name} gauge\n# UNIT {name} {unit}\n# HELP {name} {metric} of the perf CSV, in {}.\n{lines}",
            metric.unit()
        )
        .expect("a string takes any text");
    }
    if !cases.is_empty() {
        text.push_str(
            "# TYPE trtllm_perf_test info\n# HELP trtllm_perf_test How each test ended.\n",
        );
        cases.iter().for_each(|case| text.push_str(&case.info));
    }
    text.push_str("# EOF\n");
    text.into_bytes()
}

/// The name of a metric's family and its unit, which is the end of the name.
fn family(metric: Metric) -> (String, &'static str) {
    let unit = match metric.unit() {
        "s" => "seconds",
        "ms" => "milliseconds",
        "MiB" => "mebibytes",
        "GiB" => "gibibytes",
        "GB" => "gigabytes",
        "tokens/s/GPU" => "tokens_per_second_per_gpu",
        "requests/s" => "requests_per_second",
        other => unreachable!("no name for the unit {other}"),
    };
    (format!("trtllm_perf_{}_{unit}", metric.wire_name().to_lowercase()), unit)
}

/// `{name="value",…}`, with what OpenMetrics escapes escaped.
fn labels_text(labels: &[(&str, &str)]) -> String {
    let escaped =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", labels.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_that_ends_with_its_unit() {
        for metric in Metric::ALL {
            let (name, unit) = family(metric);
            assert!(name.ends_with(&format!("_{unit}")), "{name}");
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            assert!(name.bytes().all(plain), "{name}");
        }
    }

    #[test]
    fn quotes_backslashes_and_line_ends_of_a_label_are_escaped() {
        assert_eq!(labels_text(&[("test", "a\"b\\c\nd")]), r#"{test="a\"b\\c\nd"}"#);
        assert_eq!(String::from_utf8(document([].into_iter())).expect("text"), "# EOF\n");
    }
}
