//! Whether a goal fits what stands under the name: everything that Route 53 would refuse, or that would leave a name
//! without the answer that the plan means, found before anything is sent. Pure.

use std::collections::{BTreeMap, BTreeSet};

use quorate_policies::plan::action::RecordKind;

use super::answer::Answer;
use super::goal::Goal;
use super::name::{lies_in, normal_name};
use super::sets::{Record, World};

/// Why the goal does not fit, if it does not.
pub(super) fn misfit(goal: &Goal, world: &World) -> Option<String> {
    misplaced(goal, world).or_else(|| misshapen(goal, &world.record))
}

/// What is wrong with such a record at that place, whatever its answer.
fn misplaced(goal: &Goal, world: &World) -> Option<String> {
    let Goal { record, zone, kind, .. } = goal;
    if let Some(name) = &world.zone_name
        && !lies_in(&normal_name(record), name)
    {
        return Some(format!("{record} does not lie in zone {zone}, which is {name}"));
    }
    let list = |kinds: &BTreeSet<String>| kinds.iter().cloned().collect::<Vec<_>>().join(", ");
    match kind {
        RecordKind::Cname if world.beside.contains("SOA") => {
            Some(format!("{record} is the apex of its zone, where no CNAME may stand"))
        }
        RecordKind::Cname if !world.beside.is_empty() => Some(format!(
            "{record} has records of type {}, and a CNAME may not stand beside them",
            list(&world.beside)
        )),
        RecordKind::A | RecordKind::Aaaa if world.beside.contains("CNAME") => {
            Some(format!("{record} is a CNAME, and no {} record may stand beside it", kind.as_str()))
        }
        RecordKind::A | RecordKind::Aaaa | RecordKind::Cname => None,
    }
}

/// What is wrong with such an answer of the record that stands. Simple and routed sets do not mix under one name.
fn misshapen(goal: &Goal, standing: &Record) -> Option<String> {
    let record = &goal.record;
    match (&goal.answer, standing) {
        (_, Record::Other(policy)) => {
            Some(format!("{record} has a routing policy that no repoint moves: {policy}"))
        }
        (Answer::Alias { .. } | Answer::Values(_), Record::Absent | Record::Simple { .. }) => None,
        (Answer::Alias { .. } | Answer::Values(_), Record::Weighted(_)) => {
            Some(format!("{record} is weighted: it is moved by `weights`, not by a target"))
        }
        (Answer::Alias { .. } | Answer::Values(_), Record::Failover { .. }) => {
            Some(format!("{record} is a failover record: it is moved by `primary`, not by a target"))
        }
        (Answer::Weights(wanted), Record::Weighted(sets)) => unnamed(record, wanted, sets),
        (Answer::Weights(_), Record::Absent | Record::Simple { .. } | Record::Failover { .. }) => {
            Some(format!("{record} is not weighted: `weights` have no sets to weigh"))
        }
        (Answer::Primary(wanted), Record::Failover { primary, secondary, unchecked }) => {
            unpaired(record, wanted, primary, secondary).or_else(|| unhealthy(record, wanted, unchecked))
        }
        (Answer::Primary(_), Record::Absent | Record::Simple { .. } | Record::Weighted(_)) => {
            Some(format!("{record} is not a failover record: `primary` has no pair to turn"))
        }
    }
}

/// A set that is not named keeps its weight and goes on answering: the plan must say what it means with each.
fn unnamed(record: &str, wanted: &BTreeMap<String, u32>, sets: &BTreeMap<String, u32>) -> Option<String> {
    if let Some(missing) = wanted.keys().find(|set| !sets.contains_key(*set)) {
        return Some(format!("{record} has no set `{missing}`"));
    }
    let unnamed = sets.keys().find(|set| !wanted.contains_key(*set))?;
    Some(format!("`weights` of {record} does not name its set `{unnamed}`, which would go on answering"))
}

/// Turning needs two sets: with one alone, the other region would answer nothing.
fn unpaired(record: &str, wanted: &String, primary: &[String], secondary: &[String]) -> Option<String> {
    let (primaries, secondaries) = (primary.len(), secondary.len());
    if !primary.contains(wanted) && !secondary.contains(wanted) {
        return Some(format!("{record} has no set `{wanted}`"));
    }
    ((primaries, secondaries) != (1, 1)).then(|| {
        format!(
            "{record} has {primaries} primary and {secondaries} secondary sets: one of each is needed to turn them"
        )
    })
}

/// Route 53 takes a primary set of plain values only with a health check.
fn unhealthy(record: &str, wanted: &String, unchecked: &[String]) -> Option<String> {
    unchecked.contains(wanted).then(|| {
        format!("set `{wanted}` of {record} has plain values and no health check, so it may not be primary")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route53::epoch::EpochMark;
    use crate::route53::epoch::Fence;

    fn goal(answer: Answer) -> Goal {
        Goal {
            zone: "Z1".into(),
            record: "API.example.com".into(),
            kind: RecordKind::A,
            answer,
            ttl_s: 60,
            fence: "_quorate-epoch.api.example.com".into(),
            mark: EpochMark::new(5, "e5", 1).unwrap(),
        }
    }

    fn values() -> Answer {
        Answer::Values(["192.0.2.1".to_owned()].into())
    }

    fn weights(sets: &[&str]) -> BTreeMap<String, u32> {
        sets.iter().map(|&set| (set.to_owned(), 1)).collect()
    }

    fn world(record: Record) -> World {
        World { record, beside: BTreeSet::new(), zone_name: Some("example.com".into()), fence: Fence::Absent }
    }

    fn pair(primary: &[&str], secondary: &[&str]) -> Record {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Record::Failover {
            primary: names(primary),
            secondary: names(secondary),
            unchecked: names(&["plain"]),
        }
    }

    /// Goal: an answer fits only the record of its own shape, with all of its sets. Method: cross wishes with records.
    #[test]
    fn answers_and_shapes() {
        let simple = || Record::Simple { answer: values(), ttl_s: Some(60) };
        let wishes = [values(), Answer::Weights(weights(&["east", "west"])), Answer::Primary("west".into())];
        let table = [
            ("absent", Record::Absent, [true, false, false]),
            ("simple", simple(), [true, false, false]),
            ("weighted", Record::Weighted(weights(&["east", "west"])), [false, true, false]),
            ("a set too many", Record::Weighted(weights(&["east", "south", "west"])), [false; 3]),
            ("a set too few", Record::Weighted(weights(&["west"])), [false; 3]),
            ("failover", pair(&["east"], &["west"]), [false, false, true]),
            ("turned", pair(&["west"], &["east"]), [false, false, true]),
            ("other pair", pair(&["east"], &["south"]), [false; 3]),
            ("primary alone", pair(&["west"], &[]), [false; 3]),
            ("secondary alone", pair(&[], &["west"]), [false; 3]),
            ("latency", Record::Other("latency"), [false; 3]),
        ];
        for (what, record, fits) in table {
            let seen = wishes.clone().map(|wish| misfit(&goal(wish), &world(record.clone())).is_none());
            assert_eq!(seen, fits, "{what}");
        }
    }

    /// Goal: a set of plain values that nobody checks is not made primary. Method: ask for it, and for the other one.
    #[test]
    fn a_primary_is_checked() {
        let misfit =
            |set: &str| misfit(&goal(Answer::Primary(set.into())), &world(pair(&["plain"], &["east"])));
        assert!(misfit("plain").is_some_and(|why| why.contains("no health check")));
        assert_eq!(misfit("east"), None);
    }

    /// Goal: no record is sent to a place where it may not stand. Method: the neighbours and the zone, one at a time.
    #[test]
    fn places() {
        let misfit = |kind, beside: &[&str], zone: Option<&str>| {
            let goal = Goal { kind, ..goal(values()) };
            let beside = beside.iter().map(|&kind| kind.to_owned()).collect();
            let world = World { beside, zone_name: zone.map(str::to_owned), ..world(Record::Absent) };
            misfit(&goal, &world).unwrap_or_default()
        };
        let zone = Some("example.com");
        assert_eq!(misfit(RecordKind::A, &["AAAA", "TXT", "SOA"], zone), "");
        assert_eq!(misfit(RecordKind::Cname, &[], zone), "");
        assert_eq!(misfit(RecordKind::Cname, &[], None), "", "Route 53 itself is left to judge");
        assert!(misfit(RecordKind::Cname, &["NS", "SOA"], zone).contains("apex"));
        assert!(misfit(RecordKind::Cname, &["A"], zone).contains("may not stand beside"));
        assert!(misfit(RecordKind::Aaaa, &["CNAME"], zone).contains("is a CNAME"));
        assert!(misfit(RecordKind::A, &[], Some("example.org")).contains("does not lie in zone Z1"));
    }
}
