//! The commands that tell steps, over a history in SQLite.

use serde_json::Value;
use trtllm_perf::history::{
    About, Alias, Annotation, Aspect, Entry, Invalidation, Made, Mode, Origin, Place, Store,
};

use crate::harness::{Ended, TRTLLM_PERF, Work, command, json_lines, run};
use crate::nights::*;

const HISTORY: &str = "h.sqlite";

fn program(work: &Work, words: &[&str]) -> Ended {
    run(command(TRTLLM_PERF, work.folder()).args(words))
}

fn store(work: &Work) -> Box<dyn Store> {
    Place::File(work.path(HISTORY)).open(Mode::Create).expect("opened")
}

fn keep(work: &Work, nights: &[Night], label: &str) {
    let mut runs = nights.iter().map(|night| night.run(label));
    store(work).append(&mut runs).expect("kept");
}

/// 40 nights; from the 25th on 5 % slower, with a release and a driver one night earlier.
fn history() -> (Work, Vec<Night>) {
    let work = Work::new();
    let mut nights = nights(40, lost_at(25));
    for (place, night) in nights.iter_mut().enumerate() {
        if place >= 25 {
            *night = night.clone().release("1.2.0").with(Aspect::EngineVersion, "1.2.0");
        }
        if place >= 24 {
            *night = night.clone().with(Aspect::Driver, "590");
        }
    }
    keep(&work, &nights, LLAMA);
    (work, nights)
}

const CAME_WITH: &str = "came with release 1.1.0 → 1.2.0, engine_version same → 1.2.0, driver same → 590 (1 run earlier)";

fn made() -> Made {
    Made { at: start(50), by: "ann".to_owned() }
}

#[test]
fn trend_tells_since_when_a_series_of_the_history_is_slower_and_what_came_with_it() {
    let (work, _) = history();
    let annotation = Annotation {
        made: made(),
        about: About::Run("night-25".to_owned()),
        case: Some("llama*".to_owned()),
        text: "new container".to_owned(),
    };
    store(&work).add(&Entry::Annotation(annotation)).expect("kept");
    let words = ["trend", "--history", HISTORY];
    let out = program(&work, &words).exits(0).out;
    let (row, count) = (out.lines().nth(1).expect("a step"), out.lines().last().expect("counts"));
    assert!(row.starts_with("2026-10-26 01:30  -4.9 %  worse  TOKEN_THROUGHPUT"), "{out}");
    let end = format!("{CAME_WITH}; cause: unknown; remark: new container (ann)");
    assert!(
        row.contains(LLAMA.split("-bench").next().expect("a model")) && row.ends_with(&end),
        "{out}"
    );
    assert_eq!(
        count,
        "40 points in 1 series: 1 steps to the worse, 0 to the better, 0 node switches, 0 pending"
    );
    let ended =
        program(&work, &[&words[..], &["--json"]].concat()).exits(0).says("1 steps to the worse");
    let front = format!(
        "{{\"series\":\"{} TOKEN_THROUGHPUT {H100} tensorrt_llm\",\"index\":25,\"magnitude\":-0.0",
        identity(LLAMA).label
    );
    assert!(ended.out.starts_with(&front), "{}", ended.out);
    let [step] = &json_lines(&ended.out)[..] else { panic!("one step") };
    let texts = ["metric", "machine_class", "kind", "run_id", "direction", "time", "release_after"]
        .map(|field| step[field].as_str().expect("a text"));
    assert_eq!(
        texts,
        ["TOKEN_THROUGHPUT", H100, "step", "night-25", "worse", "2026-10-26T01:30:00Z", "1.2.0"]
    );
    assert_eq!(
        (&step["came_with"][2]["what"], &step["came_with"][2]["runs_off"]),
        (&"driver".into(), &(-1).into())
    );
    assert_eq!(
        (&step["cause"]["class"], &step["remarks"][0]),
        (&"unknown".into(), &"new container (ann)".into())
    );
}

#[test]
fn trend_takes_the_filters_of_the_history_and_either_a_file_or_a_history() {
    let (work, _) = history();
    let steps = |words: &[&str]| {
        let words = [&["trend", "--json", "--history", HISTORY], words].concat();
        json_lines(&program(&work, &words).exits(0).out).len()
    };
    for (words, expected) in [
        (&["--case", "llama*"][..], 1),
        (&["--case", "qwen*"], 0),
        (&["--metric", "build_time"], 0),
        (&["--machine", "B200*"], 0),
        // What was before the period is the level that the step began from.
        (&["--since", "2026-10-26"], 1),
        (&["--since", "2026-10-27"], 0),
        (&["--until", "2026-10-25"], 0),
        (&["--release", "1.2*"], 1),
        (&["--release", "1.1*"], 0),
        (&["--sort", "worst"], 1),
    ] {
        assert_eq!(steps(words), expected, "{words:?}");
    }
    let file = work.write("a.csv", "value\n1\n2\n");
    program(&work, &["trend", &file]).exits(0);
    program(&work, &["trend"]).exits(2).says("--history");
    program(&work, &["trend", &file, "--history", HISTORY]).exits(2).says("cannot be used with");
    program(&work, &["trend", &file, "--case", "x"]).exits(2).says("name one with --history");
    program(&work, &["trend", &file, "--sort", "worst"]).exits(2).says("name one with --history");
    program(&work, &["trend", "--history", "none.sqlite"]).exits(2).says("none.sqlite");
}

#[test]
fn nights_that_were_invalidated_and_a_case_that_was_renamed_make_no_step() {
    let work = Work::new();
    // Ten bad nights would be a level; they were marked since.
    let nights = nights(60, |night| if night >= 50 { 800.0 } else { 1000.0 });
    let renamed = format!("{LLAMA}-con:8");
    keep(&work, &nights[..20], LLAMA);
    keep(&work, &nights[20..], &renamed);
    let words = ["trend", "--json", "--history", HISTORY];
    assert_eq!(json_lines(&program(&work, &words).exits(0).out).len(), 1, "they are a step");
    let mut store = store(&work);
    for night in 50..60 {
        let mark = Invalidation {
            made: made(),
            run_id: format!("night-{night}"),
            case: None,
            metric: None,
            reason: "throttled".to_owned(),
            taken_back: false,
        };
        store.add(&Entry::Invalidation(mark)).expect("kept");
    }
    let ended = program(&work, &words).exits(0).says("60 points in 2 series");
    assert_eq!(ended.out, "");
    let [old, new] = [LLAMA, &renamed].map(identity);
    store.add(&Entry::Alias(Alias { made: made(), old, new })).expect("kept");
    program(&work, &words).exits(0).says("60 points in 1 series: 0 steps");
}

#[test]
fn show_has_a_line_below_the_point_at_which_a_step_begins() {
    let (work, _) = history();
    let words = ["history", "--history", HISTORY, "show", LLAMA];
    let out = program(&work, &words).exits(0).out;
    let lines: Vec<&str> = out.lines().collect();
    let place = lines.iter().position(|line| line.starts_with("  ^ ")).expect("a step");
    assert!(lines[place - 1].contains("night-25"), "{out}");
    assert!(
        lines[place].starts_with("  ^ step: -4.9 %, worse: ") && lines[place].contains(CAME_WITH),
        "{out}"
    );
    // Found in the whole series, also where few points are shown.
    let few = program(&work, &[&words[..], &["--last", "15"]].concat()).exits(0).out;
    assert_eq!(few.matches("  ^ ").count(), 1, "{few}");
    let none = program(&work, &[&words[..], &["--last", "14"]].concat()).exits(0).out;
    assert_eq!(none.matches("  ^ ").count(), 0, "{none}");
    let points = json_lines(
        &program(&work, &[&words[..], &["--last", "0", "--json"]].concat()).exits(0).out,
    );
    let steps: Vec<usize> = (0..points.len()).filter(|it| !points[*it]["step"].is_null()).collect();
    assert_eq!((points.len(), steps), (40, vec![25]));
    let step = &points[25]["step"];
    assert_eq!((&step["kind"], &step["direction"]), (&"step".into(), &"worse".into()));
    assert!(step["magnitude"].as_f64().is_some_and(|it| (it + 0.05).abs() < 0.005), "{step}");
}

#[test]
fn compare_says_since_when_a_regression_is_there_in_every_form() {
    let (work, _) = history();
    let words = ["compare", "1.1.0", "1.2.0", "--history", HISTORY];
    let out = program(&work, &[&words[..], &["--html", "c.html"]].concat()).exits(0).out;
    let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let since = format!("since 2026-10-26 (run night-25): -4.9 %, {CAME_WITH}");
    assert!(flat.contains(&since), "{out}");
    assert!(work.read("c.html").contains("since 2026-10-26 (run night-25)"));
    let json: Value =
        serde_json::from_str(&program(&work, &[&words[..], &["--json"]].concat()).exits(0).out)
            .expect("JSON");
    let found = &json["rows"][0]["since"];
    assert_eq!(
        (found.as_array().map(Vec::len), &found[0]["run_id"]),
        (Some(1), &"night-25".into())
    );
    let markdown = program(&work, &[&words[..], &["--markdown"]].concat()).exits(0).out;
    assert!(markdown.contains("<br><code>since 2026-10-26 "), "{markdown}");
    program(&work, &["report", "--compare", "1.1.0", "1.2.0", "--html", "r.html"]).exits(2);
    work.write("perf.toml", format!("history = \"{HISTORY}\"\n"));
    program(&work, &["report", "--compare", "1.1.0", "1.2.0", "--html", "r.html"]).exits(0);
    assert!(work.read("r.html").contains("since 2026-10-26 (run night-25)"));
}

#[test]
fn compare_tells_only_steps_between_the_sides() {
    let (work, _) = history();
    let since = |base: &str, candidate: &str| {
        let words = ["compare", base, candidate, "--history", HISTORY, "--limit", "0.1%", "--json"];
        let json: Value = serde_json::from_str(&program(&work, &words).exits(0).out).expect("JSON");
        let row = &json["rows"][0];
        (row["change"].as_str().expect("a word").to_owned(), row["since"].as_array().map(Vec::len))
    };
    assert_eq!(since("night-24", "night-25"), ("regress".to_owned(), Some(1)));
    assert_eq!(since("night-23", "night-39"), ("regress".to_owned(), Some(1)));
    // The noise of these nights alone.
    assert_eq!(since("night-02", "night-05"), ("regress".to_owned(), Some(0)));
    assert_eq!(since("night-30", "night-20"), ("improved".to_owned(), Some(0)));
}

#[test]
fn the_report_marks_steps_in_charts_lists_them_and_names_the_newest_at_the_top() {
    let (work, nights) = history();
    let words = ["report", "--history", HISTORY, "--html", "r.html"];
    program(&work, &words).exits(0);
    let html = work.read("r.html");
    for part in [
        "<path class=\"step bad\"",
        "<ul class=\"steps\"",
        "Steps to the worse of the last 14 days",
        "2026-10-26",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.contains("driver same → 590 (1 run earlier)"), "in words");
    // Older than 14 days it is no news, but the page of the case has it.
    let mut later = self::nights(60, |_| 950.0).split_off(40);
    later.iter_mut().for_each(|night| {
        *night = Night { facts: nights[39].facts.clone(), ..night.clone().release("1.2.0") };
    });
    keep(&work, &later, LLAMA);
    program(&work, &words).exits(0);
    let html = work.read("r.html");
    assert!(html.contains("<path class=\"step bad\"") && !html.contains("id=\"news\""));
}

#[test]
fn steps_of_numbers_that_a_script_made_say_so() {
    let work = Work::new();
    let mut nights = nights(40, lost_at(25));
    nights.iter_mut().for_each(|night| night.origin = Origin::Synthetic);
    keep(&work, &nights, LLAMA);
    let out = program(&work, &["trend", "--history", HISTORY]).exits(0).out;
    assert!(
        out.contains("worse, synthetic") && out.contains("1 of them in points that a script made"),
        "{out}"
    );
}
