//! One time of leadership: from `Cluster::notified` on, audit entries become events, events go to their receivers'
//! queues, and the mark follows. Ending it cuts off everything that is under way.

use super::{
    Source,
    attempt::Patience,
    courier::{Courier, Letter, WAITING_MAX},
    outbox::{Event, event},
    progress::Progress,
};
use crate::{metrics::Delivery, outgoing::HttpClient};
use quorate_core::Cluster;
use quorate_policies::{Millis, ServiceName, Timestamp, policy::Webhook};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{sync::mpsc, task::JoinSet};

/// Least time between two marks: each is a commit, and an execution must not wait for its own notifications.
const MARK_EVERY: Millis = Millis(1_000);
/// Ends that may wait to be counted. They are counted at each turn; a courier waits beyond that.
const ENDED_MAX: usize = 256;

/// One time of leadership.
pub(super) struct Tenure<S> {
    source: Arc<S>,
    patience: Patience,
    seed: u64,
    client: HttpClient,
    progress: Progress,
    queues: BTreeMap<(ServiceName, String), mpsc::Sender<Letter>>,
    couriers: JoinSet<()>,
    end: mpsc::Sender<u64>,
    ended: mpsc::Receiver<u64>,
    marked: u64,
    marked_at: Option<Timestamp>,
}

impl<S: Source> Tenure<S> {
    /// Begins behind the mark.
    pub(super) fn new(source: Arc<S>, client: HttpClient, patience: Patience, seed: u64, mark: u64) -> Self {
        let (end, ended) = mpsc::channel(ENDED_MAX);
        Self {
            source,
            patience,
            seed,
            client,
            progress: Progress::new(mark),
            queues: BTreeMap::new(),
            couriers: JoinSet::new(),
            end,
            ended,
            marked: mark,
            marked_at: None,
        }
    }

    /// Hands out what is new, counts what has ended, and moves the mark.
    pub(super) async fn turn(&mut self, cluster: &Cluster) {
        self.hand_out(cluster);
        while let Ok(sequence) = self.ended.try_recv() {
            self.progress.end(sequence);
        }
        let (mark, now) = (self.progress.mark(), self.source.now());
        let due = self.marked_at.is_none_or(|at| now.since(at) >= MARK_EVERY);
        if mark > self.marked && due {
            self.marked_at = Some(now);
            if self.source.mark(mark).await {
                self.marked = mark;
            }
        }
    }

    fn hand_out(&mut self, cluster: &Cluster) {
        let handed = self.progress.handed();
        let kept_from = cluster.audit.entries.front().map_or(0, |entry| entry.sequence);
        if kept_from > handed + 1 {
            let lost = kept_from - handed - 1;
            tracing::warn!(lost, "audit entries were forgotten before anybody was told of them");
        }
        for entry in cluster.audit.entries.iter().filter(|entry| entry.sequence > handed) {
            let receivers = match event(&self.source.file().cluster, entry) {
                Some(event) => self.post(cluster, Arc::new(event)),
                None => 0,
            };
            self.progress.hand(entry.sequence, receivers);
        }
    }

    /// Puts an event into its receivers' queues. Returns into how many.
    fn post(&mut self, cluster: &Cluster, event: Arc<Event>) -> usize {
        let Some(state) = cluster.services.get(&event.service) else { return 0 };
        let webhooks = &state.policy.communication.webhooks;
        webhooks.iter().filter(|webhook| self.post_to(webhook, event.clone())).count()
    }

    fn post_to(&mut self, webhook: &Webhook, event: Arc<Event>) -> bool {
        let own = self.source.file().webhooks.get(&webhook.name).and_then(|settings| settings.url.clone());
        let letter = Letter {
            url: own.unwrap_or_else(|| webhook.url.clone()),
            event,
            _waiting: self.source.metrics().waiting(&webhook.name),
        };
        let (kind, id) = (letter.event.kind, letter.event.id.clone());
        let queued = self.queue(&letter.event.service, &webhook.name).try_send(letter).is_ok();
        if !queued {
            tracing::warn!(
                webhook = webhook.name,
                event = id,
                "a notification was dropped: too many are waiting"
            );
            self.source.metrics().notification(&webhook.name, kind, Delivery::Dropped);
        }
        queued
    }

    /// The queue of one receiver; its courier starts with it.
    fn queue(&mut self, service: &ServiceName, webhook: &str) -> &mpsc::Sender<Letter> {
        let number = self.queues.len() as u64;
        self.queues.entry((service.clone(), webhook.to_owned())).or_insert_with(|| {
            let (queue, letters) = mpsc::channel(WAITING_MAX);
            let courier = Courier {
                source: self.source.clone(),
                webhook: webhook.to_owned(),
                client: self.client.clone(),
                patience: self.patience,
                seed: self.seed.wrapping_add(number),
            };
            self.couriers.spawn(courier.run(letters, self.end.clone()));
            queue
        })
    }
}
