//! One time of leadership, for the channels by which people are told. What is due is asked of the core at each turn; a channel
//! has one messenger and one message under way, so that it hears the story in its order and a dead one delays nobody else.

use super::{
    Source,
    attempt::Patience,
    channel::{Line, Parcel},
    messenger::{Errand, Messenger},
};
use crate::outgoing::HttpClient;
use quorate_core::{
    Cluster, ExecutionId, Told,
    telling::{Message, Occasion, due, standing},
};
use quorate_policies::{ChannelName, Millis, ServiceName, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::{sync::mpsc, task::JoinSet};

/// Errands that may wait for one messenger: one of each open execution, of which a service has one, and of those that have
/// just ended.
const WAITING_MAX: usize = 8;
/// Ends that may wait to be counted; a messenger waits beyond that.
const ENDED_MAX: usize = 256;
/// How often a standing alert is sent again: a fifth of the time for which it stands, so that four may be lost.
const STANDING_EVERY: Millis = Millis::from_secs(60);

/// A message of an execution by a channel.
type Which = (ExecutionId, ChannelName);

/// What became of an errand.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) execution: ExecutionId,
    pub(super) channel: ChannelName,
    /// The message's key, if the log knows now what became of it.
    pub(super) settled: Option<String>,
}

/// One time of leadership.
pub(super) struct Round<S> {
    source: Arc<S>,
    client: HttpClient,
    patience: Patience,
    seed: u64,
    messengers: BTreeMap<(ServiceName, ChannelName), mpsc::Sender<Errand>>,
    tasks: JoinSet<()>,
    busy: BTreeSet<Which>,
    /// What the log was told, until the state that is looked at shows it.
    settled: BTreeMap<Which, String>,
    stood: BTreeMap<Which, Timestamp>,
    end: mpsc::Sender<Ended>,
    ended: mpsc::Receiver<Ended>,
}

impl<S: Source> Round<S> {
    pub(super) fn new(source: Arc<S>, client: HttpClient, patience: Patience, seed: u64) -> Self {
        let (end, ended) = mpsc::channel(ENDED_MAX);
        Self {
            source,
            client,
            patience,
            seed,
            messengers: BTreeMap::new(),
            tasks: JoinSet::new(),
            busy: BTreeSet::new(),
            settled: BTreeMap::new(),
            stood: BTreeMap::new(),
            end,
            ended,
        }
    }

    /// Counts what has ended and sends out what is due.
    pub(super) fn turn(&mut self, cluster: &Cluster) {
        while let Ok(Ended { execution, channel, settled }) = self.ended.try_recv() {
            let which = (execution, channel);
            self.busy.remove(&which);
            if let Some(key) = settled {
                self.settled.insert(which, key);
            }
        }
        let (now, none) = (self.source.now(), Told::default());
        for execution in cluster.executions.values() {
            let Some(occasion) = Occasion::of(cluster, execution, &none) else { continue };
            for message in due(&occasion, now) {
                self.hand_out(&occasion, message, false);
            }
            for message in standing(&occasion, now) {
                self.stand(&occasion, message, now);
            }
        }
        let known = |(execution, _): &Which| cluster.executions.contains_key(execution);
        self.settled.retain(|which, _| known(which));
        self.stood.retain(|which, _| known(which));
    }

    /// An alert that stands is sent again in time. A new leader does not know when that was, and sends it at once.
    fn stand(&mut self, occasion: &Occasion<'_>, message: Message, now: Timestamp) {
        let which = (occasion.execution.id.clone(), message.channel.clone());
        let due = self.stood.get(&which).is_none_or(|at| now.since(*at) >= STANDING_EVERY);
        if due && self.hand_out(occasion, message, true) {
            self.stood.insert(which, now);
        }
    }

    fn hand_out(&mut self, occasion: &Occasion<'_>, message: Message, again: bool) -> bool {
        let execution = &occasion.execution.id;
        let which = (execution.clone(), message.channel.clone());
        if self.busy.contains(&which) || (!again && self.settled.get(&which) == Some(&message.key)) {
            return false;
        }
        let Some(channel) = occasion.policy.communication.channels.get(&message.channel) else {
            return false;
        };
        let file = self.source.file();
        let errand = Errand {
            execution: execution.clone(),
            again,
            waiting: self.source.metrics().waiting(message.channel.as_str()),
            parcel: Parcel {
                channel: channel.clone(),
                access: file.channels.get(message.channel.as_str()).cloned(),
                cluster: file.cluster.clone(),
                message,
            },
        };
        let sent = self.messenger(&occasion.execution.service, &which.1).try_send(errand).is_ok();
        // What finds no place waits: it is due at the next turn, too.
        if sent {
            self.busy.insert(which);
        }
        sent
    }

    /// The messenger of one channel; it starts with its first errand.
    fn messenger(&mut self, service: &ServiceName, channel: &ChannelName) -> &mpsc::Sender<Errand> {
        let number = self.messengers.len() as u64;
        self.messengers.entry((service.clone(), channel.clone())).or_insert_with(|| {
            let (queue, errands) = mpsc::channel(WAITING_MAX);
            let line = Line::new(self.client.clone(), self.patience.timeout, self.patience.gap);
            let messenger = Messenger {
                source: self.source.clone(),
                line,
                patience: self.patience,
                seed: self.seed.wrapping_add(number),
            };
            self.tasks.spawn(messenger.run(errands, self.end.clone()));
            queue
        })
    }
}
