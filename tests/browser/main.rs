//! The report in a real Chromium: what is seen, what the keyboard reaches, what works without JavaScript, what is loaded.
//!
//! Without Chromium the tests are ignored, with a note on stderr. `TRTLLM_PERF_SCREENSHOTS=DIR` keeps the pictures.

mod chromium;
#[expect(dead_code, reason = "shared with the tests without a browser")]
#[path = "../dashboard/made.rs"]
mod made;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chromium::Chromium;
use libtest_mimic::{Arguments, Failed, Trial};
use made::*;
use serde_json::json;
use tempfile::TempDir;
use trtllm_perf::dashboard::{ReportData, page};

type Test = (&'static str, fn(&mut Chromium));

const TESTS: [Test; 10] = [
    ("a_page_complains_of_nothing_and_asks_the_network_for_nothing", quiet),
    ("rows_are_filtered_and_counted", filtered),
    ("columns_are_sorted_both_ways_and_say_so", sorted),
    ("a_link_opens_the_page_of_a_case_and_further_metrics_are_drawn_on_demand", case_page),
    ("steps_are_marked_in_the_chart_listed_below_it_and_drawn_for_further_metrics_too", steps),
    ("without_javascript_tables_charts_and_links_are_there_and_no_dead_controls", no_javascript),
    ("the_keyboard_reaches_everything_and_is_caught_nowhere", keyboard),
    ("light_dark_narrow_and_print_all_fit", looks),
    ("hostile_names_and_logs_do_nothing", hostile),
    ("fifteen_hundred_cases_of_sixty_nights_open", large),
];

fn main() {
    let there = chromium::program().is_some();
    if !there {
        eprintln!(
            "IGNORED: the report is not tested in a browser: chromium is missing (apt-get install chromium fonts-dejavu-core)"
        );
    }
    // One browser for all, one test at a time.
    static BROWSER: Mutex<Option<Chromium>> = Mutex::new(None);
    let trial = |(name, test): Test| {
        let run = move || {
            let mut slot = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
            let mut browser = slot.take().unwrap_or_else(Chromium::start);
            let ended =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&mut browser)));
            // After a failure the next test gets a new one.
            match ended {
                Ok(()) => *slot = Some(browser),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().cloned();
                    let text =
                        text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
                    return Err(Failed::from(text.unwrap_or_else(|| "it panicked".to_owned())));
                }
            }
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(!there)
    };
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let conclusion = libtest_mimic::run(&arguments, TESTS.map(trial).into());
    drop(BROWSER.lock().unwrap_or_else(PoisonError::into_inner).take());
    conclusion.exit();
}

/// A page on disk; it goes with the folder.
fn file(data: &ReportData) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    std::fs::write(&path, page(data)).expect("the page");
    (folder, path)
}

/// The browser as every test expects it, with a page.
fn open(browser: &mut Chromium, data: &ReportData, fragment: &str) -> (TempDir, PathBuf) {
    browser.scripts(true);
    browser.looks("light", "");
    browser.size(1280, 900);
    let (folder, path) = file(data);
    browser.open(&path, fragment);
    (folder, path)
}

#[track_caller]
fn is_quiet(browser: &mut Chromium) {
    assert_eq!(browser.complaints(), [""; 0]);
}

fn quiet(browser: &mut Chromium) {
    let _page = open(browser, &big(40, 20), "");
    assert_eq!(browser.value("document.querySelectorAll('#cases tbody tr').length"), 40);
    is_quiet(browser);
    // The policy is in force: what is not on the page's list does not run.
    browser.value(
        "(() => { const s = document.createElement('style'); s.append('h1{display:none}'); document.head.append(s); })()",
    );
    assert_eq!(browser.value("getComputedStyle(document.querySelector('h1')).display"), "block");
    assert!(!browser.complaints().is_empty(), "a breach of the policy is told");
}

fn filtered(browser: &mut Chromium) {
    let _page = open(browser, &big(40, 25), "");
    let shown = "[...document.querySelectorAll('#cases tbody tr')].filter(it => !it.hidden).length";
    let set = |id: &str, value: &str| {
        format!(
            "(() => {{ const it = document.getElementById('{id}'); it.value = '{value}'; it.dispatchEvent(new Event('input')); }})()"
        )
    };
    browser.value(&set("f-text", "qwen3 con:4"));
    let few = browser.value(shown).as_u64().expect("a count");
    assert!((1..40).contains(&few), "{few}");
    assert_eq!(
        browser.value("document.getElementById('shown').textContent"),
        format!("{few} of 40 cases")
    );
    browser.value(&set("f-text", ""));
    browser.value(&set("f-model", "qwen3_8b"));
    assert_eq!(browser.value(shown), 13);
    browser.value("document.getElementById('f-clear').click()");
    assert_eq!(browser.value(shown), 40);
    browser.value(&set("f-outcome", "gpu_oom"));
    assert_eq!(browser.value(shown), 1);
    is_quiet(browser);
}

fn sorted(browser: &mut Chromium) {
    let _page = open(browser, &big(40, 20), "");
    let column = "[...document.querySelectorAll('#cases tbody tr')].map(it => Number(it.cells[2].textContent.replace(/,/g, '')))";
    let click = "document.querySelectorAll('#cases thead button')[2].click()";
    let sort = "document.querySelectorAll('#cases thead th')[2].getAttribute('aria-sort')";
    let numbers = |browser: &mut Chromium| -> Vec<f64> {
        let all = browser.value(column);
        let numbers = all.as_array().expect("numbers").iter().filter_map(serde_json::Value::as_f64);
        numbers.filter(|it| *it > 0.0).collect()
    };
    browser.value(click);
    assert_eq!(browser.value(sort), "descending");
    assert!(numbers(browser).is_sorted_by(|one, other| one >= other));
    browser.value(click);
    assert_eq!(browser.value(sort), "ascending");
    assert!(numbers(browser).is_sorted());
    assert!(numbers(browser).len() > 35);
    is_quiet(browser);
}

const DISPLAY: &str = "getComputedStyle(document.querySelector('.overview')).display";

fn case_page(browser: &mut Chromium) {
    let _page = open(browser, &big(40, 20), "");
    browser.picture("overview");
    browser.value("document.querySelector('#cases tbody a[href=\"#c7\"]').click()");
    browser.value("new Promise(done => setTimeout(done, 100))");
    assert_eq!(browser.value(DISPLAY), "none");
    assert_eq!(browser.value("getComputedStyle(document.getElementById('c7')).display"), "block");
    assert_eq!(browser.value("getComputedStyle(document.getElementById('c8')).display"), "none");
    // What is drawn on demand for the first metric is what the page came with: the same points.
    let label = "document.querySelector('#c7 svg.trend').getAttribute('aria-label')";
    let before = browser.value(label);
    browser.picture("case");
    assert!(
        before
            .as_str()
            .is_some_and(|it| it.starts_with("TOKEN_THROUGHPUT in tokens/s/GPU, 20 points")),
        "{before}"
    );
    let shape = "document.querySelector('#c7 svg.trend path.band').getBBox().height";
    let drawn_here = browser.value(shape).as_f64().expect("a height");
    browser.value("document.querySelectorAll('#c7 .pick button')[0].click()");
    let drawn_there = browser.value(shape).as_f64().expect("a height");
    assert!((drawn_here - drawn_there).abs() <= 2.0, "{drawn_here} {drawn_there}");
    browser.value("document.querySelectorAll('#c7 .pick button')[3].click()");
    assert_eq!(browser.value(label), "TTFT in ms, 20 points");
    assert_eq!(
        browser.value("document.querySelector('#c7 .pick [aria-pressed=true]').textContent"),
        "TTFT"
    );
    browser.value("document.querySelector('#c7 .over-time details').open = true");
    browser.value("new Promise(done => setTimeout(done, 100))");
    assert_eq!(browser.value("document.querySelectorAll('#c7 .over-time tbody tr').length"), 20);
    browser.value("history.back()");
    browser.value("new Promise(done => setTimeout(done, 200))");
    assert_eq!(browser.value(DISPLAY), "block");
    is_quiet(browser);
}

fn steps(browser: &mut Chromium) {
    let data = big(40, 60);
    let (_folder, path) = open(browser, &data, "#c7");
    let marks = "document.querySelectorAll('#c7 svg.trend path.step').length";
    let place = "document.querySelector('#c7 svg.trend path.step').getBBox().x";
    let title = "document.querySelector('#c7 svg.trend path.step title').textContent";
    assert_eq!(browser.value(marks), 1);
    let (drawn_here, told_here) = (browser.value(place), browser.value(title));
    let told = told_here.as_str().expect("a text").to_owned();
    assert!(
        told.starts_with("2026-10-27: +")
            && told.contains("better; came with release 1.1.0 → 1.2.0"),
        "{told}"
    );
    let list = "document.querySelector('#c7 ul.steps').textContent";
    let listed = browser.value(list).as_str().expect("a text").to_owned();
    assert!(listed.starts_with("2026-10-27: ▲ better Token throughput +"), "{listed}");
    browser.picture("steps");
    // The script draws what the page came with, and the same for other metrics.
    browser.value("document.querySelectorAll('#c7 .pick button')[0].click()");
    assert_eq!((browser.value(place), browser.value(title)), (drawn_here, told_here));
    browser.value("document.querySelectorAll('#c7 .pick button')[3].click()");
    assert_eq!(browser.value(marks), 1);
    let label = "document.querySelector('#c7 svg.trend text.step').textContent";
    let label = browser.value(label).as_str().expect("a text").to_owned();
    assert!(label.starts_with("▲ −") && label.ends_with(" %"), "{label}");
    browser.looks("dark", "");
    browser.picture("steps-dark");
    browser.looks("light", "");
    is_quiet(browser);
    browser.scripts(false);
    browser.open(&path, "#c7");
    assert_eq!(browser.value(marks), 1);
    assert_eq!(browser.value(list), listed);
    is_quiet(browser);
    browser.scripts(true);
}

fn no_javascript(browser: &mut Chromium) {
    let (_folder, path) = file(&big(40, 20));
    browser.size(1280, 900);
    browser.scripts(false);
    browser.open(&path, "");
    is_quiet(browser);
    // The protocol's own questions still run.
    assert_eq!(
        browser.value("getComputedStyle(document.getElementById('filters')).display"),
        "none"
    );
    assert_eq!(browser.value("document.querySelectorAll('button:not(#filters button)').length"), 0);
    assert_eq!(browser.value("document.querySelectorAll('#cases tbody tr').length"), 40);
    browser.picture("no-javascript");
    browser.open(&path, "#c3");
    assert_eq!(browser.value(DISPLAY), "none");
    let width = "document.querySelector('#c3 svg.trend path.line').getBoundingClientRect().width";
    assert!(browser.value(width).as_f64().is_some_and(|it| it > 400.0));
    browser.picture("no-javascript-case");
    is_quiet(browser);
    browser.scripts(true);
}

fn keyboard(browser: &mut Chromium) {
    let _page = open(browser, &big(6, 8), "");
    browser.press("Tab");
    let focus = "document.activeElement.className || document.activeElement.id || document.activeElement.tagName";
    assert_eq!(browser.value(focus), "skip");
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.value(outline), "solid");
    browser.press("Enter");
    assert_eq!(browser.value("location.hash"), "#table");
    // From the top once around: every link, field and button is met, and the end is reached.
    let _page = open(browser, &big(6, 8), "");
    let count = "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')].filter(it => it.checkVisibility()).length";
    let all = browser.value(count).as_u64().expect("a count");
    assert!(all > 20, "{all}");
    browser.value("window.met = new Set(), document.addEventListener('focusin', event => met.add(event.target))");
    for _ in 0..=all + 2 {
        browser.press("Tab");
    }
    assert_eq!(browser.value("met.size"), all);
    browser.value("document.querySelector('#cases thead button').focus()");
    browser.press("Enter");
    assert_eq!(
        browser.value("document.querySelector('#cases th').getAttribute('aria-sort')"),
        "ascending"
    );
    is_quiet(browser);
}

fn looks(browser: &mut Chromium) {
    let data = big(150, 60);
    let (_folder, path) = open(browser, &data, "");
    let ground = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.value(ground), "rgb(255, 255, 255)");
    browser.looks("dark", "");
    assert_eq!(browser.value(ground), "rgb(18, 22, 27)");
    browser.picture("dark");
    browser.open(&path, "#c4");
    browser.picture("dark-case");
    browser.looks("light", "");
    browser.size(380, 800);
    for fragment in ["", "#c4"] {
        browser.open(&path, fragment);
        let wide = browser.value("document.scrollingElement.scrollWidth").as_u64().expect("pixels");
        assert!(wide <= 380, "the page itself is not scrolled sideways: {wide}");
        browser.picture(&format!("narrow{}", fragment.replace('#', "-")));
    }
    browser.size(1280, 900);
    browser.open(&path, "");
    browser.value("document.querySelector('.models').scrollIntoView()");
    browser.picture("models");
    browser.value("document.getElementById('table').scrollIntoView()");
    browser.picture("table");
    for fragment in ["", "#c4"] {
        browser.open(&path, fragment);
        let pdf = browser.pdf(&format!("print{}", fragment.replace('#', "-")));
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 20_000, "{}", pdf.len());
    }
    browser.looks("light", "print");
    assert_eq!(
        browser.value("getComputedStyle(document.getElementById('filters')).display"),
        "none"
    );
    browser.looks("light", "");
    is_quiet(browser);
}

fn hostile(browser: &mut Chromium) {
    for text in HOSTILE {
        for fragment in ["", "#c0"] {
            let _page = open(browser, &hostile_report(text), fragment);
            is_quiet(browser);
            assert_eq!(browser.value("document.scripts.length"), 2, "{text}");
            assert_eq!(browser.value("document.images.length"), 0, "{text}");
            assert_eq!(browser.value("getComputedStyle(document.body).display"), "block", "{text}");
            // Also where the script puts text: options, readings, the table of values.
            browser.value("document.querySelectorAll('.pick button').forEach(it => it.click())");
            browser
                .value("document.querySelectorAll('details').forEach(it => { it.open = true; })");
            browser.value("new Promise(done => setTimeout(done, 50))");
            assert_eq!(browser.value("document.images.length"), 0, "{text}");
            is_quiet(browser);
        }
    }
    browser.picture("hostile");
}

fn large(browser: &mut Chromium) {
    let _page = open(browser, &big(1500, 60), "");
    assert_eq!(browser.value("document.querySelectorAll('#cases tbody tr').length"), 1500);
    let painted = browser.value("performance.getEntriesByName('first-paint').length");
    assert_eq!(painted, json!(1));
    browser.value("location.hash = '#c1499'");
    browser.value("new Promise(done => setTimeout(done, 300))");
    assert_eq!(browser.value("document.querySelectorAll('#c1499 .pick button').length"), 5);
    is_quiet(browser);
}
