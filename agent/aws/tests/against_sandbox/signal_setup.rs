//! Setting up a signal, and traffic that then follows the agents' answers with no AWS call at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quorate_aws::Aws;
use quorate_aws::signal::{Agent, SetAnswer, Site, Wanted, lint, plan};
use quorate_policies::plan::action::RecordKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::bench::Bench;
use crate::proxy::get;

/// A checker looks once a second here, and three looks turn a check; forty times that.
const LOOKS_MAX: u32 = 600;
/// Between two looks at the world.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// An agent's signal, and nothing else of it.
struct Speaker {
    address: SocketAddr,
    leave: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Speaker {
    async fn start(path: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, leave) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let says = Arc::clone(&leave);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, path, says.load(Ordering::SeqCst)));
            }
        });
        Speaker { address, leave, task: task.abort_handle() }
    }
}

async fn answer(mut stream: TcpStream, path: &'static str, leave: bool) {
    let mut request = vec![0; 1024];
    let read = stream.read(&mut request).await.unwrap_or(0);
    let asked = String::from_utf8_lossy(&request[..read]).starts_with(&format!("GET {path} "));
    let status = if asked && leave { "200 OK" } else { "404 Not Found" };
    let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // A checker that has gone needs no answer.
    let _ = stream.write_all(reply.as_bytes()).await;
}

fn wanted(bench: &Bench, speakers: &[Speaker]) -> Wanted {
    let service = &bench.endpoints.service;
    let site = |region: &str| {
        let alias = &service.aliases[region];
        let (name, zone) = (alias.target.clone(), alias.zone.clone());
        Site { region: region.to_owned(), answer: SetAnswer::Alias { name, zone, evaluate: false } }
    };
    let agent = |(number, speaker): (usize, &Speaker)| Agent {
        name: format!("agent-{number}"),
        host: speaker.address.ip().to_string(),
        port: speaker.address.port(),
    };
    Wanted {
        service: "shop".into(),
        zone: service.zone.clone(),
        record: service.record.clone(),
        kind: RecordKind::A,
        primary: site(&service.primary),
        standby: site(&service.standby),
        agents: speakers.iter().enumerate().map(agent).collect(),
    }
}

async fn resolved(bench: &Bench, name: &str) -> serde_json::Value {
    let path = format!("/control/resolve?name={name}");
    serde_json::from_slice(&get(&bench.endpoints.control, &path).await).unwrap()
}

/// Where the record leads.
async fn region(bench: &Bench) -> String {
    let service = &bench.endpoints.service;
    let now = resolved(bench, &service.record).await["answers"].clone();
    for region in [&service.primary, &service.standby] {
        if resolved(bench, &service.aliases[region].target).await["answers"] == now {
            return region.clone();
        }
    }
    panic!("{now} is neither region");
}

/// Looks until as many health checks as wanted are unhealthy, and checks that traffic is where it belongs meanwhile.
async fn until_unhealthy(bench: &Bench, wanted: usize) {
    for _ in 0..LOOKS_MAX {
        let unhealthy = bench.world().await.dns.healthy.values().filter(|healthy| !**healthy).count();
        if unhealthy == wanted {
            return;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    panic!("never {wanted} unhealthy checks");
}

async fn set_up(bench: &Bench, aws: &Aws, wanted: &Wanted) -> usize {
    let existing = aws.signal_existing(wanted, None).await.unwrap();
    let changes = plan(&existing, wanted).unwrap();
    aws.signal_apply(&changes, None, |_| ()).await.unwrap();
    assert_eq!(region(bench).await, wanted.primary.region, "a setup never moves traffic");
    changes.len()
}

/// Goal: after the setup a minority of agents moves nothing, a majority moves traffic, an agent that is gone counts for
/// staying, and all of it without a call on AWS. Method: three agents, turned one by one.
#[tokio::test]
async fn traffic_follows_the_agents() {
    let bench = Bench::start().await;
    let path = "/v1/signal/shop/us-east-1";
    let speakers = [Speaker::start(path).await, Speaker::start(path).await, Speaker::start(path).await];
    let (aws, wanted) = (bench.agent().await, wanted(&bench, &speakers));
    assert_eq!(set_up(&bench, &aws, &wanted).await, 6, "four checks, a wait and a batch");

    let existing = aws.signal_existing(&wanted, None).await.unwrap();
    assert_eq!(plan(&existing, &wanted), Ok(Vec::new()), "a second setup has nothing to do");
    let findings: Vec<_> = lint(&existing, &wanted)
        .into_iter()
        .filter(|finding| !finding.mend.is_empty() && !finding.what.contains("127.0.0.1"))
        .collect();
    assert_eq!(findings, [], "apart from the loopback, which the real checkers do not reach");

    let calls = bench.script.arrived("ChangeResourceRecordSets");
    speakers[0].leave.store(true, Ordering::SeqCst);
    until_unhealthy(&bench, 1).await;
    assert_eq!(region(&bench).await, wanted.primary.region, "one of three is a minority");
    speakers[1].leave.store(true, Ordering::SeqCst);
    // Two of the agents' checks, and the one over them.
    until_unhealthy(&bench, 3).await;
    assert_eq!(region(&bench).await, wanted.standby.region);
    speakers[1].task.abort();
    until_unhealthy(&bench, 1).await;
    assert_eq!(region(&bench).await, wanted.primary.region, "an agent that is gone does not say leave");
    assert_eq!(bench.script.arrived("ChangeResourceRecordSets"), calls);
}

/// Goal: when an agent is replaced, the record moves to new checks without leaving the primary, and the old ones go.
/// Method: set up, replace one, set up again.
#[tokio::test]
async fn agents_are_replaced() {
    let bench = Bench::start().await;
    let path = "/v1/signal/shop/us-east-1";
    let mut speakers =
        vec![Speaker::start(path).await, Speaker::start(path).await, Speaker::start(path).await];
    let aws = bench.agent().await;
    set_up(&bench, &aws, &wanted(&bench, &speakers)).await;
    speakers[2] = Speaker::start(path).await;
    let next = wanted(&bench, &speakers);
    set_up(&bench, &aws, &next).await;
    let existing = aws.signal_existing(&next, None).await.unwrap();
    assert_eq!((existing.checks.len(), existing.sets.len()), (4, 2));
    assert_eq!(plan(&existing, &next), Ok(Vec::new()));
}

/// Goal: while an agent says leave, nothing is attached that would move traffic. Method: two of three say so from the
/// start, and the wait is given up by its caller.
#[tokio::test]
async fn nothing_is_attached_while_agents_say_leave() {
    let bench = Bench::start().await;
    let path = "/v1/signal/shop/us-east-1";
    let speakers = [Speaker::start(path).await, Speaker::start(path).await, Speaker::start(path).await];
    for speaker in &speakers[..2] {
        speaker.leave.store(true, Ordering::SeqCst);
    }
    let (aws, wanted) = (bench.agent().await, wanted(&bench, &speakers));
    let existing = aws.signal_existing(&wanted, None).await.unwrap();
    let changes = plan(&existing, &wanted).unwrap();
    let apply = aws.signal_apply(&changes, None, |_| ());
    let watch = async {
        // The third agent's check turns healthy, the others and the one over them never do.
        until_unhealthy(&bench, 4).await;
        until_unhealthy(&bench, 3).await;
    };
    tokio::select! {
        applied = apply => panic!("{applied:?}"),
        () = watch => {}
    }
    assert_eq!(bench.script.arrived("ChangeResourceRecordSets"), 0);
    assert_eq!(region(&bench).await, wanted.primary.region);
}
