//! The control API itself: what it shows, what it refuses, and how a sandbox ends.

use std::net::SocketAddr;

use http::Method;
use quorate_sandbox::{Endpoints, Options, Sandbox, StartError, serve};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::bench::{Bench, EAST, INTERNET, WEST, WITNESS, request};

/// Goal: the endpoints are served as they are known in the process, and lead where they say.
/// Method: read them over HTTP and compare; check the texts that configuration files are made from.
#[tokio::test]
async fn endpoints_are_served() {
    let bench = Bench::start().await;
    let endpoints: Endpoints = serde_json::from_value(bench.show("endpoints").await).unwrap();
    assert_eq!(&endpoints, bench.sandbox.endpoints());
    let service = &endpoints.service;
    let template = format!("http://api.{{region}}.shop.test:{}/health", service.port);
    assert_eq!(service.health_url_template, template);
    assert_eq!(service.public_url, format!("http://www.shop.test:{}/", service.port));
    assert_eq!(
        (service.aliases[WEST].target.as_str(), service.aliases[WEST].zone.as_str()),
        ("alb.us-west-2.shop.test", "Z1H1FL5HABSF5")
    );
    assert_eq!(service.instances[WEST], "shop-replica");
    let vantages: Vec<&str> = endpoints.vantages.keys().map(String::as_str).collect();
    assert_eq!(vantages, [WITNESS, INTERNET, EAST, WEST]);
    bench.sandbox.shutdown().await;
}

/// Goal: bad input is a 4xx with a JSON message and changes nothing.
/// Method: one request for each way to be wrong, then compare the world.
#[tokio::test]
async fn bad_input_is_refused_in_json() {
    let bench = Bench::start().await;
    let before = bench.world().await;
    for (path, body, status) in [
        ("fault", "{", 400),
        ("fault", r#"{"kind":"hang"}"#, 400),
        ("fault", r#"{"region":"us-east-1","kind":"melt"}"#, 400),
        ("fault", r#"{"region":"us-east-1","kind":"kill","hard":true}"#, 400),
        ("fault", r#"{"region":"eu-west-1","kind":"hang"}"#, 400),
        ("fault", r#"{"region":"us-east-1","kind":"errors","status":200}"#, 400),
        ("cut", r#"{"from":"us-east-1"}"#, 400),
        ("cut", r#"{"from":"mars","to":"us-east-1"}"#, 400),
        ("cut", r#"{"from":"internet","to":"us-east-1"}"#, 400),
        ("cut", r#"{"from":"us-west-2","to":"us-east-1","mode":"melt"}"#, 400),
        ("heal", r#"{"from":"mars","to":"*"}"#, 400),
        ("relays", r#"{"from":"us-east-1","to":"us-west-2","target":"nowhere"}"#, 400),
        ("relays", r#"{"from":"us-east-1","to":"us-west-2","target":"192.0.2.1:80"}"#, 400),
        ("hold", r#"{"operation":"RunInstances","ms":1}"#, 400),
        ("hold", r#"{"operation":"GetChange","ms":99999999}"#, 400),
        ("fail", r#"{"operation":"GetChange","code":"<b>"}"#, 400),
        ("break", r#"{"operation":"GetChange","how":"melt"}"#, 400),
        ("break", r#"{"operation":"RunInstances","how":"lost"}"#, 400),
        ("database", r#"{"region":"mars","id":"x"}"#, 400),
        ("database", r#"{"region":"us-east-1","id":"9x"}"#, 400),
        ("backup", r#"{"region":"us-east-1","id":"none","ms":1}"#, 404),
        ("replica_lag", r#"{"region":"us-east-1","id":"none","seconds":1}"#, 404),
        ("room", r#"{"region":"mars","tasks":1}"#, 400),
        ("global_cluster", r#"{}"#, 400),
        ("none", "{}", 404),
        ("world", "{}", 405),
    ] {
        let answered = bench.control_any(path, body).await;
        assert_eq!(answered.status.as_u16(), status, "{path} {body}: {}", answered.text);
        assert!(answered.json()["error"].is_string());
    }
    let large = format!(r#"{{"region":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(bench.control_any("fault", &large).await.status, 413);
    let after = bench.world().await;
    assert_eq!(
        (after.faults, after.links, after.holds, after.failures),
        (before.faults, before.links, before.holds, before.failures)
    );
    bench.sandbox.shutdown().await;
}

/// Every TCP address of a sandbox, and its DNS servers.
fn addresses(endpoints: &Endpoints) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let of = |url: &str| url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap();
    let mut tcp: Vec<SocketAddr> = vec![of(&endpoints.control)];
    let mut dns = Vec::new();
    for vantage in endpoints.vantages.values() {
        tcp.extend(vantage.aws.values().map(|url| of(url)));
        tcp.extend([of(&vantage.route53), of(&vantage.statuspage), of(&vantage.webhook)]);
        dns.extend([of(&vantage.resolver), of(&vantage.caching_resolver)]);
    }
    tcp.extend(&dns);
    (tcp, dns)
}

/// Goal: shutdown closes every socket before it returns, with connections and a hung request open.
/// Method: collect all addresses, shut down, and bind each of them anew.
#[tokio::test]
async fn shutdown_leaves_nothing_behind() {
    let bench = Bench::start().await;
    bench.control("fault", serde_json::json!({"region": EAST, "kind": "hang"})).await;
    bench.control("fault", serde_json::json!({"region": WEST, "kind": "kill", "control_plane": true})).await;
    let hung = bench.application(WITNESS, EAST).await;
    let mut hung =
        tokio::spawn(async move { crate::bench::get(&format!("http://{hung}/health")).await.is_err() });
    assert!(crate::bench::stalls(&mut hung).await);
    let (mut tcp, dns) = addresses(bench.sandbox.endpoints());
    for vantage in [INTERNET, WITNESS, EAST, WEST] {
        for region in [EAST, WEST] {
            tcp.push(bench.application(vantage, region).await);
        }
    }
    let idle = TcpStream::connect(tcp[0]).await.unwrap();
    bench.sandbox.shutdown().await;
    tcp.sort();
    tcp.dedup();
    for address in tcp {
        TcpListener::bind(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    for address in dns {
        UdpSocket::bind(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    assert!(hung.await.unwrap(), "the hung request was answered");
    drop(idle);
}

/// Goal: many sandboxes run side by side, each with its own world.
/// Method: start three, break one, look at the others.
#[tokio::test]
async fn sandboxes_do_not_share() {
    let (first, second, third) = tokio::join!(Bench::start(), Bench::start(), Bench::start());
    first.control("fault", serde_json::json!({"region": EAST, "kind": "kill"})).await;
    for other in [&second, &third] {
        let address = other.application(INTERNET, EAST).await;
        assert_eq!(crate::bench::get(&format!("http://{address}/health")).await.unwrap().status, 200);
    }
    for bench in [first, second, third] {
        bench.sandbox.shutdown().await;
    }
}

/// Goal: wrong options and a taken control address are errors, not panics.
/// Method: start with each.
#[tokio::test]
async fn what_cannot_start_says_so() {
    let same = Options { standby: EAST.into(), ..Options::default() };
    assert!(matches!(Sandbox::start(same).await.unwrap_err(), StartError::Options(_)));
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { control: taken.local_addr().unwrap(), ..Options::default() };
    assert!(matches!(Sandbox::start(options).await.unwrap_err(), StartError::Listen { .. }));
}

/// Goal: `serve` tells where it listens, runs until it is told to end, and leaves nothing.
/// Method: end it after one request to the control API.
#[tokio::test]
async fn serve_runs_until_told_to_end() {
    let (ready, told) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running =
        tokio::spawn(serve(crate::bench::quick(), |endpoints| drop(ready.send(endpoints.clone())), async {
            drop(ended.await)
        }));
    let endpoints = told.await.unwrap();
    let url = format!("{}/control/world", endpoints.control);
    assert_eq!(request(Method::GET, &url, &[], "").await.unwrap().status, 200);
    drop(end);
    assert_eq!(running.await.unwrap().unwrap(), endpoints);
    assert!(crate::bench::get(&url).await.is_err());
}
