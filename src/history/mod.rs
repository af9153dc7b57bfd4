//! Station 11, the history: every sample of every run, kept.
//!
//! A run becomes a [`RunRecord`] whatever it was read from (`source`): our run folder, upstream's result CSV, a baseline.
//! What it says of a case is found again under the case's [`CaseIdentity`], not under the text of its label.

mod identity;
mod model;
pub mod source;

pub use identity::CaseIdentity;
pub use model::{Aspect, AttemptRecord, Ended, Facts, Kind, Origin, RunRecord, SampleRecord};
