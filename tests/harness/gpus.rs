//! GPUs of a case: leased, watched, certified. The readings are recordings made here from NVML's documentation, but for
//! the one of a real H100 (`tests/fixtures/gpu`).

use std::fs;

use serde_json::{Value, json};

use crate::support::*;

const LABEL: &str = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";
const OTHER: &str = "llama_v3.1_8b-bench-pytorch-streaming-bfloat16-input_output_len:64,32-reqs:48";
const TWO_GPUS: &str =
    "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48-tp:2-gpus:2";

/// What an idle and sound GPU says.
pub fn quiet() -> Value {
    json!({
        "sm_clock_mhz": 1980, "memory_clock_mhz": 2619, "graphics_clock_mhz": 1980,
        "utilization_pct": 0, "memory_used_bytes": 0, "power_mw": 76_500, "perf_state": 0,
        "throttle_reasons": 1, "ecc_uncorrected": 0, "xids": [], "processes": [],
        "violations": { "power_ns": 0, "thermal_ns": 0, "board_ns": 0, "reliability_ns": 0 },
    })
}

/// The same with other values.
pub fn but(edits: Value) -> Value {
    let mut reading = quiet();
    for (key, value) in edits.as_object().expect("an object") {
        reading[key] = value.clone();
    }
    reading
}

/// A recording of a device that takes orders down in the file `orders`, less the GPUs that refuse.
fn with_orders(work: &Work, recording: &str, refusing: &[u32]) -> String {
    let text = fs::read_to_string(recording).expect("a recording");
    let (head, rest) = text.split_once('\n').expect("a head");
    let mut head: Value = serde_json::from_str(head).expect("JSON");
    head["orders"] = json!("orders");
    head["refusing"] = json!(refusing);
    work.write("orders.jsonl", format!("{head}\n{rest}"))
}

/// A recording of as many GPUs, which all give these readings one after the other; the last one stays.
pub fn recording(work: &Work, name: &str, gpus: u32, readings: &[Value]) -> String {
    let device = |index: u32| {
        json!({ "index": index, "name": "NVIDIA H100 80GB HBM3", "uuid": format!("GPU-{index}"),
                "memory": { "bytes": 85_520_809_984_u64 } })
    };
    let devices: Vec<Value> = (0..gpus).map(device).collect();
    let head = json!({
        "source": "made for a test",
        "gpus": { "driver_version": "580.159.04", "cuda_version": "13.0", "devices": devices },
    });
    let moment = |reading: &Value| {
        let of = |index: u32| {
            let mut reading = reading.clone();
            reading["index"] = json!(index);
            reading
        };
        json!({ "at": "2026-11-24T12:00:00Z", "gpus": (0..gpus).map(of).collect::<Vec<_>>() })
    };
    let lines: Vec<String> =
        std::iter::once(head).chain(readings.iter().map(moment)).map(|it| it.to_string()).collect();
    work.write(name, lines.join("\n") + "\n")
}

/// The words of a command line.
fn words<'a>(labels: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let labels = labels.iter().flat_map(|label| ["--case", label]);
    labels.chain(more.iter().copied()).collect()
}

/// A folder for a harness on recorded GPUs, with locks of its own.
struct Node {
    work: Work,
    models: String,
    tables: String,
    program: String,
}

impl Node {
    fn new() -> Self {
        let work = Work::new();
        let models = models_root(&work);
        let table = include_str!("../../perf-tests/certificate.yml");
        let table = table.replace("empty_within_s: 60", "empty_within_s: 0");
        work.write("tables/certificate.yml", table);
        let tables = work.word("tables");
        Self { work, models, tables, program: bench("shows-gpus") }
    }

    fn harness(&self, recording: &str, labels: &[&str], more: &[&str]) -> std::process::Command {
        let locks = self.work.word("locks");
        let own = [
            "--bench-bin",
            &self.program,
            "--models-root",
            &self.models,
            "--tables",
            &self.tables,
            "--gpu-recording",
            recording,
            "--lease-dir",
            &locks,
        ];
        self.work.harness(&words(labels, &[&own, more].concat()))
    }

    fn run(&self, recording: &str, labels: &[&str], more: &[&str]) -> Ended {
        run(&mut self.harness(recording, labels, more))
    }

    fn samples(&self) -> Vec<Row> {
        read_csv(&self.work.path("perf-output/perf_samples.csv"))
    }
}

#[test]
fn a_step_is_given_its_gpu_by_uuid_and_everything_read_of_it_is_kept() {
    let node = Node::new();
    let recording = recording(&node.work, "two.jsonl", 2, &[quiet()]);
    node.run(&recording, &[LABEL], &[]).exits(0);
    let (folder, result) = node.work.attempt();
    let log = fs::read_to_string(folder.join("bench.log")).expect("a log");
    assert!(log.contains("CUDA_VISIBLE_DEVICES=GPU-0\n"), "{log}");
    assert_eq!(result["facts"]["gpus"], "GPU 0 (GPU-0)");
    assert!(text(&result["facts"]["gpu_telemetry"]).starts_with("recording "), "{result}");

    let telemetry = fs::read_to_string(folder.join("telemetry.jsonl")).expect("telemetry");
    let telemetry = json_lines(&telemetry);
    assert_eq!(telemetry[0]["gpus"]["devices"].as_array().map(Vec::len), Some(1));
    assert!(telemetry.len() >= 3, "at the step's begin and at its end");
    assert_eq!(telemetry[1]["step"], 1);
    let monitored = read_csv(&node.work.path("perf-output/gpu_monitoring.csv"));
    assert_eq!(monitored.len(), telemetry.len() - 1);
    assert_eq!(monitored[0]["gpu_clock__MHz"], "1980");
    assert_eq!(monitored[0]["power_draw__W"], "76.5");
    assert_eq!(monitored[0]["process_num"], "0");
    for row in node.work.rows() {
        let columns = ["sm_clk", "mem_clk", "gpu_idx"].map(|column| row[column].as_str());
        assert_eq!(columns, ["1980", "2619", "0"]);
    }

    // What was kept can be played.
    let kept = folder.join("telemetry.jsonl").to_string_lossy().into_owned();
    node.run(&kept, &[LABEL], &["--output-dir", "again"]).exits(0);
}

#[test]
fn a_sample_says_of_each_check_what_came_of_it() {
    let node = Node::new();
    let recording = recording(&node.work, "one.jsonl", 1, &[quiet()]);
    node.run(&recording, &[LABEL], &["-o", "junit_logging=all"]).exits(0);
    let samples = node.samples();
    assert_eq!(samples.len(), node.work.rows().len());
    for (check, standing) in [
        ("throttling", "verified"),
        ("clock_spread", "unverified"),
        ("foreign_process", "unverified"),
        ("faults", "verified"),
        ("memory_before", "verified"),
        ("requests", "verified"),
        ("tokens", "verified"),
        ("steady_state", "verified"),
        ("one_report", "verified"),
        ("sources", "verified"),
    ] {
        assert_eq!(samples[0][check], standing, "{check}: {}", samples[0]["certificate_notes"]);
    }
    assert_eq!(samples[0]["certificate"], "unverified");
    assert_eq!(samples[0]["state"], "valid");
    assert_eq!(samples[0]["gpus"], "GPU 0 (GPU-0)");
    let out = node.work.junit().case().out.clone();
    assert!(out.contains("certificate=unverified\n"), "{out}");
    assert!(
        out.contains("certificate.clock_spread=unverified (GPU 0 was seen busy measuring 0 times"),
        "{out}"
    );
}

#[test]
fn junit_has_the_certificate_also_where_no_logs_are_asked_for() {
    let node = Node::new();
    let recording = recording(&node.work, "one.jsonl", 1, &[quiet()]);
    node.run(&recording, &[LABEL], &[]).exits(0);
    let out = node.work.junit().case().out.clone();
    assert!(out.starts_with("certificate: unverified clock_spread foreign_process"), "{out}");
    assert_eq!(out.lines().count(), 1, "{out}");
}

#[test]
fn what_is_wrong_with_gpus_is_nothing_to_a_program_of_the_cpu() {
    let node = Node::new();
    let recording = recording(&node.work, "one.jsonl", 1, &[quiet()]);
    let more = ["--gpu-recording", &recording, "--lease-dir", "/proc/none"];
    let mut harness = node.work.harness(&words(&[PYTORCH], &more));
    run(harness.env("CUDA_VISIBLE_DEVICES", "MIG-41f5")).exits(0);
}

#[test]
fn without_a_driver_the_numbers_stand_and_the_certificate_says_what_nobody_could_see() {
    let node = Node::new();
    let own = ["--bench-bin", &node.program, "--models-root", &node.models];
    run(&mut node.work.harness(&words(&[LABEL], &own))).exits(0);
    let samples = node.samples();
    assert_eq!(samples[0]["throttling"], "unverified");
    assert!(samples[0]["certificate_notes"].contains("no NVIDIA driver"), "{:?}", samples[0]);
}

#[test]
fn a_number_whose_certificate_is_invalid_is_no_pass_and_stands_in_the_samples_alone() {
    let stuck = 2_u64 << 30;
    let pid = json!([{ "pid": 4_000_000 }]);
    let cases: [(&str, Value, &str); 6] = [
        (
            "throttling",
            but(json!({ "violations": { "power_ns": 0, "thermal_ns": 9_000_000_000_u64 } })),
            "for temperature",
        ),
        (
            "throttling",
            but(json!({ "utilization_pct": 99, "throttle_reasons": 0x48 })),
            "hw_slowdown+hw_thermal",
        ),
        ("faults", but(json!({ "xids": [79] })), "XID 79"),
        ("faults", but(json!({ "ecc_uncorrected": 1 })), "1 memory errors"),
        ("foreign_process", but(json!({ "processes": pid })), "process 4000000 on GPU 0"),
        ("memory_before", but(json!({ "memory_used_bytes": stuck })), "2048 MiB on GPU 0"),
    ];
    for (check, reading, words) in cases {
        let node = Node::new();
        // Empty when it is chosen and when it is leased; then the step's begin and end; empty again.
        let begin = match words {
            "hw_slowdown+hw_thermal" => reading.clone(),
            _ if ["foreign_process", "memory_before"].contains(&check) => reading.clone(),
            _ => quiet(),
        };
        let readings = [quiet(), quiet(), begin, reading, quiet()];
        let recording = recording(&node.work, "one.jsonl", 1, &readings);
        node.run(&recording, &[LABEL], &[]).exits(101);
        let failure = node.work.failure();
        assert_eq!(failure["kind"], "unmeasurable", "{check}");
        let message = text(&failure["message"]);
        assert!(message.contains(check) && message.contains(words), "{check}: {message}");
        assert_eq!(node.work.rows().len(), 0, "{check}");
        let samples = node.samples();
        let (_, result) = node.work.attempt();
        assert_eq!(Some(samples.len()), result["metrics"].as_array().map(Vec::len), "{check}");
        let columns = [check, "certificate", "state"].map(|it| samples[0][it].as_str());
        assert_eq!(columns, ["invalid"; 3], "{check}");
        assert_eq!(samples[0]["outcome"], "unmeasurable");

        let ended = node.run(&recording, &[LABEL], &["--unmeasurable", "ignore"]).exits(0);
        assert!(ended.out.contains("0 failed; 1 ignored"), "{}", ended.out);
        assert_eq!((node.work.rows().len(), node.samples().len()), (0, samples.len()), "{check}");
    }
}

#[test]
fn a_program_that_leaves_requests_out_is_not_excused() {
    let node = Node::new();
    let recording = recording(&node.work, "one.jsonl", 1, &[quiet()]);
    let label = LABEL.replace("reqs:48", "reqs:50");
    node.run(&recording, &[&label], &["--unmeasurable", "ignore"]).exits(101);
    assert_eq!(node.work.failure()["kind"], "unmeasurable");
    let node = Node { program: bench("lacks-throughput"), ..Node::new() };
    node.run(&recording, &[LABEL], &["--unmeasurable", "ignore"]).exits(101);
    assert_eq!(node.samples()[0]["state"], "unmeasurable");
}

#[test]
fn a_power_limit_spoils_nothing_where_it_holds_the_clock_at_one_level() {
    let node = Node::new();
    let busy = |turn: u64, sm: u32| {
        but(json!({ "utilization_pct": 99, "sm_clock_mhz": sm, "throttle_reasons": 4,
                    "violations": { "power_ns": turn * 50_000_000, "thermal_ns": 0, "board_ns": 0,
                                    "reliability_ns": 0 } }))
    };
    for (clocks, standing, exit) in
        [([1300, 1310, 1305], "verified", 0), ([1300, 1900, 900], "invalid", 101)]
    {
        let table = include_str!("../../perf-tests/certificate.yml");
        let table = table.replace("sample_interval_ms: 1000", "sample_interval_ms: 20");
        node.work.write("tables/certificate.yml", table);
        let mut readings = vec![quiet(); 3];
        readings.extend(clocks.iter().cycle().take(30).zip(0..).map(|(sm, turn)| busy(turn, *sm)));
        let mut after = busy(30, 1980);
        after["utilization_pct"] = json!(0);
        readings.push(after);
        let recording = recording(&node.work, "one.jsonl", 1, &readings);
        let mut harness = node.harness(&recording, &[LABEL], &[]);
        run(harness.env("LASTS", "1.5")).exits(exit);
        let sample = &node.samples()[0];
        assert_eq!(sample["throttling"], standing, "{sample:?}");
        assert_eq!(sample["clock_spread"], standing, "{sample:?}");
    }
}

#[test]
fn a_gpu_that_others_use_is_named_and_nothing_is_started_on_it() {
    let node = Node::new();
    let taken =
        but(json!({ "memory_used_bytes": 70_u64 << 30, "processes": [{ "pid": 4_000_000 }] }));
    let recording = recording(&node.work, "one.jsonl", 1, &[taken]);
    node.run(&recording, &[LABEL], &[]).exits(101);
    let failure = node.work.failure();
    assert_eq!(failure["kind"], "infra");
    assert_eq!(
        failure["message"],
        "GPU 0 (GPU-0) cannot be used: 71680 MiB in use, process 4000000"
    );
    let (folder, _) = node.work.attempt();
    assert!(!folder.join("bench.log").exists());

    // Before the run `doctor` says so, too.
    let mut doctor = command(TRTLLM_PERF, node.work.folder());
    let shown = run(doctor.args(["doctor", "--gpu-recording", &recording, "--case", LABEL]));
    assert!(
        shown.out.contains("GPU 0 (GPU-0): 71680 MiB in use, process 4000000"),
        "{}",
        shown.out
    );
}

#[test]
fn an_empty_gpu_is_taken_before_one_that_others_use() {
    let node = Node::new();
    let path = recording(&node.work, "two.jsonl", 2, &[quiet()]);
    let text = node.work.read("two.jsonl");
    let (head, moment) = text.split_once('\n').expect("a head");
    let mut moment: Value = serde_json::from_str(moment).expect("JSON");
    moment["gpus"][0]["memory_used_bytes"] = json!(70_u64 << 30);
    node.work.write("two.jsonl", format!("{head}\n{moment}\n"));
    node.run(&path, &[LABEL], &[]).exits(0);
    assert_eq!(node.work.rows()[0]["gpu_idx"], "1");
}

#[test]
fn a_gpu_that_does_not_become_empty_is_poisoned_and_not_used_again_in_the_run() {
    let node = Node::new();
    let left = but(json!({ "memory_used_bytes": 9_u64 << 30 }));
    let recording =
        recording(&node.work, "one.jsonl", 1, &[quiet(), quiet(), quiet(), quiet(), left]);
    let ended = node.run(&recording, &[LABEL, OTHER], &[]).exits(101);
    let ended = ended.says("warning: GPU 0 (GPU-0) is poisoned: after ");
    assert!(ended.out.contains("1 passed; 1 failed"), "the first was sound: {}", ended.out);
    let attempts = node.work.attempts();
    let result = attempts
        .iter()
        .map(|folder| read_json(&folder.join("result.json")))
        .find(|result| result["outcome"]["failed"].is_object())
        .expect("the second failed");
    let message = text(&result["outcome"]["failed"]["message"]);
    assert!(
        message.starts_with("GPUs needed: 1, usable: 0; GPU 0 (GPU-0) is poisoned"),
        "{message}"
    );
    assert!(message.contains("9216 MiB in use"), "{message}");
    assert!(node.work.path("perf-output/runs/latest/poisoned/GPU-0").is_file());
}

#[test]
fn cases_that_run_together_have_gpus_of_their_own_and_wait_where_there_are_too_few() {
    for gpus in [2, 1] {
        let node = Node::new();
        let recording = recording(&node.work, "some.jsonl", gpus, &[quiet()]);
        let mut harness = node.harness(&recording, &[LABEL, OTHER], &["--test-threads", "2"]);
        run(harness.env("LASTS", "1").env("SHOWN", node.work.word("shown"))).exits(0);
        let shown = node.work.read("shown");
        let mut shown: Vec<(&str, u128, u128)> = shown
            .lines()
            .map(|line| {
                let words: Vec<_> = line.split(' ').collect();
                (words[0], words[1].parse().expect("ns"), words[2].parse().expect("ns"))
            })
            .collect();
        shown.sort_by_key(|(_, begin, _)| *begin);
        let [first, second] = shown[..] else { panic!("{shown:?}") };
        if gpus == 2 {
            assert_ne!(first.0, second.0);
            assert!(second.1 < first.2, "at the same time");
        } else {
            assert_eq!((first.0, second.0), ("GPU-0", "GPU-0"));
            assert!(second.1 >= first.2, "one after the other");
        }
    }
}

#[test]
fn a_harness_stays_within_the_gpus_that_it_was_given() {
    let node = Node::new();
    let recording = recording(&node.work, "four.jsonl", 4, &[quiet()]);
    let mut harness = node.harness(&recording, &[TWO_GPUS], &[]);
    run(harness.env("CUDA_VISIBLE_DEVICES", "3,GPU-1")).exits(0);
    let (folder, _) = node.work.attempt();
    let log = fs::read_to_string(folder.join("bench.log")).expect("a log");
    assert!(log.contains("CUDA_VISIBLE_DEVICES=GPU-3,GPU-1\n"), "{log}");
    assert_eq!(node.work.rows()[0]["gpu_idx"], "3,1");

    let mut harness = node.harness(&recording, &[TWO_GPUS, LABEL], &["--output-dir", "one"]);
    let ended = run(harness.env("CUDA_VISIBLE_DEVICES", "2")).exits(0);
    assert!(ended.out.contains("ignored"), "{}", ended.out);
    let junit = node.work.read("one/junit.xml");
    assert!(junit.contains("GPUs needed: 2, usable here: 1"), "{junit}");

    let mut harness = node.harness(&recording, &[LABEL], &["--output-dir", "mig"]);
    run(harness.env("CUDA_VISIBLE_DEVICES", "MIG-41f5")).exits(3).says("MIG instance MIG-41f5");
}

#[test]
fn a_whole_node_is_held_where_that_is_asked_for() {
    let node = Node::new();
    let recording = recording(&node.work, "two.jsonl", 2, &[quiet()]);
    let more = ["--test-threads", "2", "--exclusive-node"];
    let mut harness = node.harness(&recording, &[LABEL, OTHER], &more);
    run(harness.env("LASTS", "0.5").env("SHOWN", node.work.word("shown"))).exits(0);
    let shown = node.work.read("shown");
    let devices: Vec<_> = shown.lines().map(|line| line.split(' ').next()).collect();
    assert_eq!(devices, [Some("GPU-0"); 2], "one at a time");
}

#[test]
fn the_gpus_of_a_real_recording_are_shown_and_one_that_cannot_be_read_is_named() {
    let node = Node::new();
    let real = fixture("../gpu/h100-gemm.jsonl");
    let mut shown = command(TRTLLM_PERF, node.work.folder());
    let ended = run(shown.args(["gpus", "--gpu-recording", &real])).exits(0);
    assert!(
        ended.out.contains("NVIDIA H100 80GB HBM3, SXM, 81559 MiB, compute 9.0"),
        "{}",
        ended.out
    );

    let broken =
        node.work.write("broken.jsonl", "{\"source\":\"x\",\"gpus\":{\"devices\":[]}}\n{\n");
    node.run(&broken, &[LABEL], &[]).exits(2).says("broken.jsonl:2: ");
    node.run("absent.jsonl", &[LABEL], &[]).exits(2).says("read the recording absent.jsonl: ");
}

#[test]
fn a_recording_ends_in_time_and_is_told() {
    let node = Node::new();
    let played = recording(&node.work, "two.jsonl", 2, &[quiet()]);
    let record = |more: &[&str]| {
        let mut command = command(TRTLLM_PERF, node.work.folder());
        command.args(["gpus", "--gpu-recording", &played, "--record", "made.jsonl"]).args(more);
        run(&mut command)
    };
    let begin = std::time::Instant::now();
    record(&["--seconds", "1", "--interval", "60000"])
        .exits(0)
        .says("made.jsonl: 2 readings of 2 GPUs");
    assert!(begin.elapsed().as_secs() < 30, "not the whole interval");
    assert_eq!(node.work.read("made.jsonl").lines().count(), 3, "the GPUs and two moments");
    record(&["--json"]).exits(2).says("cannot be used with");
}

#[test]
fn clocks_are_held_while_a_step_runs_and_given_back_however_it_ends() {
    for (program, code) in [("shows-gpus", 0), ("silent-failure", 101)] {
        let node = Node { program: bench(program), ..Node::new() };
        let recording = recording(&node.work, "two.jsonl", 2, &[quiet()]);
        let recording = with_orders(&node.work, &recording, &[]);
        node.run(&recording, &[TWO_GPUS], &["--lock-clocks"]).exits(code);
        let orders = node.work.read("orders");
        let held = "GPU 0: lock SM 1200 MHz\nGPU 1: lock SM 1200 MHz\n";
        assert_eq!(orders, format!("{held}GPU 0: unlock\nGPU 1: unlock\n"), "{program}");
    }
}

#[test]
fn clocks_that_one_gpu_refuses_are_held_on_none_and_the_test_fails() {
    let node = Node::new();
    let recording = recording(&node.work, "two.jsonl", 2, &[quiet()]);
    let recording = with_orders(&node.work, &recording, &[1]);
    node.run(&recording, &[TWO_GPUS], &["--lock-clocks"]).exits(101);
    let failure = node.work.failure();
    assert_eq!(failure["message"], "the clocks of the GPUs could not be locked");
    let details = text(&failure["details"]);
    assert!(details.contains("GPU 1 refuses: GPU 1 of the recording"), "{details}");
    let orders = node.work.read("orders");
    assert!(orders.starts_with("GPU 0: lock SM 1200 MHz\nGPU 0: unlock\n"), "{orders}");
    assert!(!details.contains("CUDA_VISIBLE_DEVICES"), "the program was not started");
}

#[test]
fn clocks_are_given_back_when_the_harness_is_killed() {
    let node = Node::new();
    let recording = recording(&node.work, "one.jsonl", 1, &[quiet()]);
    let recording = with_orders(&node.work, &recording, &[]);
    let mut harness = node.harness(&recording, &[LABEL], &["--lock-clocks"]);
    let mut harness = harness.env("LASTS", "600").spawn().expect("the harness starts");
    let log = || node.work.attempts().first().map(|folder| folder.join("bench.log"));
    let runs = || fs::read_to_string(log()?).is_ok_and(|log| log.contains("CUDA")).then_some(());
    wait_for("the run", || node.work.path("perf-output/runs/latest").exists().then_some(()));
    wait_for("the step", runs);
    harness.kill().expect("killed");
    harness.wait().expect("gone");
    // The supervisor holds the GPU as long as it is at it.
    let lock = || fs::File::open(node.work.path("locks/GPU-0.lock")).expect("a lock").try_lock();
    let orders = || node.work.read("orders");
    wait_for("the GPU", || {
        let free = lock().is_ok();
        assert!(!free || orders().ends_with("GPU 0: unlock\n"), "free before it was given back");
        free.then_some(())
    });
    assert!(orders().ends_with("GPU 0: unlock\n"), "{}", orders());
}

#[test]
fn clocks_that_cannot_be_held_are_told_before_anything_runs() {
    let node = Node::new();
    let recording = recording(&node.work, "one.jsonl", 1, &[quiet()]);
    node.work.write("tables/clocks.yml", "B200: { sm: 1000 }\n");
    let ended = node.run(&recording, &[LABEL], &["--lock-clocks"]).exits(3);
    ended.says("--lock-clocks: clocks.yml has no clocks for H100_80GB_HBM3; add them");
    let own = ["--bench-bin", &node.program, "--models-root", &node.models, "--lock-clocks"];
    let ended = run(&mut node.work.harness(&words(&[LABEL], &own)));
    ended.exits(3).says("--lock-clocks: no NVIDIA driver");
}
