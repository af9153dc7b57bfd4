//! The work that a trial need not wait for, in a thread of its own: replacing the views and making the journal's
//! directory entries survive a power cut. Both cost milliseconds that the next step can run in.
//!
//! A killed process loses nothing that way: results are in the journal before anything is asked for here, and
//! views are whole at any moment. Requests that pile up are served together, by one fold.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::atomic;
use super::error::{Problem, RecordError};

/// The thread. Dropping it waits until everything asked for is done.
#[derive(Debug)]
pub(super) struct Background {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Desk {
    orders: Mutex<Orders>,
    changed: Condvar,
}

/// What is to do, and what came of it.
#[derive(Debug, Default)]
struct Orders {
    views: bool,
    sync: BTreeSet<PathBuf>,
    working: bool,
    closing: bool,
    /// What came up since it was last asked for.
    problems: Vec<Problem>,
    /// The views are not what they should be.
    stale: Option<RecordError>,
    /// Something may not survive a power cut.
    unsynced: Option<RecordError>,
}

impl Orders {
    fn is_idle(&self) -> bool {
        !self.views && self.sync.is_empty() && !self.working
    }
}

impl Background {
    /// `views` folds and replaces the views.
    pub fn start(views: impl Fn() -> Result<Vec<Problem>, RecordError> + Send + 'static) -> Self {
        let desk = Arc::new(Desk::default());
        let worker = Arc::clone(&desk);
        let thread = thread::spawn(move || worker.work(views));
        Self { desk, thread: Some(thread) }
    }

    /// Asks for new views.
    pub fn request_views(&self) {
        self.desk.lock().views = true;
        self.desk.changed.notify_all();
    }

    /// Asks for files or folders to be synced.
    pub fn request_sync(&self, paths: impl IntoIterator<Item = PathBuf>) {
        self.desk.lock().sync.extend(paths);
        self.desk.changed.notify_all();
    }

    /// What came up since the last call.
    pub fn report(&self) -> Vec<Problem> {
        std::mem::take(&mut self.desk.lock().problems)
    }

    /// Waits until everything asked for is done; what came up since the last report.
    ///
    /// # Errors
    /// When the views could not be replaced the last time, or an entry not be synced at any time.
    pub fn settle(&self) -> Result<Vec<Problem>, RecordError> {
        let orders = self.desk.lock();
        let idle = self.desk.changed.wait_while(orders, |orders| !orders.is_idle());
        let mut orders = idle.unwrap_or_else(PoisonError::into_inner);
        match orders.stale.take().or_else(|| orders.unsynced.take()) {
            Some(failure) => Err(failure),
            None => Ok(std::mem::take(&mut orders.problems)),
        }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, views: impl Fn() -> Result<Vec<Problem>, RecordError>) {
        loop {
            let waiting = |orders: &mut Orders| orders.is_idle() && !orders.closing;
            let orders = self.changed.wait_while(self.lock(), waiting);
            let mut orders = orders.unwrap_or_else(PoisonError::into_inner);
            if orders.is_idle() {
                return;
            }
            orders.working = true;
            let wanted = std::mem::take(&mut orders.views);
            let paths = std::mem::take(&mut orders.sync);
            drop(orders);
            let folded = wanted.then(&views);
            let synced = paths.iter().try_for_each(|path| atomic::sync_directory(path));
            let mut orders = self.lock();
            orders.working = false;
            match folded {
                Some(Ok(problems)) => {
                    orders.problems.extend(problems);
                    orders.stale = None;
                }
                Some(Err(error)) => {
                    orders.problems.push(Problem::view(&error));
                    orders.stale = Some(error);
                }
                None => {}
            }
            if let Err(error) = synced {
                orders.unsynced.get_or_insert(error);
            }
            self.changed.notify_all();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.desk.lock().closing = true;
        self.desk.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already printed by it; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_is_asked_for_while_it_works_is_served_together_and_before_it_ends() {
        let folds = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&folds);
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().expect("gate");
        let passing = Arc::clone(&gate);
        let background = Background::start(move || {
            drop(passing.lock());
            count.fetch_add(1, Ordering::SeqCst);
            Ok(vec![Problem::new("a".as_ref(), "b")])
        });
        (0..100).for_each(|_| background.request_views());
        drop(closed);
        let problems = background.settle().expect("no failure");
        let served = folds.load(Ordering::SeqCst);
        assert!((1..=2).contains(&served), "{served}");
        assert_eq!(problems.len(), served);
        background.request_views();
        drop(background);
        assert_eq!(folds.load(Ordering::SeqCst), served + 1);
    }

    #[test]
    fn what_could_not_be_synced_is_an_error_once_and_the_work_goes_on() {
        let dir = tempfile::tempdir().expect("dir");
        let background = Background::start(|| Ok(Vec::new()));
        background.request_sync([dir.path().join("gone")]);
        background.request_views();
        let error = background.settle().expect_err("the folder is gone");
        assert!(error.to_string().contains("gone: no such file or directory"), "{error}");
        background.request_sync([dir.path().to_owned()]);
        assert_eq!(background.settle().expect("once"), []);
    }

    #[test]
    fn a_view_that_fails_is_a_problem_and_an_error_only_while_it_is_stale() {
        let broken = Arc::new(AtomicUsize::new(1));
        let state = Arc::clone(&broken);
        let background = Background::start(move || match state.load(Ordering::SeqCst) {
            0 => Ok(Vec::new()),
            _ => Err(RecordError::file("write", "junit.xml".as_ref())(
                std::io::ErrorKind::StorageFull.into(),
            )),
        });
        background.request_views();
        let error = background.settle().expect_err("stale");
        assert_eq!(error.to_string(), "write junit.xml: disk full");
        background.request_views();
        while background.report().is_empty() {
            std::thread::yield_now();
        }
        broken.store(0, Ordering::SeqCst);
        background.request_views();
        background.settle().expect("the views are whole again");
    }
}
