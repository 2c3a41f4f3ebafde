//! Whether an update would work if it were needed now, from what the server says. Pure. Whether the key may change the
//! record is not among it: a server tells that only to somebody who tries.

use super::{
    aim::{Aim, plain},
    judge::misfit,
    keys::KeyError,
    message::World,
    wire::Trouble,
};
use hickory_proto::{op::Message, rr::RecordType};
use quorate_aws::EpochFence as Fence;
use quorate_policies::readiness::Finding;

/// Above it, resolvers that remember the old answer are the longest part of a recovery.
const TTL_MAX_S: u32 = 60;

/// Why nothing can be signed.
pub(super) fn unsigned(error: &KeyError) -> Finding {
    let mend = match error {
        KeyError::Missing(key) => format!("add `tsig: {{{key}: {{secret_file: ...}}}}` to it"),
        KeyError::Unusable { .. } => "put the secret alone, in base64, into a file of mode 600".to_owned(),
    };
    Finding::blocking(error.to_string(), mend)
}

/// Why the server did not tell.
pub(super) fn unread(trouble: &Trouble) -> Finding {
    match trouble {
        Trouble::Key { what, mend } => Finding::blocking(what, mend),
        Trouble::Unfit(what) => {
            Finding::blocking(what, "name the zone's primary server in the policy, and let the key ask there")
        }
        Trouble::Unreached(_) | Trouble::Unanswered(_) => {
            Finding::unknown(trouble.to_string(), "let this agent reach the server's TCP port")
        }
    }
}

/// Whether the server has the zone itself.
pub(super) fn zone(aim: &Aim, reply: &Message) -> Option<Finding> {
    let apex = |record: &&hickory_proto::rr::Record| {
        record.record_type() == RecordType::SOA && record.name == aim.zone
    };
    let zone = plain(&aim.zone);
    reply.answers.iter().find(apex).is_none().then(|| {
        let what = format!("{zone} is no zone of the server {}", aim.host);
        Finding::blocking(what, "write the zone's own name, as its SOA record has it")
    })
}

/// The record and its epoch record beside what the step makes of them.
pub(super) fn record(aim: &Aim, world: &World) -> Vec<Finding> {
    let name = plain(&aim.name);
    let mut findings = Vec::new();
    if let Some(why) = misfit(aim, world) {
        findings.push(Finding::blocking(why, "write `type: CNAME`, or replace the record beforehand"));
    } else if world.record.values.is_empty() {
        let what = format!("{name} has no {} record: the step would create it", aim.kind.as_str());
        findings.push(Finding::warning(what, "create it beforehand, so that clients know it"));
    } else if world.record.ttl_s > TTL_MAX_S {
        let what = format!("{name} may be remembered for {} s by resolvers", world.record.ttl_s);
        findings.push(Finding::warning(what, format!("lower its time to live to {TTL_MAX_S} s or less")));
    }
    if let Fence::Foreign(text) = world.fence() {
        let what = format!("{} holds `{text}`, which is no epoch of ours", plain(&aim.fence));
        findings.push(Finding::blocking(what, "remove that record: the name belongs to the fence"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            aim::tests::action,
            message::{Held, question},
        },
        *,
    };
    use hickory_proto::rr::{
        RData, Record,
        rdata::{A, SOA, TXT},
    };

    fn held(value: RData, ttl_s: u32) -> Held {
        Held { values: vec![value], ttl_s }
    }

    /// Goal: each state of the records is told with its weight. Method: a table.
    #[test]
    fn states_of_the_records() {
        let aim = Aim::new(&action()).unwrap();
        let address = || RData::A(A::new(192, 0, 2, 1));
        let good = World { record: held(address(), 60), ..World::default() };
        let theirs = held(RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()])), 60);
        let ours = held(RData::TXT(TXT::new(vec!["epoch=4 execution=e4 attempt=1".to_owned()])), 60);
        let table = [
            (good.clone(), ""),
            (World { fence: ours, ..good.clone() }, ""),
            (World::default(), "warning: www.example.test has no A record"),
            (
                World { record: held(address(), 3_600), ..World::default() },
                "warning: www.example.test may be remembered for 3600 s",
            ),
            (
                World { alias: Some("x.test".into()), ..World::default() },
                "blocking: www.example.test is a CNAME to x.test",
            ),
            (
                World { fence: theirs, ..good },
                "blocking: _quorate-epoch.www.example.test holds `v=spf1 -all`",
            ),
        ];
        for (world, expected) in table {
            let found: Vec<String> = record(&aim, &world).iter().map(ToString::to_string).collect();
            let fits = if expected.is_empty() {
                found.is_empty()
            } else {
                found.len() == 1 && found[0].starts_with(expected)
            };
            assert!(fits, "{expected}: {found:?}");
        }
    }

    /// Goal: only an SOA at the zone's own name is its zone. Method: none, another zone's, and the right one.
    #[test]
    fn the_zone_is_the_servers() {
        let aim = Aim::new(&action()).unwrap();
        let soa = |owner: &str| {
            let name = |text: &str| hickory_proto::rr::Name::from_ascii(text).unwrap();
            let data = SOA::new(name("ns."), name("admin."), 1, 60, 60, 60, 60);
            let mut reply = question(&aim.zone, RecordType::SOA);
            reply.add_answer(Record::from_rdata(name(owner), 60, RData::SOA(data)));
            reply
        };
        assert!(zone(&aim, &question(&aim.zone, RecordType::SOA)).is_some());
        assert!(zone(&aim, &soa("test.")).is_some());
        assert_eq!(zone(&aim, &soa("EXAMPLE.test.")), None);
    }
}
