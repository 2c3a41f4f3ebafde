//! The whole room against the sandbox's DNS: servers of its own, resolvers that remember, and some that are broken. The
//! steps are carried out as an agent does it, by [`StepRun`].

use super::*;
use quorate_aws::{Aws, AwsAction, AwsSettings, StaticCredentials};
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic,
    effect::EffectContext,
    plan::{Action, action::Route53Repoint},
};
use quorate_sandbox::{Options, Sandbox, Timing};
use std::time::Instant;
use tokio::net::{TcpListener, UdpSocket};

const WWW: &str = "www.shop.test";
const WEST: &str = "us-west-2";
/// For steps that are to come to their end: far more than they need.
const ENOUGH: Millis = Millis(60_000);
/// For steps that are not: less than one silent resolver costs a look.
const BRIEF: Millis = Millis(500);

/// A sandbox, and the room of an agent whose resolver is the sandbox's own server.
struct Bench {
    sandbox: Sandbox,
    room: Converge,
}

impl Bench {
    async fn start() -> Self {
        let timing = Timing { dns_pending_ms: 50, alias_ttl_s: 2, ..Timing::default() };
        let sandbox = Sandbox::start(Options { timing, ..Options::default() }).await.unwrap();
        let own: SocketAddr = sandbox.endpoints().vantages["internet"].resolver.parse().unwrap();
        let room = Converge { own: vec![own], name_server_port: own.port() };
        Self { sandbox, room }
    }

    /// A resolver of a place that remembers.
    fn caching(&self, place: &str) -> String {
        self.sandbox.endpoints().vantages[place].caching_resolver.clone()
    }

    /// The record shall answer as the standby region's load balancer does.
    fn like_west(&self, resolvers: &[&str]) -> DnsConverged {
        let like = self.sandbox.endpoints().service.aliases[WEST].target.clone();
        DnsConverged { like: Some(like), ..converged(WWW, &[], resolvers) }
    }

    /// Points the record at the standby region, and returns when Route 53 says that it is in sync.
    async fn repoint(&self) {
        let endpoints = self.sandbox.endpoints();
        let mut settings = AwsSettings::new("eu-west-1");
        settings.endpoints.route53 = Some(endpoints.vantages["internet"].route53.clone());
        let (access_key_id, secret_access_key) = ("AKIASANDBOX".to_owned(), "secret".to_owned());
        settings.credentials =
            Some(StaticCredentials { access_key_id, secret_access_key, session_token: None });
        let aws = Aws::load(settings).await;
        let alias = &endpoints.service.aliases[WEST];
        let action = Action::Route53Repoint(Route53Repoint {
            zone: endpoints.service.zone.clone(),
            record: WWW.to_owned(),
            kind: RecordKind::A,
            alias: Some(alias.target.clone()),
            alias_zone: Some(alias.zone.clone()),
            values: Vec::new(),
            ttl_s: 60,
            weights: std::collections::BTreeMap::new(),
            primary: None,
        });
        let action = AwsAction::try_from(&action).unwrap();
        let context = EffectContext {
            service: "shop".into(),
            execution: "shop-1".into(),
            epoch: 1,
            attempt: 1,
            from: "us-east-1".into(),
            to: WEST.into(),
            before: None,
            role: None,
            step: "step".to_owned(),
            timeout: quorate_policies::Millis::from_secs(60),
            unheard: false,
            resumed: false,
        };
        let outcome = carry_out(
            ENOUGH,
            async || aws.observe(action, &context).await,
            async |part| aws.act(action, part, &context).await,
        );
        assert!(matches!(outcome.await, (StepOutcome::Succeeded { .. }, _)));
    }

    /// Carries the step out. Answers its outcome and every different thing that was seen.
    async fn converge(&self, budget: Millis, action: &DnsConverged) -> (StepOutcome, Vec<String>) {
        carry_out(budget, async || self.room.observe(action).await, async |_| Converge::act()).await
    }
}

fn converged(record: &str, values: &[&str], resolvers: &[&str]) -> DnsConverged {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    DnsConverged {
        record: record.to_owned(),
        kind: RecordKind::A,
        like: None,
        values: owned(values),
        resolvers: owned(resolvers),
        name_servers: true,
    }
}

/// One attempt of a step.
async fn carry_out(
    budget: Millis,
    look: impl AsyncFn() -> Observed,
    act: impl AsyncFn(u8) -> Acted,
) -> (StepOutcome, Vec<String>) {
    let start = Instant::now();
    let now = || Monotonic(u64::try_from(start.elapsed().as_millis()).unwrap());
    let (mut run, mut event, mut seen) = (StepRun::new(now(), budget, 0), StepEvent::Ready, Vec::new());
    loop {
        event = match run.next(now(), event) {
            StepWork::Observe => {
                let observed = look().await;
                let text = said(&observed).to_owned();
                if seen.last() != Some(&text) {
                    seen.push(text);
                }
                StepEvent::Observed(observed)
            }
            StepWork::Act { part, .. } => StepEvent::Acted(act(part).await),
            StepWork::Wait(pause) => {
                tokio::time::sleep(Duration::from_millis(pause.0)).await;
                StepEvent::Ready
            }
            StepWork::Finish(outcome) => return (outcome, seen),
            StepWork::Leave(why) => panic!("nobody refuses here: {why}"),
        };
    }
}

fn said(observed: &Observed) -> &str {
    match observed {
        Observed::Done { detail } | Observed::InProgress { detail } | Observed::NotDone { detail, .. } => {
            detail
        }
        Observed::Impossible { reason } | Observed::Broken { reason, .. } | Observed::Unknown { reason } => {
            reason
        }
    }
}

/// A server that takes questions and never answers, over UDP and TCP.
struct Silent {
    address: String,
    _sockets: (UdpSocket, TcpListener),
}

impl Silent {
    async fn start() -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = udp.local_addr().unwrap();
        // A port that is taken for TCP would refuse, which is an answer.
        let tcp = TcpListener::bind(address).await.unwrap();
        Self { address: address.to_string(), _sockets: (udp, tcp) }
    }
}

/// A server that answers every question with this code. Answers its address.
async fn broken(code: u8) -> String {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut message = [0; 512];
        while let Ok((length, asker)) = udp.recv_from(&mut message).await {
            // The question comes back as a response (QR) with the code in the low half of the fourth byte.
            message[2] |= 0x80;
            message[3] = code;
            udp.send_to(&message[..length], asker).await.unwrap();
        }
    });
    address
}

/// Goal: when the zone's own servers and every resolver give the new answer, the step is done and says what each said.
/// Method: move the record; ask the zone's server, two caching resolvers at other places and the agent's own.
#[tokio::test]
async fn all_give_the_new_answer() {
    let bench = Bench::start().await;
    let (east, west) = (bench.caching("us-east-1"), bench.caching("eu-west-1"));
    bench.repoint().await;
    let (outcome, _) = bench.converge(ENOUGH, &bench.like_west(&[&east, &west])).await;
    let StepOutcome::Succeeded { detail } = outcome else { panic!("{outcome:?}") };
    assert!(detail.starts_with("www.shop.test is converged; "), "{detail}");
    for resolver in [&*east, &*west, "ns-1.shop.test", "this agent's resolvers"] {
        assert!(detail.contains(&format!("{resolver}: 127.0.")), "{resolver} is not in: {detail}");
    }
    assert!(detail.contains(" for 2 s"), "{detail}");
}

/// Goal: a resolver that still remembers the old answer is waited for, and named with its answer and how long it keeps
/// it; the others are not named as late. Method: let a caching resolver learn the old answer, move the record, and read
/// what was seen until it is done.
#[tokio::test]
async fn one_that_lags_is_waited_for() {
    let bench = Bench::start().await;
    let late = bench.caching("eu-west-1");
    let before = bench.room.observe(&bench.like_west(&[&late])).await;
    let old = said(&before).split(&format!("{late}: ")).nth(1).unwrap().split(' ').next().unwrap().to_owned();
    bench.repoint().await;
    let (outcome, seen) = bench.converge(ENOUGH, &bench.like_west(&[&late])).await;
    assert!(matches!(outcome, StepOutcome::Succeeded { .. }), "{outcome:?}");
    let waited: Vec<&String> = seen.iter().filter(|text| !text.contains("is converged")).collect();
    assert!(!waited.is_empty(), "{seen:?}");
    for text in waited {
        let (head, rest) = text.split_once("; ").unwrap();
        assert_eq!(head, "www.shop.test: 2 of 3 give the new answer");
        let left = ["0", "1", "2"].map(|left| format!("{late}: {old} for {left} s, wanted 127.0."));
        assert!(left.iter().any(|left| rest.starts_with(left)), "{rest}");
        assert!(!rest.contains(';'), "nobody else is late: {rest}");
    }
}

/// Goal: one that never answers ends the step's budget, and the outcome names it and says that the others have arrived:
/// unknown, not failed. Method: a socket that is silent over UDP and TCP.
#[tokio::test]
async fn one_that_is_silent_ends_the_budget() {
    let bench = Bench::start().await;
    bench.repoint().await;
    let silent = Silent::start().await;
    let caching = bench.caching("eu-west-1");
    let (outcome, _) = bench.converge(BRIEF, &bench.like_west(&[&caching, &silent.address])).await;
    let StepOutcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
    let expected = format!(
        "not done in time; last seen: www.shop.test: 3 of 4 give the new answer; {}: no reply within 2s",
        silent.address
    );
    assert!(reason.starts_with(&expected), "{reason}");
    assert!(!reason.contains(&caching), "{reason}");
}

/// Goal: with nobody to tell the zone's servers, that is said, what the listed resolvers say is still reported, and the
/// look ends while it is wanted. Method: an agent whose own resolver is silent.
#[tokio::test]
async fn the_agents_own_resolver_is_silent() {
    let bench = Bench::start().await;
    let (silent, caching) = (Silent::start().await, bench.caching("eu-west-1"));
    let room = Converge { own: vec![silent.address.parse().unwrap()], ..bench.room };
    let observed = room.observe(&converged(&format!("a.b.c.d.{WWW}"), &["192.0.2.9"], &[&caching])).await;
    let Observed::InProgress { detail } = observed else { panic!("{observed:?}") };
    assert!(detail.contains("0 of 3 give the new answer"), "{detail}");
    assert!(detail.contains(&format!("{caching}: no such name for ")), "{detail}");
    assert!(detail.contains("the zone's name servers: no reply within 2s"), "{detail}");
    assert!(detail.contains("this agent's resolvers: no reply within 2s"), "{detail}");
}

/// Goal: no answer of any kind is convergence, and each is told in its own words. Method: a table of a name that is not
/// there, one without the type, a zone that is not ours, and servers that fail or refuse.
#[tokio::test]
async fn no_answer_is_no_convergence() {
    let bench = Bench::start().await;
    let own = bench.room.own[0].to_string();
    let (failing, refusing) = (broken(2).await, broken(5).await);
    let aaaa = DnsConverged { kind: RecordKind::Aaaa, ..converged(WWW, &["2001:db8::1"], &[&own]) };
    let table = [
        (
            converged("none.shop.test", &["192.0.2.1"], &[&own]),
            format!("{own}: no such name for 2 s, wanted 192.0.2.1"),
        ),
        (aaaa, format!("{own}: no answer for 2 s, wanted 2001:db8::1")),
        (converged("www.example.com", &["192.0.2.1"], &[&own]), format!("{own}: Query Refused")),
        (converged(WWW, &["192.0.2.1"], &[&failing]), format!("{failing}: Server Failure")),
        (converged(WWW, &["192.0.2.1"], &[&refusing]), format!("{refusing}: Query Refused")),
    ];
    for (action, expected) in table {
        let observed = bench.room.observe(&action).await;
        let Observed::InProgress { detail } = observed else { panic!("{observed:?}") };
        assert!(detail.contains(&expected), "{expected}\nis not in\n{detail}");
    }
}

/// Goal: a list that is no list of addresses is refused at once, and one that names nobody still asks the agent's own.
/// Method: both, without the zone's servers.
#[tokio::test]
async fn whom_to_ask() {
    let bench = Bench::start().await;
    let wrong = bench.room.observe(&converged(WWW, &["192.0.2.1"], &["dns.example.com"])).await;
    assert!(matches!(wrong, Observed::Impossible { .. }), "{wrong:?}");
    bench.repoint().await;
    let nobody = DnsConverged { name_servers: false, ..bench.like_west(&[]) };
    let observed = bench.room.observe(&nobody).await;
    let Observed::Done { detail } = observed else { panic!("{observed:?}") };
    assert!(detail.starts_with("www.shop.test is converged; this agent's resolvers: 127.0."), "{detail}");
}
