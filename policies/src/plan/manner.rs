//! How a plan runs. A graceful execution takes leave of the old region, which answers; an ungraceful one does not count on
//! it. Says which steps belong to which; when an execution changes its manner is not decided here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a plan runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// The old region answers: a person has begun it.
    Graceful,
    /// The old region is lost, or is given up.
    Ungraceful,
}

impl Manner {
    /// Whether there is an execution in which both of two steps run. Each says in which manner alone it runs, if it does.
    #[must_use]
    pub fn shared(one: Option<Manner>, other: Option<Manner>) -> bool {
        one.is_none() || other.is_none() || one == other
    }

    /// The manner in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Manner::Graceful => "graceful",
            Manner::Ungraceful => "ungraceful",
        }
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
