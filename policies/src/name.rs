//! Names as types, so that a region is never passed where an agent is meant. A name is 1 to 63 characters of
//! `a-z A-Z 0-9 - _ .`, so that it fits a DNS label's length, a metric label and a URL path without quoting. Its text is
//! shared: votes are counted ten times a second, and each names an agent, a check and a region.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Longest name, in bytes: the longest DNS label, because region names appear in host names.
pub const NAME_BYTES_MAX: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name; use 1 to {NAME_BYTES_MAX} characters of a-z A-Z 0-9 - _ .")]
pub struct NameError {
    /// The rejected text.
    pub text: String,
}

fn valid(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                if valid(&text) { Ok(Self(text.into())) } else { Err(NameError { text }) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// One always-on agent; unique in its cluster.
    AgentName;
    /// A failure domain in which a service can run.
    RegionName;
    /// What is failed over as a whole.
    ServiceName;
    /// A part of a service.
    ComponentName;
    /// A probe as the policy names it; with a region it makes a [`TargetName`].
    CheckName;
    /// A backup as the policy names it.
    BackupName;
    /// A drill as the policy names it.
    DrillName;
    /// A recovery plan of a policy.
    PlanName;
    /// A step of a plan.
    StepName;
    /// One thing to see to, in a checklist.
    ItemName;
    /// What an operator says when declaring a scenario.
    InputName;
    /// A way by which people are told.
    ChannelName;
    /// A message of a policy's own.
    MessageName;
    /// Somebody who can be reached, by role.
    ContactName;
    /// Where a service runs for which purpose, such as production.
    EnvironmentName;
}

/// One health endpoint in one region: a check, seen in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TargetName {
    /// The check.
    pub check: CheckName,
    /// The region that is probed.
    pub region: RegionName,
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.check, self.region)
    }
}

impl From<TargetName> for String {
    fn from(name: TargetName) -> String {
        name.to_string()
    }
}

impl TryFrom<String> for TargetName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        let Some((check, region)) = text.split_once('/') else { return Err(NameError { text }) };
        Ok(Self { check: CheckName::try_from(check)?, region: RegionName::try_from(region)? })
    }
}
