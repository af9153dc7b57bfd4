//! A thread that reads GPUs while a step runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Driver, Moment};

/// From this share of busy time on, in percent, a GPU counts as active.
const ACTIVE_PCT: u32 = 1;

/// Counters are read at the first look, the last, and one in so many: they cost more than all the rest together.
const COUNTERS_EVERY: u32 = 60;

/// How long the last look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads some GPUs at once, then at even intervals, and once more when it is stopped.
#[derive(Debug)]
pub struct Sampler {
    stop: mpsc::Sender<()>,
    active: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    moments: Arc<Mutex<Vec<Moment>>>,
}

impl Sampler {
    /// Reads the GPUs of these NVML indices, and goes on reading them in a thread. `sink` gets each moment as it is read.
    pub fn start(
        driver: Arc<dyn Driver>,
        gpus: Vec<u32>,
        step: usize,
        every: Duration,
        sink: impl FnMut(&Moment) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let active = Arc::new(AtomicBool::new(false));
        let sink = Box::new(sink);
        let activity = Arc::clone(&active);
        let moments = Arc::new(Mutex::new(Vec::new()));
        let mut eye = Eye { driver, gpus, step, activity, sink, moments: Arc::clone(&moments) };
        // Not in the thread: this is how the GPUs were before the step.
        eye.look(true);
        let begun = Instant::now();
        let thread = thread::spawn(move || {
            for turn in 1.. {
                // Even intervals also where a reading takes long.
                let wait = (every * turn).saturating_sub(begun.elapsed());
                if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                eye.look(turn % COUNTERS_EVERY == 0);
            }
            eye.look(true);
        });
        Self { stop, active, thread, moments }
    }

    /// Whether one of the GPUs worked when it was looked at last.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Reads a last time; all that was read. A driver that hangs is not waited for.
    pub fn stop(self) -> Vec<Moment> {
        drop(self.stop);
        let begun = Instant::now();
        while !self.thread.is_finished() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        std::mem::take(&mut *self.moments.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What looks.
struct Eye {
    driver: Arc<dyn Driver>,
    gpus: Vec<u32>,
    step: usize,
    activity: Arc<AtomicBool>,
    sink: Box<dyn FnMut(&Moment) + Send>,
    moments: Arc<Mutex<Vec<Moment>>>,
}

impl Eye {
    fn look(&mut self, counters: bool) {
        let moment = look(self.driver.as_ref(), &self.gpus, Some(self.step), counters);
        let busy = moment.gpus.iter().filter_map(|gpu| gpu.utilization_pct);
        self.activity.store(busy.max().unwrap_or(0) >= ACTIVE_PCT, Ordering::Relaxed);
        (self.sink)(&moment);
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
    }
}

/// Reads GPUs now; those that do not answer are missing.
pub fn look(driver: &dyn Driver, gpus: &[u32], step: Option<usize>, counters: bool) -> Moment {
    let at = Timestamp::now();
    let read = gpus.iter().filter_map(|&index| driver.read(index, counters).ok());
    Moment { at, step, gpus: read.collect() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::gpu::Recording;

    #[test]
    fn a_gpu_is_read_before_the_step_at_even_intervals_and_after_it() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gpu/h100-gemm.jsonl");
        let driver = Arc::new(Recording::open(Path::new(path)).expect("the recording"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let every = Duration::from_millis(2);
        let sampler = Sampler::start(driver, vec![0], 3, every, move |moment| {
            sink.lock().expect("no panic").push(moment.clone());
        });
        assert_eq!(seen.lock().expect("no panic")[0].gpus[0].sm_clock_mhz, Some(375));
        assert!(!sampler.is_active(), "it was idle then");
        while !sampler.is_active() {
            thread::sleep(every);
        }
        let moments = sampler.stop();
        assert_eq!(moments, *seen.lock().expect("no panic"));
        assert!(moments.len() > 12, "ten idle readings, busy ones, and the last");
        assert!(moments.iter().all(|moment| moment.step == Some(3)));
    }
}
