//! The words in which an action tells what it saw and what it did. An action observes, acts once, and observes
//! again; a call that timed out is [`Acted::Unknown`], never failed (R4, P3), because it may have been applied.

use crate::{plan::Before, time::Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What reading the world showed about one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "observed")]
pub enum Observed {
    /// The step's result stands in the world.
    Done {
        /// What was seen, for the report.
        detail: String,
    },
    /// The provider is at work on it: do not act, look again.
    InProgress {
        /// What was seen.
        detail: String,
    },
    /// Not done and nobody is at work on it: acting is allowed.
    NotDone {
        /// What was seen.
        detail: String,
        /// Which part of the action comes next, counted from 0. An action of several parts acts once for each, and
        /// in this order.
        part: u8,
        /// What stands before the first act and is lost with it. It is committed to the log before anything is changed.
        before: Option<Before>,
    },
    /// It was carried out and went wrong, or was ended in its midst. What it changed until then may stand.
    Broken {
        /// What came of it.
        reason: String,
        /// Whether another attempt may be made.
        again: bool,
    },
    /// It cannot be done, and asking again will not help.
    Impossible {
        /// The provider's reason.
        reason: String,
    },
    /// The world could not be read: look again, do not conclude (R7).
    Unknown {
        /// Why it could not be read.
        reason: String,
    },
}

/// What became of one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "acted")]
pub enum Acted {
    /// The provider accepted the change; observe until it stands.
    Accepted {
        /// What was asked for.
        detail: String,
    },
    /// The provider refused it and changed nothing.
    Refused {
        /// The provider's reason, by its wire code.
        reason: String,
        /// Whether the same call may succeed later (throttled, busy).
        retryable: bool,
    },
    /// No reply, or one that does not tell: it may have been applied. Observe before anything else.
    Unknown {
        /// What happened to the call.
        reason: String,
    },
}

/// What an effect needs to know about the execution it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectContext {
    /// The service that is failed over.
    pub service: String,
    /// The execution's id: the one key for deduplication everywhere outside.
    pub execution: String,
    /// The fencing token of this failover; sinks refuse a lower one where they can (R4).
    pub epoch: u64,
    /// Which assignment of the step this is, counted from 1; makes a nonce unique.
    pub attempt: u32,
    /// Region that is left.
    pub from: String,
    /// Region that is activated.
    pub to: String,
    /// What stood before this step's first act, by any agent.
    pub before: Option<Before>,
    /// Another account's role in which the step acts.
    pub role: Option<AssumeRole>,
    /// The step's name in its plan.
    pub step: String,
    /// How long the step may take.
    pub timeout: Millis,
    /// Whether an earlier attempt that had begun was lost or stayed unknown: whatever the world shows, that one may have acted.
    pub unheard: bool,
    /// Whether this very attempt had begun before, in an earlier process of this agent or before it let go of it.
    pub resumed: bool,
}

/// A role that a step assumes, mostly one of another account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssumeRole {
    /// The role's ARN.
    pub arn: String,
    /// The external id that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl Observed {
    /// Not done, for an action of one part that leaves nothing to remember.
    #[must_use]
    pub const fn not_done(detail: String) -> Self {
        Observed::NotDone { detail, part: 0, before: None }
    }
}
