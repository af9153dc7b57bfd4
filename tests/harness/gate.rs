//! The paired gate from the outside: scripted programs whose numbers are known, and the embedded engine held against
//! itself with more work to do.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use trtllm_perf::history::{Entry, Made, Mode, Place, SelfCheck};
use trtllm_perf::verdict::selfcheck::Tally;

use crate::gpus::{quiet, recording};
use crate::support::*;

const LABEL: &str = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";

/// A folder with two programs that take the times of their files.
struct Ring {
    work: Work,
    base: String,
    candidate: String,
}

impl Ring {
    /// Programs that take these milliseconds one after the other, the last one from then on.
    fn new(base: &[&str], candidate: &[&str]) -> Self {
        let work = Work::new();
        let program = |side: &str, times: &[&str]| {
            let times = work.write(&format!("{side}.times"), times.join("\n") + "\n");
            let (order, next) = (work.word("order"), bench("next"));
            let text =
                format!("#!/bin/sh\nSIDE={side} TIMES={times} ORDER={order} exec {next} \"$@\"\n");
            let path = work.write(&format!("{side}.sh"), text);
            std::process::Command::new("chmod").arg("+x").arg(&path).status().expect("chmod");
            path
        };
        let (base, candidate) = (program("base", base), program("candidate", candidate));
        Self { work, base, candidate }
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let mut command = command(TRTLLM_PERF, self.work.folder());
        command.args(["gate", "--base", &self.base, "--candidate", &self.candidate]).args(more);
        command
    }

    /// The gate over one case of the embedded engine's model.
    fn gate(&self, more: &[&str]) -> Ended {
        run(&mut self.command(&[&["--case", PYTORCH], more].concat()))
    }

    /// Which side ran when, as letters.
    fn order(&self) -> String {
        self.work.read("order").lines().map(|side| &side[..1]).collect()
    }

    fn verdict(&self) -> Value {
        let verdicts: Value =
            serde_json::from_str(&self.work.read("perf-output/gate.json")).expect("JSON");
        verdicts[0].clone()
    }
}

const STEADY: [&str; 5] = ["1500", "1000", "1002", "998", "1000"];
const SLOWER: [&str; 5] = ["1500", "1100", "1101", "1099", "1100"];

#[test]
fn a_slower_candidate_is_a_regression_after_four_pairs_in_the_order_abba() {
    let ring = Ring::new(&STEADY, &SLOWER);
    let ended = ring.gate(&[]).exits(1).says("1 regress;");
    assert!(ended.out.starts_with("regress (one node)"), "{}", ended.out);
    assert!(ended.out.contains("TOKEN_THROUGHPUT (tokens/s/GPU) ×0.909"), "{}", ended.out);
    assert_eq!(ring.order(), "bcbccbbccb", "the warm-up, then pairs");
    let verdict = ring.verdict();
    assert_eq!((&verdict["verdict"], &verdict["pairs"]), (&"regress".into(), &4.into()));
    assert_eq!(verdict["others"].as_array().map(Vec::len), Some(2), "{verdict}");

    // The programs are all that differs, and each form says so.
    let cause = &verdict["cause"];
    assert_eq!(
        (&cause["class"], &cause["single_variable"]),
        (&"code".into(), &true.into()),
        "{verdict}"
    );
    assert_eq!(cause["programs"], serde_json::json!([ring.base, ring.candidate]));
    let said = "cause: code, single-variable: program ";
    assert!(ended.out.contains(said), "{}", ended.out);
    let suite = ring.work.junit();
    assert_eq!((suite.case().kind.as_str(), suite.case().word.as_str()), ("failure", "regression"));
    assert!(ring.work.read("perf-output/junit.xml").contains(said), "the failure says it, too");

    // Every run of both sides is an attempt of a whole output directory.
    for side in ["base", "candidate"] {
        let samples = read_csv(&ring.work.path(&format!("perf-output/{side}/perf_samples.csv")));
        let attempts: Vec<&str> = samples.iter().map(|row| row["attempt"].as_str()).collect();
        assert_eq!(attempts.last(), Some(&"5"), "{side}");
    }

    // The pairs are judged alike by themselves.
    let pairs = ring.work.word("perf-output/pairs.csv");
    let mut again = command(TRTLLM_PERF, ring.work.folder());
    let again = run(again.args(["gate", "--json", "--higher-is-better", "--pairs", &pairs]));
    let again = json_lines(&again.exits(1).out);
    assert_eq!(again[0]["verdict"], "regress");
    assert_eq!(again[0]["pairs"], 4);
    let near =
        again[0]["ratio"].as_f64().expect("a ratio") - verdict["ratio"].as_f64().expect("one");
    assert!(near.abs() < 1e-9, "{near}");
}

#[test]
fn a_candidate_without_a_change_passes_and_a_faster_one_is_said_to_be_improved() {
    let ring = Ring::new(&STEADY, &STEADY);
    let words = ["--json", "--baseline", "any.csv"];
    let ended = ring.gate(&words).exits(0).says("--baseline judges nothing here");
    let lines = json_lines(&ended.out);
    assert_eq!((&lines[0]["verdict"], &lines[0]["improved"]), (&"pass".into(), &false.into()));
    assert_eq!(lines[0]["cause"], Value::Null, "nothing to explain");
    assert_eq!(ring.work.junit().case().kind, "passed");

    let ring = Ring::new(&SLOWER, &STEADY);
    let ended = ring.gate(&[]).exits(0);
    assert!(ended.out.starts_with("pass (improved)"), "{}", ended.out);
    assert!(ended.out.contains("cause: code, single-variable: program "), "{}", ended.out);
}

#[test]
fn one_program_on_both_sides_leaves_noise_as_the_cause_of_a_difference() {
    // Four pairs in which the candidate happens to get the slow turns: base, candidate, candidate, base and so on.
    let times = ["1", "1", "1000", "1100", "1101", "1002", "998", "1099", "1100", "1000"];
    let ring = Ring::new(&times, &STEADY);
    let mut gate = command(TRTLLM_PERF, ring.work.folder());
    gate.args(["gate", "--base", &ring.base, "--candidate", &ring.base, "--case", PYTORCH]);
    let ended = run(&mut gate).exits(1);
    assert!(ended.out.contains("cause: noise: nothing differs"), "{}", ended.out);
    assert_eq!(ring.verdict()["cause"]["class"], "noise");
}

#[test]
fn a_release_that_is_called_with_other_options_leaves_two_causes_and_both_are_listed() {
    let ring = Ring::new(&STEADY, &SLOWER);
    let text = ring.work.read("candidate.sh").replace(
        "#!/bin/sh\n",
        "#!/bin/sh\ncase \"$*\" in *--help*) echo '[TensorRT-LLM] TensorRT-LLM version: 1.2.0' ;; esac\n",
    );
    ring.work.write("candidate.sh", text);
    let models = models_root(&ring.work);
    let ended = run(&mut ring.command(&["--case", LABEL, "--models-root", &models])).exits(1);
    let said = ended.out.lines().find(|line| line.contains("cause: ")).expect("a cause");
    assert!(said.contains("cause: unknown, not single-variable: program "), "{said}");
    assert!(said.contains("flow ") && said.contains("bench_options "), "{said}");
}

#[test]
fn noise_ends_inconclusive_after_ten_pairs_and_says_how_many_it_would_take() {
    let noisy = ["900", "1100", "950", "1050", "1000", "850", "1150", "990", "1010", "930", "1070"];
    let mut other = noisy;
    other.reverse();
    let ring = Ring::new(&noisy, &other);
    let ended = ring.gate(&[]).exits(3);
    assert!(ended.out.starts_with("inconclusive"), "{}", ended.out);
    assert!(ended.out.contains("10 pairs"), "{}", ended.out);
    assert!(ended.out.contains("a loss of 5 % needs "), "{}", ended.out);
    assert_eq!(ring.work.junit().case().kind, "skipped", "neither a pass nor a failure");
}

#[test]
fn a_pair_that_is_lost_is_measured_again_and_too_many_lost_are_invalid() {
    let ring = Ring::new(&["1500", "1000", "fails", "1000"], &STEADY);
    let ended = ring.gate(&[]).exits(0);
    assert!(ended.out.contains("4 pairs and 1 lost"), "{}", ended.out);

    let ring = Ring::new(&STEADY, &["1500", "1000", "fails"]);
    let ended = ring.gate(&["--repeats", "1"]).exits(4);
    assert!(ended.out.starts_with("invalid"), "{}", ended.out);
    assert!(
        ended.out.contains("2 pairs were lost; the last: candidate of pair 4: assertion: "),
        "{}",
        ended.out
    );
    assert_eq!(ring.work.junit().case().word, "unmeasurable");
}

#[test]
fn a_budget_that_is_used_up_leaves_what_was_not_measured_inconclusive() {
    let ring = Ring::new(&STEADY, &STEADY);
    let ended =
        ring.gate(&["--case", STREAMING, "--budget", "0.0001"]).exits(3).says("2 inconclusive;");
    assert!(ended.out.contains("the budget is used up"), "{}", ended.out);
}

#[test]
fn an_interrupted_gate_goes_on_with_the_pairs_it_has() {
    let ring = Ring::new(&STEADY, &SLOWER);
    let mut child = ring.command(&["--case", PYTORCH]).spawn().expect("it starts");
    wait_for("a pair", || {
        let text = fs::read_to_string(ring.work.path("order")).ok()?;
        (text.lines().count() >= 5).then_some(())
    });
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(130));
    let before = ring.order().len();
    let ended = ring.gate(&["--resume"]).exits(1).says("going on with run ");
    assert!(ended.out.contains("4 pairs"), "{}", ended.out);
    // Four pairs and the warm-up, one pair more for the one cut in two, and no run twice.
    let after = ring.order().len() - before;
    assert!(before + after <= 13, "{}", ring.order());
    assert!(after < 10, "{}", ring.order());

    // A gate that is done is not measured again.
    let order = ring.order();
    let again = ring.gate(&["--resume"]).exits(1);
    assert!(again.out.starts_with("regress"), "{}", again.out);
    assert_eq!(ring.order(), order);
}

/// A gate on recorded GPUs.
fn on_gpus(ring: &Ring, gpus: u32) -> Ended {
    let recording = recording(&ring.work, "gpus.jsonl", gpus, &[quiet()]);
    let table = include_str!("../../perf-tests/certificate.yml");
    ring.work
        .write("tables/certificate.yml", table.replace("empty_within_s: 60", "empty_within_s: 0"));
    let (models, tables, locks) =
        (models_root(&ring.work), ring.work.word("tables"), ring.work.word("locks"));
    run(&mut ring.command(&[
        "--case",
        LABEL,
        "--models-root",
        &models,
        "--tables",
        &tables,
        "--lease-dir",
        &locks,
        "--gpu-recording",
        &recording,
    ]))
}

#[test]
fn a_regression_is_confirmed_on_other_gpus_where_there_are_some() {
    let ring = Ring::new(&STEADY, &SLOWER);
    let ended = on_gpus(&ring, 2).exits(1);
    assert!(ended.out.starts_with("regress (confirmed)"), "{}", ended.out);
    assert!(ended.out.contains("confirmed on GPU 1 (GPU-1)"), "{}", ended.out);
    assert_eq!(ring.verdict()["place"]["gpus"][0], "GPU 0 (GPU-0)");
    // Both sides ran on the same GPU, first on one and then on the other.
    for side in ["base", "candidate"] {
        let run = ring.work.path(&format!("perf-output/{side}/runs/latest"));
        let trial = fs::read_dir(&run).expect("a run").map(|it| it.expect("one").path());
        let trial = trial.filter(|path| path.is_dir()).last().expect("a trial");
        for (attempt, gpu) in [(2, "GPU-0"), (5, "GPU-0"), (6, "GPU-1"), (9, "GPU-1")] {
            let log = fs::read_to_string(trial.join(format!("attempt-{attempt}/bench.log")));
            let wanted = format!("CUDA_VISIBLE_DEVICES={gpu}\n");
            assert!(log.expect("a log").contains(&wanted), "{side} {attempt}");
        }
    }
}

#[test]
fn a_loss_that_other_gpus_do_not_show_is_no_regression_and_points_at_the_gpus() {
    let ring = Ring::new(&STEADY, &SLOWER);
    ring.work.write("candidate.times.GPU-1", "1000\n");
    let ended = on_gpus(&ring, 2).exits(3);
    assert!(ended.out.starts_with("inconclusive"), "{}", ended.out);
    assert!(
        ended.out.contains("regress on GPU 0 (GPU-0), but pass on GPU 1 (GPU-1)"),
        "{}",
        ended.out
    );
}

#[test]
fn on_a_single_gpu_a_regression_is_called_one_of_one_node() {
    let ring = Ring::new(&STEADY, &SLOWER);
    let ended = on_gpus(&ring, 1).exits(1);
    assert!(ended.out.starts_with("regress (one node)"), "{}", ended.out);
    assert!(ended.out.contains("no other GPUs were free"), "{}", ended.out);
}

#[test]
fn the_embedded_engine_with_twice_the_work_is_slower_than_itself() {
    let work = Work::new();
    let slow = format!("#!/bin/sh\nREFBENCH_SLOWDOWN=100% exec {REFBENCH} \"$@\"\n");
    let slow = work.write("slow.sh", slow);
    std::process::Command::new("chmod").arg("+x").arg(&slow).status().expect("chmod");
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:32,16-reqs:8";
    let mut gate = command(TRTLLM_PERF, work.folder());
    let ended = run(gate.args(["gate", "--base", REFBENCH, "--candidate", &slow, "--case", label]));
    let ended = ended.exits(1);
    assert!(ended.out.starts_with("regress"), "{}", ended.out);
    let verdicts: Value = serde_json::from_str(&work.read("perf-output/gate.json")).expect("JSON");
    let cause = &verdicts[0]["cause"];
    assert_eq!(
        (&cause["class"], &cause["single_variable"]),
        (&"code".into(), &true.into()),
        "{cause}"
    );
    assert_eq!(cause["differs"][0]["aspect"], "engine_version", "{cause}");

    // Outside a gate such a program is refused.
    let harness = work.run(&["--case", label, "--bench-bin", &slow, "--output-dir", "plain"]);
    assert!(harness.exits(101).out.contains("REFBENCH_SLOWDOWN is for gates alone"));
}

#[test]
fn a_self_check_counts_the_false_alarms_of_a_program_against_itself() {
    let ring = Ring::new(&STEADY, &STEADY);
    let mut selfcheck = command(TRTLLM_PERF, ring.work.folder());
    selfcheck.args(["selfcheck", "--rounds", "3", "--bench-bin", &ring.base, "--case", PYTORCH]);
    let ended = run(&mut selfcheck).exits(0);
    assert!(
        ended
            .out
            .starts_with("self-check: 0 of 3 verdicts on equal programs were regressions (0.0 %"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("advisory"), "{}", ended.out);
    assert_eq!(ring.order().len(), 2 + 3 * 8, "{}", ring.order());

    // The gate finds it again, together with further ones, and says what its verdicts are worth.
    let mut again = command(TRTLLM_PERF, ring.work.folder());
    again.args(["selfcheck", "--rounds", "1", "--bench-bin", &ring.base, "--case", PYTORCH]);
    run(&mut again).exits(0);
    ring.gate(&[]).exits(0).says("self-check: 0 of 4 verdicts on equal programs were regressions");
    ring.gate(&["--history", "none"]).exits(0).says("self-check: none on record");
}

/// What the history holds of self-checks where the verdict was measured.
fn self_check(ring: &Ring, tally: Tally) {
    let verdict = ring.verdict();
    let word = |key: &str| verdict[key].as_str().expect("a word").to_owned();
    let place = Place::File(ring.work.path("perf-history.sqlite"));
    let mut store = place.open(Mode::Create).expect("a history");
    let made = Made { at: jiff::Timestamp::UNIX_EPOCH, by: "ann".to_owned() };
    let harness = env!("CARGO_PKG_VERSION").to_owned();
    let (machine_class, engine) = (word("machine_class"), word("engine"));
    let entry = SelfCheck { made, machine_class, engine, harness, tally };
    store.add(&Entry::SelfCheck(entry)).expect("kept");
}

/// The file beside the verdicts.
fn head(ring: &Ring) -> Value {
    serde_json::from_str(&ring.work.read("perf-output/gate-head.json")).expect("JSON")
}

#[test]
fn a_gate_says_what_its_verdicts_are_worth_before_the_first_of_them_and_in_its_files() {
    let ring = Ring::new(&STEADY, &SLOWER);
    let ended = on_gpus(&ring, 1).exits(1).says("1 regress; advisory;");
    assert!(ended.out.starts_with("regress (one node), advisory"), "{}", ended.out);
    assert_eq!(ended.err.matches("self-check: none on record").count(), 1, "{}", ended.err);
    ended.says("standing   H100_80GB_HBM3: self-check: none on record");
    let told = head(&ring);
    assert_eq!((&told["advisory"], &ring.verdict()["advisory"]), (&true.into(), &true.into()));
    let lines = told["lines"].as_array().expect("lines");
    assert!(lines[0].as_str().is_some_and(|line| line.starts_with("base ")), "{told}");
    let suite = ring.work.junit();
    assert_eq!(suite.properties[0].0, "self-check H100_80GB_HBM3");
    assert!(suite.case().message.starts_with("regress (one node), advisory: "));

    // Too many alarms, all of them on one side.
    self_check(&ring, Tally { pass: 80, regress: 9, inconclusive: 11, ..Tally::default() });
    let ended = on_gpus(&ring, 1).exits(1);
    ended
        .says("standing   H100_80GB_HBM3, tensorrt_llm: self-check: 9 of 100 verdicts on equal programs")
        .says("(9.0 %, 95 % interval 4.8 % to 16.2 %), regress to improve 9 : 0; 11 inconclusive")
        .says("BIASED: by chance so uneven with p 3.9e-3");
    let checks = head(&ring)["self_checks"].clone();
    assert_eq!((&checks[0]["verdicts"], &checks[1]), (&100.into(), &Value::Null), "{checks}");
    assert_eq!(checks[0]["tally"]["regress"], 9, "{checks}");
}

#[test]
fn a_gate_whose_promise_is_shown_to_be_kept_is_not_advisory() {
    let ring = Ring::new(&STEADY, &SLOWER);
    on_gpus(&ring, 1).exits(1);
    self_check(&ring, Tally { pass: 381, ..Tally::default() });
    let ended = on_gpus(&ring, 1).exits(1).says("the promise of 1.0 % is kept");
    assert!(!ended.out.contains("advisory") && !ended.err.contains("advisory"), "{}", ended.err);
    assert_eq!(
        (&ring.verdict()["advisory"], &head(&ring)["advisory"]),
        (&false.into(), &false.into())
    );
    // `rebuild` makes the same file again.
    let junit = ring.work.read("perf-output/junit.xml");
    run(command(TRTLLM_PERF, ring.work.folder()).args(["rebuild", "perf-output"])).exits(0);
    assert_eq!(ring.work.read("perf-output/junit.xml"), junit);
    assert!(ring.work.junit().properties[0].1.contains("0 of 381 verdicts"));
}

#[test]
fn where_a_program_turns_out_to_measure_is_told_at_the_end() {
    let ring = Ring::new(&STEADY, &STEADY);
    ring.gate(&[]).exits(0);
    self_check(&ring, Tally { pass: 381, ..Tally::default() });
    let verdict = ring.verdict();
    let place = format!("{}, {}", verdict["machine_class"], verdict["engine"]).replace('"', "");
    ring.gate(&[]).exits(0).says(&format!("{place}: self-check: 0 of 381 verdicts"));
    let checks = head(&ring)["self_checks"].as_array().expect("a list").clone();
    let of_report = checks.iter().find(|it| it["machine_class"] == verdict["machine_class"]);
    assert_eq!(of_report.expect("told")["advisory"], false);
    assert_eq!(ring.verdict()["advisory"], false, "by where it was measured");
}

#[test]
fn what_cannot_be_gated_is_said_before_anything_runs() {
    let ring = Ring::new(&STEADY, &STEADY);
    let gate = |words: &[&str]| {
        let mut gate = command(TRTLLM_PERF, ring.work.folder());
        run(gate.arg("gate").args(words))
    };
    gate(&[]).exits(2).says("--base");
    gate(&["--base", &ring.base]).exits(2).says("--candidate");
    gate(&["--base", &ring.base, "--candidate", &ring.base, "--pairs", "x.csv"]).exits(2);
    gate(&["--base", &ring.base, "--candidate", &ring.base, "--delta", "0"]).exits(2);
    gate(&["--base", &ring.base, "--candidate", &ring.base, "--budget", "-1"]).exits(2);
    let ended = gate(&["--base", &ring.base, "--candidate", "/no/such/bench", "--case", PYTORCH]);
    ended.exits(4).says("--candidate: ").says("/no/such/bench");
    gate(&["--base", &ring.base, "--candidate", &ring.base, "-F", "embedded.yml", "no_such_name"])
        .exits(4);
    assert!(!ring.work.path("order").exists());
}
