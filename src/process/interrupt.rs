//! Ctrl-c and TERM, counted. The only user of `signal-hook`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Whether the harness was asked to stop: once means in order, twice means at once. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// A handle that also counts SIGINT and SIGTERM of this process from now on; call it once, early in `main`.
    /// The third signal kills the process as if nobody listened (supervisors then end their steps).
    /// HUP is left alone, so that `nohup` keeps its meaning.
    ///
    /// # Errors
    /// When the handlers or the listening thread cannot be set up.
    pub fn on_signals() -> io::Result<Self> {
        let interrupt = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let shared = interrupt.clone();
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            for signal in signals.forever() {
                if shared.raise() > 2 {
                    // Ends the process; there is nobody left to tell if even that fails.
                    let _ = emulate_default_handler(signal);
                }
            }
        })?;
        Ok(interrupt)
    }

    /// Interrupts by hand; returns how often that has happened now.
    pub fn raise(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// How often the harness was interrupted.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Whether the run is interrupted: start nothing more.
    pub fn is_raised(&self) -> bool {
        self.count() > 0
    }
}
