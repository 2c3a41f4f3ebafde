//! Slack. As a bot: one message an execution, which always tells how it stands, and everything that follows in its thread.
//! Slack knows no idempotency, so every message carries the execution's key and its own, and is looked for before it is posted: the
//! first in the channel, the others in the thread. Where there is an incoming webhook too, it carries what the bot could not; it
//! knows neither threads nor edits.

use super::{
    Parcel, clipped,
    line::{Line, Trouble, json, secret},
};
use http::Method;
use quorate_core::telling::{Letter, Why};
use quorate_policies::{document::SlackAccess, policy::Slack};
use serde_json::{Value, json};

/// Longest text: Slack cuts off at 40,000 characters and recommends 4,000.
const TEXT_CHARS_MAX: usize = 4_000;
/// The latest messages of the channel among which its own is looked for: an execution's message is looked for again minutes
/// after it was posted.
const HISTORY: u32 = 100;
/// The replies among which one is looked for, from the oldest: the most that Slack tells at once, and an update every half an hour
/// makes fewer in a week.
const REPLIES: u32 = 999;

/// Where the execution's message stands.
struct Place {
    channel: String,
    ts: String,
}

impl Place {
    fn read(reference: &str) -> Option<Self> {
        let (channel, ts) = reference.split_once('/')?;
        Some(Self { channel: channel.to_owned(), ts: ts.to_owned() })
    }

    fn written(&self) -> String {
        format!("{}/{}", self.channel, self.ts)
    }
}

pub(super) async fn send(
    line: &Line,
    parcel: &Parcel,
    slack: &Slack,
    access: &SlackAccess,
) -> Result<Option<String>, Trouble> {
    let Some(token_file) = &access.token_file else { return by_webhook(line, parcel, access).await };
    let bot = async {
        let token = format!("Bearer {}", secret(token_file).await?);
        as_bot(line, parcel, slack, access, &token).await
    };
    match bot.await {
        Err(_) if access.webhook_file.is_some() => by_webhook(line, parcel, access).await,
        answer => answer,
    }
}

async fn as_bot(
    line: &Line,
    parcel: &Parcel,
    slack: &Slack,
    access: &SlackAccess,
    token: &str,
) -> Result<Option<String>, Trouble> {
    let channel = slack.channel.as_deref().ok_or_else(|| Trouble::lasting("the policy names no channel"))?;
    let api = Api { line, base: access.url.trim_end_matches('/'), token };
    let message = &parcel.message;
    let known = match &message.reference {
        Some(reference) => Place::read(reference),
        None => match api.find(channel, &parcel.dedupe()).await? {
            // An attempt whose answer was lost has posted this very message.
            Some((place, posted)) if posted == message.key => return Ok(Some(place.written())),
            found => found.map(|(place, _)| place),
        },
    };
    let Some(place) = known else {
        let mut body = json!({"channel": channel, "text": text(&message.letter)});
        body["metadata"] = marks(parcel);
        let answer = api.post("chat.postMessage", &body).await?;
        let field = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let place = field("channel").zip(field("ts")).map(|(channel, ts)| Place { channel, ts });
        return Ok(place.map(|place| place.written()));
    };
    let text = text(&message.letter);
    if !api.replied(&place, parcel).await? {
        let reply =
            json!({"channel": place.channel, "thread_ts": place.ts, "text": text, "metadata": marks(parcel)});
        api.post("chat.postMessage", &reply).await?;
    }
    if tells_how_it_stands(&message.why) {
        let edit = json!({"channel": place.channel, "ts": place.ts, "text": text});
        // The thread has it. To try again would post it there once more.
        if let Err(trouble) = api.post("chat.update", &edit).await {
            tracing::warn!(why = trouble.why, "Slack's message was not brought up to date");
        }
    }
    Ok(Some(place.written()))
}

/// By what a message is found again.
fn marks(parcel: &Parcel) -> Value {
    let payload = json!({"id": parcel.dedupe(), "message": parcel.message.key});
    json!({"event_type": "quorate", "event_payload": payload})
}

/// Whether the first message is changed to say this.
const fn tells_how_it_stands(why: &Why) -> bool {
    matches!(why, Why::Moment(..))
}

async fn by_webhook(line: &Line, parcel: &Parcel, access: &SlackAccess) -> Result<Option<String>, Trouble> {
    let file =
        access.webhook_file.as_ref().ok_or_else(|| Trouble::lasting("nothing says how Slack lets it in"))?;
    let url = secret(file).await?;
    line.call(Method::POST, &url, None, Some(&json!({"text": text(&parcel.message.letter)}))).await?;
    Ok(None)
}

fn text(letter: &Letter) -> String {
    clipped(&format!("*{}*\n{}", escaped(&letter.subject), escaped(&letter.text)), TEXT_CHARS_MAX)
}

/// What Slack would take for its own marks, above all a mention of everybody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

struct Api<'a> {
    line: &'a Line,
    base: &'a str,
    token: &'a str,
}

impl Api<'_> {
    /// Slack says in the body whether it did it.
    async fn post(&self, method: &str, body: &Value) -> Result<Value, Trouble> {
        let url = format!("{}/{method}", self.base);
        let answer = self.line.call(Method::POST, &url, Some(self.token), Some(body)).await?;
        said(json(&answer)?)
    }

    /// The execution's first message and which one it was, if an attempt whose answer was lost has posted it. A channel named by its name is not
    /// looked through, and neither is one whose history the bot may not read.
    async fn find(&self, channel: &str, id: &str) -> Result<Option<(Place, String)>, Trouble> {
        let is_id = channel.len() >= 9
            && channel.starts_with(['C', 'G'])
            && channel.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !is_id {
            return Ok(None);
        }
        let url = format!(
            "{}/conversations.history?channel={channel}&include_all_metadata=true&limit={HISTORY}",
            self.base
        );
        let answer = self.line.call(Method::GET, &url, Some(self.token), None).await?;
        let Ok(answer) = said(json(&answer)?) else { return Ok(None) };
        let ours = |message: &&Value| mark(message, "id") == Some(id);
        let messages = answer.get("messages").and_then(Value::as_array);
        let found = messages.into_iter().flatten().find(ours);
        Ok(found.and_then(|message| {
            let ts = message.get("ts")?.as_str()?.to_owned();
            let posted = mark(message, "message").unwrap_or_default().to_owned();
            Some((Place { channel: channel.to_owned(), ts }, posted))
        }))
    }

    /// Whether the thread has this message: an attempt whose answer was lost has posted it. A thread that the bot may not read
    /// has it not.
    async fn replied(&self, place: &Place, parcel: &Parcel) -> Result<bool, Trouble> {
        let url = format!(
            "{}/conversations.replies?channel={}&ts={}&include_all_metadata=true&limit={REPLIES}",
            self.base, place.channel, place.ts
        );
        let answer = self.line.call(Method::GET, &url, Some(self.token), None).await?;
        let Ok(answer) = said(json(&answer)?) else { return Ok(false) };
        let (id, key) = (parcel.dedupe(), parcel.message.key.as_str());
        let ours = |one: &Value| mark(one, "id") == Some(&id) && mark(one, "message") == Some(key);
        Ok(answer.get("messages").and_then(Value::as_array).is_some_and(|all| all.iter().any(ours)))
    }
}

fn mark<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    message.pointer("/metadata/event_payload")?.get(name)?.as_str()
}

/// Its own errors come with 200. Few of them pass by themselves.
fn said(answer: Value) -> Result<Value, Trouble> {
    if answer.get("ok").and_then(Value::as_bool) == Some(true) {
        return Ok(answer);
    }
    let error = answer.get("error").and_then(Value::as_str).unwrap_or("no reason");
    let error: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
    let passes = [
        "ratelimited",
        "rate_limited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
    ]
    .contains(&error.as_str());
    Err(Trouble { why: format!("Slack says {error}"), passes, retry_after: None })
}
