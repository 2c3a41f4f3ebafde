//! Driving a connection from within the probe, so that nothing of it outlives the probe, however that ends.

use std::{
    pin::{Pin, pin},
    task::Poll,
};

/// A connection that is driven by the probe itself, not by a task of its own: it cannot outlive the probe.
pub(super) struct Connection<C, E> {
    running: Option<Pin<Box<C>>>,
    /// What the connection ended with, if not well.
    pub(super) error: Option<E>,
}

impl<C: Future<Output = Result<(), E>>, E> Connection<C, E> {
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

    /// Drives the connection until it ends by itself.
    pub(super) async fn finish(&mut self) {
        if let Some(running) = self.running.take() {
            self.error = running.await.err();
        }
    }
}
