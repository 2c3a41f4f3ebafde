//! One Route 53 hosted zone: its record sets as the API shows them, the changes on their way, and the older
//! state that DNS still answers from. Time is an argument. Validation is in `change`, DNS answers are in
//! `answer`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::world::refusal::Refusal;
use crate::world::route53::ZoneInfo;
use routing::Routing;

pub mod answer;
pub mod change;
pub mod routing;

/// One resource record set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Fully qualified, lower case, with the trailing dot.
    pub name: String,
    /// The type as DNS writes it: `A`, `TXT` and so on.
    pub kind: String,
    /// Time to live in seconds; an alias has none.
    pub ttl_s: Option<u32>,
    /// Values in zone-file form; an alias has none.
    pub values: Vec<String>,
    /// The target, for an alias.
    pub alias: Option<AliasTarget>,
    /// How it is one of several.
    #[serde(flatten)]
    pub routing: Routing,
}

/// What an alias points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasTarget {
    /// The hosted zone that the target lies in.
    pub zone: String,
    /// The target's name, lower case, with the trailing dot.
    pub name: String,
    /// Whether Route 53 should look at the target's health.
    pub evaluate_target_health: bool,
}

/// Order of record sets: the name's labels from the right, then the type, then the set identifier, which is
/// empty for simple routing.
pub type RecordKey = (Vec<String>, String, String);
type Records = BTreeMap<RecordKey, RecordSet>;

impl RecordSet {
    /// Where the set stands in the zone's order.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        key(&self.name, &self.kind, self.routing.set_identifier.as_deref().unwrap_or_default())
    }
}

fn key(name: &str, kind: &str, set_identifier: &str) -> RecordKey {
    let labels = name.trim_end_matches('.').rsplit('.').map(str::to_owned).collect();
    (labels, kind.to_owned(), set_identifier.to_owned())
}

/// A name as the zone stores it: lower case, with the trailing dot.
#[must_use]
pub fn normal_name(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

/// Progress of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeInfo {
    /// The change's id, unique within the zone's life.
    pub id: String,
    /// When it was accepted, in milliseconds.
    pub submitted_ms: u64,
    /// When DNS answers by it, in milliseconds.
    pub insync_ms: u64,
    /// The caller's comment.
    pub comment: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The sets, in order.
    pub records: Vec<RecordSet>,
    /// Name, type and set identifier of the first set that did not fit.
    pub next: Option<(String, String, Option<String>)>,
    /// The page size that was applied.
    pub max_items: usize,
}

/// A load balancer that aliases may point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its region.
    pub region: String,
    /// Its name, lower case, with the trailing dot.
    pub name: String,
    /// Its own hosted zone id.
    pub zone: String,
}

/// A hosted zone.
#[derive(Debug, Clone)]
pub struct Zone {
    /// The zone's id.
    pub id: String,
    /// The zone's name, with the trailing dot.
    pub name: String,
    load_balancers: Vec<LoadBalancer>,
    records: Arc<Records>,
    served: Arc<Records>,
    pending: VecDeque<(u64, Arc<Records>)>,
    changes: VecDeque<ChangeInfo>,
    pending_ms: u64,
    alias_ttl_s: u32,
}

/// 300: the most that ListResourceRecordSets answers, and its default.
const PAGE_MAX: usize = 300;
/// A thousand changes are remembered: a failover makes two, and an older id answers `NoSuchChange`.
const CHANGES_MAX: usize = 1_000;

impl Zone {
    /// A zone with the SOA and NS records that Route 53 makes. `pending_ms` is how long a change is
    /// `PENDING`.
    #[must_use]
    pub fn new(
        id: &str,
        name: &str,
        load_balancers: Vec<LoadBalancer>,
        pending_ms: u64,
        alias_ttl_s: u32,
    ) -> Self {
        let name = normal_name(name);
        let fixed = |kind: &str, ttl_s: u32, value: String| RecordSet {
            name: name.clone(),
            kind: kind.into(),
            ttl_s: Some(ttl_s),
            values: vec![value],
            alias: None,
            routing: Routing::default(),
        };
        // The SOA's minimum bounds how long resolvers remember that a name does not exist, so it follows the
        // TTL that was chosen for answers instead of Route 53's day.
        let soa = format!("ns-1.{name} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 {alias_ttl_s}");
        let records = [fixed("NS", 172_800, format!("ns-1.{name}")), fixed("SOA", 900, soa)];
        let records: Arc<Records> = Arc::new(records.into_iter().map(|set| (set.key(), set)).collect());
        Zone {
            id: id.into(),
            served: Arc::clone(&records),
            pending: VecDeque::new(),
            changes: VecDeque::new(),
            name,
            load_balancers,
            records,
            pending_ms,
            alias_ttl_s,
        }
    }

    /// Lets DNS answer by every change that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        while let Some((_, records)) = self.pending.pop_front_if(|(due_ms, _)| *due_ms <= now_ms) {
            self.served = records;
        }
    }

    /// Puts a record set in place before the world begins, without a change.
    pub(crate) fn seed(&mut self, set: RecordSet) {
        Arc::make_mut(&mut self.records).insert(set.key(), set);
        self.served = Arc::clone(&self.records);
    }

    /// Lists record sets from a name, type and set identifier on.
    ///
    /// # Errors
    /// `InvalidInput` for a type without a name, or a set identifier without a type.
    pub fn list(
        &self,
        name: Option<&str>,
        kind: Option<&str>,
        identifier: Option<&str>,
        max_items: Option<usize>,
    ) -> Result<Page, Refusal> {
        if identifier.is_some() && kind.is_none() {
            let message = "A record set identifier cannot be specified without a record type.";
            return Err(Refusal::bad("InvalidInput", message));
        }
        let from = match (name, kind) {
            (None, Some(_)) => {
                return Err(Refusal::bad(
                    "InvalidInput",
                    "A record type cannot be specified without a record name.",
                ));
            }
            (None, None) => (Vec::new(), String::new(), String::new()),
            (Some(name), kind) => {
                key(&normal_name(name), kind.unwrap_or_default(), identifier.unwrap_or_default())
            }
        };
        let max_items = max_items.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
        let mut rest = self.records.range(from..).map(|(_, set)| set);
        let records: Vec<RecordSet> = rest.by_ref().take(max_items).cloned().collect();
        let next = rest.next().map(|set| {
            let identifier = set.routing.set_identifier.clone();
            (set.name.clone(), set.kind.clone(), identifier)
        });
        Ok(Page { records, next, max_items })
    }

    /// Progress of a change, by its id.
    ///
    /// # Errors
    /// `NoSuchChange`.
    pub fn change_info(&self, id: &str) -> Result<ChangeInfo, Refusal> {
        let found = self.changes.iter().find(|change| change.id == id).cloned();
        found.ok_or_else(|| {
            Refusal::new(404, "NoSuchChange", format!("Could not find resource with ID: /change/{id}"))
        })
    }

    /// Whether a name is one of the zone's own servers.
    #[must_use]
    pub fn is_name_server(&self, name: &str) -> bool {
        let name = normal_name(name);
        self.info().name_servers.iter().any(|server| normal_name(server) == name)
    }

    /// The zone as the API shows it.
    #[must_use]
    pub fn info(&self) -> ZoneInfo {
        let servers = self.records.get(&key(&self.name, "NS", "")).map_or(&[][..], |set| &set.values);
        ZoneInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            records: self.records.len(),
            name_servers: servers.iter().map(|name| name.trim_end_matches('.').to_owned()).collect(),
        }
    }

    /// Every record set as the API shows it.
    #[must_use]
    pub fn all(&self) -> Vec<RecordSet> {
        self.records.values().cloned().collect()
    }

    /// Changes that DNS does not answer by yet.
    #[must_use]
    pub fn pending_changes(&self, now_ms: u64) -> Vec<ChangeInfo> {
        self.changes.iter().filter(|change| change.insync_ms > now_ms).cloned().collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn zone() -> Zone {
        let balancer = |region: &str, zone: &str| LoadBalancer {
            region: region.into(),
            name: format!("alb.{region}.shop.test."),
            zone: zone.into(),
        };
        let balancers = vec![balancer("us-east-1", "Z35SXDOTRQ7X7K"), balancer("us-west-2", "Z1H1FL5HABSF5")];
        let mut zone = Zone::new("ZSHOP", "shop.test", balancers, 500, 5);
        zone.seed(alias("www.shop.test.", "us-east-1"));
        zone.seed(alias("api.us-east-1.shop.test.", "us-east-1"));
        zone
    }

    pub(crate) fn alias(name: &str, region: &str) -> RecordSet {
        let zone = crate::options::load_balancer_zone(region).unwrap().to_owned();
        let name_of_target = format!("alb.{region}.shop.test.");
        let target = AliasTarget { zone, name: name_of_target, evaluate_target_health: false };
        RecordSet {
            name: name.into(),
            kind: "A".into(),
            ttl_s: None,
            values: vec![],
            alias: Some(target),
            routing: Routing::default(),
        }
    }

    pub(crate) fn values(name: &str, kind: &str, ttl_s: u32, values: &[&str]) -> RecordSet {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        RecordSet {
            name: name.into(),
            kind: kind.into(),
            ttl_s: Some(ttl_s),
            values,
            alias: None,
            routing: Routing::default(),
        }
    }

    /// Goal: sets are listed by labels from the right and then by type, and pages join without gap or repeat.
    /// Method: list in pages of two, following the next pointer.
    #[test]
    fn listing_follows_dns_order_in_pages() {
        let zone = zone();
        let (mut names, mut next) = (Vec::new(), None::<(String, String, Option<String>)>);
        loop {
            let (name, kind) = next.clone().map(|(name, kind, _)| (name, kind)).unzip();
            let page = zone.list(name.as_deref(), kind.as_deref(), None, Some(2)).unwrap();
            assert!(page.records.len() <= 2);
            names.extend(page.records.into_iter().map(|set| format!("{} {}", set.name, set.kind)));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let expected = ["shop.test. NS", "shop.test. SOA", "api.us-east-1.shop.test. A", "www.shop.test. A"];
        assert_eq!(names, expected);
    }

    /// Goal: a listing starts at the name that is asked for or the next one, whatever its case and trailing
    /// dot, and a type alone is refused.
    /// Method: list from names that exist and that do not.
    #[test]
    fn listing_starts_where_it_is_asked_to() {
        let zone = zone();
        let first =
            |name, kind| zone.list(name, kind, None, Some(1)).map(|page| page.records.first().cloned());
        assert_eq!(first(Some("WWW.shop.test"), Some("A")).unwrap().unwrap().name, "www.shop.test.");
        assert_eq!(first(Some("v.shop.test."), None).unwrap().unwrap().name, "www.shop.test.");
        assert_eq!(first(Some("www.shop.test."), Some("TXT")).unwrap(), None);
        assert_eq!(first(None, Some("A")).unwrap_err().code, "InvalidInput");
        assert_eq!(zone.list(None, None, None, Some(0)).unwrap().max_items, 1);
    }
}
