//! What the tests of the process station share: short steps, and a harness in a process of its own.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tempfile::TempDir;
use trtllm_perf::process::{Ended, Interrupt, ProcessError, Step, StepEnd, Supervisor, Watch, run};

pub const RUNAWAY: &str = include_str!("../fixtures/process/runaway.sh");

/// The real executable is the supervisor: a libtest target cannot re-enter itself. A user who may not reach the build
/// folder names a copy in `PROCESS_TEST_SUPERVISOR`.
fn executable() -> PathBuf {
    let named = std::env::var_os("PROCESS_TEST_SUPERVISOR");
    named.map_or_else(|| env!("CARGO_BIN_EXE_trtllm-perf").into(), PathBuf::from)
}

pub fn supervisor() -> Supervisor {
    Supervisor { program: executable(), cgroups: true }
}

/// A folder with a step that runs a `sh` script in it.
pub struct Bench {
    pub folder: TempDir,
    pub step: Step,
}

impl Bench {
    pub fn sh(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let step = Step {
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            cwd: folder.path().to_owned(),
            env: Vec::new(),
            log: folder.path().join("step.log"),
            stdout: None,
            limit: Some(Duration::from_secs(60)),
            grace: Duration::from_secs(1),
            frame: None,
        };
        Self { folder, step }
    }

    pub fn limit(mut self, limit: Duration) -> Self {
        self.step.limit = Some(limit);
        self
    }

    pub fn try_run(&self) -> Result<StepEnd, ProcessError> {
        run(&self.step, Watch::default(), &supervisor(), &Interrupt::default())
    }

    pub fn run(&self) -> StepEnd {
        self.try_run().expect("run")
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.step.log).expect("log")).into_owned()
    }
}

/// Waits for `what`, for the time a loaded machine may need.
pub fn wait_until(what: &str, mut happens: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happens() {
        assert!(begin.elapsed() < Duration::from_secs(20), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Living processes with `tag` in their environment. Zombies are dead: the first process of a container may
/// reap them late.
pub fn tagged(tag: &str) -> Vec<i32> {
    let mark = format!("PROCESS_TEST_TAG={tag}");
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) && lives(*pid)
    })
    .collect()
}

pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Who runs the harness, and how it may hold a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// This user, with a cgroup where one can be made.
    Cgroup,
    /// This user, without cgroups.
    Reaper,
    /// An ordinary user; only root can become one.
    Nobody,
}

/// The modes that can be tried by the user who runs the tests.
pub fn modes() -> Vec<Mode> {
    if geteuid().is_root() {
        return vec![Mode::Cgroup, Mode::Reaper, Mode::Nobody];
    }
    eprintln!("not root: the half of this test that changes the user is skipped");
    vec![Mode::Cgroup, Mode::Reaper]
}

/// A harness in a process of its own that runs one step: it can be killed and interrupted.
pub struct Harness {
    pub folder: TempDir,
    pub tag: String,
    child: Child,
}

impl Harness {
    /// Starts `sh` with `arguments`; `FOLDER` in them is replaced.
    pub fn start(mode: Mode, arguments: &[&str], limit: Option<Duration>, grace: Duration) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("chmod");
        fs::write(at("runaway.sh"), RUNAWAY).expect("script");
        // Copies, as an ordinary user may not reach the build folder.
        let own = std::env::current_exe().expect("own path");
        fs::copy(own, at("harness")).expect("copy the harness");
        fs::copy(executable(), at("supervisor")).expect("copy the supervisor");
        let arguments =
            arguments.join("\n").replace("FOLDER", &folder.path().display().to_string());
        let tag = folder.path().file_name().expect("name").to_string_lossy().into_owned();
        let mut command = match mode {
            Mode::Nobody => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                    .arg(at("harness"));
                command
            }
            Mode::Cgroup | Mode::Reaper => Command::new(at("harness")),
        };
        let child = command
            .args(["--exact", "support::the_harness", "--ignored", "--nocapture"])
            .env("PROCESS_TEST_FOLDER", folder.path())
            .env("PROCESS_TEST_TAG", &tag)
            .env("PROCESS_TEST_ARGUMENTS", arguments)
            .env("PROCESS_TEST_CGROUPS", (mode != Mode::Reaper).to_string())
            .env("PROCESS_TEST_LIMIT_MS", limit.map_or(0, |limit| limit.as_millis()).to_string())
            .env("PROCESS_TEST_GRACE_MS", grace.as_millis().to_string())
            .stdout(Stdio::null())
            .spawn()
            .expect("start the harness");
        Self { folder, tag, child }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("step.log")).unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("signal the harness");
    }

    /// Waits for the harness and returns what it wrote about the step's end, a line each.
    pub fn report(mut self) -> (TempDir, String) {
        let status = self.child.wait().expect("wait");
        let report = fs::read_to_string(self.folder.path().join("report"));
        assert!(status.success(), "{status}, log: {}", self.log());
        (self.folder, report.expect("report"))
    }

    pub fn wait(&mut self) {
        self.child.wait().expect("wait");
    }
}

/// Not a test by itself: the process behind [`Harness`].
#[test]
#[ignore = "run by other tests"]
fn the_harness() {
    let Some(folder) = std::env::var_os("PROCESS_TEST_FOLDER").map(PathBuf::from) else { return };
    let variable = |name: &str| std::env::var(format!("PROCESS_TEST_{name}")).expect("variable");
    let milliseconds =
        |name: &str| Duration::from_millis(variable(name).parse().expect("milliseconds"));
    let arguments = variable("ARGUMENTS");
    let limit = milliseconds("LIMIT_MS");
    let step = Step {
        argv: std::iter::once("sh").chain(arguments.split('\n')).map(str::to_owned).collect(),
        cwd: folder.clone(),
        env: Vec::new(),
        log: folder.join("step.log"),
        stdout: None,
        limit: (!limit.is_zero()).then_some(limit),
        grace: milliseconds("GRACE_MS"),
        frame: None,
    };
    let supervisor = Supervisor {
        program: folder.join("supervisor"),
        cgroups: variable("CGROUPS").parse().expect("bool"),
    };
    let interrupt = Interrupt::on_signals().expect("signals");
    let begin = Instant::now();
    let end = run(&step, Watch::default(), &supervisor, &interrupt).expect("run");
    let extra = match end.ended {
        Ended::TimedOut { limit } => begin.elapsed() - limit,
        _ => begin.elapsed(),
    };
    let mut report = fs::File::create(folder.join("report")).expect("report");
    writeln!(report, "ended: {}", end.ended).expect("write");
    writeln!(report, "in_cgroup: {}", end.in_cgroup).expect("write");
    writeln!(report, "leftovers: {}", end.leftovers.len()).expect("write");
    writeln!(report, "survivors: {}", end.survivors.len()).expect("write");
    writeln!(report, "extra_ms: {}", extra.as_millis()).expect("write");
}

/// The value of `name` in a report.
pub fn field<'a>(report: &'a str, name: &str) -> &'a str {
    let value = report.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// Where `name` exists below the cgroup mounts.
pub fn cgroup_folders(name: &str) -> Vec<PathBuf> {
    fn search(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name() == name {
                    found.push(entry.path());
                }
                search(&entry.path(), name, found);
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new("/sys/fs/cgroup"), name, &mut found);
    found
}
