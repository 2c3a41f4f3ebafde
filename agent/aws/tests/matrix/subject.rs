//! The actions under test: what each needs, which calls change something, which only read, and what the world looks
//! like when it is done.

use futures_util::future::BoxFuture;
use quorate_policies::plan::Action;
use serde_json::{Value, json};

use crate::world::World;

mod aurora;
pub(crate) mod ecs;
pub(crate) mod rds;
pub(crate) mod route53;

/// One action of the matrix.
pub(crate) struct Subject {
    /// The action's name, and which kind of it.
    pub(crate) name: &'static str,
    /// The mutating calls of its parts, in order. Each is to be carried out once.
    pub(crate) changes: &'static [&'static str],
    /// What it reads by.
    pub(crate) reads: &'static [&'static str],
    /// Makes its resources.
    pub(crate) prepare: for<'a> fn(&'a World) -> BoxFuture<'a, Prepared>,
}

/// Resources in their starting state, and what shall become of them.
pub(crate) struct Prepared {
    pub(crate) action: Action,
    /// Tells how the resources stand, in the emulator's own words.
    pub(crate) look: for<'a> fn(&'a World, &'a Action) -> BoxFuture<'a, String>,
    /// What it tells when the action is done.
    pub(crate) done: String,
}

/// All of them.
pub(crate) fn all() -> Vec<Subject> {
    [rds::subjects(), aurora::subjects(), ecs::subjects(), route53::subjects()]
        .into_iter()
        .flatten()
        .collect()
}

/// An action as a policy writes it.
pub(crate) fn action(kind: &str, fields: Value) -> Action {
    serde_json::from_value(json!({ kind: fields })).unwrap()
}
