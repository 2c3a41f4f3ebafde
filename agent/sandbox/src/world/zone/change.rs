//! ChangeResourceRecordSets: a batch is checked as a whole against the zone's current state and then applied
//! as a whole, or refused with every reason. This is the compare-and-set that epoch fencing stands on, so it
//! must be at least as strict as Route 53.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AliasTarget, CHANGES_MAX, ChangeInfo, RecordKey, RecordSet, Records, Zone, normal_name, routing,
};
use crate::world::refusal::Refusal;

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeAction {
    /// Adds a set that does not exist.
    Create,
    /// Removes a set whose every current value is repeated.
    Delete,
    /// Adds or replaces a set.
    Upsert,
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What to do.
    pub action: ChangeAction,
    /// With which set; its name in any case, with or without the trailing dot.
    pub set: RecordSet,
}

/// Changes that are applied together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBatch {
    /// The caller's comment.
    pub comment: Option<String>,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

/// Route 53's own limits of one batch: records, and characters of values. An UPSERT counts double.
const RECORDS_MAX: usize = 1_000;
const CHARACTERS_MAX: usize = 32_000;
/// Types that the sandbox can serve.
const KINDS: [&str; 4] = ["A", "AAAA", "CNAME", "TXT"];

impl Zone {
    /// Applies a batch, and answers its progress and whether it changed anything. `id` must be new.
    ///
    /// # Errors
    /// `InvalidInput` for a malformed set, `InvalidChangeBatch` with every message otherwise. Nothing changed
    /// then.
    pub fn change(
        &mut self,
        batch: &ChangeBatch,
        id: String,
        now_ms: u64,
    ) -> Result<(ChangeInfo, bool), Refusal> {
        check_form(batch)?;
        let mut next = (*self.records).clone();
        let mut seen: BTreeMap<RecordKey, Vec<ChangeAction>> = BTreeMap::new();
        let mut messages = Vec::new();
        for change in &batch.changes {
            let set = normal_set(&change.set);
            let before = seen.entry(set.key()).or_default();
            // The same set twice in one batch is allowed only as its replacement.
            let allowed = before.is_empty()
                || (*before == [ChangeAction::Delete] && change.action == ChangeAction::Create);
            before.push(change.action);
            let applied = match allowed {
                true => self.apply(&mut next, change.action, set),
                false => Err(format!(
                    "The request contains an invalid set of changes for a resource record set '{} {}'",
                    set.kind, set.name
                )),
            };
            messages.extend(applied.err());
        }
        messages.extend(cname_conflicts(&next, &seen));
        if !messages.is_empty() {
            return Err(Refusal::bad("InvalidChangeBatch", format!("[{}]", messages.join(", "))));
        }
        let changed = next != *self.records;
        self.records = Arc::new(next);
        Ok((self.accept(id, batch.comment.clone(), now_ms), changed))
    }

    fn accept(&mut self, id: String, comment: Option<String>, now_ms: u64) -> ChangeInfo {
        let insync_ms = now_ms + self.pending_ms;
        let info = ChangeInfo { id, submitted_ms: now_ms, insync_ms, comment };
        self.pending.push_back((insync_ms, Arc::clone(&self.records)));
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(info.clone());
        self.advance(now_ms);
        info
    }

    /// Applies one change to `next`; the message of its refusal is in Route 53's words.
    fn apply(&self, next: &mut Records, action: ChangeAction, set: RecordSet) -> Result<(), String> {
        let label = match &set.routing.set_identifier {
            Some(id) => format!("[name='{}', type='{}', set identifier='{id}']", set.name, set.kind),
            None => format!("[name='{}', type='{}']", set.name, set.kind),
        };
        let inside = set.name == self.name || set.name.ends_with(&format!(".{}", self.name));
        if !inside {
            return Err(format!("RRSet with DNS name {} is not permitted in zone {}", set.name, self.name));
        }
        let current = next.get(&set.key());
        match (action, current) {
            (ChangeAction::Delete, None) => {
                Err(format!("Tried to delete resource record set {label} but it was not found"))
            }
            (ChangeAction::Delete, Some(current)) if !same(current, &set) => Err(format!(
                "Tried to delete resource record set {label} \
                 but the values provided do not match the current values"
            )),
            (ChangeAction::Delete, Some(_)) if set.kind == "NS" || set.kind == "SOA" => {
                Err(format!("A HostedZone must contain its own {} record for {}", set.kind, self.name))
            }
            (ChangeAction::Delete, Some(_)) => {
                next.remove(&set.key());
                Ok(())
            }
            (ChangeAction::Create, Some(_)) => {
                Err(format!("Tried to create resource record set {label} but it already exists"))
            }
            (ChangeAction::Create | ChangeAction::Upsert, _) => {
                self.check_values(next, &set)?;
                if let Some(conflict) = routing::conflict(next, &set, current) {
                    return Err(conflict);
                }
                next.insert(set.key(), set);
                Ok(())
            }
        }
    }

    fn check_values(&self, next: &Records, set: &RecordSet) -> Result<(), String> {
        if set.kind == "CNAME" && set.name == self.name {
            return Err(format!(
                "RRSet of type CNAME with DNS name {0} is not permitted at apex in zone {0}",
                self.name
            ));
        }
        if let Some(target) = &set.alias {
            return self.check_alias(next, set, target);
        }
        let mut distinct = BTreeSet::new();
        for value in &set.values {
            check_value(&set.kind, value)?;
            if !distinct.insert(value) {
                return Err(format!("Duplicate Resource Record: '{value}'"));
            }
        }
        Ok(())
    }

    /// An alias must name a load balancer by its own zone, or a set of this zone.
    fn check_alias(&self, next: &Records, set: &RecordSet, target: &AliasTarget) -> Result<(), String> {
        let tried = format!(
            "Tried to create an alias that targets {}, type {} in zone {}",
            target.name, set.kind, target.zone
        );
        let balancer = self.load_balancers.iter().find(|balancer| balancer.zone == target.zone);
        let exists = match balancer {
            Some(_) => {
                self.load_balancers.iter().any(|known| known.zone == target.zone && known.name == target.name)
            }
            None if target.zone == self.id => {
                routing::siblings(next, &target.name, &set.kind).next().is_some()
            }
            None => {
                return Err(format!(
                    "{tried}, but the alias target name does not lie within the target zone"
                ));
            }
        };
        if exists { Ok(()) } else { Err(format!("{tried}, but that target was not found")) }
    }
}

/// What Route 53 checks before it looks at the zone.
fn check_form(batch: &ChangeBatch) -> Result<(), Refusal> {
    if batch.changes.is_empty() {
        return Err(Refusal::bad(
            "InvalidInput",
            "Invalid XML ; the change batch must hold at least one change",
        ));
    }
    let (mut records, mut characters) = (0, 0);
    for Change { action, set } in &batch.changes {
        let action_name = format!("{action:?}").to_uppercase();
        let context = format!(
            "Change with [Action={action_name}, Name={}, Type={}, SetIdentifier={}]",
            set.name,
            set.kind,
            set.routing.set_identifier.as_deref().unwrap_or("null")
        );
        set.routing.check_form(&context)?;
        let plain = set.ttl_s.is_some() && !set.values.is_empty();
        let found = match (&set.alias, plain) {
            (Some(_), _) if set.ttl_s.is_some() || !set.values.is_empty() => Some("more than one"),
            (None, false) => Some("none"),
            _ => None,
        };
        if let Some(found) = found {
            let one_of = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
            let message =
                format!("Invalid request: Expected exactly one of {one_of}, but found {found} in {context}");
            return Err(Refusal::bad("InvalidInput", message));
        }
        if *action != ChangeAction::Delete && !KINDS.contains(&set.kind.as_str()) {
            return Err(Refusal::bad(
                "InvalidInput",
                format!("the sandbox serves {KINDS:?}, not the type of {context}"),
            ));
        }
        if set.name.starts_with('*') || set.name.starts_with("\\052") {
            return Err(Refusal::bad("InvalidInput", format!("the sandbox serves no wildcard: {context}")));
        }
        let weight = if *action == ChangeAction::Upsert { 2 } else { 1 };
        records += weight * set.values.len().max(1);
        characters += weight * set.values.iter().map(String::len).sum::<usize>();
    }
    for (count, max, what) in [(records, RECORDS_MAX, "records"), (characters, CHARACTERS_MAX, "characters")]
    {
        if count > max {
            return Err(Refusal::bad(
                "InvalidChangeBatch",
                format!("[Number of {what} limit of {max} exceeded.]"),
            ));
        }
    }
    Ok(())
}

fn normal_set(set: &RecordSet) -> RecordSet {
    let target = |target: &AliasTarget| AliasTarget { name: normal_name(&target.name), ..target.clone() };
    RecordSet { name: normal_name(&set.name), alias: set.alias.as_ref().map(target), ..set.clone() }
}

/// Whether a DELETE repeats the current set; the order of values does not count.
fn same(current: &RecordSet, asked: &RecordSet) -> bool {
    let sorted = |set: &RecordSet| {
        let mut set = set.clone();
        set.values.sort();
        set
    };
    sorted(current) == sorted(asked)
}

fn check_value(kind: &str, value: &str) -> Result<(), String> {
    let problem = match kind {
        "A" if value.parse::<Ipv4Addr>().is_err() => {
            "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
        }
        "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
            "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
        }
        "CNAME" if !is_name(value) => "DomainLabelEmpty (Domain label is empty)",
        "TXT" if answer_strings(value).is_none() => {
            "InvalidCharacterString (Value should be enclosed in quotation marks)"
        }
        _ => return Ok(()),
    };
    Err(format!("Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"))
}

fn is_name(value: &str) -> bool {
    let value = value.strip_suffix('.').unwrap_or(value);
    !value.is_empty() && value.split('.').all(|label| (1..=63).contains(&label.len()) && !label.contains(' '))
}

/// The strings of a TXT value such as `"a" "b"`; `None` if it is not one. Each has at most 255 bytes.
pub(super) fn answer_strings(value: &str) -> Option<Vec<String>> {
    let (mut strings, mut rest) = (Vec::new(), value.trim());
    while !rest.is_empty() {
        let mut string = String::new();
        let mut characters = rest.strip_prefix('"')?.char_indices();
        let end = loop {
            match characters.next()? {
                (index, '"') => break index + 1,
                (_, '\\') => string.push(characters.next()?.1),
                (_, character) => string.push(character),
            }
        };
        if string.len() > 255 {
            return None;
        }
        strings.push(string);
        rest = rest[end + 1..].trim_start();
    }
    (!strings.is_empty()).then_some(strings)
}

/// A CNAME must be alone under its name; only names that the batch touched are looked at.
fn cname_conflicts(next: &Records, touched: &BTreeMap<RecordKey, Vec<ChangeAction>>) -> Vec<String> {
    let names: BTreeSet<&Vec<String>> = touched.keys().map(|(labels, ..)| labels).collect();
    let conflict = |labels: &&Vec<String>| {
        let sets: Vec<&RecordSet> = next
            .range(((*labels).clone(), String::new(), String::new())..)
            .map(|(_, set)| set)
            .take_while(|set| set.key().0 == **labels)
            .collect();
        let others = sets.iter().any(|set| set.kind != "CNAME");
        let cname = sets.iter().find(|set| set.kind == "CNAME").filter(|_| others);
        cname.map(|set| set.name.clone())
    };
    let message = |name: String| {
        format!(
            "RRSet of type CNAME with DNS name {name} is not permitted \
             as it conflicts with other records with the same DNS name"
        )
    };
    names.iter().filter_map(conflict).map(message).collect()
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
