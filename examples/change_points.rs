//! Times the search for change points alone, for `benches/trend.sh`.
//!
//! `change_points FILE.csv` reads rows of `series,value`, the series numbered from 0 in order, and prints
//! `{"found":[[index,…],…],"seconds":…}`: the steps of each series and the time for all of them.

use std::time::{Duration, Instant};

use trtllm_perf::verdict::change_points::{Kind, Point, change_points};

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let text = std::fs::read_to_string(path).expect("readable");
    let mut series: Vec<Vec<Point<'_>>> = Vec::new();
    for line in text.lines().skip(1) {
        let (number, value) = line.split_once(',').expect("two cells");
        let number: usize = number.parse().expect("a number");
        series.resize_with(series.len().max(number + 1), Vec::new);
        series[number].push(Point::from(value.parse::<f64>().expect("a number")));
    }
    let mut time = Duration::ZERO;
    let mut search = |points: &Vec<Point<'_>>| -> Vec<usize> {
        let begin = Instant::now();
        let found = change_points(points);
        time += begin.elapsed();
        found.iter().filter(|it| it.kind == Kind::Step).map(|it| it.index).collect()
    };
    let found: Vec<Vec<usize>> = series.iter().map(&mut search).collect();
    println!("{}", serde_json::json!({ "found": found, "seconds": time.as_secs_f64() }));
}
