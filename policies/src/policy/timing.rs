//! How patient agents are, and what follows for the lengths of a policy. The elections' own lengths stand with the
//! consensus; here is only what a policy can be measured by.

use crate::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far apart a cluster's agents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// In several regions: reports every second, elections of 750 to 1500 ms.
    #[default]
    Wan,
    /// In one building or one region: reports every 250 ms, elections of 60 to 120 ms.
    Lan,
}

impl Timing {
    /// The default, which is not written.
    #[must_use]
    pub const fn is_wan(&self) -> bool {
        matches!(self, Timing::Wan)
    }

    /// How often an agent reports when nothing changes.
    #[must_use]
    pub const fn report_interval(self) -> Millis {
        match self {
            Timing::Wan => Millis(1_000),
            Timing::Lan => Millis(250),
        }
    }

    /// The time after which a leader that died has been replaced, but for a split vote: two of the longest elections.
    #[must_use]
    pub const fn takeover_max(self) -> Millis {
        match self {
            Timing::Wan => Millis(3_000),
            Timing::Lan => Millis(240),
        }
    }

    /// The shortest freshness: below two reports one that is late would count as silence, and an agreement would break up
    /// on every hiccup of the network.
    #[must_use]
    pub const fn freshness_min(self) -> Millis {
        Millis(self.report_interval().0 * 2)
    }

    /// The shortest lease: it is renewed every fifth of it by the leader's quorum, whose answers take up to a third of a
    /// second between regions, and a tenth within one on a busy machine.
    #[must_use]
    pub const fn ttl_min(self) -> Millis {
        match self {
            Timing::Wan => Millis(1_000),
            Timing::Lan => Millis(400),
        }
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Timing::Wan => "wan",
            Timing::Lan => "lan",
        })
    }
}
