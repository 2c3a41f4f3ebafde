//! The record of every mutating call that reached the world: who asked for what, when, and what became of it.
//! It is what tests judge a failover by, so nothing may change the world without an entry.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Accepted.
    Applied,
    /// Refused; nothing changed.
    Refused,
}

/// One mutating call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Counted from 1 without gaps, so that a reader sees when old entries were dropped.
    pub sequence: u64,
    /// When it was applied or refused, in milliseconds since the Unix epoch by the world's steady clock.
    pub at_ms: u64,
    /// The endpoint's region, or `global`.
    pub region: String,
    /// `rds`, `ecs`, `application-autoscaling`, `route53` or `statuspage`.
    pub service: String,
    /// The operation, as the service names it.
    pub operation: String,
    /// The access key id of the caller, empty if it has none.
    pub caller: String,
    /// The role that the caller acts in, empty if it acts as itself.
    pub role: String,
    /// What was asked for.
    pub parameters: Value,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether an accepted call changed nothing, because the world already was so.
    pub no_change: bool,
    /// The wire code and message of a refusal, or what was accepted.
    pub detail: String,
}

/// The newest effects.
#[derive(Debug, Clone, Default)]
pub struct EffectRecord {
    entries: VecDeque<Effect>,
    appended: u64,
}

/// Ten thousand: a failover makes about ten calls, so this holds a thousand of them in a few megabytes.
pub const EFFECTS_MAX: usize = 10_000;

impl EffectRecord {
    /// Appends `effect`, whose sequence number is given here.
    pub fn append(&mut self, mut effect: Effect) {
        self.appended += 1;
        effect.sequence = self.appended;
        if self.entries.len() == EFFECTS_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(effect);
    }

    /// The effects, oldest first.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Effect> {
        self.entries.iter().cloned().collect()
    }
}
