//! What forbids acting. Agreement has detected; the guards say whether the plan may run, and if not, why.

pub mod lag;
pub mod ready;
pub mod refusal;
pub mod situation;

pub use refusal::Refusal;
pub use situation::{Check, Hold, ServiceFacts, Situation, Trigger, authorize, explain};
