//! `trtllm-perf trend`: the change points of series over time, of a file or of the history.

mod history;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::history::FilterArgs;
use super::series_csv::{self, Rows};
use crate::history::{Filter, Mode};
use crate::run;
use crate::settings;
use crate::verdict::change_points::{ChangePoint, Kind, Point, change_points};
use crate::verdict::is_measurement;

/// Find the places where the level of a series changes by 2 % or more.
///
/// Single outliers are no change. The newest points are pending until they are enough to be certain of; a change that comes
/// with another node is told apart, where nodes are known. Neither is part of the JSON of a file. Steps of the history are
/// told with what came with them: a release, a driver, a node, another version of the harness, a remark.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct TrendArgs {
    /// A CSV in the order of time, with the column `value`; `series` when it holds several, `time` and `node` where known
    #[arg(value_name = "FILE", group = "what")]
    pub file: Option<PathBuf>,
    /// All series of the history: a SQLite file or postgres://… [default: `history` of perf.toml, then
    /// perf-history.sqlite]
    #[arg(long, value_name = "PLACE", num_args = 0..=1, default_missing_value = "", group = "what")]
    pub history: Option<String>,
    /// Print one JSON object a change point on stdout; text for people goes to stderr
    #[arg(long)]
    pub json: bool,
    /// What of the history is told first [default: newest]
    #[arg(long, value_name = "WHICH")]
    pub sort: Option<Sort>,
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// An order of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The newest step.
    Newest,
    /// The one that lost most.
    Worst,
}

/// One row of the file.
struct Row {
    /// `None` for an empty cell: not measured.
    value: Option<f64>,
    time: Option<String>,
    node: Option<String>,
    line: u64,
}

/// A change point and where it was found.
struct Found<'a> {
    series: Option<&'a str>,
    row: &'a Row,
    change: ChangePoint,
}

/// Prints the change points of each series.
///
/// # Errors
/// When the file cannot be read, with its line, or the history cannot, or the output cannot be written.
pub fn run(args: TrendArgs) -> anyhow::Result<()> {
    match (&args.file, args.history.as_deref()) {
        (Some(_), _) if args.sort.is_some() || args.filter.filter()? != Filter::default() => {
            bail!(
                "read the options: --sort, --case, --metric and the like are for series of the history; name one with \
                 --history in place of the file"
            )
        }
        (Some(file), _) => of_file(file, args.json),
        (None, place) => {
            let place = settings::history(place.filter(|place| !place.is_empty()))?;
            let mut store = place.open(Mode::Existing)?;
            let sort = args.sort.unwrap_or(Sort::Newest);
            history::run(&args.filter, store.as_mut(), args.json, sort)
        }
    }
}

/// Prints the change points of the series of a file.
fn of_file(file: &Path, json: bool) -> anyhow::Result<()> {
    let series = series_csv::read(file, &["value"], &["time", "node"], |cells| {
        Ok(Row {
            value: cells.number("value")?,
            time: cells.text("time").map(str::to_owned),
            node: cells.text("node").map(str::to_owned),
            line: cells.line,
        })
    })?;
    for (row, value) in series.iter().flat_map(|it| &it.rows).filter_map(|it| Some((it, it.value?)))
    {
        if !is_measurement(value) {
            let file = file.display();
            eprintln!("note: {file}:{}: pass over {value}: not a positive number", row.line);
        }
    }
    let found: Vec<Found<'_>> = series.iter().flat_map(find).collect();
    let points = series.iter().map(|it| it.rows.len()).sum();
    if json {
        run::print("change points", |out| {
            for it in found.iter().filter(|it| it.change.kind == Kind::Step) {
                serde_json::to_writer(&mut *out, &Line::of(it))?;
                writeln!(out)?;
            }
            Ok(())
        })?;
        let mut words = BufWriter::new(io::stderr().lock());
        text(&found, series.len(), points, &mut words)?;
        words.flush()?;
    } else {
        run::print("change points", |out| text(&found, series.len(), points, out))?;
    }
    Ok(())
}

fn find(series: &Rows<Row>) -> Vec<Found<'_>> {
    let points: Vec<Point<'_>> = series
        .rows
        .iter()
        .map(|row| Point { value: row.value.unwrap_or(f64::NAN), node: row.node.as_deref() })
        .collect();
    let name = series.series.as_deref();
    let found =
        |change: ChangePoint| Found { series: name, row: &series.rows[change.index], change };
    change_points(&points).into_iter().map(found).collect()
}

/// The object of `--json`; the fields and their order are part of the interface.
#[derive(Serialize)]
struct Line<'a> {
    series: Option<&'a str>,
    /// The first point of the new level, from 0 within its series.
    index: usize,
    /// after/before − 1.
    magnitude: f64,
    p: f64,
}

impl<'a> Line<'a> {
    fn of(found: &Found<'a>) -> Self {
        let change = found.change;
        let (index, magnitude, p) = (change.index, change.magnitude(), change.p);
        Self { series: found.series, index, magnitude, p }
    }
}

/// A table of all change points and a line that counts.
fn text(found: &[Found<'_>], series: usize, points: usize, out: &mut impl Write) -> io::Result<()> {
    let name = |it: &Found<'_>| it.series.unwrap_or("all").to_owned();
    let time = |it: &Found<'_>| it.row.time.clone().unwrap_or_else(|| "-".to_owned());
    let width = |text: &dyn Fn(&Found<'_>) -> String, least: usize| {
        found.iter().map(|it| text(it).chars().count()).max().unwrap_or(0).max(least)
    };
    let (names, times) = (width(&name, 6), width(&time, 4));
    if !found.is_empty() {
        writeln!(
            out,
            "{:<names$}  {:<times$} {:>6} {:>12} {:>12} {:>8} {:>9}  is",
            "series", "time", "index", "before", "after", "change", "p"
        )?;
    }
    for it in found {
        let change = it.change;
        writeln!(
            out,
            "{:<names$}  {:<times$} {:>6} {:>12} {:>12} {:>8} {:>9.1e}  {}",
            name(it),
            time(it),
            change.index,
            shown(change.before),
            shown(change.after),
            format!("{:+.1} %", change.magnitude() * 100.0),
            change.p,
            word(change.kind),
        )?;
    }
    let count = |kind| found.iter().filter(|it| it.change.kind == kind).count();
    writeln!(
        out,
        "{points} points in {series} series: {} steps, {} node switches, {} pending",
        count(Kind::Step),
        count(Kind::NodeSwitch),
        count(Kind::Pending)
    )
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Step => "step",
        Kind::NodeSwitch => "node switch: the node changed with it",
        Kind::Pending => "pending: too few points yet",
    }
}

/// A mean with five significant digits or all of its integer part.
fn shown(value: f64) -> String {
    let digits = value.log10().floor().clamp(-20.0, 4.0);
    format!("{value:.*}", (4.0 - digits) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_shown_with_five_digits() {
        for (value, expected) in
            [(12.345_678, "12.346"), (0.001_234_567, "0.0012346"), (123_456.7, "123457")]
        {
            assert_eq!(shown(value), expected);
        }
    }

    #[test]
    fn the_object_has_exactly_the_agreed_keys_in_their_order() {
        let value =
            |i: usize| 100.0 + (i * 41 % 101) as f64 / 100.0 + if i < 30 { 0.0 } else { 10.0 };
        let row = |i| Row { value: Some(value(i)), time: None, node: None, line: 0 };
        let rows = Rows { series: Some("a".to_owned()), rows: (0..60).map(row).collect() };
        let found = find(&rows);
        let text = serde_json::to_string(&Line::of(&found[0])).expect("an object");
        assert!(text.starts_with(r#"{"series":"a","index":30,"magnitude":0.0"#), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value.as_object().expect("an object").len(), 4);
    }
}
