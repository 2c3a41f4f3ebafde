//! What forbids acting. Agreement has detected; the guards say whether the plan may run, and if not, why.

mod component;
pub mod lag;
mod order;
mod questions;
pub mod ready;
pub mod refusal;
pub mod situation;
pub mod standby;

pub use component::{authorize_component, component_scenarios, component_tally};
pub use order::{authorize, explain};
pub use refusal::{After, Refusal};
pub use situation::{Check, Ended, Hold, ServiceFacts, Situation, Trigger};
