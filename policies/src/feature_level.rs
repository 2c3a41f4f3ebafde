//! Which features the agents of a cluster may use while they run different versions. Each build understands a level; the
//! log holds the level on which all agents have agreed, and nothing of a later level is put into it before. Pure: the
//! agents and what they were heard to understand come in as arguments.
//!
//! The agreed level is never lowered: what was written under it could not be read any more. So it must only be raised by
//! what every agent with a place in the cluster has said itself, never by a default or by an agent's silence.

use crate::name::AgentName;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What a build understands, or what one thing needs to be understood: at least 1. Agents and entries that do not say are
/// of the first level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureLevel(pub u32);

/// What this build understands. It grows by one with a version that puts anything into the log, or into a policy, that
/// its predecessor cannot read or would judge otherwise.
pub const FEATURE_LEVEL: FeatureLevel = FeatureLevel::FIRST;

/// What agents were heard to understand.
pub type Heard = BTreeMap<AgentName, FeatureLevel>;

/// Why something of a level is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LevelRefusal {
    /// The agents have not agreed on a level that knows it.
    #[error("it needs feature level {needs}, and the agents have agreed on {agreed}{}", holding(held_by))]
    NotAgreed {
        /// The level at which it came.
        needs: FeatureLevel,
        /// The agreed one.
        agreed: FeatureLevel,
        /// Agents that are known to be older, and those that have not said; empty where nobody was asked.
        held_by: BTreeMap<AgentName, Option<FeatureLevel>>,
    },
    /// Not every agent understands the level.
    #[error("feature level {to} is not agreed on{}", holding(held_by))]
    NotSupported {
        /// The level that was proposed.
        to: FeatureLevel,
        /// Agents that are known to be older, and those that have not said.
        held_by: BTreeMap<AgentName, Option<FeatureLevel>>,
    },
    /// It would be lowered, or stay.
    #[error("the agents have agreed on feature level {agreed}: it only rises, and {to} is not above it")]
    NotAbove {
        /// The level that was proposed.
        to: FeatureLevel,
        /// The agreed one.
        agreed: FeatureLevel,
    },
}

impl FeatureLevel {
    /// Of everything that does not say.
    pub const FIRST: Self = Self(1);

    /// Whether it is the first.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.0 <= Self::FIRST.0
    }
}

impl Default for FeatureLevel {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for FeatureLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn holding(held_by: &BTreeMap<AgentName, Option<FeatureLevel>>) -> String {
    if held_by.is_empty() {
        return String::new();
    }
    let each = held_by.iter().map(|(agent, level)| match level {
        Some(level) => format!("`{agent}` understands {level}"),
        None => format!("`{agent}` has not said what it understands"),
    });
    format!(": {}; upgrade whoever is behind, or wait until it is heard", each.collect::<Vec<_>>().join(", "))
}

/// Those of `seated` who are not known to understand a level.
fn held_by<'a>(
    level: FeatureLevel,
    seated: impl IntoIterator<Item = &'a AgentName>,
    heard: &Heard,
) -> BTreeMap<AgentName, Option<FeatureLevel>> {
    let each = seated.into_iter().map(|agent| (agent.clone(), heard.get(agent).copied()));
    each.filter(|(_, known)| known.is_none_or(|known| known < level)).collect()
}

/// The highest level that all of `seated` were heard to understand; none if one of them was not heard.
#[must_use]
pub fn understood<'a>(
    seated: impl IntoIterator<Item = &'a AgentName>,
    heard: &Heard,
) -> Option<FeatureLevel> {
    let levels: Option<Vec<FeatureLevel>> =
        seated.into_iter().map(|agent| heard.get(agent).copied()).collect();
    levels?.into_iter().min()
}

/// Whether something that needs a level may be put into the log.
///
/// # Errors
/// When the agents have agreed on less, with those that hold it back.
pub fn permitted<'a>(
    needs: FeatureLevel,
    agreed: FeatureLevel,
    seated: impl IntoIterator<Item = &'a AgentName>,
    heard: &Heard,
) -> Result<(), LevelRefusal> {
    if needs <= agreed {
        return Ok(());
    }
    Err(LevelRefusal::NotAgreed { needs, agreed, held_by: held_by(needs, seated, heard) })
}

/// Whether the agreed level may be raised, by what the proposer has heard.
///
/// # Errors
/// When it would not rise, or somebody with a place in the cluster is not known to understand it.
pub fn raised<'a>(
    to: FeatureLevel,
    agreed: FeatureLevel,
    seated: impl IntoIterator<Item = &'a AgentName>,
    heard: &Heard,
) -> Result<(), LevelRefusal> {
    if to <= agreed {
        return Err(LevelRefusal::NotAbove { to, agreed });
    }
    let held_by = held_by(to, seated, heard);
    if held_by.is_empty() { Ok(()) } else { Err(LevelRefusal::NotSupported { to, held_by }) }
}
