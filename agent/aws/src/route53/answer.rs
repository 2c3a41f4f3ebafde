//! What a record shall answer, checked for all that Route 53 would refuse and all that would answer nothing (R23),
//! before anything is read. Pure; what depends on the sets that stand is in `shape`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use quorate_policies::plan::action::{RecordKind, Route53Repoint};

use super::name::{is_name, normal_name, normal_value};

/// The largest weight of a set (API_ResourceRecordSet).
const WEIGHT_MAX: u32 = 255;
/// The largest time to live (API_ResourceRecordSet).
const TTL_S_MAX: u32 = 2_147_483_647;

/// What a record answers, in the one form in which answers are compared. A TTL is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Another name's addresses, resolved by Route 53.
    Alias {
        /// The target's name.
        name: String,
        /// The target's hosted zone.
        zone: String,
    },
    /// Plain values, in no order.
    Values(BTreeSet<String>),
    /// Several sets, by set identifier, each with its weight.
    Weights(BTreeMap<String, u32>),
    /// Two failover sets, of which this one is the primary.
    Primary(String),
}

/// Why no record can answer so, whatever the world looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    /// There is nothing to point at, or there are two things.
    #[error(
        "exactly one of `alias`, `values`, `weights` and `primary` is needed, and not blank: an empty answer is never published"
    )]
    Target,
    /// The alias target's zone is missing.
    #[error("`alias` needs `alias_zone`")]
    AliasZone,
    /// It would point at itself.
    #[error("it would point at itself and answer nothing")]
    Itself,
    /// A CNAME has one value.
    #[error("a CNAME has exactly one value")]
    Cname,
    /// A value that is none of the record's type.
    #[error("`{value}` is not a value of type {kind}")]
    Value {
        /// The value.
        value: String,
        /// The record's type.
        kind: &'static str,
    },
    /// The time to live is too long.
    #[error("a time to live of {0} s is above {TTL_S_MAX}")]
    Ttl(u32),
    /// A weight is too large.
    #[error("the weight {weight} of {set} is above {WEIGHT_MAX}")]
    Weight {
        /// The set identifier.
        set: String,
        /// Its weight.
        weight: u32,
    },
    /// All weights are zero.
    #[error("all weights are zero: Route 53 would then answer with every set alike")]
    Weightless,
}

impl Answer {
    /// Checks what an action wants.
    pub(super) fn new(action: &Route53Repoint) -> Result<Self, AnswerError> {
        let blank = |text: &String| text.trim().is_empty();
        match (&action.alias, action.values.as_slice(), action.weights.is_empty(), &action.primary) {
            (Some(name), [], true, None) if !blank(name) => alias(action, name),
            (None, [_, ..], true, None) if !action.values.iter().any(blank) => values(action),
            (None, [], false, None) if !action.weights.keys().any(blank) => weights(&action.weights),
            (None, [], true, Some(primary)) if !blank(primary) => Ok(Answer::Primary(primary.clone())),
            _ => Err(AnswerError::Target),
        }
    }
}

fn alias(action: &Route53Repoint, name: &str) -> Result<Answer, AnswerError> {
    let zone = action.alias_zone.as_deref().map(str::trim).filter(|zone| !zone.is_empty());
    let zone = zone.ok_or(AnswerError::AliasZone)?;
    let name = normal_name(name);
    if !is_name(&name) {
        return Err(AnswerError::Value { value: name, kind: "alias" });
    }
    if name == normal_name(&action.record) && zone == action.zone.trim() {
        return Err(AnswerError::Itself);
    }
    Ok(Answer::Alias { name, zone: zone.to_owned() })
}

fn values(action: &Route53Repoint) -> Result<Answer, AnswerError> {
    let Route53Repoint { kind, values, ttl_s, .. } = action;
    if *ttl_s > TTL_S_MAX {
        return Err(AnswerError::Ttl(*ttl_s));
    }
    let normal: BTreeSet<String> = values.iter().map(|value| normal_value(*kind, value)).collect();
    let fits = |value: &&String| match kind {
        RecordKind::A => value.parse::<Ipv4Addr>().is_ok(),
        RecordKind::Aaaa => value.parse::<Ipv6Addr>().is_ok(),
        RecordKind::Cname => is_name(value),
    };
    if let Some(value) = normal.iter().find(|value| !fits(value)) {
        return Err(AnswerError::Value { value: value.clone(), kind: kind.as_str() });
    }
    if *kind == RecordKind::Cname {
        if normal.len() != 1 || values.len() != 1 {
            return Err(AnswerError::Cname);
        }
        if normal.contains(&normal_name(&action.record)) {
            return Err(AnswerError::Itself);
        }
    }
    Ok(Answer::Values(normal))
}

fn weights(weights: &BTreeMap<String, u32>) -> Result<Answer, AnswerError> {
    if let Some((set, &weight)) = weights.iter().find(|(_, weight)| **weight > WEIGHT_MAX) {
        return Err(AnswerError::Weight { set: set.clone(), weight });
    }
    // Zero everywhere does not mean nothing: Route 53 then treats all sets as equal, the region that is left too.
    if weights.values().all(|weight| *weight == 0) {
        return Err(AnswerError::Weightless);
    }
    Ok(Answer::Weights(weights.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action() -> Route53Repoint {
        Route53Repoint {
            zone: "Z1".into(),
            record: "api.example.com".into(),
            kind: RecordKind::A,
            alias: None,
            alias_zone: None,
            values: Vec::new(),
            ttl_s: 60,
            weights: BTreeMap::new(),
            primary: None,
        }
    }

    fn plain(kind: RecordKind, values: &[&str]) -> Route53Repoint {
        Route53Repoint { kind, values: values.iter().map(|&value| value.into()).collect(), ..action() }
    }

    fn weighted(weights: &[(&str, u32)]) -> Route53Repoint {
        let weights = weights.iter().map(|&(set, weight)| (set.into(), weight)).collect();
        Route53Repoint { weights, ..action() }
    }

    fn alias(name: &str, zone: Option<&str>) -> Route53Repoint {
        Route53Repoint { alias: Some(name.into()), alias_zone: zone.map(Into::into), ..action() }
    }

    /// Goal: each kind of answer is taken in normal form. Method: one of each, oddly spelt.
    #[test]
    fn answers() {
        let aliased = Answer::Alias { name: "dr-alb.example.com".into(), zone: "Z2".into() };
        assert_eq!(Answer::new(&alias("DR-alb.example.com.", Some(" Z2 "))), Ok(aliased));
        let plain = Answer::new(&plain(RecordKind::Aaaa, &["2001:DB8:0::1", "2001:db8::1"]));
        assert_eq!(plain, Ok(Answer::Values(["2001:db8::1".to_owned()].into())));
        let weights = [("east".to_owned(), 0), ("west".to_owned(), 255)].into();
        assert_eq!(Answer::new(&weighted(&[("west", 255), ("east", 0)])), Ok(Answer::Weights(weights)));
        let primary = Route53Repoint { primary: Some("west".into()), ..action() };
        assert_eq!(Answer::new(&primary), Ok(Answer::Primary("west".into())));
    }

    /// Goal: nothing that Route 53 would refuse or that would answer nothing gets further (R23). Method: a table.
    #[test]
    fn what_is_refused() {
        let cname = |values: &[&str]| plain(RecordKind::Cname, values);
        let value = |value: &str, kind| AnswerError::Value { value: value.into(), kind };
        let both = Route53Repoint { values: vec!["192.0.2.1".into()], ..alias("b.test", Some("Z2")) };
        let two = Route53Repoint { primary: Some("west".into()), ..weighted(&[("west", 1)]) };
        let slow = Route53Repoint { ttl_s: u32::MAX, ..plain(RecordKind::A, &["192.0.2.1"]) };
        let heavy = AnswerError::Weight { set: "west".into(), weight: 256 };
        let table = [
            (action(), AnswerError::Target),
            (both, AnswerError::Target),
            (two, AnswerError::Target),
            (alias(" ", Some("Z2")), AnswerError::Target),
            (plain(RecordKind::A, &[""]), AnswerError::Target),
            (weighted(&[("", 1)]), AnswerError::Target),
            (Route53Repoint { primary: Some(String::new()), ..action() }, AnswerError::Target),
            (alias("b.test", None), AnswerError::AliasZone),
            (alias("b.test", Some(" ")), AnswerError::AliasZone),
            (alias("API.example.com.", Some("Z1")), AnswerError::Itself),
            (cname(&["api.example.com."]), AnswerError::Itself),
            (cname(&["a.test", "b.test"]), AnswerError::Cname),
            (cname(&["a.test", "a.test."]), AnswerError::Cname),
            (cname(&["a..test"]), value("a..test", "CNAME")),
            (plain(RecordKind::A, &["192.0.2.1", "192.0.2.256"]), value("192.0.2.256", "A")),
            (plain(RecordKind::A, &["2001:db8::1"]), value("2001:db8::1", "A")),
            (plain(RecordKind::Aaaa, &["192.0.2.1"]), value("192.0.2.1", "AAAA")),
            (slow, AnswerError::Ttl(u32::MAX)),
            (weighted(&[("east", 0), ("west", 0)]), AnswerError::Weightless),
            (weighted(&[("west", 256)]), heavy),
        ];
        for (action, error) in table {
            assert_eq!(Answer::new(&action), Err(error), "{action:?}");
        }
    }
}
