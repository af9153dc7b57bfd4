//! The page of one case.

use super::data::{CaseData, ReportData, Series};
use super::row::{Sign, change_sign, outcome_sign, short_name, standing_sign};
use super::spread::spread;
use super::steps::{StepLine, lines};
use super::strip::strip;
use super::svg::Markup;
use super::text::{day, minute, number, percent, seconds, shell};
use super::trend::trend;
use crate::history::Aspect;
use crate::verdict::stats::MAD_TO_SD;

/// Everything on the page of a case, as text and images.
#[derive(Debug)]
pub struct Section {
    pub last: bool,
    /// Whether commands, certificate, repeats and GPU readings were left out.
    pub lean: bool,
    pub model: String,
    pub label: String,
    pub outcome: Sign,
    /// When, how long, where.
    pub lead: String,
    pub message: String,
    pub hint: String,
    pub details: String,
    pub metrics: Vec<MetricLine>,
    pub main: &'static str,
    pub trend: Markup,
    pub steps_found: Vec<StepLine>,
    pub remarks: Vec<(String, String)>,
    /// Points that do not count: when, which metric, why.
    pub odd: Vec<(String, &'static str, String)>,
    pub failures: Vec<(String, String)>,
    pub spread: Markup,
    pub strip: Markup,
    pub strip_note: String,
    pub run_line: String,
    pub steps: Vec<(String, String)>,
    pub certificate: Vec<(Sign, &'static str, String)>,
    pub problems: Vec<String>,
    pub facts: Vec<(String, String)>,
}

/// One metric of a case.
#[derive(Debug)]
pub struct MetricLine {
    pub name: &'static str,
    pub unit: &'static str,
    pub newest: String,
    pub before: String,
    pub change: Option<Sign>,
    /// Median of the release.
    pub median: String,
    /// Noise of the release: MAD × 1.4826 as a share of the median.
    pub noise: String,
    pub count: usize,
    pub limit: String,
}

/// The page of the case at `id`.
pub fn section(id: usize, data: &ReportData) -> Section {
    let case = &data.cases[id];
    let main = case.main();
    let lean = data.lean(case);
    let evidence = case.evidence.as_ref().filter(|_| !lean);
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let pairs = data.runs.len() > 1;
    Section {
        lean,
        last: id + 1 == data.cases.len(),
        model: case.model.clone(),
        label: case.label.clone(),
        outcome: outcome_sign(&case.outcome),
        lead: lead(case),
        message: case.outcome.message().to_owned(),
        hint: text(evidence.and_then(|it| it.hint.as_ref())),
        details: text(evidence.and_then(|it| it.details.as_ref())),
        metrics: case.series.iter().map(|series| line(series, case.run)).collect(),
        main: main.map_or("", |series| short_name(series.metric)),
        trend: main
            .filter(|_| pairs)
            .map(|it| trend(case, it, &data.runs, lean))
            .unwrap_or_default(),
        steps_found: lines(case, data),
        remarks: case.remarks.iter().map(|it| (day(it.at), it.text.clone())).collect(),
        odd: case.series.iter().take(1).flat_map(|series| odd(series, data)).collect(),
        failures: failures(case, data),
        spread: main.map(|series| spread(series, &data.runs, !lean)).unwrap_or_default(),
        strip: evidence.and_then(|it| it.telemetry.as_ref()).map(strip).unwrap_or_default(),
        strip_note: text(evidence.and_then(|it| it.telemetry_note.as_ref())),
        run_line: run_line(case),
        steps: evidence.map(|it| steps(&it.steps)).unwrap_or_default(),
        certificate: if lean { Vec::new() } else { certificate(case) },
        problems: evidence.map(|it| it.problems.clone()).unwrap_or_default(),
        facts: if lean { Vec::new() } else { facts(case) },
    }
}

fn lead(case: &CaseData) -> String {
    let took = case.end.duration_since(case.start).as_secs_f64().max(0.0);
    let mut parts = vec![
        format!("{} UTC", minute(case.start)),
        seconds(took),
        case.machine.clone(),
        case.engine.clone(),
    ];
    if case.attempts > 1 {
        parts.push(format!("{} attempts", case.attempts));
    }
    parts.extend(case.evidence.as_ref().and_then(|it| it.origin.clone()));
    parts.join(" · ")
}

fn line(series: &Series, run: usize) -> MetricLine {
    let (metric, limits) = (series.metric, series.limits);
    let newest = series.newest().filter(|point| point.run == run);
    let earlier = series.points.iter().rfind(|it| it.state.counts() && it.run < run);
    let band = series.bands.last();
    let noise = |band: &super::data::Band| band.mad * MAD_TO_SD / band.median.abs();
    MetricLine {
        name: short_name(metric),
        unit: metric.unit(),
        newest: newest.map_or_else(String::new, |point| match point.state.counts() {
            true => number(point.value),
            false => format!("{} ({})", number(point.value), point.state.word()),
        }),
        before: earlier.map(|point| number(point.value)).unwrap_or_default(),
        change: newest.and_then(|_| series.change()).map(|it| change_sign(&it)),
        median: band.map(|it| number(it.median)).unwrap_or_default(),
        noise: band.map(|it| percent(noise(it)).replace('+', "± ")).unwrap_or_default(),
        count: series.points.iter().filter(|point| point.state.counts()).count(),
        limit: format!(
            "{} % and {} {}",
            limits.threshold.abs() * 100.0,
            limits.absolute_threshold.abs(),
            metric.unit()
        ),
    }
}

fn odd(series: &Series, data: &ReportData) -> Vec<(String, &'static str, String)> {
    let points = series.points.iter().filter(|point| !point.state.counts());
    points
        .map(|it| {
            (day(data.runs[it.run].started), it.state.word(), it.note.clone().unwrap_or_default())
        })
        .collect()
}

/// Earlier failures; the newest one is told by itself.
fn failures(case: &CaseData, data: &ReportData) -> Vec<(String, String)> {
    let earlier = case.failures.iter().filter(|(run, _)| *run < case.run);
    earlier.map(|(run, kind)| (day(data.runs[*run].started), kind.clone())).collect()
}

/// The command that runs this case again.
fn run_line(case: &CaseData) -> String {
    let mut words = vec!["trtllm-perf", "run", "--case", &case.label];
    if let Some(prefix) = &case.prefix {
        words.extend(["--test-prefix", prefix]);
    }
    shell(words)
}

fn steps(steps: &[super::evidence::StepNote]) -> Vec<(String, String)> {
    let one = |step: &super::evidence::StepNote| {
        let head = format!("{}: {}, {}", step.kind, step.ended, seconds(step.seconds));
        (head, shell(step.argv.iter().map(String::as_str)))
    };
    steps.iter().map(one).collect()
}

fn certificate(case: &CaseData) -> Vec<(Sign, &'static str, String)> {
    let findings = case.certificate.iter().flat_map(|it| it.findings());
    findings.map(|it| (standing_sign(it.standing), it.check.word(), it.text.clone())).collect()
}

/// What is of this case alone; the rest stands at the top of the page.
fn facts(case: &CaseData) -> Vec<(String, String)> {
    let own = [Aspect::BenchOptions, Aspect::EngineOptions, Aspect::Dataset, Aspect::GpuCount];
    let facts = case.facts.iter().filter(|(aspect, _)| own.contains(aspect));
    facts.map(|(aspect, text)| (aspect.word().replace('_', " "), text.clone())).collect()
}
