//! Values of the API as text for people. Pure: a value and a [`Screen`](super::screen::Screen) in, text out. Nothing
//! here fetches, decides or prints; a test renders fixed values and compares the text.

pub mod audit;
pub mod backups;
pub mod checklist;
pub mod dependence;
pub mod doctor;
pub mod drills;
pub mod execution;
pub mod explanation;
pub mod plan;
pub mod probes;
pub mod signal;
pub mod topology;
