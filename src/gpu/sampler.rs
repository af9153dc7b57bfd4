//! A thread that reads GPUs while a step runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Driver, Moment};

/// From this share of busy time on, in percent, a GPU counts as active.
const ACTIVE_PCT: u32 = 1;

/// Counters are read at the first look, the last, and one in so many: they cost more than all the rest together.
const COUNTERS_EVERY: u32 = 60;

/// Reads some GPUs at once, then at even intervals, and once more when it is stopped.
#[derive(Debug)]
pub struct Sampler {
    stop: mpsc::Sender<()>,
    active: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Moment>>,
}

impl Sampler {
    /// Starts reading the GPUs of these NVML indices. `sink` gets each moment as it is read.
    pub fn start(
        driver: Arc<dyn Driver>,
        gpus: Vec<u32>,
        step: usize,
        every: Duration,
        mut sink: impl FnMut(&Moment) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let active = Arc::new(AtomicBool::new(false));
        let activity = Arc::clone(&active);
        let thread = thread::spawn(move || {
            let mut moments = Vec::new();
            let mut read = |counters| {
                let moment = look(driver.as_ref(), &gpus, Some(step), counters);
                let busy = moment.gpus.iter().filter_map(|gpu| gpu.utilization_pct);
                activity.store(busy.max().unwrap_or(0) >= ACTIVE_PCT, Ordering::Relaxed);
                sink(&moment);
                moments.push(moment);
            };
            let begun = Instant::now();
            for turn in 1.. {
                read(turn % COUNTERS_EVERY == 1);
                // Even intervals also where a reading takes long.
                let wait = (every * turn).saturating_sub(begun.elapsed());
                if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    read(true);
                    break;
                }
            }
            moments
        });
        Self { stop, active, thread }
    }

    /// Whether one of the GPUs worked when it was looked at last.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Reads a last time; all that was read.
    pub fn stop(self) -> Vec<Moment> {
        drop(self.stop);
        // A panic of the thread was printed by it; what is missing then makes the sample unverified.
        self.thread.join().unwrap_or_default()
    }
}

/// Reads GPUs now; those that do not answer are missing.
pub fn look(driver: &dyn Driver, gpus: &[u32], step: Option<usize>, counters: bool) -> Moment {
    let at = Timestamp::now();
    let read = gpus.iter().filter_map(|&index| driver.read(index, counters).ok());
    Moment { at, step, gpus: read.collect() }
}
