//! Channels against receivers on loopback, each of which behaves as its original does where that matters: what was applied
//! although its answer was lost, what is found again, what asks for patience. And leaders that are lost in the midst of it.

mod mail;
mod mail_tls;
mod receivers;

use super::super::{Look, Source, attempt::Patience, round::Round};
use crate::{http::sample, metrics::Metrics, outgoing::HttpClient};
use quorate_core::{Actor, Body, Cluster, ExecutionId, Mark, Sent, StepOutcome};
use quorate_policies::{
    Millis, Timestamp,
    document::{AgentFile, ChannelAccess},
    policy::{Communication, Policy},
};
use receivers::{Reply, receiver};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Short, so that a test sees retries end.
const HASTE: Patience = Patience {
    timeout: Millis(400),
    attempts: 3,
    pause: Millis(5),
    pause_max: Millis(10),
    retry_after_max: Millis(20),
    gap: Millis::ZERO,
};

const EXECUTION: &str = "shop-2";

/// An agent for these tests.
struct House {
    cluster: Mutex<Arc<Cluster>>,
    file: AgentFile,
    metrics: Metrics,
    /// How much later it is than the log's clock.
    later: AtomicU64,
    /// Whether the log takes commands.
    hears: AtomicBool,
    _secret: tempfile::NamedTempFile,
}

impl House {
    /// An agent in the executing sample, whose policy and file speak of these channels. `SECRET` stands for a file that holds
    /// `the-secret`.
    fn new(communication: &str, access: &str) -> Arc<Self> {
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        writeln!(secret, "the-secret").unwrap();
        let access = access.replace("SECRET", secret.path().to_str().unwrap());
        let mut file = sample::agent_file();
        file.channels = serde_saphyr::from_str::<BTreeMap<String, ChannelAccess>>(&access).unwrap();
        let mut cluster = sample::executing();
        let state = cluster.services.values_mut().next().unwrap();
        state.policy.communication = serde_saphyr::from_str::<Communication>(communication).unwrap();
        Arc::new(Self {
            cluster: Mutex::new(Arc::new(cluster)),
            metrics: Metrics::new(&file),
            file,
            later: AtomicU64::new(0),
            hears: AtomicBool::new(true),
            _secret: secret,
        })
    }

    fn apply(&self, body: Body) {
        let mut cluster = self.cluster.lock().unwrap();
        let mut next = Cluster::clone(&cluster);
        sample::apply(&mut next, body);
        *cluster = Arc::new(next);
    }

    fn pass(&self, length: Millis) {
        self.later.fetch_add(length.0, Ordering::SeqCst);
    }

    fn marks(&self, channel: &str) -> BTreeMap<String, Mark> {
        let told = self.cluster.lock().unwrap().told_of(&EXECUTION.to_owned());
        told.channels.get(channel).map(|heard| heard.messages.clone()).unwrap_or_default()
    }

    fn reference(&self, channel: &str) -> Option<String> {
        self.cluster.lock().unwrap().told_of(&EXECUTION.to_owned()).channels.get(channel)?.reference.clone()
    }

    /// The execution ends: its promotion fails, and an operator aborts it.
    fn end(&self) {
        let step = || "promote".parse().unwrap();
        let outcome = StepOutcome::Impossible { reason: "no such replica".into() };
        self.apply(Body::FinishStep { execution: EXECUTION.into(), step: step(), attempt: 1, outcome });
        self.apply(Body::Abort { execution: EXECUTION.into(), actor: ann("by hand"), leave: true });
        assert!(self.cluster.lock().unwrap().executions[EXECUTION].state.ended());
    }

    /// The same, and it has succeeded.
    fn succeed(&self) {
        let mut cluster = self.cluster.lock().unwrap();
        let mut next = Cluster::clone(&cluster);
        let ended = next.clock;
        let execution = next.executions.get_mut(EXECUTION).unwrap();
        execution.state = quorate_core::ExecutionState::Succeeded { exceptions: 0 };
        execution.ended_at = Some(ended);
        *cluster = Arc::new(next);
    }

    /// A leader's turns until a channel has said this much, or the test's patience ends.
    async fn until(self: &Arc<Self>, round: &mut Round<House>, channel: &str, key: &str) {
        for _ in 0..2_000 {
            if self.marks(channel).contains_key(key) {
                return;
            }
            self.turn(round);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("`{channel}` was never told `{key}`: {:?}", self.marks(channel));
    }

    fn turn(self: &Arc<Self>, round: &mut Round<House>) {
        let cluster = self.look().cluster;
        round.turn(&cluster);
    }

    fn leader(self: &Arc<Self>) -> Round<House> {
        Round::new(self.clone(), HttpClient::new(), HASTE, 1)
    }
}

impl Source for House {
    fn look(&self) -> Look {
        Look { leads: true, cluster: self.cluster.lock().unwrap().clone() }
    }
    fn now(&self) -> Timestamp {
        self.cluster.lock().unwrap().clock.plus(Millis(self.later.load(Ordering::SeqCst)))
    }
    fn file(&self) -> &AgentFile {
        &self.file
    }
    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
    async fn mark(&self, _: u64) -> bool {
        true
    }
    async fn told(&self, execution: ExecutionId, sent: Sent) -> bool {
        let hears = self.hears.load(Ordering::SeqCst);
        if hears {
            self.apply(Body::Told { execution, sent });
        }
        hears
    }
}

fn ann(reason: &str) -> Actor {
    Actor { name: "ann".into(), reason: reason.into() }
}

fn acknowledge(house: &House) {
    house.apply(Body::Acknowledge { execution: EXECUTION.into(), actor: ann("I am at it") });
}

/// Goal: Slack gets one message, its thread and its edits, as a bot, and a new leader goes on in the same thread although the first
/// was lost before the log knew of it. Method: a Slack that keeps what is posted; the first leader's word to the log is lost.
#[tokio::test]
async fn slack_keeps_one_thread_over_a_lost_leader() {
    let posted: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = posted.clone();
    let (address, seen) = receiver(move |asked, _| {
        let mut kept = kept.lock().unwrap();
        if asked.path.contains("conversations.history") {
            let parents: Vec<&Value> = kept.iter().filter(|one| one.get("thread_ts").is_none()).collect();
            return Reply::json(json!({"ok": true, "messages": parents}));
        }
        if asked.path.ends_with("chat.postMessage") {
            let ts = format!("170000.{:04}", kept.len() + 1);
            let mut message = asked.body.clone();
            message["ts"] = json!(ts);
            kept.push(message);
            return Reply::json(json!({"ok": true, "channel": "C0123456789", "ts": ts}));
        }
        Reply::json(json!({"ok": true}))
    })
    .await;
    let house = House::new(
        "channels: {incidents: {slack: {channel: C0123456789}}}",
        &format!("incidents: {{slack: {{url: \"http://{address}/api\", token_file: SECRET}}}}"),
    );
    house.hears.store(false, Ordering::SeqCst);
    let mut first = house.leader();
    while posted.lock().unwrap().is_empty() {
        house.turn(&mut first);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(first);
    house.hears.store(true, Ordering::SeqCst);
    let mut second = house.leader();
    house.until(&mut second, "incidents", "begun").await;
    assert_eq!(house.reference("incidents").as_deref(), Some("C0123456789/170000.0001"));
    house.end();
    house.until(&mut second, "incidents", "ended").await;
    let parents = posted.lock().unwrap().iter().filter(|one| one.get("thread_ts").is_none()).count();
    assert_eq!(parents, 1, "no second message");
    insta::assert_snapshot!(seen.story());
}

/// Goal: a reply whose answer was lost is found in the thread and not posted again. Method: a Slack that keeps the reply and answers
/// 500, once.
#[tokio::test]
async fn slack_keeps_one_reply_over_a_lost_answer() {
    let replies: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = replies.clone();
    let (address, seen) = receiver(move |asked, _| {
        let mut kept = kept.lock().unwrap();
        if asked.path.contains("conversations.replies") {
            return Reply::json(json!({"ok": true, "messages": *kept}));
        }
        if asked.body.get("thread_ts").is_some() {
            kept.push(asked.body.clone());
            if kept.len() == 1 {
                return Reply::status(500);
            }
        }
        Reply::json(json!({"ok": true, "messages": [], "channel": "C0123456789", "ts": "170000.0001"}))
    })
    .await;
    let house = House::new(
        "channels: {incidents: {slack: {channel: C0123456789}}}",
        &format!("incidents: {{slack: {{url: \"http://{address}/api\", token_file: SECRET}}}}"),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "incidents", "begun").await;
    house.end();
    house.until(&mut leader, "incidents", "ended").await;
    assert_eq!(house.marks("incidents")["ended"].given_up, None);
    assert_eq!(replies.lock().unwrap().len(), 1, "{}", seen.story());
    let looks = seen.take().iter().filter(|asked| asked.path.contains("conversations.replies")).count();
    assert_eq!(looks, 2, "before each attempt");
}

/// Goal: where the bot is not let in, the incoming webhook carries the message; without one the refusal is told and not repeated.
/// Method: a Slack that knows no such token, with and without a webhook.
#[tokio::test]
async fn slack_falls_back_to_its_webhook() {
    let (address, seen) = receiver(|asked, _| {
        if asked.path == "/hook" {
            Reply::text("ok")
        } else {
            Reply::json(json!({"ok": false, "error": "invalid_auth"}))
        }
    })
    .await;
    let mut hook = tempfile::NamedTempFile::new().unwrap();
    writeln!(hook, "http://{address}/hook").unwrap();
    let bot = format!("url: \"http://{address}/api\", token_file: SECRET");
    let house = House::new(
        "channels: {alone: {slack: {channel: general}}, both: {slack: {channel: general}}}",
        &format!(
            "alone: {{slack: {{{bot}}}}}\nboth: {{slack: {{{bot}, webhook_file: \"{}\"}}}}",
            hook.path().display()
        ),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "both", "begun").await;
    house.until(&mut leader, "alone", "begun").await;
    assert_eq!(house.marks("both")["begun"].given_up, None);
    assert_eq!(house.marks("alone")["begun"].given_up.as_deref(), Some("Slack says invalid_auth"));
    assert_eq!(seen.take().iter().filter(|asked| asked.path == "/hook").count(), 1);
}

/// Goal: one incident a status page, however often answers and leaders are lost, with the states of the affected components, and
/// a draft in the end. Method: a page that opens the incident and answers 500, then a leader that the log does not hear.
#[tokio::test]
async fn one_incident_over_lost_answers_and_leaders() {
    let incidents: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = incidents.clone();
    let (address, seen) = receiver(move |asked, count| {
        let mut kept = kept.lock().unwrap();
        match asked.method.as_str() {
            "GET" => Reply::json(json!(*kept)),
            "POST" => {
                let mut incident = asked.body["incident"].clone();
                incident["id"] = json!("inc1");
                kept.push(incident);
                if count < 3 { Reply::status(500) } else { Reply::json(json!({"id": "inc1"})) }
            }
            _ => {
                if let (Some(status), Some(one)) = (asked.body.pointer("/incident/status"), kept.first_mut())
                {
                    one["status"] = status.clone();
                }
                Reply::json(json!({"id": "inc1"}))
            }
        }
    })
    .await;
    let house = House::new(
        "{channels: {public: {statuspage: {page: p1, components: {web: c1, rest: c2}, postmortem_within: 48h}}}, cadence: 30m}",
        &format!("public: {{statuspage: {{url: \"http://{address}\", token_file: SECRET}}}}"),
    );
    let affected = |policy: &mut Policy| {
        let component = serde_json::from_value(json!({})).unwrap();
        policy.components.insert("web".parse().unwrap(), component);
    };
    let mut cluster = Cluster::clone(&house.cluster.lock().unwrap());
    affected(&mut cluster.services.values_mut().next().unwrap().policy);
    *house.cluster.lock().unwrap() = Arc::new(cluster);
    house.hears.store(false, Ordering::SeqCst);
    let mut first = house.leader();
    while seen.count() < 4 {
        house.turn(&mut first);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(first);
    house.hears.store(true, Ordering::SeqCst);
    seen.take();
    let mut second = house.leader();
    house.until(&mut second, "public", "begun").await;
    house.pass(Millis::from_secs(1_801));
    house.until(&mut second, "public", "update-1").await;
    house.succeed();
    house.until(&mut second, "public", "postmortem").await;
    assert_eq!(incidents.lock().unwrap().len(), 1, "no second incident");
    assert_eq!(house.reference("public").as_deref(), Some("inc1"));
    assert_eq!(incidents.lock().unwrap()[0]["components"], json!({"c1": "major_outage"}));
    insta::assert_snapshot!(seen.story());
}

/// Goal: PagerDuty is triggered, acknowledged and resolved under one key, and its wish to wait is honoured. Method: 429 with
/// Retry-After first; the escalation's level, an acknowledgement, the end.
#[tokio::test]
async fn pagerduty_has_one_alert() {
    let (address, seen) = receiver(|_, count| {
        if count == 0 { Reply::status(429).with("retry-after", "3600") } else { Reply::status(202) }
    })
    .await;
    let house = House::new(
        "{channels: {on-call: {pagerduty: {group: shop}}}, tell: [{channels: [on-call], moments: [failed]}],
          escalation: [{after: 0s, channels: [on-call], contacts: [dba]}],
          contacts: {dba: {role: database administrator, reach: [dba@example.com]}}}",
        &format!("on-call: {{pagerduty: {{url: \"http://{address}\", key_file: SECRET}}}}"),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "on-call", "escalation-1").await;
    acknowledge(&house);
    house.until(&mut leader, "on-call", "acknowledged").await;
    house.end();
    house.until(&mut leader, "on-call", "ended").await;
    insta::assert_snapshot!(seen.story());
}

/// Goal: every Alertmanager is told, one that is down stops nothing, and an open alert is sent again until it is resolved. Method: two
/// addresses, of which one answers nothing; a minute that passes; the end.
#[tokio::test]
async fn alerts_stand_until_they_are_resolved() {
    let (address, seen) = receiver(|_, _| Reply::status(200)).await;
    let (dead, _) = receiver(|_, _| Reply::status(503)).await;
    let house = House::new(
        "channels: {alerts: {alertmanager: {labels: {team: shop}}}}",
        &format!("alerts: {{alertmanager: {{urls: [\"http://{dead}\", \"http://{address}/\"]}}}}"),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "alerts", "begun").await;
    while seen.count() < 2 {
        house.turn(&mut leader);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    house.pass(Millis::from_secs(61));
    while seen.count() < 3 {
        house.turn(&mut leader);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    house.end();
    house.until(&mut leader, "alerts", "ended").await;
    let ends: Vec<Value> = seen.take().iter().map(|asked| asked.body[0]["endsAt"].clone()).collect();
    assert!(ends[0].as_str() < ends[2].as_str(), "it stands longer: {ends:?}");
    assert!(ends[3].as_str() < ends[2].as_str(), "it is over: {ends:?}");
    assert_eq!(house.marks("alerts").len(), 2, "the log is told of no repetition");
}

/// Goal: the exact alert. Method: the first one.
#[tokio::test]
async fn an_alert_as_it_is_sent() {
    let (address, seen) = receiver(|_, _| Reply::status(200)).await;
    let house = House::new(
        "channels: {alerts: {alertmanager: {labels: {team: shop}}}}",
        &format!("alerts: {{alertmanager: {{urls: [\"http://{address}\"], token_file: SECRET}}}}"),
    );
    house.until(&mut house.leader(), "alerts", "begun").await;
    insta::assert_snapshot!(seen.first());
}

/// Goal: a webhook's event is signed and always the same. Method: one that fails once.
#[tokio::test]
async fn a_message_as_an_event() {
    let (address, seen) = receiver(|_, count| Reply::status(if count == 0 { 503 } else { 204 })).await;
    let house = House::new(
        &format!("channels: {{events: {{webhook: {{url: \"http://{address}/e\"}}}}}}"),
        "events: {webhook: {secret_file: SECRET}}",
    );
    house.until(&mut house.leader(), "events", "begun").await;
    let all = seen.take();
    assert_eq!(all[0].body, all[1].body);
    for asked in &all {
        let (time, _) = asked.signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let at = Timestamp(time.parse::<u64>().unwrap() * 1_000);
        assert_eq!(asked.signature, crate::notify::sign(b"the-secret", at, &asked.bytes));
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&all[0].body).unwrap());
}

/// Goal: a channel that is dead is given up on after its attempts and that is told, delays no other one, and hears the next message;
/// one that this agent's file does not know is given up at once. Method: 500s, beside one that answers.
#[tokio::test]
async fn a_dead_channel_delays_nobody() {
    let (dead, lost) = receiver(|_, _| Reply::status(500)).await;
    let (alive, _) = receiver(|_, _| Reply::status(202)).await;
    let house = House::new(
        "channels: {dead: {pagerduty: {}}, alive: {pagerduty: {}}, unknown: {pagerduty: {}}}",
        &format!(
            "dead: {{pagerduty: {{url: \"http://{dead}\", key_file: SECRET}}}}\n\
             alive: {{pagerduty: {{url: \"http://{alive}\", key_file: SECRET}}}}"
        ),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "alive", "begun").await;
    house.until(&mut leader, "dead", "begun").await;
    house.until(&mut leader, "unknown", "begun").await;
    assert_eq!(lost.count(), HASTE.attempts as usize);
    let why = |channel: &str| house.marks(channel)["begun"].given_up.clone();
    assert_eq!(why("dead").as_deref(), Some("it answered 500, after 3 attempts"));
    assert_eq!(
        why("unknown").as_deref(),
        Some("this agent's file does not name the channel under `channels`")
    );
    assert_eq!(why("alive"), None);
    let cluster = house.look().cluster;
    let last = cluster.audit.entries.iter().filter(|entry| entry.event.name() == "told").count();
    assert_eq!(last, 3, "each is in the audit");
}

/// Goal: mail is one thread, its ids are the same for every repetition, and a server that is busy is asked again. Method: a mail
/// server that refuses the first for now; the beginning and the end.
#[tokio::test]
async fn mail_is_one_thread() {
    let (address, mails): (SocketAddr, _) = mail::server(&["451 later"]).await;
    let house = House::new(
        "channels: {mail: {smtp: {from: quorate@example.com, to: [ops@example.com, lead@example.com]}}}",
        &format!("mail: {{smtp: {{host: 127.0.0.1, port: {}, tls: off}}}}", address.port()),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "mail", "begun").await;
    house.end();
    house.until(&mut leader, "mail", "ended").await;
    insta::assert_snapshot!(mails.lock().unwrap().join("\n=====\n"));
}
