//! The detector's curve: how fast a true death is found, against how often a living target is called dead, for our
//! detector and for a fixed threshold as Redis Sentinel has it, on the same simulated traces.
//!
//! What is real: `Node` with its detectors, reports and tally, the probes' `Schedule`, and `authorize`, the guards that
//! would allow automatic failover. What is simulated: links, targets, pauses. There is no consensus: every agent judges
//! as if it led, and the first one counts; so does the first Sentinel. An election would cost both the same.
//!
//! Where to read: `weather` (what goes wrong), `agents` (ours), `sentinel` (theirs), `ledger` (what counts as what),
//! `measure` (what is run), `table` and `picture` (what is shown).

pub mod agents;
pub mod command;
pub mod ledger;
pub mod measure;
pub mod picture;
pub mod sentinel;
pub mod setting;
pub mod table;
pub mod weather;
