//! What a supervised step costs beyond its own program: `cargo bench --bench process`.

use std::process::{Command, Stdio};
use std::time::Duration;

use divan::Bencher;
use trtllm_perf::process::{Ended, Interrupt, Step, Supervisor, Watch, run, supervisor_entry};

fn main() {
    supervisor_entry();
    divan::main();
}

/// Before each, outside the measured time: in a real run no step follows another at once, and what the kernel
/// keeps warm from the last one must not flatter the number.
fn pause() {
    std::thread::sleep(Duration::from_millis(30));
}

/// `true`, started and waited for by the standard library.
#[divan::bench(sample_count = 200)]
fn plain(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(pause).bench_values(|()| {
        let status = Command::new("true").stdin(Stdio::null()).status().expect("true");
        assert!(status.success());
    });
}

/// The same as a step. Its time less that of `plain` is the supervisor's cost.
#[divan::bench(sample_count = 200, args = [true, false])]
fn step(bencher: Bencher<'_, '_>, cgroups: bool) {
    let folder = tempfile::tempdir().expect("folder");
    let step = Step {
        argv: vec!["true".into()],
        cwd: folder.path().into(),
        env: Vec::new(),
        log: folder.path().join("step.log"),
        stdout: None,
        limit: None,
        grace: Step::GRACE,
        frame: None,
    };
    let supervisor = Supervisor { cgroups, ..Supervisor::default() };
    bencher.with_inputs(pause).bench_values(|()| {
        let end = run(&step, Watch::default(), &supervisor, &Interrupt::default()).expect("run");
        assert_eq!(end.ended, Ended::Success);
    });
}
