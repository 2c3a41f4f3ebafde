//! What forbids acting. Agreement has detected; the guards say whether the plan may run, and if not, why.

pub mod lag;
mod order;
mod questions;
pub mod ready;
pub mod refusal;
pub mod situation;
pub mod standby;

pub use order::{authorize, explain};
pub use refusal::Refusal;
pub use situation::{Check, Hold, ServiceFacts, Situation, Trigger};
