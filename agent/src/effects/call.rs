//! `http`: one request to a server of the agent's own file. It only asks and converts; `judge` decides.
//!
//! - **Called on:** the server of the URL, with no redirect followed. The agent's file names every server,
//!   and which of its secrets may be sent there.
//! - **The fence:** none by itself.
//! - **Unknown after an act:** no answer, or a 5xx: the request may have been carried out. The policy's `observe` decides
//!   then, or its `idempotent`, or nobody but a human. That it was sent, and what was answered, is in the journal.
//! - **Cannot be undone:** what takes a request back is another one, in a plan of its own.

use super::exec::judge::{Past, Sight, asks, judge};
use crate::{
    jobs::{
        journal::{Attempt, Entry, Journal},
        masking::masked,
    },
    outgoing::{Answer, HttpClient},
};
use quorate_policies::{
    RegionName,
    document::{AgentFile, HttpAllowed},
    effect::{Acted, EffectContext, Observed},
    plan::action::{Http, HttpExpect},
    readiness::{Finding, FindingSeverity},
};
use quorate_probes::Password;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

/// Of an answer so much is read: a search cluster's report on all its shards.
const ANSWER_BYTES_MAX: usize = 2 << 20;
/// Of an answer so much is told.
const TOLD_CHARS_MAX: usize = 300;
/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(8);

/// The room.
pub struct Calls {
    client: HttpClient,
    allowed: Option<HttpAllowed>,
    base: PathBuf,
    region: RegionName,
    journal: Journal,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
enum Answered {
    /// As expected.
    Well {
        /// What.
        detail: String,
    },
    /// Not as expected.
    Badly {
        /// What.
        reason: String,
    },
    /// Whether it was carried out is not known.
    Unclear {
        /// What is known.
        reason: String,
    },
}

/// Why a request is not sent.
struct NotSent {
    what: String,
    mend: &'static str,
}

impl Calls {
    /// By the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path, journal: Journal) -> Self {
        Self {
            client: HttpClient::new(),
            allowed: file.http.clone(),
            base: base.to_owned(),
            region: file.region.clone(),
            journal,
        }
    }

    /// Looks at what became of the attempt's request, and at the world where the policy says how.
    pub async fn observe(&self, action: &Http, context: &EffectContext) -> Observed {
        let attempt = Attempt::of(context);
        let past = match self.past(&attempt, context).await {
            Ok(past) => past,
            Err(error) => return Observed::Unknown { reason: format!("the journal of this agent: {error}") },
        };
        if matches!(past, Past::Untouched { .. })
            && let Err(NotSent { what, mend }) = self.secrets(action, &action.url).await
        {
            return Observed::Impossible { reason: format!("{what}; {mend}") };
        }
        let sight = if asks(&past) { self.sight(action).await } else { None };
        judge(past, context.unheard, action.idempotent, sight)
    }

    /// Sends the request, once.
    pub async fn act(&self, action: &Http, context: &EffectContext) -> Acted {
        let secrets = match self.secrets(action, &action.url).await {
            Ok(secrets) => secrets,
            // Waiting would not mend it, and a person who is told at once can.
            Err(NotSent { what, mend }) => {
                return Acted::Refused { reason: format!("{what}; {mend}"), retryable: false };
            }
        };
        let body = action.body.clone().unwrap_or_default();
        let request = match request(action, action.method.as_str(), &action.url, &secrets, body) {
            Ok(request) => request,
            Err(reason) => return Acted::Refused { reason, retryable: false },
        };
        let attempt = Attempt::of(context);
        if let Err(error) = self.write(&attempt, |journal, attempt| journal.begin(attempt).map(drop)).await {
            return Acted::Refused {
                reason: format!("the journal cannot be written: {error}"),
                retryable: true,
            };
        }
        let answer = self.client.send(request, action.timeout.duration(), ANSWER_BYTES_MAX).await;
        let masks: Vec<String> = secrets.into_iter().map(|(_, secret)| secret).collect();
        let (acted, answered) = acted(action, answer.map_err(|error| error.to_string()), &masks);
        let written = match answered {
            Some(answered) => {
                self.write(&attempt, move |journal, attempt| journal.end(attempt, &answered)).await
            }
            None => self.write(&attempt, Journal::withdraw).await,
        };
        if let Err(error) = written {
            // What stays is "sent, and nothing heard".
            return Acted::Unknown { reason: format!("the journal cannot be written: {error}") };
        }
        acted
    }

    /// What stands in the way, as far as this host tells. The server is not asked: a question may change something there.
    pub async fn check(&self, action: &Http, context: &EffectContext) -> Vec<Finding> {
        let near = [&context.from, &context.to].into_iter().any(|region| *region == self.region.as_str());
        let severity = if near { FindingSeverity::Blocking } else { FindingSeverity::Warning };
        let mut findings = Vec::new();
        for url in
            [Some(&action.url), action.observe.as_ref().map(|observe| &observe.url)].into_iter().flatten()
        {
            if let Err(NotSent { what, mend }) = self.secrets(action, url).await {
                findings.push(Finding::new(severity, what, mend));
            }
        }
        findings.dedup();
        findings
    }

    async fn past(&self, attempt: &Attempt, context: &EffectContext) -> io::Result<Past> {
        let (journal, key) = (self.journal.clone(), attempt.clone());
        let entry = tokio::task::spawn_blocking(move || {
            let entry = journal.entry::<Answered>(&key)?;
            if entry == Entry::Nothing {
                journal.looked(&key)?;
            }
            Ok::<_, io::Error>(entry)
        });
        Ok(match entry.await.map_err(io::Error::other)?? {
            // An attempt that goes on and was never looked at here: its disk is not the one that it began on.
            Entry::Nothing => Past::Untouched { certain: !context.resumed },
            Entry::Looked => Past::Untouched { certain: true },
            Entry::Open | Entry::AtWork => Past::Unanswered {
                reason: "it was sent, and what was answered was not written down".to_owned(),
            },
            Entry::Ended(Answered::Well { detail }) => Past::Well { detail },
            Entry::Ended(Answered::Badly { reason }) => Past::Badly { reason },
            Entry::Ended(Answered::Unclear { reason }) => Past::Unanswered { reason },
        })
    }

    async fn write(
        &self,
        attempt: &Attempt,
        write: impl FnOnce(&Journal, &Attempt) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let (journal, attempt) = (self.journal.clone(), attempt.clone());
        tokio::task::spawn_blocking(move || write(&journal, &attempt)).await.map_err(io::Error::other)?
    }

    /// Asks the policy's own question.
    async fn sight(&self, action: &Http) -> Option<Sight> {
        let observe = action.observe.as_ref()?;
        let unclear = |why: String| Some(Sight::Unclear(format!("the look: {why}")));
        let secrets = match self.secrets(action, &observe.url).await {
            Ok(secrets) => secrets,
            Err(NotSent { what, mend }) => return unclear(format!("{what}; {mend}")),
        };
        let request = match request(action, "GET", &observe.url, &secrets, String::new()) {
            Ok(request) => request,
            Err(why) => return unclear(why),
        };
        let masks: Vec<String> = secrets.into_iter().map(|(_, secret)| secret).collect();
        match self.client.send(request, LOOK_MAX, ANSWER_BYTES_MAX).await {
            Err(error) => unclear(error.to_string()),
            Ok(answer) if unexpected(&observe.expect, &answer).is_none() => {
                Some(Sight::Stands(told(&answer, &masks)))
            }
            // A server that fails or is too busy says nothing of what stands.
            Ok(answer) if answer.status.is_server_error() || busy(&answer) => unclear(told(&answer, &masks)),
            Ok(answer) => Some(Sight::Absent(format!("not yet: {}", told(&answer, &masks)))),
        }
    }

    /// The secrets that go to this address, by their headers: those of the request, if it is the same server.
    async fn secrets(&self, action: &Http, url: &str) -> Result<Vec<(String, String)>, NotSent> {
        let Some(allowed) = &self.allowed else {
            let what = "this agent's file has no `http` section: it sends no request".to_owned();
            return Err(NotSent { what, mend: "add `http: {servers: {\"https://HOST\": {}}}` to it" });
        };
        let Some(server) = allowed.server(url) else {
            let what = format!("the agent's file does not name the server of {url}");
            return Err(NotSent { what, mend: "add it to `http.servers` there" });
        };
        let mut secrets = Vec::new();
        for (header, name) in action.secret_headers.iter().filter(|_| same_server(url, &action.url)) {
            let Some(file) = server.secrets.get(name) else {
                let what = format!("the agent's file does not name the secret `{name}` for this server");
                return Err(NotSent { what, mend: "add it to the server's `secrets` there" });
            };
            let file = self.base.join(file);
            let read =
                tokio::task::spawn_blocking(move || Password::read(&file).map_err(|error| error.to_string()));
            let read = read.await.unwrap_or_else(|error| Err(error.to_string()));
            let unfit = |what: String| NotSent { what, mend: "mend that file" };
            secrets.push((header.clone(), read.map_err(unfit)?.reveal().to_owned()));
        }
        Ok(secrets)
    }
}

fn same_server(one: &str, other: &str) -> bool {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    origin(one).is_some_and(|own| Some(own) == origin(other))
}

/// A request of this action: its headers go to its own server alone. An error must not hold a secret.
fn request(
    action: &Http,
    method: &str,
    url: &str,
    secrets: &[(String, String)],
    body: String,
) -> Result<http::Request<http_body_util::Full<bytes::Bytes>>, String> {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in action.headers.iter().filter(|_| same_server(url, &action.url)) {
        request = request.header(name, value);
    }
    for (name, value) in secrets {
        let mut value = http::HeaderValue::from_str(value)
            .map_err(|_| format!("the secret for {name} is no header's value"))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request.body(body.into()).map_err(|_| format!("{method} {url} with these headers is no request"))
}

/// What became of the request, and what of that is written down; nothing if it was certainly not carried out.
fn acted(action: &Http, answer: Result<Answer, String>, masks: &[String]) -> (Acted, Option<Answered>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(reason) => {
            return (Acted::Unknown { reason: reason.clone() }, Some(Answered::Unclear { reason }));
        }
    };
    let (detail, status) = (told(&answer, masks), answer.status);
    let Some(why) = unexpected(&action.expect, &answer) else {
        return (Acted::Accepted { detail: detail.clone() }, Some(Answered::Well { detail }));
    };
    let reason = format!("{detail}; {why}");
    if status.is_client_error() {
        (Acted::Refused { reason, retryable: busy(&answer) }, None)
    } else if status.is_server_error() && action.idempotent {
        (Acted::Refused { reason, retryable: true }, None)
    } else if status.is_server_error() {
        (Acted::Unknown { reason: reason.clone() }, Some(Answered::Unclear { reason }))
    } else {
        // It was answered, and so the look tells what it means.
        (Acted::Accepted { detail: reason.clone() }, Some(Answered::Badly { reason }))
    }
}

/// Request timeout, too early, too many requests: the same may be asked again.
fn busy(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 408 | 425 | 429)
}

/// Why an answer is not the one that is wanted. The check has seen that the expression compiles.
fn unexpected(expect: &HttpExpect, answer: &Answer) -> Option<String> {
    if !expect.status.contains(answer.status.as_u16()) {
        return Some(format!("{} is wanted", String::from(expect.status.clone())));
    }
    let pattern = expect.body.as_ref()?;
    match Regex::new(pattern) {
        Ok(regex) if regex.is_match(&String::from_utf8_lossy(&answer.body)) => None,
        Ok(_) => Some(format!("the body does not match `{pattern}`")),
        Err(_) => Some(format!("`{pattern}` is no regular expression")),
    }
}

/// An answer on one line.
fn told(answer: &Answer, masks: &[String]) -> String {
    let body = masked(&String::from_utf8_lossy(&answer.body), masks);
    let first: String =
        body.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD_CHARS_MAX).collect();
    let (status, first) = (answer.status.as_u16(), first.trim());
    if first.is_empty() { format!("answered {status}") } else { format!("answered {status}: {first}") }
}
