//! A comparison as text, Markdown, JSON and a page: what stands where, and that nothing from outside gets out of its place.

use std::fs;

use proptest::prelude::*;
use trtllm_perf::compare::{Comparison, MARKDOWN_LIMIT, Options, compare, markdown, text};
use trtllm_perf::dashboard::compare_page;
use trtllm_perf::history::Aspect;
use trtllm_perf::metric::Metric;
use trtllm_perf::record::result::State;

use crate::runs::*;

/// A bit of everything.
fn comparison() -> Comparison {
    let case = |con, values: &[(Metric, f64)]| {
        attempt(&label(con), values.iter().map(|&(metric, value)| sample(metric, value)).collect())
    };
    let (tokens, first) = (Metric::TokenThroughput, Metric::FirstTokenTime);
    let base = |scale: f64| {
        vec![
            case(1, &[(tokens, 8000.0 * scale), (first, 20.0)]),
            case(2, &[(tokens, 900.0), (first, 30.0)]),
            case(3, &[(tokens, 100.0)]),
            case(4, &[(tokens, 100.0)]),
            case(5, &[(tokens, 100.0)]),
        ]
    };
    let candidate = |scale: f64| {
        let mut invalid = case(2, &[(tokens, 905.0), (first, 20.0)]);
        invalid.samples[0].state = State::Invalid;
        let mut elsewhere = case(4, &[(tokens, 100.0)]);
        elsewhere.machine_class = "H100_PCIe".to_owned();
        vec![
            case(1, &[(tokens, 6500.0 * scale), (first, 20.5)]),
            invalid,
            failure(&label(3), "nccl", "unhandled system error"),
            elsewhere,
            case(5, &[(tokens, 100.0)]),
            case(6, &[(tokens, 50.0)]),
        ]
    };
    let base = side("1.1", vec![run("a1", base(1.0)), run("a2", base(1.01))]);
    let mut candidate = side("1.2", vec![run("b1", candidate(1.0)), run("b2", candidate(1.01))]);
    for run in &mut candidate.runs {
        run.facts.insert(Aspect::EngineVersion, "1.2.0".to_owned());
        run.facts.remove(&Aspect::Clocks);
        run.attempts[0].facts.insert(Aspect::Dataset, "other".to_owned());
    }
    compare(&base, &candidate, &Options::default())
}

/// Holds `text` against a fixture; `UPDATE_FIXTURES=1` writes it.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/fixtures/compare/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, text).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(expected == text, "{path} is not:\n{text}");
}

#[test]
fn the_text_is_that_of_the_fixture() {
    golden("text.txt", &text(&comparison(), true));
}

#[test]
fn the_markdown_is_that_of_the_fixture() {
    golden("comment.md", &markdown(&comparison()));
}

#[test]
fn the_json_has_everything_and_its_words_are_stable() {
    let json = serde_json::to_value(comparison()).expect("JSON");
    assert_eq!(json["format"], 1);
    let row = &json["rows"][0];
    assert_eq!((&row["change"], &row["metric"]), (&"regress".into(), &"TOKEN_THROUGHPUT".into()));
    assert_eq!((&row["better"], &row["unit"]), (&"higher".into(), &"tokens/s/GPU".into()));
    assert_eq!((&row["base"]["n"], &row["differs"][0]), (&2.into(), &"dataset".into()));
    let cause = &row["cause"];
    assert_eq!((&cause["class"], &cause["single_variable"]), (&"unknown".into(), &false.into()));
    assert_eq!(
        (&cause["differs"][1]["aspect"], &cause["open"][0]),
        (&"dataset".into(), &"clocks".into())
    );
    assert_eq!(cause["differs"][1]["candidate"], serde_json::json!(["other"]));
    assert!(json["rows"].as_array().expect("rows").iter().any(|row| row["cause"].is_null()));
    assert_eq!(json["provenance"]["differs"][0]["aspect"], "engine_version");
    assert_eq!(json["failed"][0]["kind"], "nccl");
    assert_eq!(
        json["means"].as_array().expect("a list").last().expect("one")["model"],
        serde_json::Value::Null
    );
}

#[test]
fn a_comment_on_thousands_of_cases_is_short_enough_and_says_what_was_cut() {
    let many = |id: &str, scale: f64| {
        let attempts = (1..=1500).map(|con| {
            let metrics = [Metric::InferenceTime, Metric::FirstTokenTime, Metric::OutputTokenTime];
            attempt(&label(con), metrics.map(|metric| sample(metric, 10.0 * scale)).into())
        });
        side(id, vec![run(id, attempts.collect())])
    };
    for scale in [1.0, 1.5] {
        let comment = markdown(&compare(&many("a", 1.0), &many("b", scale), &Options::default()));
        assert!(comment.len() <= MARKDOWN_LIMIT, "{}", comment.len());
        assert!(comment.contains("more, cut here; `--json` has all"));
        assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
        assert!(comment.contains("1500 cases, 4500 metrics compared"));
    }
}

/// Everywhere where text from outside can stand.
fn hostile(text: &str) -> Comparison {
    let mut base = single("a", 1000.0);
    let mut candidate = single("b", 500.0);
    base.name = text.to_owned();
    for side in [&mut base, &mut candidate] {
        side.runs[0].id = text.to_owned();
        side.runs[0].release = Some(text.to_owned());
        let attempt = &mut side.runs[0].attempts[0];
        attempt.machine_class = text.to_owned();
        attempt.case.label = text.to_owned();
    }
    candidate.runs[0].facts.insert(Aspect::Driver, text.to_owned());
    candidate.runs[0].attempts.push(failure(text, text, text));
    compare(&base, &candidate, &Options::default())
}

#[test]
fn names_and_messages_cannot_inject_anything() {
    let text =
        "x</code></details><script>alert(1)</script>|a|`b` **c** [d](http://e) @f #1 <!--\n# g";
    let found = hostile(text);
    let comment = markdown(&found);
    for part in [
        "<script",
        "</code></details>",
        "|a|",
        "`b`",
        "**c**",
        "[d]",
        "http://",
        "@f",
        "<!--",
        "\n# g",
    ] {
        assert!(!comment.contains(part), "{part} in {comment}");
    }
    let page = compare_page(&found).expect("a page");
    for part in ["<script", "</code></details>", "<!--\n#"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("http://") || !page.contains("src="), "it needs nothing else");
}

#[test]
fn the_page_shows_what_the_text_says() {
    let found = comparison();
    let page = compare_page(&found).expect("a page");
    for part in [
        "Single-variable: no: code, data set differ",
        "regress (1)",
        "18.8 % worse",
        "failed (2)",
        "H100_PCIe",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_line_of_the_text_is_wider_than_a_hundred_columns(label in "[a-z<|`é ,:-]{1,300}") {
        for line in text(&hostile(&label), true).lines() {
            // A word that cannot be broken, as a long name, may stand out.
            let words_fit = line.split(' ').all(|word| word.chars().count() < 60);
            prop_assert!(line.chars().count() <= 100 || !words_fit, "{line}");
        }
    }
}
