//! The messages: what is asked, the one update that moves the record and its epoch record together, and what a reply
//! says of both. RFC 2136 has the server carry out a whole update or nothing of it, and only while its prerequisites
//! hold: that is the compare-and-set. Pure.

use super::aim::{Aim, plain, text};
use hickory_proto::{
    op::{Message, OpCode, Query},
    rr::{DNSClass, Name, RData, Record, RecordType, rdata::TXT},
};
use quorate_aws::{EpochFence as Fence, EpochMark};
use quorate_policies::plan::{action::RecordKind, before::RecordBefore};
use std::collections::BTreeSet;

/// As long as the record's own default: whoever looks at both sees them age alike.
const FENCE_TTL_S: u32 = 60;

/// The records of one name and type, as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Held {
    pub(super) values: Vec<RData>,
    pub(super) ttl_s: u32,
}

/// What stands on the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct World {
    /// The record.
    pub(super) record: Held,
    /// The CNAME that stands at its name where addresses are wanted.
    pub(super) alias: Option<String>,
    /// The epoch record.
    pub(super) fence: Held,
}

/// Asks the server for what it has itself.
pub(super) fn question(name: &Name, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(name.clone(), kind));
    message
}

impl World {
    /// What two replies say: to the question for the record, and to the one for its epoch record.
    pub(super) fn of(aim: &Aim, record: &Message, fence: &Message) -> Self {
        let kind = aim.record_type();
        let alias = held(record, &aim.name, RecordType::CNAME).values.first().and_then(text);
        Self {
            record: held(record, &aim.name, kind),
            alias: alias.filter(|_| kind != RecordType::CNAME),
            fence: held(fence, &aim.fence, RecordType::TXT),
        }
    }

    /// What the record answers, in the form in which answers are compared.
    pub(super) fn answer(&self) -> BTreeSet<String> {
        self.record.values.iter().filter_map(text).collect()
    }

    /// What an undo goes back to.
    pub(super) fn before(&self) -> RecordBefore {
        if self.record.values.is_empty() {
            return RecordBefore::Absent;
        }
        RecordBefore::Values { values: self.answer().into_iter().collect(), ttl_s: self.record.ttl_s }
    }

    /// Who moved the record last.
    pub(super) fn fence(&self) -> Fence {
        let strings: Vec<String> = self.fence.values.iter().map(strings).collect();
        match strings.as_slice() {
            [] => Fence::Absent,
            [one] => one.parse().map_or_else(|_| Fence::Foreign(one.clone()), Fence::Marked),
            several => Fence::Foreign(several.join("` and `")),
        }
    }
}

/// The records of that very name: an alias may bring those of another one along.
fn held(reply: &Message, name: &Name, kind: RecordType) -> Held {
    let own = reply.answers.iter().filter(|record| record.name == *name && record.record_type() == kind);
    let own: Vec<&Record> = own.collect();
    Held {
        values: own.iter().map(|record| record.data.clone()).collect(),
        ttl_s: own.iter().map(|record| record.ttl).min().unwrap_or_default(),
    }
}

/// The text of a TXT record. A mark is one string; several are joined as a person reads them, and are none.
fn strings(data: &RData) -> String {
    let RData::TXT(txt) = data else { return String::new() };
    let strings = txt.txt_data.iter().map(|string| String::from_utf8_lossy(string).into_owned());
    strings.collect::<Vec<_>>().join("\" \"")
}

/// The one update: only while both records are as they were read, both are replaced.
pub(super) fn update(aim: &Aim, mark: &EpochMark, world: &World) -> Message {
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    // In an update the four sections are zone, prerequisites, updates and additional (RFC 2136, section 2).
    message.add_query(Query::query(aim.zone.clone(), RecordType::SOA));
    let kind = aim.record_type();
    message.add_answers(unchanged(&aim.fence, RecordType::TXT, &world.fence));
    match (aim.kind, world.record.values.is_empty()) {
        // A server leaves an addition out, without a word, that would set a CNAME beside other records.
        (RecordKind::Cname, true) => {
            message.add_answer(mention(&aim.name, RecordType::ANY, DNSClass::NONE));
        }
        (RecordKind::A | RecordKind::Aaaa, true) => {
            message.add_answer(mention(&aim.name, RecordType::CNAME, DNSClass::NONE));
            message.add_answers(unchanged(&aim.name, kind, &world.record));
        }
        (RecordKind::A | RecordKind::Aaaa | RecordKind::Cname, false) => {
            message.add_answers(unchanged(&aim.name, kind, &world.record));
        }
    }
    let mark = RData::TXT(TXT::new(vec![mark.to_string()]));
    message.add_authority(mention(&aim.fence, RecordType::TXT, DNSClass::ANY));
    message.add_authority(Record::from_rdata(aim.fence.clone(), FENCE_TTL_S, mark));
    message.add_authority(mention(&aim.name, kind, DNSClass::ANY));
    let values = aim.values.iter().cloned();
    message.add_authorities(values.map(|value| Record::from_rdata(aim.name.clone(), aim.ttl_s, value)));
    message
}

/// The prerequisite that records are as they were read: these and no others (2.4.2), or none (2.4.3).
fn unchanged(name: &Name, kind: RecordType, held: &Held) -> Vec<Record> {
    if held.values.is_empty() {
        return vec![mention(name, kind, DNSClass::NONE)];
    }
    held.values.iter().map(|value| Record::from_rdata(name.clone(), 0, value.clone())).collect()
}

/// A name and type without a value. As a prerequisite class NONE means that there is no such record, as an update class
/// ANY deletes all of them.
fn mention(name: &Name, kind: RecordType, class: DNSClass) -> Record {
    let mut record = Record::update0(name.clone(), 0, kind);
    record.dns_class = class;
    record
}

/// What an update changes, in one line.
pub(super) fn summary(aim: &Aim, mark: &EpochMark) -> String {
    let values: Vec<String> = aim.answer().into_iter().collect();
    format!("{} {} {} under {mark}", plain(&aim.name), aim.kind.as_str(), values.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{super::aim::tests::action, *};
    use hickory_proto::serialize::binary::BinEncodable as _;
    use quorate_policies::plan::action::DnsUpdate;
    use std::fmt::Write as _;

    fn mark() -> EpochMark {
        EpochMark::new(5, "shop-5", 1).unwrap()
    }

    fn txt(text: &str) -> Held {
        Held { values: vec![RData::TXT(TXT::new(vec![text.to_owned()]))], ttl_s: 60 }
    }

    fn addresses(addresses: &[&str]) -> Held {
        let value = |text: &&str| RData::A(hickory_proto::rr::rdata::A(text.parse().unwrap()));
        Held { values: addresses.iter().map(value).collect(), ttl_s: 30 }
    }

    fn told(message: &Message) -> String {
        // Through the wire: what is sent is what is shown.
        let message = Message::from_vec(&message.to_bytes().unwrap()).unwrap();
        let mut text = format!("{:?}, recursion {}\n", message.op_code, message.recursion_desired);
        for query in &message.queries {
            writeln!(text, "  zone {} {}", query.name(), query.query_type()).unwrap();
        }
        for (section, records) in [("needs", &message.answers), ("does", &message.authorities)] {
            for record in records {
                let Record { name, dns_class, ttl, data, .. } = record;
                let value = if matches!(data, RData::Update0(_)) { "-".to_owned() } else { data.to_string() };
                let kind = record.record_type();
                writeln!(text, "  {section} {name} {ttl} {dns_class} {kind} {value}").unwrap();
            }
        }
        text
    }

    /// Goal: the update says exactly what must still stand and what shall, for the first move, a later one, and each kind
    /// of record that is not there yet. Method: the messages as text, after a way over the wire.
    #[test]
    fn the_update() {
        let aim = Aim::new(&action()).unwrap();
        let cname =
            DnsUpdate { kind: RecordKind::Cname, values: vec!["west.example.test".into()], ..action() };
        let first = World { record: addresses(&["192.0.2.1", "192.0.2.9"]), ..World::default() };
        let later = World { fence: txt("epoch=4 execution=shop-4 attempt=2"), ..first.clone() };
        let nothing = World::default();
        let rows = [
            ("first", &aim, first),
            ("later", &aim, later),
            ("no record", &aim, nothing.clone()),
            ("no record, a CNAME", &Aim::new(&cname).unwrap(), nothing),
        ];
        let mut text = String::new();
        for (what, aim, world) in rows {
            writeln!(text, "{what}: {}", told(&update(aim, &mark(), &world))).unwrap();
        }
        insta::assert_snapshot!(text);
    }

    /// Goal: a reply is read by its own name and type alone. Method: an alias that brings another name's address along.
    #[test]
    fn an_alias_is_not_the_record() {
        let aim = Aim::new(&action()).unwrap();
        let other = Name::from_ascii("east.example.test.").unwrap();
        let alias = RData::CNAME(hickory_proto::rr::rdata::CNAME(other.clone()));
        let mut reply = question(&aim.name, RecordType::A);
        reply.add_answer(Record::from_rdata(aim.name.clone(), 60, alias));
        reply.add_answer(Record::from_rdata(other, 60, addresses(&["192.0.2.1"]).values[0].clone()));
        let world = World::of(&aim, &reply, &question(&aim.fence, RecordType::TXT));
        assert_eq!(world.alias.as_deref(), Some("east.example.test"));
        assert_eq!((world.before(), world.fence()), (RecordBefore::Absent, Fence::Absent));
    }

    /// Goal: only one string of the right form is a mark (R7). Method: a mark, another text, two records, two strings.
    #[test]
    fn what_is_a_mark() {
        let fence = |fence| World { fence, ..World::default() }.fence();
        assert_eq!(fence(txt(&mark().to_string())), Fence::Marked(mark()));
        assert_eq!(fence(txt("v=spf1 -all")), Fence::Foreign("v=spf1 -all".to_owned()));
        let mut two = txt(&mark().to_string());
        two.values.push(txt("more").values[0].clone());
        assert!(matches!(fence(two), Fence::Foreign(_)));
        let split = vec!["epoch=5 execution=shop-5".to_owned(), "attempt=1".to_owned()];
        assert!(matches!(
            fence(Held { values: vec![RData::TXT(TXT::new(split))], ttl_s: 60 }),
            Fence::Foreign(_)
        ));
    }
}
