//! `dns.update` as an agent carries it out, against real BIND and real Knot: what it moves, who is refused, and what is
//! known when the way is bad. Needs Debian's `bind9` and `knot`, which `tests/run` installs.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod relay;
mod server;

use hickory_proto::rr::RecordType;
use quorate::effects::update::Updates;
use quorate_policies::{
    document::read_agent_file,
    effect::{Acted, EffectContext, Observed},
    plan::{
        Action, Before,
        action::{DnsUpdate, RecordKind},
        before::undo,
    },
    readiness::{Finding, FindingSeverity},
};
use relay::{Fate, Relay};
use server::{KEY, Kind, Server};

const EAST: &str = "192.0.2.1";
const WEST: &str = "192.0.2.2";
/// Rounds of two that move the same record at the same time.
const ROUNDS: u64 = 20;

/// An agent whose file has the server's key under these names.
fn agent(server: &Server, tsig: &str) -> Updates {
    server.secret_file("good", &format!("{}\n", server.secret));
    server.secret_file("bad", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let text = format!(
        "name: a\nregion: r\nmembers: {{a: {{region: r, address: '127.0.0.1:7951'}}}}\n\
         tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\ntsig: {{{tsig}}}\n"
    );
    Updates::new(&read_agent_file("agent.yaml", &text).unwrap(), server.home())
}

fn good_agent(server: &Server) -> Updates {
    agent(server, &format!("{KEY}: {{secret_file: good}}"))
}

/// Moves `www` to these addresses, over this port.
fn to(port: u16, values: &[&str]) -> DnsUpdate {
    DnsUpdate {
        server: format!("127.0.0.1:{port}"),
        zone: "example.test".to_owned(),
        name: "www.example.test".to_owned(),
        kind: RecordKind::A,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        ttl_s: 60,
        key: KEY.to_owned(),
    }
}

fn epoch(epoch: u64) -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: format!("shop-{epoch}"),
        epoch,
        attempt: 1,
        from: "east".to_owned(),
        to: "west".to_owned(),
        before: None,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

fn done(seen: &Observed) -> bool {
    matches!(seen, Observed::Done { .. })
}

fn accepted(acted: &Acted) -> bool {
    matches!(acted, Acted::Accepted { .. })
}

fn note(seen: Observed) -> Before {
    match seen {
        Observed::NotDone { before: Some(before), part: 0, .. } => before,
        other => panic!("{other:?}"),
    }
}

fn refused(acted: Acted, again: bool) -> String {
    match acted {
        Acted::Refused { reason, retryable } if retryable == again => reason,
        other => panic!("{other:?}"),
    }
}

/// What everybody is told: the record, and who moved it last.
fn stands(server: &Server) -> (Vec<String>, Vec<String>) {
    (server.ask("www", RecordType::A), server.ask("_quorate-epoch.www", RecordType::TXT))
}

/// Goal: a record is moved, everybody is told so, and it is taken back to what it was, its time to live included; what is
/// done already is not done again. Method: a first move, a second one, its undo under the same epoch, and each again.
#[tokio::test]
async fn a_record_moves_and_moves_back() {
    for server in Server::each() {
        let updates = good_agent(&server);
        let action = to(server.port, &[WEST, "192.0.2.3"]);
        let before = note(updates.observe(&action, &epoch(4)).await);
        assert_eq!(before.to_string(), "192.0.2.1 for 30 s");
        assert!(accepted(&updates.act(&action, &epoch(4)).await), "{:?}", server.kind);
        assert!(done(&updates.observe(&action, &epoch(4)).await));
        let mark = |text: &str| vec![format!("60 {text}")];
        let both = vec!["60 192.0.2.2".to_owned(), "60 192.0.2.3".to_owned()];
        assert_eq!(stands(&server), (both, mark("epoch=4 execution=shop-4 attempt=1")));

        // The record is where it shall be, but under another failover's mark: that is not ours.
        let next = epoch(5);
        let note = note(updates.observe(&action, &next).await);
        assert_eq!(note.to_string(), "192.0.2.2, 192.0.2.3 for 60 s");
        let back = to(server.port, &[EAST]);
        assert!(accepted(&updates.act(&back, &next).await));
        assert_eq!(stands(&server).0, ["60 192.0.2.1"]);

        let Some(Action::DnsUpdate(undo)) = undo(&Action::DnsUpdate(back), Some(&before)) else { panic!() };
        assert_eq!((undo.values.clone(), undo.ttl_s), (vec![EAST.to_owned()], 30));
        assert!(done(&updates.observe(&undo, &next).await), "a time to live is no answer");
        let Some(Action::DnsUpdate(undo)) = undo_of(&action, &note) else { panic!() };
        assert!(!done(&updates.observe(&undo, &next).await));
        assert!(accepted(&updates.act(&undo, &next).await));
        assert!(done(&updates.observe(&undo, &next).await));
        assert_eq!(stands(&server).1, mark("epoch=5 execution=shop-5 attempt=1"));
        let Acted::Accepted { detail } = updates.act(&undo, &next).await else { panic!("it is done") };
        assert!(detail.starts_with("nothing sent"), "{detail}");
    }
}

fn undo_of(action: &DnsUpdate, before: &Before) -> Option<Action> {
    undo(&Action::DnsUpdate(action.clone()), Some(before))
}

/// Goal: R4, an executor with an older epoch is refused, and nothing changes. Method: a newer one before it; one that has
/// the same epoch without being the same execution.
#[tokio::test]
async fn r4_an_older_epoch_is_refused() {
    for server in Server::each() {
        let updates = good_agent(&server);
        assert!(accepted(&updates.act(&to(server.port, &[WEST]), &epoch(6)).await));
        let stood = (stands(&server), server.ask("", RecordType::SOA));
        let late = to(server.port, &["192.0.2.9"]);
        for context in [epoch(5), EffectContext { execution: "other".to_owned(), ..epoch(6) }] {
            let Observed::Impossible { reason } = updates.observe(&late, &context).await else { panic!() };
            assert!(reason.contains("epoch 6"), "{reason}");
            let reason = refused(updates.act(&late, &context).await, false);
            assert!(reason.contains("nothing sent") && reason.contains("shop-6"), "{reason}");
        }
        assert_eq!((stands(&server), server.ask("", RecordType::SOA)), stood);
    }
}

/// Goal: R4, an update that was built on an old reading changes nothing, whoever is the newer one: the server itself
/// refuses it. Method: an update that is held up on its way while another one is carried out; each time with the other
/// epoch first, and once by a person's edit.
#[tokio::test]
async fn r4_a_stale_reading_is_refused_by_the_server() {
    for server in Server::each() {
        let updates = good_agent(&server);
        let relay = Relay::to(server.port, Fate::Held).await;
        let held = |values| to(relay.port, values);
        let overtaken = async |slow: u64, quick: u64| {
            let action = held(&["192.0.2.9"]);
            let context = epoch(slow);
            let overtaking = async {
                relay.holds_one().await;
                let acted = updates.act(&to(server.port, &[WEST]), &epoch(quick)).await;
                relay.release();
                acted
            };
            let (slow, quick) = tokio::join!(updates.act(&action, &context), overtaking);
            assert!(accepted(&quick), "{quick:?}");
            assert_eq!(stands(&server).0, ["60 192.0.2.2"]);
            slow
        };
        let reason = refused(overtaken(5, 6).await, false);
        assert!(reason.contains("epoch 6 of execution shop-6, has already moved"), "{reason}");
        // The address stays the same, so the epoch record alone tells. The newer one may look again.
        let reason = refused(overtaken(9, 8).await, true);
        assert!(reason.contains("was changed since it was read (NXRRSET)"), "{reason}");
        // A person knows no epoch record, so the address alone tells.
        let action = held(&["192.0.2.9"]);
        let context = epoch(9);
        let editing = async {
            relay.holds_one().await;
            server.edit([192, 0, 2, 77].into());
            relay.release();
        };
        let (slow, ()) = tokio::join!(updates.act(&action, &context), editing);
        assert!(refused(slow, true).contains("was changed since it was read (NXRRSET)"));
        assert_eq!(stands(&server).0, ["30 192.0.2.77"]);
        relay.next(Fate::Passes);
        assert!(accepted(&updates.act(&held(&["192.0.2.9"]), &epoch(9)).await));
        assert_eq!(stands(&server).0, ["60 192.0.2.9"]);
    }
}

/// Goal: of two that move the record at once, one wins whole: its addresses with its mark, and never one's addresses with
/// the other's. The newer one, once it has won, has won for good. Method: rounds of two, with no order between them.
#[tokio::test]
async fn two_at_once() {
    for server in Server::each() {
        let updates = good_agent(&server);
        for round in 1..=ROUNDS {
            let (older, newer) = (epoch(2 * round), epoch(2 * round + 1));
            let (left, right) = (to(server.port, &["192.0.2.7"]), to(server.port, &["192.0.2.8"]));
            let (first, second) = tokio::join!(updates.act(&left, &older), updates.act(&right, &newer));
            let (record, mark) = stands(&server);
            let expected = if mark[0].contains(&newer.execution) { "60 192.0.2.8" } else { "60 192.0.2.7" };
            assert_eq!(record, [expected], "{mark:?}: {first:?}, {second:?}");
            assert!(accepted(&first) || accepted(&second), "{first:?}, {second:?}");
            assert_eq!(accepted(&second), mark[0].contains(&newer.execution), "{first:?}, {second:?}");
        }
    }
}

/// Goal: a key that the server does not accept, or that this agent does not have, is told with its mend, changes nothing
/// and does not get out. Method: another secret, a name that the server does not know, one that the agent does not.
#[tokio::test]
async fn a_wrong_key_is_told() {
    for server in Server::each() {
        let tsig = format!("{KEY}: {{secret_file: bad}}, nobody.example.test: {{secret_file: good}}");
        let updates = agent(&server, &tsig);
        let stood = stands(&server);
        for (key, why) in [
            (KEY, "has another secret for the TSIG key `quorate.example.test`"),
            ("nobody.example.test", "does not accept the TSIG key `nobody.example.test`"),
        ] {
            let action = DnsUpdate { key: key.to_owned(), ..to(server.port, &[WEST]) };
            let Observed::Unknown { reason } = updates.observe(&action, &epoch(5)).await else { panic!() };
            let acted = refused(updates.act(&action, &epoch(5)).await, true);
            let found = one(updates.check(&action).await, FindingSeverity::Blocking);
            for text in [reason, acted, found] {
                assert!(text.contains(why), "{:?}: {text}", server.kind);
                assert!(
                    !text.contains(&server.secret) && !text.contains("AAAA"),
                    "the secret is out: {text}"
                );
            }
        }
        let action = DnsUpdate { key: "none".to_owned(), ..to(server.port, &[WEST]) };
        assert!(matches!(updates.observe(&action, &epoch(5)).await, Observed::Impossible { .. }));
        let reason = refused(updates.act(&action, &epoch(5)).await, false);
        assert!(reason.contains("the agent's file has no TSIG key `none`"), "{reason}");
        assert_eq!(stands(&server), stood);
    }
}

fn one(findings: Vec<Finding>, severity: FindingSeverity) -> String {
    let [finding] = findings.try_into().unwrap();
    assert_eq!(finding.severity, severity, "{finding}");
    finding.to_string()
}

/// Goal: a server that is gone is unknown and never down to guess about, and nothing was sent to it (R7). Method: kill it.
#[tokio::test]
async fn a_server_that_is_gone() {
    for mut server in Server::each() {
        let updates = good_agent(&server);
        let action = to(server.port, &[WEST]);
        assert_eq!(updates.check(&action).await, []);
        server.kill();
        let Observed::Unknown { reason } = updates.observe(&action, &epoch(5)).await else { panic!() };
        assert!(reason.contains("127.0.0.1") && reason.contains("refused"), "{reason}");
        let reason = refused(updates.act(&action, &epoch(5)).await, true);
        assert!(reason.starts_with("nothing sent"), "{reason}");
        one(updates.check(&action).await, FindingSeverity::Unknown);
    }
}

/// Goal: P3, an update without a reply is unknown, and looking tells what became of it: it stands, or it may be sent again.
/// Method: lose the reply, then a whole update.
#[tokio::test]
async fn p3_a_lost_reply_is_unknown_and_then_done() {
    for server in Server::each() {
        let updates = good_agent(&server);
        let relay = Relay::to(server.port, Fate::ReplyLost).await;
        let action = to(relay.port, &[WEST]);
        assert!(matches!(updates.act(&action, &epoch(5)).await, Acted::Unknown { .. }));
        assert!(done(&updates.observe(&action, &epoch(5)).await));
        relay.next(Fate::Lost);
        assert!(matches!(updates.act(&action, &epoch(6)).await, Acted::Unknown { .. }));
        assert_eq!(note(updates.observe(&action, &epoch(6)).await).to_string(), "192.0.2.2 for 60 s");
        relay.next(Fate::Passes);
        assert!(accepted(&updates.act(&action, &epoch(6)).await));
        assert!(done(&updates.observe(&action, &epoch(6)).await));
    }
}

fn named(port: u16, name: &str, kind: RecordKind, value: &str) -> DnsUpdate {
    DnsUpdate { name: format!("{name}.example.test"), kind, ..to(port, &[value]) }
}

/// Goal: every type is moved, and made where there was none; nothing is put beside a CNAME, and no CNAME beside something.
/// Method: each type, and each wrong neighbour, of which the server alone knows one.
#[tokio::test]
async fn types_and_neighbours() {
    for server in Server::each() {
        let (updates, port) = (good_agent(&server), server.port);
        for (name, kind, value, told) in [
            ("new", RecordKind::A, WEST, "60 192.0.2.2"),
            ("six", RecordKind::Aaaa, "2001:DB8::2", "60 2001:db8::2"),
            ("app", RecordKind::Cname, "West.example.net", "60 west.example.net."),
        ] {
            let action = named(port, name, kind, value);
            let before = note(updates.observe(&action, &epoch(5)).await);
            let acted = updates.act(&action, &epoch(5)).await;
            assert!(accepted(&acted), "{:?} {name}: {acted:?}", server.kind);
            assert!(done(&updates.observe(&action, &epoch(5)).await));
            let kind = match kind {
                RecordKind::A => RecordType::A,
                RecordKind::Aaaa => RecordType::AAAA,
                RecordKind::Cname => RecordType::CNAME,
            };
            assert_eq!(server.ask(name, kind), [told]);
            assert_eq!(before.to_string() == "no record", name != "app", "{before}");
        }
        let beside = named(port, "app", RecordKind::A, WEST);
        let Observed::Impossible { reason } = updates.observe(&beside, &epoch(5)).await else { panic!() };
        assert!(reason.contains("app.example.test is a CNAME to west.example.net"), "{reason}");
        let alias = named(port, "www", RecordKind::Cname, "west.example.net");
        let reason = refused(updates.act(&alias, &epoch(5)).await, false);
        assert!(reason.contains("YXDOMAIN"), "{:?}: {reason}", server.kind);
        assert_eq!(stands(&server), (vec!["30 192.0.2.1".to_owned()], Vec::new()));
        // A wildcard's answer looks like a record and is none.
        let wild = named(port, "a.wild", RecordKind::A, WEST);
        let reason = refused(updates.act(&wild, &epoch(5)).await, false);
        assert!(reason.contains("a wildcard may answer for it"), "{reason}");
    }
}

/// Goal: what the server's own rules do not let the key do is refused for good and told so, and what a plan names wrongly
/// is found before it runs. Method: a record that the key may not change, a zone above the right one, another server's zone.
#[tokio::test]
async fn least_privilege() {
    for server in Server::each() {
        let updates = good_agent(&server);
        let other = named(server.port, "other", RecordKind::A, WEST);
        let reason = match updates.act(&other, &epoch(5)).await {
            Acted::Refused { reason, retryable: false } => reason,
            // Knot does not sign that it refuses: its word is not proved, and looking tells that nothing stands.
            Acted::Unknown { reason } if server.kind == Kind::Knot => reason,
            acted => panic!("{:?}: {acted:?}", server.kind),
        };
        let told = if server.kind == Kind::Bind { "update-policy" } else { "Knot: `acl`" };
        assert!(reason.contains(told), "{reason}");
        assert_eq!(server.ask("other", RecordType::A), ["300 192.0.2.1"]);
        for (zone, name, why) in [
            ("test", "www.example.test", "name the zone's primary server"),
            ("example.net", "www.example.net", "name the zone's primary server"),
            ("www.example.test", "www.example.test", "write the zone's own name"),
        ] {
            let action =
                DnsUpdate { zone: zone.to_owned(), name: name.to_owned(), ..to(server.port, &[WEST]) };
            let told = one(updates.check(&action).await, FindingSeverity::Blocking);
            assert!(told.contains(why), "{:?} {zone}: {told}", server.kind);
        }
    }
}
