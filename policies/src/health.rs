//! From probe results to verdicts: the closed list of reasons, and the detector with its hysteresis.
//! `Unknown` is not `Down`.

pub mod detector;
pub mod reason;

pub use detector::{Detector, Hysteresis, Transition, Verdict};
pub use reason::{FailureReason, Observation};
