//! What one `dns.update` wants, checked whole before anything is read or sent: names that DNS can hold, values of the
//! record's type, and room for the epoch record. Pure.

use hickory_proto::rr::{
    Name, RData, RecordType,
    rdata::{A, AAAA, CNAME},
};
use quorate_aws::epoch_record_name;
use quorate_policies::plan::action::{DnsUpdate, RecordKind};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

/// One record, its answer, and where its epoch record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aim {
    /// The server's host.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// The zone.
    pub(super) zone: Name,
    /// The record's name.
    pub(super) name: Name,
    /// The record's type.
    pub(super) kind: RecordKind,
    /// What it shall answer, as it is sent.
    pub(super) values: Vec<RData>,
    /// Time to live, in seconds.
    pub(super) ttl_s: u32,
    /// Name of the epoch record.
    pub(super) fence: Name,
}

impl Aim {
    /// Checks an action.
    ///
    /// # Errors
    /// When no server could carry it out, whatever stands there.
    pub(super) fn new(action: &DnsUpdate) -> Result<Self, String> {
        let DnsUpdate { server, zone, name, kind, values, ttl_s, .. } = action;
        let (host, port) = DnsUpdate::address(server)
            .ok_or_else(|| format!("`{server}` is neither a host nor a host with a port"))?;
        let (zone, fence, name) = (absolute(zone)?, absolute(&epoch_record_name(name))?, absolute(name)?);
        if !zone.zone_of(&name) {
            return Err(format!("{} is not in the zone {}", plain(&name), plain(&zone)));
        }
        let values: Vec<RData> = values.iter().map(|value| data(*kind, value)).collect::<Result<_, _>>()?;
        match (kind, values.as_slice()) {
            // An empty answer is never published (R23).
            (_, []) => return Err(format!("{} would answer nothing", plain(&name))),
            (RecordKind::Cname, [_, _, ..]) => return Err("a CNAME has exactly one value".to_owned()),
            (RecordKind::Cname, [RData::CNAME(target)]) if target.0 == name => {
                return Err(format!("{} would point at itself", plain(&name)));
            }
            _ => {}
        }
        Ok(Self { host, port, zone, name, kind: *kind, values, ttl_s: *ttl_s, fence })
    }

    /// The record's type, as messages have it.
    pub(super) const fn record_type(&self) -> RecordType {
        match self.kind {
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::Cname => RecordType::CNAME,
        }
    }

    /// What it shall answer, in the form in which answers are compared.
    pub(super) fn answer(&self) -> BTreeSet<String> {
        self.values.iter().filter_map(text).collect()
    }
}

/// A name as a text says it, with or without the trailing dot.
fn absolute(text: &str) -> Result<Name, String> {
    let wrong = |error| format!("`{text}` is not a name: {error}");
    let mut name = Name::from_ascii(text).map_err(wrong)?;
    name.set_fqdn(true);
    if name.is_root() { Err(format!("`{text}` is the root of DNS")) } else { Ok(name.to_lowercase()) }
}

fn data(kind: RecordKind, value: &str) -> Result<RData, String> {
    let wrong = || format!("`{value}` is not a value of type {}", kind.as_str());
    match kind {
        RecordKind::A => value.parse::<Ipv4Addr>().map(|address| RData::A(A(address))).map_err(|_| wrong()),
        RecordKind::Aaaa => {
            value.parse::<Ipv6Addr>().map(|address| RData::AAAA(AAAA(address))).map_err(|_| wrong())
        }
        RecordKind::Cname => absolute(value).map(|name| RData::CNAME(CNAME(name))).map_err(|_| wrong()),
    }
}

/// A value in the form in which values are compared and noted; none of a type that is not moved.
pub(super) fn text(data: &RData) -> Option<String> {
    match data {
        RData::A(address) => Some(address.to_string()),
        RData::AAAA(address) => Some(address.to_string()),
        RData::CNAME(target) => Some(plain(&target.0)),
        _ => None,
    }
}

/// A name as a person writes it.
pub(super) fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn action() -> DnsUpdate {
        DnsUpdate {
            server: "192.0.2.53".into(),
            zone: "example.test".into(),
            name: "WWW.example.test.".into(),
            kind: RecordKind::A,
            values: vec!["192.0.2.2".into()],
            ttl_s: 60,
            key: "quorate.example.test".into(),
        }
    }

    /// Goal: a whole action becomes an aim in one form, however its names are spelt. Method: capitals and a dot.
    #[test]
    fn a_whole_action() {
        let aim = Aim::new(&action()).unwrap();
        assert_eq!((aim.host.as_str(), aim.port), ("192.0.2.53", 53));
        assert_eq!(plain(&aim.fence), "_quorate-epoch.www.example.test");
        assert_eq!(aim.answer(), BTreeSet::from(["192.0.2.2".to_owned()]));
        let name = vec!["East.example.test".to_owned()];
        let cname = DnsUpdate { kind: RecordKind::Cname, values: name, ..action() };
        assert_eq!(Aim::new(&cname).unwrap().answer(), BTreeSet::from(["east.example.test".to_owned()]));
    }

    /// Goal: what no server could carry out is told before anything is sent. Method: break one thing at a time.
    #[test]
    fn broken_actions() {
        type Change = fn(&mut DnsUpdate);
        let table: [(&str, Change); 9] = [
            ("neither a host", |a| a.server = "192.0.2.53:0".into()),
            ("is not a name", |a| a.zone = "exa..mple".into()),
            ("is the root", |a| a.zone = ".".into()),
            ("is not in the zone", |a| a.name = "www.example.net".into()),
            // No room for the label in front of it.
            ("is not a name", |a| a.name = format!("{}example.test", "a.".repeat(115))),
            ("would answer nothing", |a| a.values.clear()),
            ("not a value of type A", |a| a.values = vec!["2001:db8::1".into()]),
            ("exactly one value", |a| {
                (a.kind, a.values) = (RecordKind::Cname, vec!["a.test".into(), "b.test".into()]);
            }),
            ("point at itself", |a| {
                (a.kind, a.values) = (RecordKind::Cname, vec!["www.EXAMPLE.test".into()]);
            }),
        ];
        for (why, change) in table {
            let mut action = action();
            change(&mut action);
            let told = Aim::new(&action).unwrap_err();
            assert!(told.contains(why), "{why}: {told}");
        }
    }
}
