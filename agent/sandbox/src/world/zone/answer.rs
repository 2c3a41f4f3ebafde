//! What DNS answers from the zone as it is served: aliases are followed as Route 53 does, and a missing name
//! differs from a missing type. It knows no vantage: an address of a load balancer is left as its region.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::routing::{self, Look};
use super::{RecordSet, Zone, change, key, normal_name};

/// Data of one answered record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerData {
    /// The address of a region's load balancer, which differs by vantage.
    LoadBalancer(String),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// The strings of a TXT record.
    Text(Vec<String>),
    /// The name in a CNAME or NS record.
    Name(String),
    /// The fields of a SOA record.
    Authority {
        /// Primary name server.
        server: String,
        /// Mailbox in name form.
        mailbox: String,
        /// Serial, refresh, retry, expire and minimum, in seconds but for the first.
        numbers: [u32; 5],
    },
}

/// One answered record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The record's own name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Time to live in seconds.
    pub ttl_s: u32,
    /// Its data.
    pub data: AnswerData,
}

/// An answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The name lies outside the zone.
    NotOurs,
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// The name exists without this type (NODATA).
    NoData,
    /// The records.
    Records(Vec<Answered>),
}

/// Eight: how many aliases or CNAMEs are followed before a loop is assumed.
const HOPS_MAX: usize = 8;

impl Zone {
    /// Answers one question from what is in sync.
    #[must_use]
    pub fn answer(&self, name: &str, kind: &str, look: &Look) -> Answer {
        let name = normal_name(name);
        if name != self.name && !name.ends_with(&format!(".{}", self.name)) {
            return Answer::NotOurs;
        }
        let mut records = Vec::new();
        self.collect((&name, &name, kind), look, &mut records, HOPS_MAX);
        match records.is_empty() {
            false => Answer::Records(records),
            true if self.exists(&name) => Answer::NoData,
            true => Answer::NoName,
        }
    }

    /// The zone's SOA, which goes with every negative answer.
    #[must_use]
    pub fn authority(&self) -> Vec<Answered> {
        let mut records = Vec::new();
        self.collect((&self.name, &self.name, "SOA"), &Look::default(), &mut records, 1);
        records
    }

    /// Collects the records of `name`, shown under `owner`: an alias answers with its target's data, its own
    /// name.
    fn collect(
        &self,
        (name, owner, kind): (&str, &str, &str),
        look: &Look,
        into: &mut Vec<Answered>,
        hops: usize,
    ) {
        if hops == 0 {
            return;
        }
        let record =
            |ttl_s, kind: &str, data| Answered { name: owner.into(), kind: kind.into(), ttl_s, data };
        if kind == "A"
            && let Some(balancer) = self.load_balancers.iter().find(|balancer| balancer.name == name)
        {
            into.push(record(self.alias_ttl_s, "A", AnswerData::LoadBalancer(balancer.region.clone())));
        } else if let Some(set) = self.chosen(name, kind, look, hops) {
            match &set.alias {
                Some(target) => self.collect((&target.name, owner, kind), look, into, hops - 1),
                None => into.extend(set.values.iter().filter_map(|value| {
                    Some(record(set.ttl_s.unwrap_or(self.alias_ttl_s), kind, data(kind, value)?))
                })),
            }
        } else if let Some(RecordSet { values, ttl_s, .. }) = self.chosen(name, "CNAME", look, hops) {
            for value in values {
                let target = normal_name(value);
                into.push(record(
                    ttl_s.unwrap_or(self.alias_ttl_s),
                    "CNAME",
                    AnswerData::Name(target.clone()),
                ));
                self.collect((&target, &target, kind), look, into, hops - 1);
            }
        }
    }

    /// The set of a name and type that answers.
    fn chosen(&self, name: &str, kind: &str, look: &Look, hops: usize) -> Option<&RecordSet> {
        let sets: Vec<&RecordSet> = routing::siblings(&self.served, name, kind).collect();
        routing::choose(&sets, look, |set| self.target_healthy(set, look, hops))
    }

    /// Whether what an alias points at is healthy, where the alias asks for that.
    fn target_healthy(&self, set: &RecordSet, look: &Look, hops: usize) -> bool {
        let Some(target) = set.alias.as_ref().filter(|target| target.evaluate_target_health) else {
            return true;
        };
        if let Some(balancer) = self.load_balancers.iter().find(|balancer| balancer.name == target.name) {
            return !look.dead_balancers.contains(&balancer.region);
        }
        let sets: Vec<&RecordSet> = routing::siblings(&self.served, &target.name, &set.kind).collect();
        let one =
            |set: &&RecordSet| look.passes(set) && (hops == 0 || self.target_healthy(set, look, hops - 1));
        sets.is_empty() || sets.iter().any(one)
    }

    /// Whether a name exists with any type, or lies above one that does.
    fn exists(&self, name: &str) -> bool {
        let labels = key(name, "", "").0;
        let below = self.served.range((labels.clone(), String::new(), String::new())..).next();
        let above_balancer =
            |balancer: &super::LoadBalancer| key(&balancer.name, "", "").0.starts_with(&labels);
        below.is_some_and(|((found, ..), _)| found.starts_with(&labels))
            || self.load_balancers.iter().any(above_balancer)
    }
}

fn data(kind: &str, value: &str) -> Option<AnswerData> {
    Some(match kind {
        "A" => AnswerData::Ipv4(value.parse().ok()?),
        "AAAA" => AnswerData::Ipv6(value.parse().ok()?),
        "TXT" => AnswerData::Text(change::answer_strings(value)?),
        "NS" | "CNAME" => AnswerData::Name(normal_name(value)),
        "SOA" => {
            let mut fields = value.split(' ');
            let (server, mailbox) = (fields.next()?.to_owned(), fields.next()?.to_owned());
            let numbers: Vec<u32> = fields.map_while(|field| field.parse().ok()).collect();
            AnswerData::Authority { server, mailbox, numbers: numbers.try_into().ok()? }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alias, values, zone};
    use super::*;

    fn only(answer: Answer) -> Answered {
        let Answer::Records(mut records) = answer else { panic!("no records: {answer:?}") };
        assert_eq!(records.len(), 1);
        records.remove(0)
    }

    /// Goal: an alias answers with its target's address under its own name and the alias TTL.
    /// Method: ask for the alias, an alias of the alias, and the load balancer itself.
    #[test]
    fn aliases_answer_as_their_target() {
        let mut zone = zone();
        let mut own = alias("first.shop.test.", "us-east-1");
        own.alias.as_mut().unwrap().name = "www.shop.test.".into();
        zone.seed(own);
        for name in ["www.shop.test", "first.shop.test.", "ALB.us-east-1.shop.test"] {
            let found = only(zone.answer(name, "A", &Look::default()));
            assert_eq!((found.name, found.ttl_s), (normal_name(name), 5));
            assert_eq!(found.data, AnswerData::LoadBalancer("us-east-1".into()));
        }
    }

    /// Goal: a missing type is NODATA, a missing name NXDOMAIN, a name above others NODATA, another zone
    /// refused.
    /// Method: ask one question of each kind.
    #[test]
    fn negative_answers_differ() {
        let zone = zone();
        assert_eq!(zone.answer("www.shop.test", "AAAA", &Look::default()), Answer::NoData);
        assert_eq!(zone.answer("alb.us-west-2.shop.test", "TXT", &Look::default()), Answer::NoData);
        assert_eq!(zone.answer("us-east-1.shop.test", "A", &Look::default()), Answer::NoData);
        assert_eq!(zone.answer("us-west-2.shop.test", "A", &Look::default()), Answer::NoData);
        assert_eq!(zone.answer("none.shop.test", "A", &Look::default()), Answer::NoName);
        assert_eq!(zone.answer("www.shop.testing", "A", &Look::default()), Answer::NotOurs);
        assert_eq!(zone.answer("othershop.test", "A", &Look::default()), Answer::NotOurs);
    }

    /// Goal: every type that the zone holds is answered in its own form, and a CNAME is followed.
    /// Method: seed one set of each.
    #[test]
    fn each_type_is_answered() {
        let mut zone = zone();
        zone.seed(values("t.shop.test.", "TXT", 9, &["\"a b\""]));
        zone.seed(values("c.shop.test.", "CNAME", 9, &["www.shop.test"]));
        assert_eq!(
            only(zone.answer("t.shop.test", "TXT", &Look::default())).data,
            AnswerData::Text(vec!["a b".into()])
        );
        let Answer::Records(followed) = zone.answer("c.shop.test", "A", &Look::default()) else {
            panic!("nothing followed")
        };
        let kinds: Vec<&str> = followed.iter().map(|record| record.kind.as_str()).collect();
        assert_eq!(kinds, ["CNAME", "A"]);
        assert!(
            matches!(&zone.authority()[0].data, AnswerData::Authority { numbers, .. } if numbers[4] == 5)
        );
    }
}
