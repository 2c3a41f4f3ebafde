//! The client side of the HTTP API: one request, one answer, one deadline. It carries what the verbs ask and turns
//! every outcome into a value or a [`ClientError`]; it prints nothing. A change whose answer was lost is *unknown*,
//! never failed.

mod exchange;

use super::{exit::Exit, token::Token};
use exchange::{Answer, Broken};
use quorate_api::{
    Problem,
    request::{IDEMPOTENCY_KEY, OPERATOR},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// The deadline of one request with all its attempts. An agent answers from memory, and a change is committed within
/// one election of the slow profile (3 s) or refused; ten seconds leave room for a slow link between regions.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// Attempts within the deadline, for an answer that was lost on its way. One repetition mends a connection that an
/// agent closed as it restarted; a second one is for bad luck; more would only hide that something is broken.
const ATTEMPTS_MAX: u32 = 3;

/// Pause between two attempts: long enough for a restarted agent to listen again.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(300);

/// Bytes of an idempotency key: 128 random bits never meet by chance.
const KEY_BYTES: usize = 16;

/// Why there is no answer, or a bad one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error(
        "`{address}` is not an agent's address: {detail}; write for example http://{}",
        quorate_api::DEFAULT_ADDRESS
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        detail: String,
    },
    /// No agent answers there.
    #[error("no agent reached at {address}: {detail}; is it running? Name another one with --agent")]
    NoAgent {
        /// Where.
        address: String,
        /// Why not.
        detail: String,
    },
    /// The agent answered with a problem.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// A change was sent, and no answer came: it may have been made.
    #[error(
        "{address} gave no answer to the change ({detail}): it may have been made or not; look with `quorate status` before you repeat it"
    )]
    Unclear {
        /// Where.
        address: String,
        /// What happened instead.
        detail: String,
    },
    /// The answer cannot be understood.
    #[error("the answer of {address} to {path} is not what this version expects: {detail}")]
    Answer {
        /// Where.
        address: String,
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl ClientError {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            ClientError::Address { .. } => Exit::Usage,
            ClientError::NoAgent { .. } => Exit::NoAgent,
            ClientError::Problem(problem) if problem.guard.is_some() => Exit::Refused,
            ClientError::Problem(_) | ClientError::Unclear { .. } | ClientError::Answer { .. } => {
                Exit::Failed
            }
        }
    }

    /// Whether the agent says that there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, ClientError::Problem(problem) if problem.status == 404)
    }
}

/// An answer: as a value, and as the document that came over the wire.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// What the document says.
    pub value: T,
    /// The document, with fields that this version does not know.
    pub document: Value,
}

/// A client of one agent.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    token: Option<Token>,
    operator: Option<String>,
    key: String,
}

impl Client {
    /// A client of the agent at `address`: a URL, or host and port. `token` goes with changes, and only to a loopback
    /// address or over https; `operator` is the name under which changes stand in the audit.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str, token: Option<Token>, operator: Option<String>) -> Result<Self, ClientError> {
        let wrong =
            |detail: &str| ClientError::Address { address: address.to_owned(), detail: detail.to_owned() };
        let text = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let base = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
            return Err(wrong("it is neither http nor https to a host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("it carries credentials; the operator token belongs into a file"));
        }
        Ok(Self { base, token, operator, key: random_key() })
    }

    /// The agent's address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Reads. `path` is below `/v1`, by its segments.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Fetched<T>, ClientError> {
        let url = self.url(path, query);
        let request = exchange::Request {
            method: http::Method::GET,
            url: &url,
            headers: Vec::new(),
            body: Vec::new(),
            secret: None,
        };
        self.understand(&url, self.attempts(&request).await?)
    }

    /// Looks at a page of the root that is no document, and says with which status it came.
    ///
    /// # Errors
    /// When no agent answers.
    pub async fn look(&self, page: &str) -> Result<http::StatusCode, ClientError> {
        let mut url = self.base.clone();
        url.set_path(page);
        let (method, headers, body, secret) = (http::Method::GET, Vec::new(), Vec::new(), None);
        let request = exchange::Request { method, url: &url, headers, body, secret };
        Ok(self.attempts(&request).await?.status)
    }

    /// Changes something. Every attempt of every change of one client carries the same idempotency key, so repeating
    /// is harmless.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Fetched<T>, ClientError> {
        let url = self.url(path, &[]);
        let body = serde_json::to_vec(body).map_err(|error| self.answer_error(&url, &error))?;
        let mut headers =
            vec![(IDEMPOTENCY_KEY, self.key.clone()), ("content-type", "application/json".to_owned())];
        headers.extend(self.operator.iter().map(|operator| (OPERATOR, operator.clone())));
        let secret = self.token.as_ref().map(Token::secret);
        let request = exchange::Request { method: http::Method::POST, url: &url, headers, body, secret };
        self.understand(&url, self.attempts(&request).await?)
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(quorate_api::VERSION).extend(path);
        }
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Tries until an answer comes, the deadline passes or trying again is pointless.
    async fn attempts(&self, request: &exchange::Request<'_>) -> Result<Answer, ClientError> {
        let deadline = Instant::now() + REQUEST_DEADLINE;
        let mut attempt = 0;
        loop {
            attempt += 1;
            // Once one attempt was sent, the change may have been made, whatever becomes of the others.
            let sent_before = attempt > 1;
            let lost = match tokio::time::timeout_at(deadline, exchange::exchange(request)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Broken::TooLarge(detail))) => return Err(self.answer_error(request.url, &detail)),
                Ok(Err(Broken::Unreached(detail))) => return Err(self.silent(request, sent_before, detail)),
                Ok(Err(Broken::Lost(detail))) => detail,
                Err(_) => format!("no answer within {} s", REQUEST_DEADLINE.as_secs()),
            };
            if attempt == ATTEMPTS_MAX || Instant::now() + ATTEMPT_PAUSE >= deadline {
                return Err(self.silent(request, true, lost));
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        }
    }

    fn silent(&self, request: &exchange::Request<'_>, sent: bool, detail: String) -> ClientError {
        let address = self.address().to_owned();
        if sent && request.method == http::Method::POST {
            ClientError::Unclear { address, detail }
        } else {
            ClientError::NoAgent { address, detail }
        }
    }

    fn understand<T: DeserializeOwned>(&self, url: &Url, answer: Answer) -> Result<Fetched<T>, ClientError> {
        if !answer.status.is_success() {
            return Err(ClientError::Problem(Box::new(self.problem(&answer))));
        }
        let document: Value =
            serde_json::from_slice(&answer.body).map_err(|error| self.answer_error(url, &error))?;
        let value = T::deserialize(&document).map_err(|error| self.answer_error(url, &error))?;
        Ok(Fetched { value, document })
    }

    /// The problem document of an answer, or one made from the bare status.
    fn problem(&self, answer: &Answer) -> Problem {
        let status = answer.status;
        let mut problem = serde_json::from_slice::<Problem>(&answer.body).unwrap_or_else(|_| {
            let title = status.canonical_reason().unwrap_or("Unexpected answer");
            let detail = format!(
                "{} answered {} without a problem document; is it an agent?",
                self.address(),
                status.as_u16()
            );
            Problem::new(status.as_u16(), "unexpected-answer", title, detail)
        });
        if matches!(status.as_u16(), 401 | 403) {
            let hint = match (&self.token, answer.secret_sent) {
                (None, _) => Some("no operator token was found: name its file with --token-file"),
                (Some(_), false) => {
                    Some("the operator token is sent only to a loopback address or over https")
                }
                (Some(_), true) => None,
            };
            problem.findings.extend(hint.map(str::to_owned));
        }
        problem
    }

    fn answer_error(&self, url: &Url, detail: &dyn std::fmt::Display) -> ClientError {
        let (address, path) = (self.address().to_owned(), url.path().to_owned());
        ClientError::Answer { address, path, detail: detail.to_string() }
    }
}

/// A key for one invocation, from the operating system's randomness: two operators must never share one.
fn random_key() -> String {
    let mut bytes = [0; KEY_BYTES];
    crate::init::secrets::fill(&mut bytes);
    crate::init::secrets::hex(&bytes)
}
