//! The trend chart: one series over the runs, with its steps, the noise of each release, releases, remarks, and what does
//! not count.

use super::data::{CaseData, RunNote, Series};
use super::row::Sign;
use super::scale::Scale;
use super::steps::sign;
use super::svg::{Anchor, Markup, Path, Shape, Svg};
use super::text::{day, number, percent};
use crate::record::result::State;

/// Size of the chart, and the edges of its plot.
const SIZE: (i32, i32) = (800, 210);
const LEFT: i32 = 70;
const RIGHT: i32 = 786;
const TOP: i32 = 26;
const BOTTOM: i32 = 178;

/// Releases have their names above the plot where there is room for so many pixels.
const NAME: i32 = 74;

/// The places of runs on the axis of time.
pub fn times(runs: &[RunNote], from: i32, to: i32) -> Vec<i32> {
    let second = |run: &RunNote| run.started.as_second() as f64;
    let [Some(first), Some(last)] = [runs.first(), runs.last()] else { return Vec::new() };
    if second(first) >= second(last) {
        return vec![(from + to) / 2; runs.len()];
    }
    let scale = Scale::exact(second(first), second(last), from, to);
    runs.iter().map(|run| scale.at(second(run))).collect()
}

/// Draws a series of a case; nothing for one without points. A `lean` one has what came with its steps below it alone.
pub fn trend(case: &CaseData, series: &Series, runs: &[RunNote], lean: bool) -> Markup {
    let counting = series.points.iter().filter(|point| point.state.counts());
    let edges = series.bands.iter().flat_map(|band| [band.edges().0, band.edges().1]);
    let values = counting.clone().map(|point| point.value).chain(edges);
    let all = series.points.iter().map(|point| point.value);
    let Some(y) = Scale::over(values, BOTTOM, TOP).or_else(|| Scale::over(all, BOTTOM, TOP)) else {
        return Markup::default();
    };
    let x = times(runs, LEFT + 10, RIGHT - 10);
    let name = format!(
        "{} in {}, {} points; newest {}",
        series.metric,
        series.metric.unit(),
        series.points.len(),
        series.newest().map(|point| number(point.value)).unwrap_or_default(),
    );
    let mut svg = Svg::new("trend", SIZE.0, SIZE.1, &name);
    let mut band = Path::default();
    let mut middle = Path::default();
    for it in &series.bands {
        let (low, high) = it.edges();
        band = band.rect(x[it.first] - 4, y.at(high), x[it.last] + 4, y.at(low));
        middle = middle.to(x[it.first] - 4, y.at(it.median)).line(x[it.last] + 4, y.at(it.median));
    }
    svg.path("band", &band);
    grid(&mut svg, &y);
    svg.path("middle", &middle);
    releases(&mut svg, runs, &x);
    let line = series
        .points
        .iter()
        .map(|point| point.state.counts().then(|| (x[point.run], y.at(point.value))));
    svg.path("line", &Path::default().through(line));
    steps(&mut svg, series, runs, &x, lean);
    states(&mut svg, series, &x, &y);
    if let Some(newest) = counting.clone().next_back() {
        let path = Path::default().shape(Shape::Circle, x[newest.run], y.at(newest.value), 4);
        svg.path("newest", &path);
    }
    let failed = case
        .failures
        .iter()
        .fold(Path::default(), |path, (run, _)| path.shape(Shape::Cross, x[*run], BOTTOM - 6, 3));
    svg.path("failed", &failed);
    remarks(&mut svg, case, runs, &x);
    if let [first, .., last] = runs {
        svg.text("", LEFT + 10, SIZE.1 - 3, Anchor::Start, &day(first.started));
        svg.text("", RIGHT - 10, SIZE.1 - 3, Anchor::End, &day(last.started));
    }
    svg.finish()
}

fn grid(svg: &mut Svg, y: &Scale) {
    let ticks = y.ticks(4);
    let lines = ticks
        .iter()
        .fold(Path::default(), |path, tick| path.to(LEFT, y.at(*tick)).line(RIGHT, y.at(*tick)));
    svg.path("grid", &lines);
    for tick in ticks {
        svg.text("", LEFT - 6, y.at(tick) + 4, Anchor::End, &y.label(tick, 4));
    }
}

/// A line where a run is of another release than the one before it.
fn releases(svg: &mut Svg, runs: &[RunNote], x: &[i32]) {
    let mut lines = Path::default();
    let mut free = 0;
    let mut before: Option<&str> = None;
    for (run, x) in runs.iter().zip(x) {
        let Some(release) = run.release.as_deref() else { continue };
        if before == Some(release) {
            continue;
        }
        let x = x - 5;
        if before.is_some() {
            lines = lines.to(x, TOP - 4).line(x, BOTTOM);
        }
        if x >= free {
            let short: String = release.chars().take(11).collect();
            svg.text("release", x + 3, TOP - 8, Anchor::Start, &short);
            free = x + NAME;
        }
        before = Some(release);
    }
    svg.path("releases", &lines);
}

/// A line before the first point of each new level, with the change beside it and all of it in words behind it.
fn steps(svg: &mut Svg, series: &Series, runs: &[RunNote], x: &[i32], lean: bool) {
    for step in &series.steps {
        let index = step.change.index;
        let run = series.points[index].run;
        let before = series.points[..index].iter().rfind(|point| point.state.counts());
        let middle = before.map_or(x[run], |before| (x[before.run] + x[run]) / 2);
        let Sign { class, sign, word } = sign(step);
        let class = format!("step {class}");
        let change = percent(step.change.magnitude());
        let line = Path::default().to(middle, TOP).line(middle, BOTTOM);
        if lean {
            svg.path(&class, &line);
        } else {
            let day = day(runs[run].started);
            svg.told(&class, &line, &format!("{day}: {change}, {word}; {}", step.circumstances()));
        }
        let (at, anchor) = match middle > RIGHT - 80 {
            true => (middle - 4, Anchor::End),
            false => (middle + 4, Anchor::Start),
        };
        svg.text(&class, at, BOTTOM - 4, anchor, &format!("{sign} {change}"));
    }
}

/// Points that do not count, and those of a pass after a failure. Values beyond the axis stand at its end.
fn states(svg: &mut Svg, series: &Series, x: &[i32], y: &Scale) {
    let of = |wanted: &[State], shape: Shape| {
        let points = series.points.iter().filter(|point| wanted.contains(&point.state));
        points.fold(Path::default(), |path, point| {
            path.shape(shape, x[point.run], y.at(point.value), 4)
        })
    };
    svg.path("invalid", &of(&[State::Invalid, State::Unmeasurable], Shape::Cross));
    svg.path("flaky", &of(&[State::Flaky], Shape::Diamond));
}

/// A numbered flag at the run that a remark is at or after; the texts stand below the chart.
fn remarks(svg: &mut Svg, case: &CaseData, runs: &[RunNote], x: &[i32]) {
    for (number, remark) in case.remarks.iter().enumerate() {
        let place = runs.iter().rposition(|run| run.started <= remark.at).unwrap_or(0);
        let Some(x) = x.get(place) else { continue };
        svg.path("flag", &Path::default().shape(Shape::Down, *x, BOTTOM + 8, 5));
        svg.text("flag", x + 8, BOTTOM + 13, Anchor::Start, &(number + 1).to_string());
    }
}
