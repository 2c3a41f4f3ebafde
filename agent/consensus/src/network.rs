//! How one member asks another: the transport trait, and the link that puts a deadline on every call.
//!
//! The transport knows addresses, encryption and bytes; this module knows none of them. Every call passes
//! through [`Link::call`], so there is no call without a deadline, and none without the cluster's digest.

pub(crate) mod gate;
pub(crate) mod message;
mod peer;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use openraft_rt::AsyncRuntime;

use self::message::{Call, Refusal, Reply, Request};
pub(crate) use self::peer::Peers;
use crate::machine::Machine;
use crate::member::{ClusterDigest, NodeId};
use crate::store::Store;

/// Why a request has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The request certainly did not arrive, for example because nobody listens there.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have arrived and may have been carried out.
    #[error("no reply: {0}")]
    NoReply(String),
}

/// Carries requests between members.
///
/// The future may be dropped at the deadline. A connection on which a reply is still due must then be closed
/// and not used again, or the next request would read this one's reply.
pub trait Transport<M: Machine, R: AsyncRuntime>: Send + Sync + 'static {
    /// Sends `request` to the member `to` and returns its reply. `deadline` is the time left.
    fn call(
        &self,
        to: NodeId,
        request: Request<M, R>,
        deadline: Duration,
    ) -> impl Future<Output = Result<Reply<M, R>, TransportError>> + Send;
}

type Answer<'a, M, R> = Pin<Box<dyn Future<Output = Result<Reply<M, R>, TransportError>> + Send + 'a>>;

/// The same without the type of the future, so that a handle need not name its transport.
trait AnyTransport<M: Machine, R: AsyncRuntime>: Send + Sync {
    fn call_boxed(&self, to: NodeId, request: Request<M, R>, deadline: Duration) -> Answer<'_, M, R>;
}

impl<M: Machine, R: AsyncRuntime, T: Transport<M, R>> AnyTransport<M, R> for T {
    fn call_boxed(&self, to: NodeId, request: Request<M, R>, deadline: Duration) -> Answer<'_, M, R> {
        Box::pin(self.call(to, request, deadline))
    }
}

/// This node's way to the others. Cheap to clone.
pub(crate) struct Link<M: Machine, R: AsyncRuntime> {
    transport: Arc<dyn AnyTransport<M, R>>,
    /// The digest's number, which changes once, when an agent that was new has found its cluster.
    cluster: Arc<AtomicU64>,
    me: NodeId,
    /// Whose state says on which feature level the agents have agreed.
    store: Store<M, R>,
    /// Whether another has said that this node was removed, and none has led it since.
    removed: Arc<AtomicBool>,
    /// Whether another has refused this node for its history since that was last looked into.
    strange: Arc<AtomicBool>,
}

impl<M: Machine, R: AsyncRuntime> Clone for Link<M, R> {
    fn clone(&self) -> Self {
        Self {
            transport: self.transport.clone(),
            cluster: self.cluster.clone(),
            me: self.me,
            store: self.store.clone(),
            removed: self.removed.clone(),
            strange: self.strange.clone(),
        }
    }
}

impl<M: Machine, R: AsyncRuntime> Link<M, R> {
    pub(crate) fn new(
        transport: impl Transport<M, R>,
        cluster: ClusterDigest,
        me: NodeId,
        store: Store<M, R>,
    ) -> Self {
        let cluster = Arc::new(AtomicU64::new(cluster.number()));
        let (removed, strange) = Default::default();
        Self { transport: Arc::new(transport), cluster, me, store, removed, strange }
    }

    pub(crate) fn cluster(&self) -> ClusterDigest {
        ClusterDigest::from_number(self.cluster.load(Ordering::Acquire))
    }

    pub(crate) fn set_cluster(&self, cluster: ClusterDigest) {
        self.cluster.store(cluster.number(), Ordering::Release);
    }

    /// Asks `to`; gives up at the deadline, when the request may or may not have been carried out.
    pub(crate) async fn call(
        &self,
        to: NodeId,
        call: Call<M, R>,
        deadline: Duration,
    ) -> Result<Reply<M, R>, TransportError> {
        self.call_as(to, false, call, deadline).await
    }

    /// The same, to one that is or is not a learner of this leader.
    pub(crate) async fn call_as(
        &self,
        to: NodeId,
        learner: bool,
        call: Call<M, R>,
        deadline: Duration,
    ) -> Result<Reply<M, R>, TransportError> {
        let needs = self.store.agreed_level().max(call.needs());
        let request = Request { cluster: self.cluster(), from: self.me, to, learner, needs, call };
        let reply = R::timeout(deadline, self.transport.call_boxed(to, request, deadline))
            .await
            .unwrap_or_else(|_| Err(TransportError::NoReply(format!("nothing within {deadline:?}"))));
        match &reply {
            // Whoever was given up in a recovery counts as removed there.
            Ok(Reply::Refused(Refusal::Removed)) => {
                self.set_removed(true);
                self.strange.store(true, Ordering::Relaxed);
            }
            Ok(Reply::Refused(Refusal::OtherCluster)) => self.strange.store(true, Ordering::Relaxed),
            _ => {}
        }
        reply
    }

    /// Whether another has refused this node for its history since this was asked last.
    pub(crate) fn was_strange(&self) -> bool {
        self.strange.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_removed(&self, removed: bool) {
        self.removed.store(removed, Ordering::Relaxed);
    }
}
