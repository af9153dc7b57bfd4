//! Throughput against latency: tokens/s/GPU over tokens/s/user, one chart a model and machine, a line for cases that
//! differ by concurrency alone.

use std::collections::BTreeMap;

use super::data::{CaseData, ReportData};
use super::scale::Scale;
use super::svg::{Anchor, Markup, Path, Shape, Svg};
use super::text::number;
use crate::metric::Metric;

const SIZE: (i32, i32) = (560, 330);
const LEFT: i32 = 66;
const RIGHT: i32 = 546;
const TOP: i32 = 14;
const BOTTOM: i32 = 282;

/// No more lines in one chart than there are shapes.
const SHAPES: [Shape; 5] = [Shape::Circle, Shape::Square, Shape::Up, Shape::Diamond, Shape::Down];

/// One chart with the names of its lines.
#[derive(Debug)]
pub struct TradeOff {
    pub model: String,
    pub machine: String,
    pub chart: Markup,
    pub lines: Vec<(Markup, String, Vec<Place>)>,
}

/// One case of a chart.
#[derive(Debug, Clone)]
pub struct Place {
    /// Place in [`ReportData::cases`].
    pub case: usize,
    pub concurrency: Option<u64>,
    /// 1000 / TPOT in ms.
    pub user: f64,
    /// TOKEN_THROUGHPUT, which is per GPU.
    pub gpu: f64,
}

impl Place {
    fn of(case: usize, data: &CaseData) -> Option<Self> {
        let value = |metric| data.number(metric).filter(|it| it.state.counts()).map(|it| it.value);
        let (tpot, gpu) = (value(Metric::OutputTokenTime)?, value(Metric::TokenThroughput)?);
        let user = 1000.0 / tpot;
        let whole = user.is_finite() && user > 0.0 && gpu.is_finite();
        whole.then_some(Self { case, concurrency: data.concurrency, user, gpu })
    }

    /// The concurrency in words.
    pub fn word(&self) -> String {
        self.concurrency.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string())
    }
}

/// The charts of all models that have streaming cases, by name.
pub fn trade_offs(data: &ReportData) -> Vec<TradeOff> {
    let mut models: BTreeMap<(&str, &str), BTreeMap<&str, Vec<Place>>> = BTreeMap::new();
    for (index, case) in data.cases.iter().enumerate() {
        if let Some(place) = Place::of(index, case) {
            let of_model = models.entry((&case.model, &case.machine)).or_default();
            of_model.entry(&case.family).or_default().push(place);
        }
    }
    let mut charts = Vec::new();
    for ((model, machine), families) in models {
        let mut families: Vec<(&str, Vec<Place>)> = families.into_iter().collect();
        for (_, places) in &mut families {
            // Without a limit all requests are in flight: the most there can be.
            places.sort_by_key(|place| place.concurrency.unwrap_or(u64::MAX));
        }
        families.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
        for lines in families.chunks(SHAPES.len()) {
            charts.push(TradeOff {
                model: model.to_owned(),
                machine: machine.to_owned(),
                chart: chart(model, lines),
                lines: legend(lines),
            });
        }
    }
    charts
}

fn chart(model: &str, lines: &[(&str, Vec<Place>)]) -> Markup {
    let places = || lines.iter().flat_map(|(_, places)| places);
    let x = Scale::from_zero(places().map(|place| place.user), LEFT, RIGHT);
    let y = Scale::from_zero(places().map(|place| place.gpu), BOTTOM, TOP);
    let (Some(x), Some(y)) = (x, y) else { return Markup::default() };
    let name = format!("{model}: tokens/s/GPU over tokens/s/user, {} cases", places().count());
    let mut svg = Svg::new("tradeoff", SIZE.0, SIZE.1, &name);
    let grid = y
        .ticks(5)
        .iter()
        .fold(Path::default(), |path, tick| path.to(LEFT, y.at(*tick)).line(RIGHT, y.at(*tick)));
    let grid = x
        .ticks(6)
        .iter()
        .fold(grid, |path, tick| path.to(x.at(*tick), TOP).line(x.at(*tick), BOTTOM));
    svg.path("grid", &grid);
    for tick in y.ticks(5) {
        svg.text("", LEFT - 6, y.at(tick) + 4, Anchor::End, &y.label(tick, 5));
    }
    for tick in x.ticks(6) {
        svg.text("", x.at(tick), BOTTOM + 16, Anchor::Middle, &x.label(tick, 6));
    }
    svg.text(
        "axis",
        (LEFT + RIGHT) / 2,
        SIZE.1 - 8,
        Anchor::Middle,
        "tokens/s/user (1000 / TPOT in ms)",
    );
    svg.text("axis", LEFT + 4, TOP + 8, Anchor::Start, "tokens/s/GPU");
    for (place, (_, points)) in lines.iter().enumerate() {
        let at = |point: &Place| (x.at(point.user), y.at(point.gpu));
        let class = format!("s{place}");
        let line = Path::default().through(points.iter().map(|point| Some(at(point))));
        svg.path(&format!("link {class}"), &line);
        for point in points {
            let (x, y) = at(point);
            let told = format!(
                "concurrency {}: {} tokens/s/user, {} tokens/s/GPU",
                point.word(),
                number(point.user),
                number(point.gpu)
            );
            let path = Path::default().shape(SHAPES[place], x, y, 5);
            svg.told(&format!("mark {class}"), &path, &told);
            if let Some(limit) = point.concurrency {
                svg.text("", x + 8, y - 5, Anchor::Start, &limit.to_string());
            }
        }
    }
    svg.finish()
}

fn legend(lines: &[(&str, Vec<Place>)]) -> Vec<(Markup, String, Vec<Place>)> {
    let entry = |(place, (name, points)): (usize, &(&str, Vec<Place>))| {
        let mut svg = Svg::new("key", 24, 14, "");
        svg.path(&format!("link s{place}"), &Path::default().to(0, 7).line(24, 7));
        svg.path(&format!("mark s{place}"), &Path::default().shape(SHAPES[place], 12, 7, 5));
        (svg.finish(), (*name).to_owned(), points.clone())
    };
    lines.iter().enumerate().map(entry).collect()
}
