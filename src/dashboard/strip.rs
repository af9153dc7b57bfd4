//! The strip of GPU readings over an attempt: clock, power, temperature and use, a row each, a line for each GPU.

use super::scale::Scale;
use super::svg::{Anchor, Markup, Path, Svg};
use super::telemetry::{Telemetry, Traces};
use super::text::seconds;

const WIDTH: i32 = 800;
const LEFT: i32 = 150;
const RIGHT: i32 = 786;
const ROW: i32 = 46;

type Trace = fn(&Traces) -> &Vec<Option<f64>>;

/// Name, unit, whether the axis begins at zero.
const ROWS: [(&str, &str, bool, Trace); 4] = [
    ("SM clock", "MHz", false, |it| &it.sm_clock_mhz),
    ("power", "W", false, |it| &it.power_w),
    ("temperature", "°C", false, |it| &it.temperature_c),
    ("utilisation", "%", true, |it| &it.utilization_pct),
];

/// Draws the readings.
pub fn strip(telemetry: &Telemetry) -> Markup {
    let rows: Vec<_> = ROWS
        .iter()
        .filter(|(.., trace)| {
            telemetry.gpus.iter().any(|(_, it)| trace(it).iter().any(Option::is_some))
        })
        .collect();
    let height = ROW * rows.len() as i32 + 24;
    let gpus = telemetry.gpus.len();
    let name = format!(
        "readings of {gpus} GPU{} over {}",
        if gpus == 1 { "" } else { "s" },
        seconds(telemetry.seconds)
    );
    let mut svg = Svg::new("strip", WIDTH, height, &name);
    let time = Scale::exact(0.0, telemetry.seconds, LEFT, RIGHT);
    let bench = telemetry.steps.iter().filter(|(kind, ..)| kind == "bench");
    let shade = bench.fold(Path::default(), |path, (_, from, to)| {
        path.rect(time.at(*from), 2, time.at(*to), height - 22)
    });
    svg.path("shade", &shade);
    for (place, (name, unit, zero, trace)) in rows.into_iter().enumerate() {
        let (top, bottom) = (ROW * place as i32 + 6, ROW * (place as i32 + 1) - 4);
        let values = || telemetry.gpus.iter().flat_map(|(_, it)| trace(it)).flatten().copied();
        let (low, high) = values().fold((f64::MAX, f64::MIN), |(a, b), it| (a.min(it), b.max(it)));
        let y = match zero {
            true => Some(Scale::exact(0.0, 100.0, bottom, top)),
            false => Scale::over(values(), bottom, top),
        };
        let Some(y) = y else { continue };
        svg.text("", 0, (top + bottom) / 2, Anchor::Start, &format!("{name}, {unit}"));
        svg.text("", LEFT - 8, top + 8, Anchor::End, &format!("{high:.0}"));
        svg.text("", LEFT - 8, bottom, Anchor::End, &format!("{low:.0}"));
        svg.path("grid", &Path::default().to(LEFT, bottom).line(RIGHT, bottom));
        let lines = telemetry.gpus.iter().fold(Path::default(), |path, (_, traces)| {
            let trace = trace(traces);
            let wide = f64::from(RIGHT - LEFT) / trace.len().max(1) as f64;
            let x = |place: usize| LEFT + (wide * (place as f64 + 0.5)).round() as i32;
            let points = trace.iter().enumerate();
            path.through(points.map(|(place, value)| value.map(|value| (x(place), y.at(value)))))
        });
        svg.path("line", &lines);
    }
    svg.text("", LEFT, height - 6, Anchor::Start, "0 s");
    svg.text("", RIGHT, height - 6, Anchor::End, &seconds(telemetry.seconds));
    svg.finish()
}
