//! The contract of the replicated state machine, and the command as the log carries it.
//!
//! A machine is pure: `apply` reads no clock, no environment and no random source, and its result depends on
//! nothing but the state and the command. Everything else in this crate may wait and write; this may not.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The replicated state machine.
///
/// The state is written as JSON into snapshots, so map keys must be strings, integers or unit variants.
/// Floating point numbers do not belong in it: a snapshot may round them, and replicas would differ.
///
/// A command can be applied twice when a caller retries after a lost reply, so every command carries an id
/// and `apply` answers a repeated id with the response of the first time, without a second effect.
pub trait Machine: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// One change of state, with the id that makes it harmless to repeat.
    type Command: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What the caller learns once its command is applied.
    type Response: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Folds one committed command into the state. It must not panic: a panic stops every replica.
    fn apply(&mut self, command: &Self::Command) -> Self::Response;

    /// The feature level that a build must understand to hold this state. It never falls, and it stands in the state's
    /// text under `feature_level`, so that it is found in a text that cannot be read otherwise.
    fn feature_level(&self) -> u32 {
        FIRST_LEVEL
    }

    /// The feature level that a build must understand to hold this command.
    fn needs(_command: &Self::Command) -> u32 {
        FIRST_LEVEL
    }
}

/// What needs no later version than the first.
pub(crate) const FIRST_LEVEL: u32 = 1;

/// A command on its way through the log.
///
/// openraft wants log entries to be displayable, which commands need not be. And it has room for one in everything that it hands
/// on, heartbeats too, so there is a pointer here.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Proposal<M: Machine>(pub Box<M::Command>);

impl<M: Machine> Proposal<M> {
    pub(crate) fn new(command: M::Command) -> Self {
        Self(Box::new(command))
    }
}

impl<M: Machine> fmt::Debug for Proposal<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: Machine> fmt::Display for Proposal<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
