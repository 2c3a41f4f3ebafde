//! What `notify` says: which message goes by which channels. The step is done when the message is handed over to them: it is
//! in the log then, and a channel that is down stops no plan.

use crate::name::{ChannelName, MessageName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Channels of `communication.channels`.
    pub channels: Vec<ChannelName>,
    /// One of `communication.messages`.
    pub message: MessageName,
}
