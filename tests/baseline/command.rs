//! `trtllm-perf sanity` and `trtllm-perf baseline`, driven as people and CI drive them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::*;

/// A folder with files, in which the program runs.
pub struct Folder(TempDir);

/// How the program ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
        let output = command
            .args(arguments)
            .current_dir(self.0.path())
            .env("USER", "ada")
            .output()
            .expect("started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// A tool of the system; `None` where it is not installed.
    fn tool(&self, program: &str, arguments: &[&str]) -> Option<bool> {
        let mut command = Command::new(program);
        let status = command.args(arguments).current_dir(self.0.path()).status().ok()?;
        Some(status.success())
    }

    fn git_apply(&self, patch: &str) {
        assert_eq!(self.tool("git", &["init", "-q"]), Some(true), "git is needed");
        assert_eq!(self.tool("git", &["apply", "--check", patch]), Some(true));
        assert_eq!(self.tool("git", &["apply", patch]), Some(true));
    }
}

const BASE: &str = "tests/integration/defs/perf/base_perf.csv";
const TARGET: &str = "out/perf_script_test_results.csv";

fn csv(header: &str, rows: &[String]) -> String {
    let mut text = format!("{header}\n");
    rows.iter().for_each(|row| text += &format!("{row}\n"));
    text
}

fn base_csv(rows: &[String]) -> String {
    csv(BASELINE, rows)
}

/// Results have more columns than a baseline, in another order.
fn results(rows: &[(&str, &str, &str)]) -> String {
    let header = "network_name,perf_case_name,test_name,original_test_name,perf_metric,state,threshold,absolute_threshold,metric_type";
    let row = |(name, metric, value): &(&str, &str, &str)| {
        let limits = if *metric == "INFERENCE_TIME" { "0.1,50" } else { "-0.1,10" };
        let case = case_name("GPU", name, metric);
        let (domain, test) = case.split_once("::").expect("a domain");
        let (label, trial) = (label(name), format!("{domain}::test_perf[{}]", label(name)));
        format!("\"{label}\",\"{case}\",\"{test}\",\"{trial}\",{value},valid,{limits},{metric}")
    };
    csv(header, &rows.iter().map(row).collect::<Vec<_>>())
}

fn times(rows: &[(&str, &str)]) -> String {
    let rows: Vec<_> = rows.iter().map(|(name, value)| (*name, "INFERENCE_TIME", *value)).collect();
    results(&rows)
}

fn sanity(base: &str, target: &str, more: &[&str]) -> (Folder, Run) {
    let folder = Folder::new();
    folder.write(BASE, base);
    folder.write(TARGET, target);
    let arguments: Vec<&str> =
        ["sanity", TARGET, BASE].into_iter().chain(more.iter().copied()).collect();
    let run = folder.run(&arguments);
    (folder, run)
}

#[test]
fn findings_wording_and_order_are_upstreams() {
    let base = base_csv(&[time_row("a", "1000.0"), time_row("b", "500.0"), time_row("c", "10.0")]);
    let target = times(&[("d", "7"), ("b", "505"), ("a", "1170")]);
    let (folder, run) = sanity(&base, &target, &[]);
    let case = |name| case_name("GPU", name, "INFERENCE_TIME");
    let rule = "=".repeat(40);
    let patch = "out/perf_patch.patch";
    assert_eq!(
        run.out,
        format!(
            "{rule}\n\
             perf_case_name: {}, base->target: 1000.0->1170.0\n\
             perf_case_name: {} is missing from base\n\
             perf_case_name: {} is missing from target\n\
             {rule}\n\
             patch_file was written to {patch}\n\
             You can download the file and update base_perf.csv by `git apply <patch file>`\n\
             Sanity perf check failed\n",
            case("a"),
            case("d"),
            case("c")
        )
    );
    assert_eq!(run.code, Some(1), "{}", run.err);
    folder.git_apply(patch);
    let expected =
        base_csv(&[time_row("a", "1170.0"), time_row("b", "500.0"), time_row("d", "7.0")]);
    assert_eq!(folder.read(BASE), expected);
    let again = folder.run(&["sanity", TARGET, BASE]);
    assert_eq!((again.code, again.out.as_str()), (Some(0), ""), "{}", again.err);
}

#[test]
fn the_exit_code_is_the_worst_finding_and_advisory_makes_it_0() {
    let base = base_csv(&[time_row("a", "1000"), time_row("b", "1000")]);
    for (target, code) in [
        (&[("a", "1000"), ("b", "1100")][..], 0),
        (&[("a", "1000"), ("b", "1200")], 1),
        (&[("a", "1000"), ("b", "100")], 4),
        (&[("a", "1200"), ("b", "100")], 1),
        (&[("a", "1000")], 3),
        (&[("b", "100")], 3),
        (&[("a", "1200")], 1),
        (&[("a", "1000"), ("b", "1000"), ("new", "1")], 3),
        (&[("a", "1000"), ("b", "")], 3),
        (&[("a", "nan"), ("b", "1000")], 3),
        (&[], 3),
        (&[("x", "1"), ("y", "2")], 3),
    ] {
        let (_, run) = sanity(&base, &times(target), &[]);
        assert_eq!(run.code, Some(code), "{target:?}: {}{}", run.out, run.err);
        let (_, run) = sanity(&base, &times(target), &["--advisory"]);
        assert_eq!(run.code, Some(0), "{target:?}");
        let finds_nothing = matches!(code, 0) || run.out.is_empty();
        assert!(finds_nothing || run.out.ends_with("failed, but it has been disabled\n"));
    }
}

#[test]
fn nothing_that_cannot_be_read_passes_for_a_check() {
    let base = base_csv(&[time_row("a", "1000")]);
    let folder = Folder::new();
    folder.write(TARGET, &times(&[("a", "1000")]));
    let run = folder.run(&["sanity", TARGET, BASE]);
    assert_eq!(run.code, Some(3));
    assert_eq!(run.out, "base_perf.csv doesn't exist, skip check the perf result.\n");
    assert_eq!(folder.run(&["sanity", TARGET, BASE, "--advisory"]).code, Some(0));
    folder.write(BASE, &base);
    let run = folder.run(&["sanity", "out/none.csv", BASE]);
    assert_eq!(run.code, Some(3));
    folder.write(BASE, "perf_case_name,metric_type,perf_metric\n");
    for advisory in [&[][..], &["--advisory"]] {
        let arguments: Vec<_> = ["sanity", TARGET, BASE].iter().chain(advisory).copied().collect();
        let run = folder.run(&arguments);
        assert_eq!(run.code, Some(2), "usage is never advice");
        assert!(
            run.err.contains(&format!("{BASE}:1: no column network_name, test_name, threshold")),
            "{}",
            run.err
        );
    }
    assert_eq!(folder.run(&["sanity", TARGET]).code, Some(2));
    folder.write(BASE, &base);
    let broken = times(&[("a", "1000")]).replace(",1000,", ",fast,");
    folder.write(TARGET, &(broken + &times(&[("a", "1000")])));
    let run = folder.run(&["sanity", TARGET, BASE]);
    assert_eq!(run.code, Some(3), "{}", run.err);
    assert!(
        run.err.contains(&format!("warning: {TARGET}:2: perf_metric is `fast`")),
        "{}",
        run.err
    );
}

#[test]
fn the_default_policy_finds_what_upstreams_absolute_limit_hides() {
    let base = base_csv(&[base_row("a", "KV_CACHE_SIZE", ("-0.1", "50"), "56.19")]);
    let target = results(&[("a", "KV_CACHE_SIZE", "6.0")]);
    assert_eq!(sanity(&base, &target, &[]).1.code, Some(0));
    assert_eq!(sanity(&base, &target, &["--policy", "default"]).1.code, Some(1));
}

#[test]
fn json_is_alone_on_stdout_and_markdown_has_a_table() {
    let base = base_csv(&[time_row("a", "1000"), time_row("b", "500")]);
    let target = times(&[("a", "1170"), ("b", "10")]);
    let (_, run) = sanity(&base, &target, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert_eq!(json["exit"], 1);
    assert_eq!(
        (&json["regressions"], &json["improvements"], &json["judged"]),
        (&1.into(), &1.into(), &2.into())
    );
    assert_eq!(json["findings"][0]["finding"], "regression");
    assert_eq!(json["findings"][0]["ratio"], 1.17);
    assert_eq!(json["findings"][0]["base_line"], 2);
    assert_eq!(json["findings"][1]["finding"], "improvement");
    let (_, run) = sanity(&base, &target, &["--markdown"]);
    assert!(run.out.starts_with("### Sanity perf check: failed\n"), "{}", run.out);
    assert!(run.out.contains("| regression | 1000 | 1170 | +17.0 % | ±167 |"), "{}", run.out);
}

#[test]
fn a_baseline_of_several_devices_is_judged_by_the_rows_of_the_one_that_measured() {
    let device = |row: String, device: &str| format!("{row},{device}");
    let header = format!("{BASELINE},device_subtype");
    let base = csv(
        &header,
        &[
            device(time_row("a", "1000"), "H100_PCIe"),
            device(time_row("a", "500"), "H100_NVL"),
            device(time_row("b", "100"), ""),
        ],
    );
    let plain = times(&[("a", "510"), ("b", "100")]);
    let (_, run) = sanity(&base, &plain, &[]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.err.contains("several devices (H100_NVL, H100_PCIe)")
            && run.err.contains("--device-subtype"),
        "{}",
        run.err
    );
    let (_, run) = sanity(&base, &plain, &["--device-subtype", "H100_NVL"]);
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    let (folder, run) = sanity(&base, &plain, &["--device-subtype", "H100_PCIe"]);
    assert_eq!(run.code, Some(4), "{}{}", run.out, run.err);
    folder.git_apply("out/perf_patch.patch");
    let text = folder.read(BASE);
    assert!(text.contains(",500,H100_NVL\n"), "rows of other devices stay: {text}");
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn a_patch_applies_whatever_the_spelling_of_the_baseline() {
    let row = |name: &str, value: &str| time_row(name, value);
    let plain =
        base_csv(&[row("a", "1000.50"), row("b", "5e2"), row("c", "10.0"), row("e", "1.0")]);
    let quoted = plain.replace(",0.1,50,", ",\"0.10\",\"50\",");
    let unsorted =
        base_csv(&[row("e", "1.0"), row("c", "10.0"), row("a", "1000.50"), row("b", "5e2")]);
    let target = times(&[("a", "2000"), ("b", "505"), ("d", "7"), ("e", "1")]);
    for base in [
        plain.clone(),
        quoted,
        unsorted,
        plain.replace('\n', "\r\n"),
        plain.trim_end().to_owned(),
        format!("\u{feff}{plain}"),
    ] {
        let (folder, run) = sanity(&base, &target, &[]);
        assert_eq!(run.code, Some(1), "{}", run.err);
        folder.git_apply("out/perf_patch.patch");
        let (table, _) = parse(&folder.read(BASE));
        let values: Vec<_> = table.rows().iter().map(|row| row.value()).collect();
        assert_eq!(values, [Some(2000.0), Some(500.0), Some(1.0), Some(7.0)], "{base}");
        let text = folder.read(BASE);
        assert!(text.contains(",5e2"), "what stays keeps its spelling");
        assert_eq!(text.contains("\r\n"), base.contains("\r\n"));
        // `patch` does it, too.
        folder.write(BASE, &base);
        let patched =
            folder.tool("patch", &["-s", "--binary", "-p1", "-i", "out/perf_patch.patch"]);
        assert_ne!(patched, Some(false));
        if patched.is_some() {
            assert_eq!(folder.read(BASE), text);
        }
    }
}

#[test]
fn a_run_that_repeats_its_rows_is_judged_by_the_last() {
    let base = base_csv(&[time_row("a", "1000")]);
    let target = times(&[("a", "5000"), ("a", "1000")]);
    let (_, run) = sanity(&base, &target, &[]);
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.err.contains("is on line 2 already; this one counts"), "{}", run.err);
}

/// Result files of several runs of one case.
fn runs(folder: &Folder, values: &[&str]) -> Vec<String> {
    let write = |(index, value): (usize, &&str)| {
        let name = format!("run{index}.csv");
        folder.write(&name, &times(&[("a", value), ("new", value)]));
        name
    };
    values.iter().enumerate().map(write).collect()
}

fn update(folder: &Folder, targets: &[String], more: &[&str]) -> Run {
    let mut arguments = vec!["baseline", "update"];
    arguments.extend(targets.iter().map(String::as_str));
    arguments.push("b.csv");
    arguments.extend(more);
    folder.run(&arguments)
}

#[test]
fn a_baseline_of_one_run_is_refused_unless_forced() {
    let folder = Folder::new();
    let targets = runs(&folder, &["100"]);
    let run = update(&folder, &targets, &["--apply"]);
    assert_eq!(run.code, Some(1), "{}", run.err);
    assert!(run.err.contains("1 of 3 valid samples") && run.err.contains("--force"), "{}", run.err);
    assert!(!folder.path("b.csv").exists());
    let run = update(&folder, &targets, &["--apply", "--force"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(folder.read("b.csv"), base_csv(&[time_row("a", "100.0"), time_row("new", "100.0")]));
}

#[test]
fn an_update_is_the_median_of_valid_samples_and_touches_nothing_else() {
    let folder = Folder::new();
    let base = base_csv(&[time_row("z", "7.50"), time_row("a", "1000.00"), time_row("b", "5")]);
    folder.write("b.csv", &base);
    let mut targets = runs(&folder, &["1300", "1500", "1400"]);
    // Neither an invalid sample nor the same file twice makes four.
    folder.write("bad.csv", &times(&[("a", "1")]).replace(",valid,", ",invalid,"));
    targets.push("bad.csv".to_owned());
    let run = update(&folder, &targets, &[]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(folder.read("b.csv"), base, "without --apply it is printed only");
    folder.write("p.patch", &run.out);
    folder.git_apply("p.patch");
    let patched = folder.read("b.csv");
    let expected = [
        time_row("z", "7.50"),
        time_row("a", "1400.0"),
        time_row("b", "5"),
        time_row("new", "1400.0"),
    ];
    assert_eq!(patched, base_csv(&expected));
    folder.write("b.csv", &base);
    let run = update(&folder, &targets, &["--apply"]);
    assert_eq!((run.code, folder.read("b.csv")), (Some(0), patched), "{}", run.err);
    let run = update(&folder, &targets, &[]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), ""), "there is nothing left to do");
}

#[test]
fn the_samples_of_an_output_directory_make_a_baseline() {
    let folder = Folder::new();
    let mut text = "run_id,original_test_name,network_name,attempt,start_timestamp,end_timestamp,metric_type,perf_metric,state\n".to_owned();
    for (attempt, value, state) in
        [(1, 90, "unmeasurable"), (2, 100, "valid"), (3, 102, "flaky"), (4, 104, "valid")]
    {
        text += &format!(
            "r,GPU/perf/test_perf.py::test_perf[x],\"{}\",{attempt},2026-01-01 00:00:0{attempt},2026-01-01 00:00:09,INFERENCE_TIME,{value},{state}\n",
            label("a")
        );
    }
    folder.write("out/perf_samples.csv", &text);
    let run = update(&folder, &["out".to_owned(), "out/perf_samples.csv".to_owned()], &["--apply"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.err.contains("3 samples"), "one sample in two files counts once: {}", run.err);
    assert_eq!(folder.read("b.csv"), base_csv(&[time_row("a", "102.0")]));
}

#[test]
fn small_steps_do_not_leave_the_drift_budget_however_slowly() {
    let folder = Folder::new();
    let row = |value: &str| base_row("a", "INFERENCE_TIME", ("0.01", "0"), value);
    folder.write("b.csv", &base_csv(&[row("1000.0")]));
    let run = folder.run(&["baseline", "bless", "b.csv", "--reason", "release 1.1, approved"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let blessed = folder.read("b.blessed.csv");
    assert!(
        blessed.lines().count() == 2 && blessed.contains(",ada,\"release 1.1, approved\","),
        "{blessed}"
    );
    let step = |value: &str, more: &[&str]| {
        let files: Vec<String> = (0..3)
            .map(|index| {
                let name = format!("step{index}.csv");
                folder.write(&name, &times(&[("a", value)]));
                name
            })
            .collect();
        let more: Vec<&str> = ["--apply"].iter().chain(more).copied().collect();
        update(&folder, &files, &more)
    };
    for value in ["1020", "1040"] {
        assert_eq!(step(value, &[]).code, Some(0));
    }
    let run = step("1060", &[]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.contains("+6.0 % from its blessed level")
            && run.err.contains("test_perf_metric_inference_time[a-"),
        "{}",
        run.err
    );
    assert_eq!(step("1060", &["--force"]).code, Some(1), "--force is about samples");
    let show = folder.run(&["baseline", "show", "b.csv"]);
    assert_eq!(show.code, Some(0), "{}", show.err);
    assert!(show.out.contains("drift +4.0 %"), "{}", show.out);
    let show = folder.run(&["baseline", "show", "b.csv", "--drift-budget", "3", "--json"]);
    assert_eq!(show.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&show.out).expect("one object a line");
    assert_eq!((&json["blessed"], &json["beyond_budget"]), (&1000.0.into(), &true.into()));
    let run = step("1060", &["--bless", "CUDA 14 costs that", "--who", "grace"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let added = folder.read("b.blessed.csv");
    assert!(added.starts_with(&blessed) && added.contains(",grace,CUDA 14 costs that,"), "{added}");
    assert_eq!(step("1080", &[]).code, Some(0), "the budget is counted from the new level");
}

#[test]
fn a_broken_baseline_or_blessing_is_never_written_over() {
    let folder = Folder::new();
    let broken = base_csv(&[time_row("a", "1000"), time_row("b", "fast")]);
    folder.write("b.csv", &broken);
    let targets = runs(&folder, &["1", "2", "3"]);
    let run = update(&folder, &targets, &["--apply"]);
    assert_eq!((run.code, folder.read("b.csv")), (Some(2), broken), "{}", run.err);
    assert!(run.err.contains("b.csv:3: perf_metric is `fast`"), "{}", run.err);
    folder.write("b.csv", &base_csv(&[time_row("a", "1000")]));
    folder.write("b.blessed.csv", "perf_case_name,metric_type,perf_metric\na,X,\n");
    for arguments in
        [&["baseline", "show", "b.csv"][..], &["baseline", "bless", "b.csv", "--reason", "x"]]
    {
        let run = folder.run(arguments);
        assert_eq!(run.code, Some(2));
        assert!(run.err.contains("b.blessed.csv:2: perf_metric is no number"), "{}", run.err);
    }
    let run = folder.run(&["baseline", "bless", "b.csv", "--reason", " "]);
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_patch_of_a_pandas_file_is_what_upstreams_script_writes() {
    // `patch-upstream.patch` was made with pandas 2 from these two files, by upstream's steps.
    let fixtures = Path::new("tests/fixtures/baseline");
    let read = |name: &str| fs::read_to_string(fixtures.join(name)).expect("a fixture");
    let (folder, run) = sanity(&read("base_perf.csv"), &read("results.csv"), &[]);
    assert_eq!(folder.read("out/perf_patch.patch"), read("perf_patch.patch"));
    let printed = run.out.lines().filter(|line| line.starts_with("perf_case_name"));
    let expected = read("findings.txt");
    assert_eq!(printed.collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
}
