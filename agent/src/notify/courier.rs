//! Sending to one receiver: one task and one bounded queue for each, so that a dead one delays nobody else.

use super::{
    Source,
    attempt::{Next, Outcome, Patience, next, retry_after},
    outbox::Event,
    signature::{SIGNATURE, sign},
};
use crate::{
    metrics::{Delivery, Waiting},
    outgoing::HttpClient,
};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::mpsc;

/// Events that may wait for one receiver: two executions' worth. More are dropped, newest first, and counted.
pub(super) const WAITING_MAX: usize = 64;
/// Most bytes of an answer that are read: only its status counts.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// One event for one receiver.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) event: Arc<Event>,
    /// Never logged: it may hold a secret.
    pub(super) url: String,
    /// Counts it among those that wait, until it has been sent, given up or cut off.
    pub(super) _waiting: Waiting,
}

/// The task of one receiver.
pub(super) struct Courier<S> {
    pub(super) source: Arc<S>,
    /// The webhook's name, for logs and metrics.
    pub(super) webhook: String,
    pub(super) client: HttpClient,
    pub(super) patience: Patience,
    pub(super) seed: u64,
}

/// Why an event was not even tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Unsendable {
    #[error("no secret for webhook `{0}`: name its secret_file under `webhooks` in the agent's own file")]
    NoSecret(String),
    #[error("the secret of webhook `{0}` cannot be read: {1}")]
    Secret(String, std::io::ErrorKind),
    #[error("the secret of webhook `{0}` is empty")]
    EmptySecret(String),
    #[error("the address of webhook `{0}` is not a URL")]
    Url(String),
}

impl<S: Source> Courier<S> {
    /// Sends one letter after another. Says after each that it has ended, whatever became of it.
    pub(super) async fn run(self, mut letters: mpsc::Receiver<Letter>, ended: mpsc::Sender<u64>) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut failing = false;
        while let Some(letter) = letters.recv().await {
            // A receiver that was given up on is tried once for each event, until it takes one.
            let attempts = if failing { 1 } else { self.patience.attempts };
            let began = tokio::time::Instant::now();
            let delivery = self.deliver(&letter, attempts, &mut random).await;
            self.source.metrics().notification_took(&self.webhook, began.elapsed());
            failing = delivery != Delivery::Delivered;
            self.source.metrics().notification(&self.webhook, letter.event.kind, delivery);
            if ended.send(letter.event.sequence).await.is_err() {
                return;
            }
        }
    }

    async fn deliver(&self, letter: &Letter, attempts: u32, random: &mut StdRng) -> Delivery {
        let (webhook, event) = (self.webhook.as_str(), letter.event.id.as_str());
        for attempt in 1.. {
            let outcome = match self.request(letter).await {
                Ok(request) => self.send(request).await,
                Err(error) => {
                    tracing::error!(webhook, event, %error, "a notification cannot be sent");
                    return Delivery::GivenUp;
                }
            };
            match next(&self.patience, attempts, attempt, &outcome, random.random()) {
                Next::Delivered => {
                    tracing::debug!(webhook, event, attempt, "notified");
                    return Delivery::Delivered;
                }
                Next::Again(pause) => tokio::time::sleep(pause.duration()).await,
                Next::GiveUp(why) => {
                    tracing::warn!(webhook, event, why, "a notification was given up");
                    return Delivery::GivenUp;
                }
            }
        }
        Delivery::GivenUp
    }

    /// Signed anew for each attempt, because the receiver refuses an old time of sending. The secret is read anew too,
    /// so that it can be changed without a restart.
    async fn request(&self, letter: &Letter) -> Result<Request<Full<Bytes>>, Unsendable> {
        let secret = self.secret().await?;
        let body = letter.event.body.clone();
        let signature = sign(secret.trim().as_bytes(), self.source.now(), &body);
        Request::post(&letter.url)
            .header(header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header(header::USER_AGENT, concat!("quorate/", env!("CARGO_PKG_VERSION")))
            .header(SIGNATURE, signature)
            .body(Full::new(body))
            .map_err(|_| Unsendable::Url(self.webhook.clone()))
    }

    async fn secret(&self) -> Result<String, Unsendable> {
        let name = || self.webhook.clone();
        let file: &PathBuf = match self.source.file().webhooks.get(&self.webhook) {
            Some(settings) => &settings.secret_file,
            None => return Err(Unsendable::NoSecret(name())),
        };
        let secret = tokio::fs::read_to_string(file)
            .await
            .map_err(|error| Unsendable::Secret(name(), error.kind()))?;
        if secret.trim().is_empty() { Err(Unsendable::EmptySecret(name())) } else { Ok(secret) }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Outcome {
        match self.client.send(request, self.patience.timeout.duration(), ANSWER_BYTES_MAX).await {
            Ok(answer) => Outcome { retry_after: retry_after(&answer.headers), status: Ok(answer.status) },
            Err(error) => Outcome { status: Err(error), retry_after: None },
        }
    }
}
