//! A cgroup v2 folder that holds one step: nothing in it can escape `cgroup.kill`.
//!
//! Needs a cgroup v2 mount (found, not assumed: it may lie beside v1 controllers) in which we may make a folder;
//! without that the sub-reaper alone has to do.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The front of our folders' names; the supervisor's number follows.
const NAME: &str = "trtllm-perf-";
/// A folder that is empty after this time belongs to nobody any more: a supervisor puts its step in at once.
const STALE: Duration = Duration::from_secs(60);

/// A folder made by us, of the supervisor's own cgroup.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes a folder named after `id`; `None` where this system or user cannot.
    pub(super) fn create(id: u32) -> Option<Self> {
        // Unreadable or unwritable is the ordinary case of an ordinary user, not an error.
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let parent = own_folder(&mounts, &own)?;
        remove_stale(&parent, STALE);
        let path = parent.join(format!("{NAME}{id}"));
        match fs::create_dir(&path) {
            // Left by a supervisor of the same number that was killed; it can be removed only if it is empty.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_dir(&path).and_then(|()| fs::create_dir(&path)).ok()?;
            }
            made => made.ok()?,
        }
        let cgroup = Self { path };
        // Kernels before 5.14 have cgroups without a way to kill them.
        if cgroup.path.join("cgroup.kill").exists() {
            return Some(cgroup);
        }
        cgroup.remove();
        None
    }

    /// The folder of a step whose supervisor was lost.
    pub(super) fn existing(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, for starting a process in it.
    pub(super) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Sends KILL to all that is in it, also to what is being forked just now.
    pub(super) fn kill(&self) -> io::Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1")
    }

    /// Removes the folder and those that the step made in it; to be called when it is empty.
    pub(super) fn remove(&self) {
        // The kernel lets go of a dead process a little after it was reaped.
        for _ in 0..50 {
            if remove_folders(&self.path).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A folder that stays is empty and harmless, and removed by a later supervisor.
    }
}

/// Removes the empty folders of supervisors that were killed.
fn remove_stale(parent: &Path, age: Duration) {
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(NAME);
    let old = |entry: &fs::DirEntry| {
        let made = entry.metadata().and_then(|data| data.modified()).ok();
        made.and_then(|made| made.elapsed().ok()).is_some_and(|passed| passed >= age)
    };
    for folder in fs::read_dir(parent).into_iter().flatten().flatten().filter(ours).filter(old) {
        let events = fs::read_to_string(folder.path().join("cgroup.events"));
        // Not even empty folders within one that is in use.
        if !events.is_ok_and(|events| events.contains("populated 1")) {
            // Another supervisor may have been quicker.
            let _ = remove_folders(&folder.path());
        }
    }
}

/// CPU time used in the cgroup at `path`.
pub(super) fn cpu_time(path: &Path) -> io::Result<Duration> {
    let stat = fs::read_to_string(path.join("cpu.stat"))?;
    let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok());
    usage.map(Duration::from_micros).ok_or_else(|| io::Error::other("cpu.stat has no usage_usec"))
}

fn remove_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_folders(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

/// Where our own v2 cgroup lies in the file system, from `mountinfo` and `/proc/self/cgroup`.
fn own_folder(mounts: &str, own: &str) -> Option<PathBuf> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        // A mount that shows another part of the hierarchy than the one we are in is of no use.
        let below = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(&point).join(below))
    })
}

/// `mountinfo` writes blanks and backslashes as octal numbers.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
        31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
        38 31 0:35 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_v2_folder_is_found_beside_v1_controllers() {
        let own = "8:pids:/x\n0::/user.slice/a\n";
        let folder = PathBuf::from("/sys/fs/cgroup/uni fied/user.slice/a");
        assert_eq!(own_folder(HYBRID, own), Some(folder));
        assert_eq!(own_folder(HYBRID, "8:pids:/x\n"), None);
        assert_eq!(own_folder("", own), None);
    }

    #[test]
    fn folders_of_killed_supervisors_are_removed_once_they_are_old_and_empty() {
        let parent = tempfile::tempdir().expect("a folder");
        let made = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir_all(&path).expect("a folder");
            path
        };
        let (nested, full, other) = (made("trtllm-perf-1/inner"), made("trtllm-perf-2"), made("x"));
        fs::write(full.join("held"), "").expect("a file");
        remove_stale(parent.path(), Duration::from_secs(60));
        assert!(nested.exists(), "it may be in the making");
        remove_stale(parent.path(), Duration::ZERO);
        assert!(!parent.path().join("trtllm-perf-1").exists());
        assert!(full.exists() && other.exists());
    }

    #[test]
    fn a_mount_of_a_part_counts_only_when_we_are_in_it() {
        let mounts = "41 31 0:38 /slurm/job_7 /cg rw - cgroup2 cgroup2 rw\n";
        assert_eq!(own_folder(mounts, "0::/slurm/job_7/step_0"), Some("/cg/step_0".into()));
        assert_eq!(own_folder(mounts, "0::/slurm/job_70"), None);
        assert_eq!(own_folder(mounts, "0::/../other"), None);
    }
}
