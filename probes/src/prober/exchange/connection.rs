//! Driving a connection from within the probe, so that nothing of it outlives the probe, however that ends.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};
use tokio::task::JoinSet;

/// A connection that is driven by the probe itself, not by a task of its own: it cannot outlive the probe.
pub(super) struct Connection<C> {
    running: Option<Pin<Box<C>>>,
    /// What the connection ended with, if not well.
    pub(super) error: Option<hyper::Error>,
}

impl<C: Future<Output = hyper::Result<()>>> Connection<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { running: Some(Box::pin(connection)), error: None }
    }

    /// Drives the connection until `work` is done. The connection's own error is kept: it is the cause when the
    /// request only learns that it was cancelled.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            if let Some(running) = &mut self.running
                && let Poll::Ready(end) = running.as_mut().poll(context)
            {
                self.running = None;
                self.error = end.err();
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

/// The tasks of one HTTP/2 connection.
#[derive(Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }
}

/// Ends the tasks when the probe ends or is dropped. The tasks own their executor, so that dropping it alone
/// would end nothing.
pub(super) struct AbortOnDrop(pub(super) Tasks);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
