//! Who uses which GPU: locks by UUID in a folder that every harness of the node shares.
//!
//! A lock is the kernel's, so that it ends with the processes that hold it, however they end: the harness, and the
//! supervisor of a step that runs on the GPU. Whoever wants GPUs first
//! takes their *turns*: one more lock for each GPU that it may use, in the order of UUIDs, held until it has its whole
//! set. Nobody who waits therefore holds a GPU that another waits for, a large set cannot be starved by small ones that
//! keep coming, and jobs on different GPUs of a node do not feel each other.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::Gpu;

/// How often a lock that another holds is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// GPUs to be leased.
#[derive(Debug)]
pub struct Leases {
    locks: PathBuf,
    /// Those that this process may use.
    gpus: Vec<Gpu>,
    /// All of the host.
    host: Vec<Gpu>,
    /// Folder of the run with a file for each GPU that is not to be used any more, and why.
    poisoned: PathBuf,
    /// A lease locks all GPUs of the host, whatever it needs.
    exclusive: bool,
}

/// GPUs held until this is dropped.
#[derive(Debug)]
pub struct Lease {
    gpus: Vec<Gpu>,
    locks: Vec<File>,
}

impl Lease {
    /// The locks: whoever has one of these files open holds the GPUs.
    pub fn locks(&self) -> &[File] {
        &self.locks
    }

    /// The GPUs that the steps get.
    pub fn gpus(&self) -> &[Gpu] {
        &self.gpus
    }
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("make a lock in {}: {source}; name a folder with --lease-dir", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(
        "lock {}: {source}; name a folder on a local file system with --lease-dir",
        path.display()
    )]
    Lock { path: PathBuf, source: io::Error },
    /// Waiting would not help.
    #[error("GPUs needed: {needed}, usable: {left}{}", because(.poisoned))]
    TooFew { needed: usize, left: usize, poisoned: Vec<String> },
    #[error("mark {gpu} as poisoned: {source}")]
    Poison { gpu: String, source: io::Error },
}

fn because(poisoned: &[String]) -> String {
    poisoned.iter().map(|reason| format!("; {reason}")).collect()
}

impl Leases {
    /// Leases of `gpus`, some or all of the `host`, through locks in the folder `locks`, less those that a file in the
    /// folder `poisoned` names.
    ///
    /// # Errors
    /// When the folder of the locks cannot be made.
    pub fn new(
        locks: &Path,
        gpus: Vec<Gpu>,
        host: Vec<Gpu>,
        poisoned: &Path,
        exclusive: bool,
    ) -> Result<Self, LeaseError> {
        make_shared_folder(locks)
            .map_err(|source| LeaseError::Folder { path: locks.to_owned(), source })?;
        let (locks, poisoned) = (locks.to_owned(), poisoned.to_owned());
        Ok(Self { locks, gpus, host, poisoned, exclusive })
    }

    /// Waits for `count` GPUs that nobody else holds, those first that are `empty`; `None` when `give_up` says so first.
    /// `waiting` is told once what is waited for.
    ///
    /// # Errors
    /// When there are not as many, or a lock cannot be had.
    pub fn take(
        &self,
        count: usize,
        empty: &dyn Fn(&Gpu) -> bool,
        give_up: &dyn Fn() -> bool,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<Option<Lease>, LeaseError> {
        let Some(turns) = self.turns(give_up, waiting)? else { return Ok(None) };
        let mut told = false;
        loop {
            // Looked at again each time: another process of the run may have found one poisoned.
            let (usable, poisoned) = self.usable();
            if usable.len() < count {
                return Err(LeaseError::TooFew { needed: count, left: usable.len(), poisoned });
            }
            let (mut held, mut locks) = (Vec::new(), vec![self.keep_folder()?]);
            let mut occupied = Vec::new();
            for gpu in usable {
                if held.len() == count {
                    break;
                }
                if let Some(lock) = self.try_lock(&key(&gpu))? {
                    if empty(&gpu) { &mut held } else { &mut occupied }.push((gpu, lock));
                }
            }
            let missing = count.saturating_sub(held.len());
            held.extend(occupied.drain(..missing.min(occupied.len())));
            // A lock that this process holds already is not to be had a second time.
            drop(occupied);
            let mut wanted = count;
            let mut free = held.len();
            if self.exclusive {
                let others = self.host.iter().filter(|gpu| held.iter().all(|(own, _)| own != *gpu));
                let others: Vec<&Gpu> = others.collect();
                wanted += others.len();
                for gpu in others {
                    let lock = self.try_lock(&key(gpu))?;
                    free += usize::from(lock.is_some());
                    locks.extend(lock);
                }
            }
            if free == wanted && held.len() == count {
                drop(turns);
                let (gpus, own): (Vec<_>, Vec<_>) = held.into_iter().unzip();
                locks.extend(own);
                return Ok(Some(Lease { gpus, locks }));
            }
            if !std::mem::replace(&mut told, true) {
                waiting(&format!("{free} of {wanted} GPUs are free"));
            }
            drop((held, locks));
            if give_up() {
                return Ok(None);
            }
            thread::sleep(RETRY);
        }
    }

    /// The turns at all GPUs that a lease may take.
    fn turns(
        &self,
        give_up: &dyn Fn() -> bool,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<Option<Vec<File>>, LeaseError> {
        let gpus = if self.exclusive { &self.host } else { &self.gpus };
        let mut keys: Vec<String> = gpus.iter().map(key).collect();
        // In one order for all, so that no two wait for each other.
        keys.sort();
        let mut turns = Vec::new();
        let mut told = false;
        for key in keys {
            loop {
                if let Some(turn) = self.try_lock(&format!("turn-{key}"))? {
                    turns.push(turn);
                    break;
                }
                if !std::mem::replace(&mut told, true) {
                    waiting("another case is choosing its GPUs");
                }
                if give_up() {
                    return Ok(None);
                }
                thread::sleep(RETRY);
            }
        }
        Ok(Some(turns))
    }

    /// systemd-tmpfiles removes old files of `/tmp`, but not from folders that somebody locks.
    fn keep_folder(&self) -> Result<File, LeaseError> {
        let path = self.locks.clone();
        let folder = File::open(&path).and_then(|folder| folder.lock_shared().map(|()| folder));
        folder.map_err(|source| LeaseError::Lock { path, source })
    }

    /// How many GPUs a case can have at most.
    pub fn total(&self) -> usize {
        self.gpus.len()
    }

    /// Keeps a GPU out of all further leases of this run, whichever process takes them.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn poison(&self, gpu: &Gpu, reason: &str) -> Result<(), LeaseError> {
        fs::create_dir_all(&self.poisoned)
            .and_then(|()| fs::write(self.poisoned.join(key(gpu)), reason))
            .map_err(|source| LeaseError::Poison { gpu: gpu.title(), source })
    }

    /// The GPUs that are not poisoned, and what is said of those that are.
    fn usable(&self) -> (Vec<Gpu>, Vec<String>) {
        let mut usable = Vec::new();
        let mut poisoned = Vec::new();
        for gpu in &self.gpus {
            match fs::read_to_string(self.poisoned.join(key(gpu))) {
                Ok(reason) => poisoned.push(format!("{} is poisoned: {reason}", gpu.title())),
                Err(_) => usable.push(gpu.clone()),
            }
        }
        (usable, poisoned)
    }

    fn try_lock(&self, name: &str) -> Result<Option<File>, LeaseError> {
        let path = self.locks.join(format!("{name}.lock"));
        let file = open_shared_file(&path)
            .map_err(|source| LeaseError::Folder { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(LeaseError::Lock { path, source }),
        }
    }
}

/// Name of a GPU's lock and of its mark.
fn key(gpu: &Gpu) -> String {
    gpu.uuid.clone().unwrap_or_else(|| format!("index-{}", gpu.index))
}

/// Any user may lock, and only the owner of a lock may remove it, as in `/tmp`.
fn make_shared_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o1777))
}

fn open_shared_file(path: &Path) -> io::Result<File> {
    // Without "create", which the kernel refuses in such folders for files of other users (fs.protected_regular).
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    match made {
        Ok(file) => {
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => File::open(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn gpus(count: u32) -> Vec<Gpu> {
        let gpu = |index| Gpu { index, uuid: Some(format!("GPU-{index}")), ..Gpu::default() };
        (0..count).map(gpu).collect()
    }

    fn leases(folder: &Path, exclusive: bool) -> Leases {
        let (locks, poisoned) = (folder.join("locks"), folder.join("poisoned"));
        Leases::new(&locks, gpus(4), gpus(4), &poisoned, exclusive).expect("a folder")
    }

    fn take(leases: &Leases, count: usize) -> Option<Lease> {
        leases.take(count, &|_| true, &|| true, &mut |_| {}).expect("locks")
    }

    fn indices(lease: &Lease) -> Vec<u32> {
        lease.gpus().iter().map(|gpu| gpu.index).collect()
    }

    #[test]
    fn leases_are_disjoint_and_given_back_when_dropped() {
        let folder = tempfile::tempdir().expect("folder");
        let leases = leases(folder.path(), false);
        let first = take(&leases, 1).expect("free");
        let second = take(&leases, 2).expect("free");
        assert_eq!((indices(&first), indices(&second)), (vec![0], vec![1, 2]));
        assert!(take(&leases, 2).is_none(), "one is left");
        drop(first);
        assert_eq!(indices(&take(&leases, 2).expect("free")), [0, 3]);
    }

    #[test]
    fn empty_gpus_are_taken_before_those_that_are_in_use() {
        let folder = tempfile::tempdir().expect("folder");
        let leases = leases(folder.path(), false);
        let take = |count| {
            let empty = |gpu: &Gpu| gpu.index >= 2;
            leases.take(count, &empty, &|| true, &mut |_| {}).expect("locks").expect("free")
        };
        assert_eq!(indices(&take(2)), [2, 3]);
        assert_eq!(indices(&take(3)), [2, 3, 0], "the third is waited for");
    }

    #[test]
    fn jobs_on_different_gpus_do_not_wait_for_each_other() {
        let folder = tempfile::tempdir().expect("folder");
        let part = |gpus: Vec<Gpu>| {
            let (locks, poisoned) = (folder.path().join("locks"), folder.path().join("poisoned"));
            Leases::new(&locks, gpus, self::gpus(4), &poisoned, false).expect("a folder")
        };
        let (low, high) = (part(gpus(2)), part(gpus(4).split_off(2)));
        let one = take(&low, 1).expect("free");
        thread::scope(|scope| {
            let waits = scope.spawn(|| low.take(2, &|_| true, &|| false, &mut |_| {}));
            thread::sleep(Duration::from_millis(100));
            assert_eq!(indices(&take(&high, 2).expect("free")), [2, 3], "while the other waits");
            drop(one);
            waits.join().expect("no panic").expect("locks").expect("patience");
        });
    }

    #[test]
    fn an_exclusive_lease_holds_the_whole_node_and_hands_out_what_is_needed() {
        let folder = tempfile::tempdir().expect("folder");
        let all = leases(folder.path(), true);
        let lease = take(&all, 1).expect("free");
        assert_eq!(indices(&lease), [0]);
        assert!(take(&leases(folder.path(), false), 1).is_none());
        drop(lease);
        // Also those that are not its own to use.
        let (locks, poisoned) = (folder.path().join("locks"), folder.path().join("poisoned"));
        let part = Leases::new(&locks, gpus(2), gpus(4), &poisoned, true).expect("a folder");
        let neighbour = leases(folder.path(), false);
        let held = take(&neighbour, 3).expect("free");
        assert!(take(&part, 1).is_none());
        drop(held);
        assert!(take(&part, 1).is_some());
    }

    #[test]
    fn a_poisoned_gpu_is_not_leased_again_and_is_named_when_it_is_missed() {
        let folder = tempfile::tempdir().expect("folder");
        let leases = leases(folder.path(), false);
        leases.poison(&gpus(4)[1], "pid 7 holds 9 GiB").expect("a mark");
        assert_eq!(indices(&take(&leases, 3).expect("free")), [0, 2, 3]);
        let error =
            leases.take(4, &|_| true, &|| true, &mut |_| {}).expect_err("too few").to_string();
        assert_eq!(
            error,
            "GPUs needed: 4, usable: 3; GPU 1 (GPU-1) is poisoned: pid 7 holds 9 GiB"
        );
    }

    #[test]
    fn a_large_set_is_had_although_small_ones_keep_coming_and_nothing_locks_up() {
        let folder = tempfile::tempdir().expect("folder");
        let large = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let leases = leases(folder.path(), false);
                    while large.load(Ordering::SeqCst) < 3 {
                        let lease =
                            leases.take(1, &|_| true, &|| false, &mut |_| {}).expect("locks");
                        thread::sleep(Duration::from_millis(5));
                        drop(lease);
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..3 {
                    let leases = leases(folder.path(), false);
                    let lease = leases.take(4, &|_| true, &|| false, &mut |_| {}).expect("locks");
                    assert_eq!(lease.expect("patience").gpus().len(), 4);
                    large.fetch_add(1, Ordering::SeqCst);
                }
            });
        });
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_option() {
        let nowhere = Path::new("/proc/no");
        let error = Leases::new(nowhere, gpus(1), gpus(1), nowhere, false);
        let error = error.expect_err("no folder").to_string();
        assert!(error.contains("/proc/no") && error.contains("--lease-dir"), "{error}");
    }
}
