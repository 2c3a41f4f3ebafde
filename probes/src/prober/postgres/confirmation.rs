//! What a server's answer says about confirmations: whose a primary's commits wait for, and under which name a standby
//! confirms. What is not certain is not said (R7); the statement asks, and the node makes something of it.

use quorate_policies::postgres::{Confirmation, all_of};

/// By which parameters of its connection a standby is named, the one that goes before first. The second is
/// `cluster_name`, or else `walreceiver`.
const NAMED_BY: [&str; 2] = ["application_name", "fallback_application_name"];

/// Of a primary: the standbys without which it acknowledges no commit.
pub(super) fn asked<'a>(column: &dyn Fn(&str) -> Option<&'a str>) -> Option<Confirmation> {
    let certain = |name| column(name) == Some("true");
    if !["settled", "commits", "everybody"].into_iter().all(certain) {
        return None;
    }
    let of = all_of(column("names")?);
    // Two that have one name confirm for each other, and may both be taken before a third.
    let connected: Vec<String> =
        column("senders").unwrap_or_default().lines().map(str::to_ascii_lowercase).collect();
    let twice = |name: &String| connected.iter().filter(|other| *other == name).count() > 1;
    if of.is_empty() || of.iter().any(twice) {
        return None;
    }
    Some(Confirmation::Asked { of, loaded: column("loaded")?.to_owned() })
}

/// Of a standby: its name, while it has a connection to its primary and the account may see it.
pub(super) fn given<'a>(column: &dyn Fn(&str) -> Option<&'a str>) -> Option<Confirmation> {
    let conninfo = column("conninfo")?;
    let name = NAMED_BY.into_iter().find_map(|key| parameter(conninfo, key))?;
    Some(Confirmation::Given { name: name.to_ascii_lowercase() })
}

/// PostgreSQL writes `key=value key=value` here, without quotes: a value with a space in it goes on until the next word
/// that has a `=`.
fn parameter(conninfo: &str, key: &str) -> Option<String> {
    let mut words = conninfo.split(' ').skip_while(|word| !is_of(word, key));
    let first = words.next()?.split_once('=')?.1;
    let rest = words.take_while(|word| !word.contains('='));
    Some([first].into_iter().chain(rest).collect::<Vec<_>>().join(" "))
}

fn is_of(word: &str, key: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: commits are said to wait only when everything that this depends on is certain. Method: one answer in which it
    /// is, and each part of it changed.
    #[test]
    fn what_a_primary_asks_for() {
        let certain = [
            ("settled", "true"),
            ("commits", "true"),
            ("everybody", "true"),
            ("names", "FIRST 2 (West, north)"),
            ("loaded", "1763778000.5"),
            ("senders", "west\nNorth\npg_basebackup\npg_basebackup"),
        ];
        let told = |change: Option<(&str, Option<&'static str>)>| {
            asked(&|name| match change {
                Some((changed, value)) if changed == name => value,
                _ => certain.iter().find(|(column, _)| *column == name).map(|(_, value)| *value),
            })
        };
        let of = vec!["west".to_owned(), "north".to_owned()];
        let expected = Some(Confirmation::Asked { of, loaded: "1763778000.5".to_owned() });
        assert_eq!(told(None), expected);
        assert_eq!(told(Some(("senders", None))), expected, "nobody is connected: nothing is acknowledged");
        for (column, value) in [
            ("settled", Some("false")),
            ("settled", None),
            ("commits", Some("false")),
            ("everybody", Some("false")),
            ("names", Some("ANY 1 (west, north)")),
            ("names", None),
            ("loaded", None),
            ("senders", Some("west\nnorth\nWEST")),
        ] {
            assert_eq!(told(Some((column, value))), None, "{column} {value:?}");
        }
    }

    /// Goal: a standby's name is the one that its primary knows it by. Method: connections as PostgreSQL shows them.
    #[test]
    fn how_a_standby_is_named() {
        let told =
            |conninfo: Option<&'static str>| match given(&|name| conninfo.filter(|_| name == "conninfo"))? {
                Confirmation::Given { name } => Some(name),
                Confirmation::Asked { .. } => None,
            };
        for (conninfo, name) in [
            (Some("user=a application_name=West fallback_application_name=walreceiver sslmode=x"), "west"),
            (Some("user=a fallback_application_name=walreceiver"), "walreceiver"),
            (Some("application_name=my west one port=5432"), "my west one"),
        ] {
            assert_eq!(told(conninfo).as_deref(), Some(name), "{conninfo:?}");
        }
        assert_eq!(told(Some("user=a host=application_name")), None);
        assert_eq!(told(None), None);
    }
}
