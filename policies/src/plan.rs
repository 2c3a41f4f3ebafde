//! Recovery plans: what an action is, how steps depend on each other, and how a plan is expanded whole, so that
//! execution has no choice left to make.

pub mod action;
pub mod before;
pub mod dependence;
pub mod expand;
pub mod flat;
pub mod graph;
pub mod manner;
pub mod template;

pub use action::Action;
pub use before::{Before, Lag};
pub use expand::{Plan, Step, StepPlace};
pub use manner::Manner;
