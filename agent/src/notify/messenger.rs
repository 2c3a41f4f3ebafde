//! One channel's messenger: a message is tried until the channel has it or it is given up, and the log is told which. A message
//! that is on its way twice, because a leader was lost, has the same key for every receiver that knows one.

use super::{
    Source,
    attempt::{Next, Patience, after},
    channel::{Line, Parcel},
    round::Ended,
};
use crate::metrics::{Delivery, Waiting};
use quorate_core::{ExecutionId, Sent};
use quorate_policies::Millis;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How often the log is told what became of a message. One that cannot be told so often has no leader here any more.
const TOLD_MAX: u32 = 5;
/// Pause between two of these: an election's length.
const TOLD_PAUSE: Millis = Millis(500);
/// Longest reason that goes into the log, in characters.
const WHY_CHARS_MAX: usize = 160;

/// One message to bring.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) execution: ExecutionId,
    /// Whether it is a standing alert that is sent again: it is tried once, and the log is not told.
    pub(super) again: bool,
    pub(super) parcel: Parcel,
    /// Counts it among those that wait, until it has been brought, given up or cut off.
    pub(super) waiting: Waiting,
}

/// The task of one channel.
pub(super) struct Messenger<S> {
    pub(super) source: Arc<S>,
    pub(super) line: Line,
    pub(super) patience: Patience,
    pub(super) seed: u64,
}

impl<S: Source> Messenger<S> {
    pub(super) async fn run(self, mut errands: mpsc::Receiver<Errand>, ended: mpsc::Sender<Ended>) {
        let mut random = StdRng::seed_from_u64(self.seed);
        while let Some(errand) = errands.recv().await {
            let settled = self.bring(&errand, &mut random).await;
            let Errand { execution, parcel, waiting, .. } = errand;
            drop(waiting);
            let end = Ended { execution, channel: parcel.message.channel, settled };
            if ended.send(end).await.is_err() {
                return;
            }
        }
    }

    /// The message's key, once the log knows what became of it.
    async fn bring(&self, errand: &Errand, random: &mut StdRng) -> Option<String> {
        let message = &errand.parcel.message;
        if errand.again {
            if let Err(trouble) = errand.parcel.send(&self.line, self.source.now()).await {
                tracing::warn!(channel = %message.channel, why = trouble.why, "a standing alert was not sent again");
            }
            return None;
        }
        let began = tokio::time::Instant::now();
        let outcome = self.attempts(errand, random).await;
        self.source.metrics().notification_took(message.channel.as_str(), began.elapsed());
        let delivery = if outcome.is_ok() { Delivery::Delivered } else { Delivery::GivenUp };
        self.source.metrics().notification(message.channel.as_str(), message.why.kind(), delivery);
        let (reference, given_up) = match outcome {
            Ok(reference) => (reference, None),
            Err(why) => (None, Some(why.chars().take(WHY_CHARS_MAX).collect())),
        };
        let sent =
            Sent { channel: message.channel.clone(), message: message.key.clone(), reference, given_up };
        for _ in 0..TOLD_MAX {
            if self.source.told(errand.execution.clone(), sent.clone()).await {
                return Some(message.key.clone());
            }
            tokio::time::sleep(TOLD_PAUSE.duration()).await;
        }
        None
    }

    async fn attempts(&self, errand: &Errand, random: &mut StdRng) -> Result<Option<String>, String> {
        let message = &errand.parcel.message;
        let (channel, key, execution) = (message.channel.as_str(), &message.key, &errand.execution);
        for attempt in 1.. {
            let trouble = match errand.parcel.send(&self.line, self.source.now()).await {
                Ok(reference) => {
                    tracing::info!(channel, message = key, execution, attempt, "told");
                    return Ok(reference);
                }
                Err(trouble) => trouble,
            };
            let most = self.patience.attempts;
            let tried = (trouble.why, trouble.passes);
            match after(&self.patience, most, attempt, tried, trouble.retry_after, random.random()) {
                Next::Again(pause) => tokio::time::sleep(pause.duration()).await,
                Next::GiveUp(why) => {
                    tracing::warn!(channel, message = key, execution, why, "people could not be told");
                    return Err(why);
                }
                Next::Delivered => break,
            }
        }
        Err("it was not tried".to_owned())
    }
}
