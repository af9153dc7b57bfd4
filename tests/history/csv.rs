//! CSVs of results and baselines as they come: what can be read is kept, what cannot is told with its line.

use std::path::Path;

use trtllm_perf::history::source::{Said, read_csv, read_run_folder};
use trtllm_perf::history::{Aspect, AttemptRecord, Mode, Origin, Place, RunRecord};
use trtllm_perf::metric::Metric;
use trtllm_perf::record::OutputDir;

use crate::harness::{Ended, TRTLLM_PERF, Work, command, json_lines, run};
use crate::support::*;

const HEADER: &str = "network_name,network_hash,sm_clk,mem_clk,gpu_idx,device_subtype,perf_case_name,test_name,\
original_test_name,perf_metric,total_time__sec,start_timestamp,end_timestamp,state,command,threshold,\
absolute_threshold,metric_type";

/// A row as upstream writes it.
fn row(label: &str, metric: &str, value: &str, minute: u32) -> String {
    let short = format!("test_perf_metric_{}[{label}]", metric.to_lowercase());
    format!(
        "\"{label}\",\"{short}\",1980,2619,0,{H100},\"{H100}/perf/test_perf.py::{short}\",\"{short}\",\
         \"{H100}/perf/test_perf.py::test_perf[{label}]\",{value},12.5,2026-11-24 08:{minute:02}:00 +0000,\
         2026-11-24 08:{minute:02}:59 +0000,valid,\"trtllm-bench --model x\",-0.1,10,{metric}"
    )
}

fn csv(rows: &[String]) -> String {
    std::iter::once(HEADER.to_owned()).chain(rows.iter().cloned()).map(|row| row + "\n").collect()
}

fn read(work: &Work, name: &str, text: &str) -> RunRecord {
    work.write(name, text);
    let tables = trtllm_perf::tables::Tables::load(None).expect("our tables");
    let path = work.path(name);
    read_csv(&path, &Said::default(), &tables.models, &tables.limits).expect("a CSV")
}

fn import(work: &Work, words: &[&str]) -> Ended {
    run(command(TRTLLM_PERF, work.folder()).args(["history", "import"]).args(words))
}

#[test]
fn a_result_file_is_a_run_whose_repeated_rows_are_further_attempts() {
    let work = Work::new();
    let rows = [
        row(LLAMA, "INFERENCE_TIME", "4801.25", 10),
        row(LLAMA, "TOKEN_THROUGHPUT", "3412.5", 10),
        row(LLAMA, "INFERENCE_TIME", "4802.25", 20),
        row(LLAMA, "TOKEN_THROUGHPUT", "3413.5", 20),
    ];
    let run = read(&work, "results.csv", &csv(&rows));
    assert_eq!((run.origin, run.prefix.as_deref()), (Origin::PerfCsv, Some(H100)));
    assert_eq!(run.problems, []);
    let told: Vec<_> = run
        .attempts
        .iter()
        .map(|it| (it.number, it.start.to_string(), it.samples[1].value, it.samples[1].metric))
        .collect();
    assert_eq!(
        told,
        [
            (1, "2026-11-24T08:10:00Z".to_owned(), 3412.5, Metric::TokenThroughput),
            (2, "2026-11-24T08:20:00Z".to_owned(), 3413.5, Metric::TokenThroughput),
        ]
    );
    assert_eq!(run.attempts[0].case, identity(LLAMA));
    assert_eq!(
        (run.attempts[0].machine_class.as_str(), run.attempts[0].engine.as_str()),
        (H100, "tensorrt_llm")
    );
    let windows = read(&work, "results.csv", &csv(&rows).replace('\n', "\r\n"));
    assert_eq!(windows.attempts, run.attempts);
    assert_eq!(windows.id, run.id, "line ends are no other content");
}

#[test]
fn a_file_that_was_appended_to_is_the_same_run_with_more_attempts() {
    let work = Work::new();
    let first = [row(LLAMA, "TOKEN_THROUGHPUT", "3412.5", 10)];
    let second = [
        first[0].clone(),
        row(QWEN, "TOKEN_THROUGHPUT", "9.5", 20),
        row(LLAMA, "TOKEN_THROUGHPUT", "3410", 30),
    ];
    let file = work.write("perf_script_test_results.csv", csv(&first));
    import(&work, &[&file]).exits(0).says("added 1 run: 1 attempt, 1 sample");
    work.write("perf_script_test_results.csv", csv(&second));
    import(&work, &[&file])
        .exits(0)
        .says("added 0 runs: 2 attempts, 2 samples; 1 attempt known already");
    import(&work, &[&file])
        .exits(0)
        .says("added 0 runs: 0 attempts, 0 samples; 3 attempts known already");
}

#[test]
fn thousands_of_rows_with_broken_ones_among_them_are_all_kept_but_those() {
    let work = Work::new();
    let mut rows: Vec<String> = (0..4000)
        .map(|number| row(&format!("{LLAMA}-con:{}", number + 1), "TOKEN_THROUGHPUT", "10.5", 10))
        .collect();
    rows[99] = rows[99].replace(",10.5,", ",fast,");
    rows[1999] = rows[1999].replace(",10.5,", ",NaN,");
    rows[2999] = rows[2999].replace(",TOKEN_THROUGHPUT", ",SPEED");
    let file = work.write("results.csv", csv(&rows));
    let ended = import(&work, &[&file, "--release", "1.2.0"]).exits(1);
    for (line, words) in
        [(101, "`fast`"), (2001, "perf_metric is no number"), (3001, "unknown metric `SPEED`")]
    {
        let place = format!("results.csv:{line}: ");
        let told = ended.err.lines().find(|told| told.contains(&place));
        assert!(
            told.is_some_and(|told| told.contains(words)),
            "no {place}{words} in:\n{}",
            ended.err
        );
    }
    ended.says("added 1 run: 3997 attempts, 3997 samples");
    let mut query = command(TRTLLM_PERF, work.folder());
    query.args(["history", "query", "--release", "1.2.0", "--json"]);
    assert_eq!(json_lines(&run(&mut query).exits(0).out).len(), 3997);
}

#[test]
fn a_baseline_needs_a_date_and_its_prefix_is_the_machine() {
    let work = Work::new();
    let name = |metric: &str| {
        format!("H100_PCIe-PyTorch-Perf-1/perf/test_perf.py::test_perf_metric_{metric}[{LLAMA}]")
    };
    let text = format!(
        "network_name,perf_case_name,test_name,threshold,absolute_threshold,metric_type,perf_metric\n\
         \"{LLAMA}\",\"{}\",x,0.1,50,INFERENCE_TIME,129555.827\n\"{LLAMA}\",\"{}\",x,-0.1,10,SEQ_THROUGHPUT,63.2314\n",
        name("inference_time"),
        name("seq_throughput")
    );
    let file = work.write("base_perf.csv", text);
    import(&work, &[&file])
        .exits(2)
        .says("base_perf.csv:2: the row says no time; say when it was measured with --date");
    import(&work, &[&file, "--date", "2026-11-01", "--release", "1.1.0"])
        .exits(0)
        .says("added 1 run: 1 attempt, 2 samples");
    let place = Place::File(work.path("perf-history.sqlite"));
    let mut store = place.open(Mode::Existing).expect("opened");
    let [run] = &content(store.as_mut())[..] else { panic!("one run") };
    assert_eq!((run.origin, run.release.as_deref()), (Origin::BaselineCsv, Some("1.1.0")));
    assert_eq!(run.attempts[0].machine_class, "H100_PCIe-PyTorch-Perf-1");
    assert_eq!(run.started.to_string(), "2026-11-01T00:00:00Z");
    assert_eq!(run.attempts[0].samples[0].limits.threshold, 0.1);
    import(&work, &[&file, "--date", "2026-11-01", "--machine", H100]).exits(0);
}

#[test]
fn a_file_without_what_tells_a_case_is_refused_and_nothing_is_added() {
    let work = Work::new();
    let good = work.write("good.csv", csv(&[row(LLAMA, "TOKEN_THROUGHPUT", "1.5", 10)]));
    let bad = work.write("bad.csv", "a,b\n1,2\n");
    import(&work, &[&good, &bad]).exits(2).says("bad.csv:1: no column perf_case_name");
    let mut store =
        Place::File(work.path("perf-history.sqlite")).open(Mode::Create).expect("opened");
    assert_eq!(content(store.as_mut()), []);
    assert!(Path::new(&good).exists());
}

#[test]
fn our_own_samples_are_read_with_their_attempts() {
    let work = Work::new();
    work.run(&["--case", "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8-reqs:2"])
        .exits(0);
    let text = work.read("perf-output/perf_samples.csv");
    let run = read(&work, "samples.csv", &text);
    assert_eq!(run.problems, []);
    let [attempt] = &run.attempts[..] else { panic!("{:?}", run.attempts) };
    assert_eq!((attempt.number, attempt.samples.len()), (1, 3));
}

#[test]
fn a_case_of_several_points_is_told_alike_by_its_folder_and_by_both_csvs() {
    let work = Work::new();
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8+8,4-reqs:2";
    work.run(&["--case", label]).exits(0);
    let tables = trtllm_perf::tables::Tables::load(None).expect("our tables");
    let folder = OutputDir::new(work.path("perf-output")).newest_run().expect("a run");
    let folder = read_run_folder(&folder, &tables.models).expect("a run");
    // What a run tells of its attempts in all its forms.
    let told = |run: &RunRecord| {
        let one = |it: &AttemptRecord| {
            let samples: Vec<_> = it.samples.iter().map(|it| (it.metric, it.value)).collect();
            let (machine, engine) = (it.machine_class.clone(), it.engine.clone());
            (it.case.clone(), it.test_name.clone(), it.number, machine, engine, samples)
        };
        run.attempts.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(told(&folder).len(), 2, "one a point");
    for name in ["perf_script_test_results.csv", "perf_samples.csv"] {
        let path = work.path(&format!("perf-output/{name}"));
        let run = read_csv(&path, &Said::default(), &tables.models, &tables.limits).expect("a CSV");
        assert_eq!(run.problems, [], "{name}");
        assert_eq!(told(&run), told(&folder), "{name}");
        assert_eq!(run.facts.get(&Aspect::Cpu), folder.facts.get(&Aspect::Cpu), "{name}");
    }
}

#[test]
fn attempts_of_several_runs_in_one_file_keep_numbers_of_their_own() {
    let work = Work::new();
    let text = "run_id,original_test_name,network_name,attempt,start_timestamp,end_timestamp,outcome,metric_type,perf_metric,machine,gpus\n";
    let line = |run: &str, attempt: u32, outcome: &str, value: &str| {
        let metric = if value.is_empty() { "" } else { "TOKEN_THROUGHPUT" };
        format!(
            "{run},\"perf/test_perf.py::test_perf[{LLAMA}]\",\"{LLAMA}\",{attempt},2026-11-24 08:00:00 +0000,\
             2026-11-24 08:01:00 +0000,{outcome},{metric},{value},{H100},\"GPU 0 (a), GPU 1 (b)\"\n"
        )
    };
    let rows = [
        line("a", 1, "nccl", ""),
        line("a", 2, "flaky", "10.5"),
        line("b", 1, "passed", "11.5"),
        line("b", 2, "passed", "NaN"),
    ];
    let run = read(&work, "samples.csv", &(text.to_owned() + &rows.concat()));
    let told: Vec<_> =
        run.attempts.iter().map(|it| (it.number, it.ended.word(), it.samples.len())).collect();
    assert_eq!(told, [(1, "nccl", 0), (2, "flaky", 1), (3, "passed", 1)]);
    assert_eq!(run.attempts[0].facts[&Aspect::GpuCount], "2");
    let [problem] = &run.problems[..] else { panic!("{:?}", run.problems) };
    assert_eq!(
        (problem.line, problem.message.as_str()),
        (Some(5), "left out: perf_metric is no number")
    );
}

#[test]
fn an_attempt_that_gave_no_number_is_a_failure_of_our_own_samples_and_no_broken_row() {
    let work = Work::new();
    work.run_case(crate::harness::PYTORCH, "gpu-oom", &[]).exits(101);
    let run = read(&work, "samples.csv", &work.read("perf-output/perf_samples.csv"));
    assert_eq!(run.problems, []);
    let [attempt] = &run.attempts[..] else { panic!("{:?}", run.attempts) };
    assert_eq!((attempt.ended.word(), attempt.samples.len()), ("gpu_oom", 0));
}
