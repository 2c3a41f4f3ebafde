//! Resolving: every probe asks anew, and each way in which a lookup fails has its own reason.

use crate::{
    phases, probe, reason,
    servers::{Answer, NameServer, Script, Server, ok},
    target,
};
use hickory_resolver::proto::op::ResponseCode;
use quorate_policies::{health::FailureReason, time::Millis};
use quorate_probes::{Outcome, ProbeResult, Prober, ProberSettings};
use std::net::Ipv4Addr;

fn prober(names: &NameServer) -> Prober {
    Prober::new(ProberSettings { resolvers: vec![names.address], ..ProberSettings::default() }).unwrap()
}

async fn look_up(answer: Answer) -> ProbeResult {
    let names = NameServer::start(answer).await;
    prober(&names).probe(&target(&probe(), "http://api.example.com/")).await
}

/// Goal: a name that does not exist is told from a resolver's error and from a name without an address.
/// Method: a name server that answers so.
#[tokio::test]
async fn a_failed_lookup_has_its_reason() {
    let missing = look_up(Answer::Code(ResponseCode::NXDomain)).await;
    assert_eq!(reason(&missing), FailureReason::DnsNxdomain, "{missing:?}");
    let broken = look_up(Answer::Code(ResponseCode::ServFail)).await;
    assert_eq!(reason(&broken), FailureReason::DnsError, "{broken:?}");
    let refused = look_up(Answer::Code(ResponseCode::Refused)).await;
    assert_eq!(reason(&refused), FailureReason::DnsError, "{refused:?}");
    let empty = look_up(Answer::Addresses(Vec::new())).await;
    assert_eq!(reason(&empty), FailureReason::DnsError, "{empty:?}");
    assert_eq!(phases(&missing), Vec::<&str>::new());
}

/// Goal: a name server that is silent costs the deadline and no more, and is the reason. Method: one that never
/// answers; the probe ends although the lookup alone would wait longer.
#[tokio::test]
async fn a_silent_name_server_is_a_timeout() {
    let names = NameServer::start(Answer::Nothing).await;
    let mut probe = probe();
    probe.timeout = Millis(200);
    let result = prober(&names).probe(&target(&probe, "http://api.example.com/")).await;
    assert_eq!(reason(&result), FailureReason::DnsTimeout, "{result:?}");
    assert!(names.asked() > 0);
    assert_eq!(phases(&result), Vec::<&str>::new());
}

/// Goal: no answer outlives its probe, whatever lifetime it claims. Method: an answer for an hour, replaced
/// between two probes; the second probe goes to the new address.
#[tokio::test]
async fn every_probe_asks_anew() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let names = NameServer::start(Answer::Addresses(vec![Ipv4Addr::LOCALHOST])).await;
    let prober = prober(&names);
    let target = target(&probe(), &format!("http://api.example.com:{}/", server.address.port()));
    let first = prober.probe(&target).await;
    assert_eq!(first.outcome, Outcome::Success);
    assert_eq!(phases(&first), ["resolve", "connect", "processing", "transfer"]);
    let asked = names.asked();
    *names.answer.lock().unwrap() = Answer::Addresses(vec![Ipv4Addr::new(127, 0, 0, 2)]);
    let second = prober.probe(&target).await;
    assert_eq!(reason(&second), FailureReason::ConnectRefused);
    assert_eq!(second.address, Some(Ipv4Addr::new(127, 0, 0, 2).into()));
    assert!(names.asked() > asked);
}

/// Goal: a failed lookup is not remembered either. Method: the name appears between two probes.
#[tokio::test]
async fn a_missing_name_is_asked_again() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let names = NameServer::start(Answer::Code(ResponseCode::NXDomain)).await;
    let prober = prober(&names);
    let target = target(&probe(), &format!("http://api.example.com:{}/", server.address.port()));
    assert_eq!(reason(&prober.probe(&target).await), FailureReason::DnsNxdomain);
    *names.answer.lock().unwrap() = Answer::Addresses(vec![Ipv4Addr::LOCALHOST]);
    assert_eq!(prober.probe(&target).await.outcome, Outcome::Success);
}

/// Goal: addresses and `localhost` need no name server. Method: one that would say that the name is missing.
#[tokio::test]
async fn addresses_and_localhost_are_not_asked_for() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let names = NameServer::start(Answer::Code(ResponseCode::NXDomain)).await;
    let prober = prober(&names);
    let literal = prober.probe(&target(&probe(), &server.url("http", "/"))).await;
    assert_eq!(literal.outcome, Outcome::Success);
    assert_eq!(phases(&literal), ["connect", "processing", "transfer"]);
    let url = format!("http://localhost:{}/", server.address.port());
    let local = prober.probe(&target(&probe(), &url)).await;
    assert_eq!(local.outcome, Outcome::Success, "{local:?}");
    assert_eq!(names.asked(), 0);
}

/// Goal: a dead name server beside a working one costs nothing. Method: a silent one first; the probe's deadline
/// is far below the time after which the resolver itself would turn to the next.
#[tokio::test]
async fn a_dead_name_server_does_not_fail_the_probe() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let dead = NameServer::start(Answer::Nothing).await;
    let names = NameServer::start(Answer::Addresses(vec![Ipv4Addr::LOCALHOST])).await;
    let settings =
        ProberSettings { resolvers: vec![dead.address, names.address], ..ProberSettings::default() };
    let mut probe = probe();
    probe.timeout = Millis(4_000);
    let target = target(&probe, &format!("http://api.example.com:{}/", server.address.port()));
    let result = Prober::new(settings).unwrap().probe(&target).await;
    assert_eq!(result.outcome, Outcome::Success, "{result:?}");
}
