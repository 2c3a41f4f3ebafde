//! Connecting: refused, hanging, and the order in which the addresses of a name are tried.

use crate::{
    name, phases, probe, probe_once, reason,
    servers::{Answer, NameServer, Script, Server, ok},
    target,
};
use quorate_policies::{
    health::{FailureReason, Observation},
    time::Millis,
};
use quorate_probes::{Outcome, Prober, ProberSettings};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A listener whose queue is full, so that the kernel drops further attempts: the loopback's form of a host that
/// does not answer.
struct Full {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Full {
    async fn listen(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // A queue of one holds two: the kernel compares after it has added.
        let queued =
            vec![TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        Self { address, _listener: listener, _queued: queued }
    }
}

/// Goal: a refusal is told from a hang. Method: a port that was just closed.
#[tokio::test]
async fn a_closed_port_refuses() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result = probe_once(&format!("http://{address}/")).await;
    assert_eq!(reason(&result), FailureReason::ConnectRefused);
    assert_eq!(result.observation(), Observation::Failure(FailureReason::ConnectRefused));
    assert_eq!(result.target, name("api/us-east-1"));
    assert_eq!(result.address, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert_eq!(phases(&result), Vec::<&str>::new());
}

/// Goal: a host that does not answer is a connect timeout. Method: a listener with a full queue.
#[tokio::test]
async fn a_full_queue_is_a_connect_timeout() {
    let full = Full::listen("127.0.0.1:0".parse().unwrap()).await;
    let mut probe = probe();
    probe.timeout = Millis(200);
    let target = target(&probe, &format!("http://{}/", full.address));
    let result = Prober::new(ProberSettings::default()).unwrap().probe(&target).await;
    assert_eq!(reason(&result), FailureReason::ConnectTimeout, "{result:?}");
    assert_eq!(phases(&result), Vec::<&str>::new());
}

/// Goal: a host that accepts and never reads (a stopped process) hangs in processing, not in connecting. Method:
/// a listener that nobody accepts from.
#[tokio::test]
async fn a_stopped_process_is_no_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut probe = probe();
    probe.timeout = Millis(200);
    let target = target(&probe, &format!("http://{}/", listener.local_addr().unwrap()));
    let result = Prober::new(ProberSettings::default()).unwrap().probe(&target).await;
    assert_eq!(reason(&result), FailureReason::TtfbTimeout);
    assert_eq!(phases(&result), ["connect"]);
}

/// Goal: one dead address of several does not fail a target, and is reported. Method: the first address refuses,
/// then hangs; the second serves on the same port.
#[tokio::test]
async fn the_next_address_is_tried() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let names = NameServer::start(Answer::Addresses(vec![SECOND, Ipv4Addr::LOCALHOST])).await;
    let prober =
        Prober::new(ProberSettings { resolvers: vec![names.address], ..ProberSettings::default() }).unwrap();
    let mut probe = probe();
    probe.timeout = Millis(2_000);
    let target = target(&probe, &format!("http://api.example.com:{}/", server.address.port()));

    let refused = prober.probe(&target).await;
    assert_eq!(refused.outcome, Outcome::Success, "{refused:?}");
    assert_eq!(refused.skipped, [(IpAddr::V4(SECOND), FailureReason::ConnectRefused)]);
    assert_eq!(refused.address, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));

    let _full = Full::listen(SocketAddr::new(SECOND.into(), server.address.port())).await;
    let hung = prober.probe(&target).await;
    assert_eq!(hung.outcome, Outcome::Success, "{hung:?}");
    assert_eq!(hung.skipped, [(IpAddr::V4(SECOND), FailureReason::ConnectTimeout)]);
}

/// Goal: if no address accepts, the last one's reason counts and the detail names each. Method: two that refuse.
#[tokio::test]
async fn all_addresses_may_fail() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let names = NameServer::start(Answer::Addresses(vec![SECOND, Ipv4Addr::LOCALHOST])).await;
    let settings = ProberSettings { resolvers: vec![names.address], ..ProberSettings::default() };
    let target = target(&probe(), &format!("http://api.example.com:{port}/"));
    let result = Prober::new(settings).unwrap().probe(&target).await;
    assert_eq!(reason(&result), FailureReason::ConnectRefused);
    let Outcome::Failure { detail, .. } = &result.outcome else { unreachable!() };
    assert!(detail.contains("127.0.0.1:") && detail.contains("127.0.0.2:"), "{detail}");
    assert_eq!(phases(&result), ["resolve"]);
}
