//! The distribution chart: every repeat of a series as a tick, with box and median, a row for each release.

use super::data::{RunNote, Series};
use super::scale::Scale;
use super::svg::{Anchor, Markup, Path, Svg};
use crate::verdict::stats::percentile;

const WIDTH: i32 = 800;
const LEFT: i32 = 150;
const RIGHT: i32 = 720;
const ROW: i32 = 26;

/// No more releases than these, the newest.
const ROWS: usize = 5;

/// Draws the repeats of a series that count, without `each` as boxes alone; nothing of fewer than two.
pub fn spread(series: &Series, runs: &[RunNote], each: bool) -> Markup {
    let counting: Vec<_> = series.points.iter().filter(|point| point.state.counts()).collect();
    let release = |run: usize| runs[run].release.as_deref().unwrap_or("no release");
    let rows: Vec<(&str, Vec<f64>)> = counting
        .chunk_by(|one, other| release(one.run) == release(other.run))
        .map(|points| {
            let values = points.iter().flat_map(|point| point.repeats.iter().copied()).collect();
            (release(points[0].run), values)
        })
        .collect();
    let rows = &rows[rows.len().saturating_sub(ROWS)..];
    let count: usize = rows.iter().map(|(_, values)| values.len()).sum();
    let values = rows.iter().flat_map(|(_, values)| values.iter().copied());
    let Some(x) = Scale::over(values, LEFT, RIGHT).filter(|_| count > 1) else {
        return Markup::default();
    };
    let height = ROW * rows.len() as i32 + 22;
    let name =
        format!("{}: distribution of {count} values in {}", series.metric, series.metric.unit());
    let mut svg = Svg::new("spread", WIDTH, height, &name);
    let bottom = height - 20;
    let (mut boxes, mut medians, mut ticks) = (Path::default(), Path::default(), Path::default());
    for (place, (name, values)) in rows.iter().enumerate() {
        let middle = ROW * place as i32 + ROW / 2;
        let short: String = name.chars().take(18).collect();
        svg.text("", LEFT - 10, middle + 4, Anchor::End, &short);
        svg.text("", RIGHT + 10, middle + 4, Anchor::Start, &format!("n = {}", values.len()));
        if let (Some(low), Some(median), Some(high)) =
            (percentile(values, 0.25), percentile(values, 0.5), percentile(values, 0.75))
        {
            boxes = boxes.rect(x.at(low), middle - 8, x.at(high), middle + 8);
            medians = medians.to(x.at(median), middle - 10).line(x.at(median), middle + 10);
        }
        ticks = values.iter().filter(|_| each).fold(ticks, |path, value| {
            path.to(x.at(*value), middle - 4).line(x.at(*value), middle + 4)
        });
    }
    let grid = x
        .ticks(5)
        .iter()
        .fold(Path::default(), |path, tick| path.to(x.at(*tick), 0).line(x.at(*tick), bottom));
    svg.path("grid", &grid);
    svg.path("box", &boxes);
    svg.path("ticks", &ticks);
    svg.path("median", &medians);
    for tick in x.ticks(5) {
        svg.text("", x.at(tick), height - 6, Anchor::Middle, &x.label(tick, 5));
    }
    svg.finish()
}
