//! The report of 1,500 cases × 60 nights: how large it is, how long it takes to make, and how soon a real browser paints it.
//!
//!     cargo bench --bench report
//!
//! Fails when it is larger than 10 MB, or when the median of five first paints comes later than after a second. Needs
//! Chromium; says so and measures the rest where there is none.

#[expect(dead_code, reason = "shared with the tests")]
#[path = "../tests/browser/chromium.rs"]
mod chromium;
#[expect(dead_code, reason = "shared with the tests")]
#[path = "../tests/dashboard/made.rs"]
mod made;

use std::process::ExitCode;
use std::time::Instant;

use trtllm_perf::dashboard::page;

const BYTES: usize = 10_000_000;
const PAINT_MS: f64 = 1000.0;

fn main() -> ExitCode {
    let start = Instant::now();
    let data = made::big(1500, 60);
    println!("runs made and put together in {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let html = page(&data);
    println!("drawn in {:.2} s, {:.2} MB", start.elapsed().as_secs_f64(), html.len() as f64 / 1e6);
    let mut good = html.len() <= BYTES;
    if chromium::program().is_none() {
        println!("NOT MEASURED: first paint: chromium is missing");
        return if good { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    std::fs::write(&path, html).expect("the page");
    let mut paints = Vec::new();
    for _ in 0..5 {
        let mut browser = chromium::Chromium::start();
        browser.open(&path, "");
        let of = |name: &str| format!("performance.getEntriesByName('{name}')[0].startTime");
        let paint = browser.value(&of("first-paint")).as_f64().expect("a first paint");
        let content = browser.value(&of("first-contentful-paint")).as_f64().expect("a paint");
        let loaded = browser
            .value("performance.getEntriesByType('navigation')[0].loadEventStart")
            .as_f64()
            .expect("a time");
        println!("first paint {paint:.0} ms, with content {content:.0} ms, loaded {loaded:.0} ms");
        paints.push(paint);
    }
    paints.sort_by(f64::total_cmp);
    let median = paints[paints.len() / 2];
    println!("median first paint {median:.0} ms");
    good &= median <= PAINT_MS;
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
