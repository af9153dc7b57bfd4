//! `trtllm-perf selfcheck --fleet` over histories that were imported.

use serde_json::Value;
use trtllm_perf::history::{AttemptRecord, Mode, Origin, Place, RunRecord};
use trtllm_perf::verdict::noise::{Kind, Noise, Runs};

use crate::harness::{Ended, TRTLLM_PERF, Work, command, json_lines, run};
use crate::support::{self, H100, LLAMA, QWEN, add, attempt, day};

const HEADER: &str = "network_name,network_hash,sm_clk,mem_clk,gpu_idx,device_subtype,perf_case_name,test_name,\
original_test_name,perf_metric,total_time__sec,start_timestamp,end_timestamp,state,command,threshold,\
absolute_threshold,metric_type";

/// So many nights of both cases, each with a throughput and a time, the throughput the main metric of both.
fn csv(nights: usize, cv: f64) -> String {
    let mut text = format!("{HEADER}\n");
    for (seed, label) in [(1, LLAMA), (2, QWEN)] {
        let mut runs = Runs::new(Noise { kind: Kind::Normal, cv }, seed);
        for night in 0..nights {
            let (month, day) = (9 + night / 28, 1 + night % 28);
            for metric in ["TOKEN_THROUGHPUT", "INFERENCE_TIME"] {
                let value = runs.throughput(1.0, 0.0);
                let short = format!("test_perf_metric_{}[{label}]", metric.to_lowercase());
                let date = format!("2026-{month:02}-{day:02}");
                text += &format!(
                    "\"{label}\",\"{short}\",1980,2619,0,{H100},\"{H100}/perf/test_perf.py::{short}\",\"{short}\",\
                     \"{H100}/perf/test_perf.py::test_perf[{label}]\",{value},12.5,{date} 02:00:00 +0000,\
                     {date} 02:01:00 +0000,valid,\"trtllm-bench --model x\",-0.1,10,{metric}\n"
                );
            }
        }
    }
    text
}

/// A folder whose history has so many nights.
fn history(nights: usize, cv: f64) -> Work {
    let work = Work::new();
    work.write("nights.csv", csv(nights, cv));
    run(command(TRTLLM_PERF, work.folder()).args(["history", "import", "nights.csv"])).exits(0);
    work
}

fn fleet(work: &Work, words: &[&str]) -> Ended {
    run(command(TRTLLM_PERF, work.folder()).args(["selfcheck", "--fleet"]).args(words))
}

fn json(work: &Work, words: &[&str]) -> Value {
    let lines = json_lines(&fleet(work, &[&["--json"], words].concat()).exits(0).out);
    assert_eq!(lines.len(), 1, "one machine class and engine");
    lines[0].clone()
}

/// The false reds a month with this noise and confirmation.
fn reds(fleet: &Value, noise: &str, confirmation: &str) -> f64 {
    let by = |list: &Value, key: &str, word: &str| -> Value {
        let found = list.as_array().expect("a list").iter().find(|it| it[key] == word);
        found.unwrap_or_else(|| panic!("no {word} in {list}")).clone()
    };
    let rules = &by(&fleet["outlooks"], "noise", noise)["rules"];
    by(rules, "confirmation", confirmation)["reds"]["a_month"].as_f64().expect("a number")
}

#[test]
fn a_month_is_simulated_with_the_noise_that_the_series_have() {
    let work = history(40, 0.02);
    let fleet = json(&work, &[]);
    assert_eq!((&fleet["machine_class"], &fleet["series"]), (&H100.into(), &4.into()));
    assert_eq!(
        (&fleet["cases"], &fleet["main_metrics"], &fleet["families"]),
        (&2.into(), &2.into(), &2.into())
    );
    assert_eq!(fleet["judgements"], 120, "two main metrics and two families, 30 nights");
    let cv = fleet["cv"]["median"].as_f64().expect("a CV");
    assert!((0.014..0.026).contains(&cv), "{cv}");
    let normal = reds(&fleet, "normal", "none");
    assert!((normal - 0.12).abs() < 0.02, "120 at 0.1 %: {normal}");
    assert!(reds(&fleet, "nodes", "none") > 3.0 * normal);
    for noise in ["normal", "nodes", "tail", "ar1", "own"] {
        let [none, second, two] =
            ["none", "second_run", "two_runs"].map(|it| reds(&fleet, noise, it));
        assert!(none >= second && second >= two, "{noise}: {none} {second} {two}");
        assert!(reds(&fleet, noise, "gate") <= none, "{noise}");
    }
    assert_eq!(fleet, json(&work, &[]), "nothing is left to chance, and nothing is kept");
}

#[test]
fn people_are_told_what_is_needed_to_keep_the_promise() {
    let work = history(40, 0.02);
    let told = fleet(&work, &[]).exits(0).out;
    assert!(told.starts_with(&format!("{H100}, tensorrt_llm: 2 cases, 4 series\n")), "{told}");
    for part in [
        "false reds a month",
        "the paired gate",
        "normal noise",
        "one node in five 10 % slower",
        "the fleet's own numbers",
        "Without confirmation 120 one-sided judgements at 0.1 % are up to 0.12 false reds a month",
        "promise of at most 1 a month",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("SYNTHETIC"), "{told}");
}

#[test]
fn flags_of_selection_choose_the_cases() {
    let work = history(40, 0.02);
    for words in [&["--case", QWEN][..], &["-F", &work.list("list.txt", &[QWEN])]] {
        let fleet = json(&work, words);
        assert_eq!((&fleet["cases"], &fleet["series"]), (&1.into(), &2.into()), "{words:?}");
    }
    let other = QWEN.replace("500,100", "1,1");
    fleet(&work, &["--case", &other])
        .exits(4)
        .says("is of a case that is selected; `history list --series` names what is there");
    let few = json(&work, &["--days", "25"]);
    assert!(
        few["outlooks"].as_array().is_some_and(|all| all.len() == 5),
        "25 of 40 nights are enough: {few}"
    );
}

#[test]
fn too_little_history_is_said_with_what_to_do() {
    let work = history(9, 0.02);
    let ended = fleet(&work, &["--json"]).exits(4).says("has 10 numbers or more");
    ended.says("--days");
    let fourteen = json(&history(14, 0.02), &[]);
    let noises = fourteen["outlooks"].as_array().expect("a list");
    assert_eq!(noises.len(), 4, "too few numbers to draw from");
    fleet(&Work::new(), &[]).exits(4).says("there is no such file; a run of the harness makes it");
    let empty = Work::new();
    let place = Place::File(empty.path("perf-history.sqlite"));
    drop(place.open(Mode::Create).expect("an empty history"));
    fleet(&empty, &[]).exits(4).says("has no number of the last 90 days");
    fleet(&empty, &["--history", "none"]).exits(3).says("none is no history");
    fleet(&empty, &["--rounds", "3"]).exits(2);
    run(command(TRTLLM_PERF, empty.folder()).args(["selfcheck", "--days", "3"])).exits(2);
}

#[test]
fn what_a_script_made_is_called_synthetic_and_machines_are_never_mixed() {
    let work = Work::new();
    let place = Place::File(work.path("perf-history.sqlite"));
    let mut store = place.open(Mode::Create).expect("a history");
    let mut noise = Runs::new(Noise { kind: Kind::Normal, cv: 0.01 }, 3);
    let night = |number: i64| {
        let mut of = |class: &str| {
            let measured = attempt(LLAMA, day(number), noise.throughput(1.0, 0.0));
            let test_name = measured.test_name.replace(H100, class);
            AttemptRecord { machine_class: class.to_owned(), test_name, ..measured }
        };
        let attempts = vec![of(H100), of("H200")];
        let id = format!("night-{number}");
        RunRecord { origin: Origin::Synthetic, ..support::run(&id, day(number), "1.2.0", attempts) }
    };
    add(store.as_mut(), (1..=24).map(night).collect());
    drop(store);
    let lines = json_lines(&fleet(&work, &["--json"]).exits(0).out);
    let classes: Vec<&str> =
        lines.iter().map(|it| it["machine_class"].as_str().expect("a word")).collect();
    assert_eq!(classes, ["H100_80GB_HBM3", "H200"]);
    assert!(lines.iter().all(|it| it["synthetic"] == true && it["series"] == 2));
    let told = fleet(&work, &[]).exits(0).out;
    assert_eq!(told.matches("SYNTHETIC").count(), 2, "{told}");
}
