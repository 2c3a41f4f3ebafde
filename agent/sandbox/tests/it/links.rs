//! Links between places: cuts that black-hole or refuse, both ways or one, and relays between agents.

use std::io::ErrorKind;
use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::{Bench, EAST, INTERNET, WEST, WITNESS, get, stalls, until};

/// Goal: a cut stalls exactly its path, application and AWS endpoints alike, and healing restores it.
/// Method: cut the witness from the primary; compare with other places; heal.
#[tokio::test]
async fn a_cut_stalls_its_path_alone() {
    let bench = Bench::start().await;
    bench.control("cut", json!({"from": WITNESS, "to": EAST})).await;
    let cut = bench.application(WITNESS, EAST).await;
    assert!(stalls(get(&format!("http://{cut}/health"))).await);
    assert!(stalls(bench.rds(WITNESS, EAST).describe_db_instances().send()).await);
    for (vantage, region) in [(WITNESS, WEST), (WEST, EAST), (EAST, EAST), (INTERNET, EAST)] {
        let address = bench.application(vantage, region).await;
        assert_eq!(
            get(&format!("http://{address}/health")).await.unwrap().status,
            200,
            "{vantage} to {region}"
        );
        bench.rds(vantage, region).describe_db_instances().send().await.unwrap();
    }
    bench.control("heal", json!({"from": WITNESS, "to": EAST})).await;
    assert_eq!(get(&format!("http://{cut}/health")).await.unwrap().status, 200);
    bench.sandbox.shutdown().await;
}

/// Goal: a refusing cut refuses connections at once.
/// Method: cut with mode `refuse` and connect.
#[tokio::test]
async fn a_cut_may_refuse() {
    let bench = Bench::start().await;
    bench.control("cut", json!({"from": WEST, "to": EAST, "mode": "refuse", "one_way": true})).await;
    let address = bench.application(WEST, EAST).await;
    assert_eq!(
        get(&format!("http://{address}/health")).await.unwrap_err(),
        Some(ErrorKind::ConnectionRefused)
    );
    assert_eq!(bench.world().await.links.len(), 1);
    bench.sandbox.shutdown().await;
}

/// Goal: `*` isolates a place from all others, global services among them, and an empty heal ends every cut.
/// Method: isolate the primary region, look in and out, heal.
#[tokio::test]
async fn a_region_can_be_isolated() {
    let bench = Bench::start().await;
    bench.control("cut", json!({"from": EAST, "to": "*"})).await;
    let (out, into) = (bench.application(EAST, WEST).await, bench.application(WEST, EAST).await);
    let own = bench.application(EAST, EAST).await;
    assert!(stalls(get(&format!("http://{out}/health"))).await);
    assert!(stalls(get(&format!("http://{into}/health"))).await);
    assert!(stalls(get(&bench.sandbox.endpoints().vantages[EAST].route53)).await);
    assert_eq!(get(&format!("http://{own}/health")).await.unwrap().status, 200);
    bench.control("heal", json!({})).await;
    assert!(bench.world().await.links.is_empty());
    assert_eq!(get(&format!("http://{into}/health")).await.unwrap().status, 200);
    bench.sandbox.shutdown().await;
}

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn relay(bench: &Bench, from: &str, to: &str, target: SocketAddr) -> TcpStream {
    let made = bench.control("relays", json!({"from": from, "to": to, "target": target.to_string()})).await;
    TcpStream::connect(made["address"].as_str().unwrap()).await.unwrap()
}

async fn ping(stream: &mut TcpStream) -> String {
    stream.write_all(b"ping").await.unwrap();
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.unwrap();
    String::from_utf8(reply.to_vec()).unwrap()
}

/// Goal: an established connection between agents stalls during a cut and goes on after it without losing a
/// byte; a one-way cut leaves the other direction's connections alone.
/// Method: two relays in opposite directions over an echo server, one way cut, healed.
#[tokio::test]
async fn an_established_connection_survives_a_cut() {
    let bench = Bench::start().await;
    let target = echo().await;
    let mut there = relay(&bench, EAST, WEST, target).await;
    let mut back = relay(&bench, WEST, EAST, target).await;
    assert_eq!((ping(&mut there).await, ping(&mut back).await), ("ping".into(), "ping".into()));
    bench.control("cut", json!({"from": EAST, "to": WEST, "one_way": true})).await;
    there.write_all(b"late").await.unwrap();
    assert!(stalls(there.peek(&mut [0; 1])).await);
    assert_eq!(ping(&mut back).await, "ping");
    bench.control("heal", json!({})).await;
    let mut late = [0; 4];
    there.read_exact(&mut late).await.unwrap();
    assert_eq!(&late, b"late");
    bench.sandbox.shutdown().await;
}

/// Goal: a connection whose client gave up during a cut never reaches the far side.
/// Method: count what a listener accepts after the cut is healed: one from the client that gave up would be
/// first.
#[tokio::test]
async fn who_gave_up_during_a_cut_does_not_arrive() {
    let bench = Bench::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.control("cut", json!({"from": EAST, "to": WEST})).await;
    let mut early = relay(&bench, EAST, WEST, listener.local_addr().unwrap()).await;
    early.write_all(b"early").await.unwrap();
    let address = early.peer_addr().unwrap();
    drop(early);
    let mut patient = TcpStream::connect(address).await.unwrap();
    patient.write_all(b"later").await.unwrap();
    assert!(stalls(listener.accept()).await);
    bench.control("heal", json!({})).await;
    let (mut accepted, _) = listener.accept().await.unwrap();
    let mut first = [0; 5];
    accepted.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"later");
    assert!(stalls(listener.accept()).await, "the early client arrived after all");
    bench.sandbox.shutdown().await;
}

/// Goal: a relay to an agent that is not running closes connections, and works as soon as the agent runs.
/// Method: a relay to a port that is bound only later.
#[tokio::test]
async fn a_relay_may_be_made_before_its_target() {
    let bench = Bench::start().await;
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = reserved.local_addr().unwrap();
    drop(reserved);
    let mut early = relay(&bench, EAST, WITNESS, target).await;
    assert!(matches!(early.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    let address = early.peer_addr().unwrap();
    let listener = TcpListener::bind(target).await.unwrap();
    let _later = TcpStream::connect(address).await.unwrap();
    until("the relayed connection", || async { listener.accept().await.ok() }).await;
    bench.sandbox.shutdown().await;
}
