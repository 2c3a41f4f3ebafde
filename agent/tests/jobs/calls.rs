//! `http` against a server on this machine: what is sent, what an answer means, and what a restarted agent knows.

use crate::bench::{SECRET, agent, context, secret};
use quorate::{
    effects::call::Calls,
    jobs::journal::{Attempt, Journal},
};
use quorate_policies::{
    effect::{Acted, EffectContext, Observed},
    plan::{Action, action::Http},
    policy::StepTemplate,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A server that answers each request with the next of its answers, and then with 500; an empty one closes the connection.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        let mut answers: Vec<String> = answers.iter().rev().map(|answer| (*answer).to_owned()).collect();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let asked = request(&mut stream).await;
                heard.lock().unwrap().push(asked);
                let answer = answers.pop().unwrap_or_else(|| "500 no more answers".to_owned());
                let Some((status, body)) = answer.split_once(' ') else { continue };
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} X\r\nlocation: /moved\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// An action on it, as a policy writes it.
    fn http(&self, yaml: &str) -> Http {
        let yaml = format!("http: {}", yaml.replace("HERE", &format!("http://{}", self.address)));
        match serde_saphyr::from_str::<StepTemplate>(&yaml).unwrap().action {
            Action::Http(http) => http,
            other => panic!("{other:?}"),
        }
    }

    /// An agent that may call it, and send it its secret.
    fn calls(&self, home: &TempDir) -> Calls {
        secret(home.path(), "auth");
        let file = agent(&format!(
            "http: {{servers: {{\"http://{}\": {{secrets: {{AUTH: auth}}}}}}}}",
            self.address
        ));
        Calls::new(&file, home.path(), Journal::new(home.path().join("data/jobs")))
    }
}

/// Reads a whole request.
async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut piece).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted =
            head.to_lowercase().lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
        if length == 0 || body.len() >= wanted.unwrap_or(0) {
            return text;
        }
    }
}

/// What an act says, and what the look behind it says.
async fn through(calls: &Calls, action: &Http, context: &EffectContext) -> (Acted, Observed) {
    let first = calls.observe(action, context).await;
    assert!(matches!(first, Observed::NotDone { .. }), "{first:?}");
    let acted = calls.act(action, context).await;
    (acted, calls.observe(action, context).await)
}

fn words(acted: &Acted, seen: &Observed) -> (&'static str, &'static str) {
    let acted = match acted {
        Acted::Accepted { .. } => "accepted",
        Acted::Refused { retryable: true, .. } => "refused for now",
        Acted::Refused { retryable: false, .. } => "refused",
        Acted::Unknown { .. } => "unknown",
    };
    let seen = match seen {
        Observed::Done { .. } => "done",
        Observed::NotDone { .. } => "not done",
        Observed::Broken { again: true, .. } => "broken, again",
        Observed::Broken { again: false, .. } => "broken",
        Observed::InProgress { .. } | Observed::Impossible { .. } | Observed::Unknown { .. } => "else",
    };
    (acted, seen)
}

/// Goal: what each answer means, for a request that may be repeated and for one that may not: only what was certainly not
/// carried out is asked again. Method: every kind of answer, no answer among them.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_means() {
    for (answer, once, repeated) in [
        ("200 {\"accepted\":true}", ("accepted", "done"), ("accepted", "done")),
        ("200 {\"accepted\":false}", ("accepted", "broken"), ("accepted", "broken, again")),
        ("302 elsewhere", ("accepted", "broken"), ("accepted", "broken, again")),
        ("404 no such snapshot", ("refused", "not done"), ("refused", "not done")),
        ("429 slowly", ("refused for now", "not done"), ("refused for now", "not done")),
        ("503 too busy", ("unknown", "broken"), ("refused for now", "not done")),
        ("", ("unknown", "broken"), ("unknown", "not done")),
    ] {
        for (idempotent, expected) in [(false, once), (true, repeated)] {
            let (home, server) = (tempfile::tempdir().unwrap(), Server::new(&[answer]).await);
            let calls = server.calls(&home);
            let action =
                server.http(&format!("{{url: HERE/a, expect: {{body: 'true'}}, idempotent: {idempotent}}}"));
            let (acted, seen) = through(&calls, &action, &context()).await;
            assert_eq!(words(&acted, &seen), expected, "{answer}, {idempotent}: {acted:?} {seen:?}");
            assert_eq!(server.asked().len(), 1, "{answer}: no redirect is followed, nothing is repeated");
        }
    }
}

/// Goal: a request is sent as it is written, with its secret; and what comes back is told without it. Method: a server that
/// gives back what it was told.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_go_there_and_do_not_come_back() {
    let (home, server) =
        (tempfile::tempdir().unwrap(), Server::new(&[&format!("400 you said {SECRET}\r\n!")]).await);
    let calls = server.calls(&home);
    let action = server.http(
        "{method: PUT, url: 'HERE/a?b=c', headers: {Content-Type: text/plain}, secret_headers: {Authorization: AUTH}, body: hello}",
    );
    let (acted, _) = through(&calls, &action, &context()).await;
    let Acted::Refused { reason, retryable: false } = &acted else { panic!("{acted:?}") };
    assert_eq!(reason, "answered 400: you said ***  !; 200-299 is wanted");
    let asked = server.asked().remove(0).to_lowercase();
    assert!(asked.starts_with("put /a?b=c http/1.1\r\n") && asked.ends_with("\r\n\r\nhello"), "{asked}");
    assert!(
        asked.contains(&format!("authorization: {SECRET}\r\n")) && asked.contains("content-type: text/plain")
    );
}

/// Goal: a restore that one request begins and another one sees: nothing is begun twice, also not by the next attempt, and
/// no secret goes to another server that is only looked at. Method: a search cluster's answers before, during and after.
#[tokio::test(flavor = "multi_thread")]
async fn begun_by_one_request_and_seen_by_another() {
    let red = "200 {\"status\":\"red\"}";
    let answers =
        ["404 no such index", "200 {\"accepted\":true}", red, "503 busy", "200 {\"status\":\"green\"}", red];
    let (home, server) = (tempfile::tempdir().unwrap(), Server::new(&answers).await);
    let calls = server.calls(&home);
    let action = server.http(
        "{url: 'HERE/_snapshot/a/b/_restore', secret_headers: {Authorization: AUTH}, expect: {body: '\"accepted\":true'}, \
         observe: {url: HERE/_cluster/health/i, expect: {body: green}}}",
    );
    let (acted, seen) = through(&calls, &action, &context()).await;
    assert!(matches!(acted, Acted::Accepted { .. }), "{acted:?}");
    assert!(matches!(&seen, Observed::InProgress { detail } if detail.contains("red")), "{seen:?}");
    let seen = calls.observe(&action, &context()).await;
    assert!(matches!(&seen, Observed::Unknown { reason } if reason.contains("503")), "{seen:?}");
    let seen = calls.observe(&action, &context()).await;
    assert!(matches!(&seen, Observed::Done { detail } if detail.contains("green")), "{seen:?}");
    let asked = server.asked();
    assert_eq!(asked.iter().filter(|asked| asked.starts_with("POST")).count(), 1);
    assert!(asked.iter().all(|asked| asked.contains(SECRET)), "it is the same server");
    let next = EffectContext { attempt: 2, unheard: true, ..context() };
    let seen = calls.observe(&action, &next).await;
    assert!(matches!(&seen, Observed::NotDone { .. }), "its own look says so: {seen:?}");
}

/// Goal: a request that was sent before the agent ended is not sent again unasked. Method: a journal that says "sent" alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_a_restart() {
    let (home, server) = (tempfile::tempdir().unwrap(), Server::new(&[]).await);
    let calls = server.calls(&home);
    Journal::new(home.path().join("data/jobs")).begin(&Attempt::of(&context())).unwrap();
    let resumed = EffectContext { resumed: true, ..context() };
    let seen = calls.observe(&server.http("{url: HERE/a}"), &resumed).await;
    assert!(matches!(&seen, Observed::Broken { again: false, .. }), "{seen:?}");
    let seen = calls.observe(&server.http("{url: HERE/a, idempotent: true}"), &resumed).await;
    assert!(matches!(&seen, Observed::NotDone { .. }), "{seen:?}");
    assert_eq!(server.asked().len(), 0);
}

/// Goal: only servers of the agent's own file are called, and only their own secrets go there. Method: another port, another
/// secret, and a file without the section.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_does_not_name_is_not_called() {
    let (home, server) = (tempfile::tempdir().unwrap(), Server::new(&[]).await);
    let calls = server.calls(&home);
    let none = Calls::new(&agent(""), home.path(), Journal::new(home.path().join("data/jobs")));
    for (calls, yaml, why) in [
        (&calls, "{url: 'http://127.0.0.1:1/a'}", "does not name the server"),
        (&calls, "{url: HERE/a, secret_headers: {X-A: OTHER}}", "does not name the secret `OTHER`"),
        (&none, "{url: HERE/a}", "has no `http` section"),
    ] {
        let action = server.http(yaml);
        let seen = calls.observe(&action, &context()).await;
        assert!(matches!(&seen, Observed::Impossible { reason } if reason.contains(why)), "{seen:?}");
        let acted = calls.act(&action, &context()).await;
        assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{acted:?}");
        assert!(calls.check(&action, &context()).await[0].what.contains(why));
    }
    assert_eq!(server.asked().len(), 0);
}
