//! What the actions on Route 53 say: a record that is edited, and a signal that is turned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fields of `route53.repoint`. One of `alias`, `values`, `weights` and `primary` is required: the first two say what a
/// simple record answers, the others which of several sets of one name answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route53Repoint {
    /// The hosted zone's id.
    pub zone: String,
    /// The record's fully qualified name, with or without the trailing dot.
    pub record: String,
    /// The record's type.
    #[serde(default, rename = "type")]
    pub kind: RecordKind,
    /// The alias target's DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The alias target's own hosted zone id; required with `alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_zone: Option<String>,
    /// Plain values instead of an alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Time to live of plain values, in seconds. An alias has none.
    #[serde(default = "ttl_default_s")]
    pub ttl_s: u32,
    /// The weight of every set of a weighted record, by its set identifier. At least one is above zero.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
    /// The set identifier of the failover record that becomes the primary one; the other becomes the secondary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
}

/// 60 s: what an alias to a load balancer has, so that both kinds converge alike.
pub(super) const fn ttl_default_s() -> u32 {
    60
}

/// Record types that can be repointed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RecordKind {
    /// IPv4 addresses, or an alias to something that has them.
    #[default]
    A,
    /// IPv6 addresses, or an alias to something that has them.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Another name.
    #[serde(rename = "CNAME")]
    Cname,
}

impl RecordKind {
    /// The type as DNS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            RecordKind::A => "A",
            RecordKind::Aaaa => "AAAA",
            RecordKind::Cname => "CNAME",
        }
    }
}

/// Fields of `route53.signal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route53Signal {
    /// The region that traffic shall go to, usually `{to}`.
    pub region: String,
    /// The record that follows the signal, for `quorate signal`, which sets it up and checks it. The step itself neither
    /// reads nor changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<SignalRecord>,
}

/// A record that follows a signal, and what it answers while traffic goes to the step's region. One of `alias` and
/// `values` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalRecord {
    /// The hosted zone's id.
    pub zone: String,
    /// The record's fully qualified name, with or without the trailing dot.
    pub name: String,
    /// The record's type.
    #[serde(default, rename = "type")]
    pub kind: RecordKind,
    /// The alias target's DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The alias target's own hosted zone id; required with `alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_zone: Option<String>,
    /// Plain values instead of an alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Time to live of plain values, in seconds. An alias has none.
    #[serde(default = "ttl_default_s")]
    pub ttl_s: u32,
}
