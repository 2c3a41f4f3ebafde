//! The applications over plain HTTP: what they answer, and every kind of fault.

use std::io::ErrorKind;

use http::Method;
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::bench::{Bench, EAST, INTERNET, WEST, WITNESS, get, request, stalls, until};

/// Goal: a healthy world answers health with its region, takes writes in the primary region with increasing
/// sequence numbers, and refuses them in the standby region.
/// Method: ask both regions each question through a vantage's relay.
#[tokio::test]
async fn a_healthy_world_answers() {
    let bench = Bench::start().await;
    let east = bench.application(WITNESS, EAST).await;
    let west = bench.application(WITNESS, WEST).await;
    let health = get(&format!("http://{west}/health")).await.unwrap();
    assert_eq!((health.status.as_u16(), health.json()["region"].as_str()), (200, Some(WEST)));
    assert_eq!(health.headers["content-type"], "application/json");
    for sequence in 1..=3 {
        let written = request(Method::POST, &format!("http://{east}/write"), &[], "").await.unwrap();
        assert_eq!(written.json(), json!({"region": EAST, "sequence": sequence}));
    }
    let refused = request(Method::POST, &format!("http://{west}/write"), &[], "").await.unwrap();
    assert_eq!(refused.status, 503);
    assert_eq!(get(&format!("http://{east}/write")).await.unwrap().status, 405);
    assert_eq!(get(&format!("http://{east}/none")).await.unwrap().status, 404);
    bench.sandbox.shutdown().await;
}

/// Goal: a region without running tasks answers 503 to everything.
/// Method: scale the primary to zero and wait until its health says so.
#[tokio::test]
async fn no_tasks_no_service() {
    let bench = Bench::start().await;
    let east = bench.application(INTERNET, EAST).await;
    bench
        .ecs(EAST, EAST)
        .update_service()
        .cluster("shop")
        .service("web")
        .desired_count(0)
        .send()
        .await
        .unwrap();
    until("503", || async {
        (get(&format!("http://{east}/health")).await.unwrap().status == 503).then_some(())
    })
    .await;
    assert_eq!(request(Method::POST, &format!("http://{east}/write"), &[], "").await.unwrap().status, 503);
    bench.sandbox.shutdown().await;
}

/// Goal: `kill` refuses connections directly and through relays at once, drops open ones, spares the AWS
/// endpoints unless asked, and `none` brings everything back on the same addresses.
/// Method: kill with and without the control plane, connecting after each control reply without waiting.
#[tokio::test]
async fn kill_refuses_connections() {
    let bench = Bench::start().await;
    let (direct, relayed) = (bench.application(INTERNET, EAST).await, bench.application(WITNESS, EAST).await);
    let mut open = tokio::net::TcpStream::connect(direct).await.unwrap();
    let rds = bench.sandbox.endpoints().vantages[WITNESS].aws[EAST].clone();
    for control_plane in [false, true] {
        bench.control("fault", json!({"region": EAST, "kind": "kill", "control_plane": control_plane})).await;
        for address in [direct, relayed] {
            assert_eq!(
                get(&format!("http://{address}/health")).await.unwrap_err(),
                Some(ErrorKind::ConnectionRefused)
            );
        }
        match get(&rds).await {
            Err(kind) => assert_eq!((control_plane, kind), (true, Some(ErrorKind::ConnectionRefused))),
            Ok(answered) => assert_eq!((control_plane, answered.status.as_u16()), (false, 403)),
        }
    }
    assert!(matches!(open.read(&mut [0; 1]).await, Ok(0) | Err(_)), "an open connection survived the kill");
    bench.control("fault", json!({"region": EAST, "kind": "none"})).await;
    for address in [direct, relayed] {
        assert_eq!(get(&format!("http://{address}/health")).await.unwrap().status, 200);
    }
    assert_eq!(get(&rds).await.unwrap().status, 403);
    bench.sandbox.shutdown().await;
}

/// Goal: `hang` accepts and never answers, `errors` answers its status, `lie` is healthy and loses every
/// write, `slow` answers after its delay and not before.
/// Method: set each in turn and ask.
#[tokio::test]
async fn faults_answer_by_their_kind() {
    let bench = Bench::start().await;
    let address = bench.application(WITNESS, EAST).await;
    let health = || async { get(&format!("http://{address}/health")).await.unwrap().status.as_u16() };
    let write = || async {
        request(Method::POST, &format!("http://{address}/write"), &[], "").await.unwrap().status.as_u16()
    };
    let fault = |fault: serde_json::Value| {
        let bench = &bench;
        async move {
            let mut fault = fault;
            fault["region"] = EAST.into();
            bench.control("fault", fault).await;
        }
    };
    fault(json!({"kind": "hang"})).await;
    assert!(stalls(health()).await);
    fault(json!({"kind": "errors", "status": 502})).await;
    assert_eq!((health().await, write().await), (502, 502));
    fault(json!({"kind": "lie"})).await;
    assert_eq!((health().await, write().await), (200, 503));
    fault(json!({"kind": "slow", "ms": 400})).await;
    assert!(stalls(health()).await);
    assert_eq!(health().await, 200);
    fault(json!({"kind": "none"})).await;
    assert_eq!((health().await, write().await), (200, 200));
    bench.sandbox.shutdown().await;
}

/// Goal: `flap` alternates between serving and refusing by itself, and stops when it is cleared.
/// Method: wait for each of several alternations.
#[tokio::test]
async fn flapping_alternates() {
    let bench = Bench::start().await;
    let address = bench.application(WITNESS, EAST).await;
    bench.control("fault", json!({"region": EAST, "kind": "flap", "up_ms": 100, "down_ms": 100})).await;
    for up in [true, false, true, false, true] {
        let wanted = |ok: bool| (ok == up).then_some(());
        until("the next phase", || async { wanted(get(&format!("http://{address}/health")).await.is_ok()) })
            .await;
    }
    bench.control("fault", json!({"region": EAST, "kind": "none"})).await;
    assert_eq!(get(&format!("http://{address}/health")).await.unwrap().status, 200);
    bench.sandbox.shutdown().await;
}

/// Goal: faults from the options hold from the first moment.
/// Method: start with a killed region and connect.
#[tokio::test]
async fn options_may_start_with_a_fault() {
    let mut options = crate::bench::quick();
    let kill = quorate_sandbox::world::fault::Fault::Kill { control_plane: true, route53: false };
    options.faults.insert(EAST.into(), kill);
    let bench = Bench::with(options).await;
    let address = bench.application(INTERNET, EAST).await;
    assert_eq!(get(&format!("http://{address}/")).await.unwrap_err(), Some(ErrorKind::ConnectionRefused));
    bench.sandbox.shutdown().await;
}
