//! The tasks that HTTP/2 makes for itself: they end with the probe, however that ends.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

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
