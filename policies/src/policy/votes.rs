//! How many agents must agree. Detection only: what authorizes is a majority of the log, which is not set here.

use super::written::Written;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// How many votes make an agreement: `majority`, or a number of agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(with = "Written")]
pub enum Votes {
    /// More than half of the configured agents.
    Majority,
    /// This many.
    Count(u32),
}

impl TryFrom<Written> for Votes {
    type Error = String;
    fn try_from(Written(text): Written) -> Result<Self, String> {
        match text.parse::<u32>() {
            Ok(count) if count > 0 => Ok(Votes::Count(count)),
            Err(_) if text == "majority" => Ok(Votes::Majority),
            _ => Err(format!("`{text}` is not a number of votes; write majority, or a number from 1")),
        }
    }
}

impl Serialize for Votes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Votes::Majority => serializer.serialize_str("majority"),
            Votes::Count(count) => serializer.serialize_u32(*count),
        }
    }
}

impl Votes {
    /// How many votes are needed among `agents` configured agents.
    #[must_use]
    pub fn needed(self, agents: usize) -> usize {
        match self {
            Votes::Majority => agents / 2 + 1,
            Votes::Count(count) => count as usize,
        }
    }
}
