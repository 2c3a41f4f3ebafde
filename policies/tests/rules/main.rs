//! The pure rules as a specification: how votes are counted, what forbids acting, and how a plan is expanded. Nothing
//! here reads a file but the example policy; `shop` builds the one service that every test is about.
// In a test a panic is the failure, and the builders below are part of the tests.
#![allow(clippy::unwrap_used)]

mod agreement;
mod agreement_properties;
mod before;
mod dependence;
mod flat;
mod graph;
mod guard;
mod guard_order;
mod lag;
mod plan;
mod ready;
mod refusal_texts;
mod shop;
mod standby;
