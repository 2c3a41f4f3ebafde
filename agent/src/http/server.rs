//! Connections: how many there are, how long each may take, and how they end. A client that is slow to ask, slow to
//! read or silent loses its connection; it never costs another client its own.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Most connections at once. A handful of operators, a scraper, and one poller for each writer of the lease; above it
/// clients wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 256;
/// How long a client may take to send a request's head; also how long a kept connection may be idle. It is above the
/// one second at which a writer asks for its lease, so that writers keep their connection.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// How long one request may take: twice what a proposal may.
pub(super) const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// After this age a connection ends with its present request. So a client that does not read its answer cannot hold
/// a connection for ever.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(60);
/// Largest request head, in bytes: no header of ours is longer than a few hundred.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Pause after a failure to accept: the process has no descriptor left, and asking at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until stopped, then lets requests under way finish within [`REQUEST_TIME_MAX`].
pub(super) async fn serve(router: Router, listener: TcpListener, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &slots)).await {
        match accepted {
            Ok((stream, slot)) => {
                connections.spawn(connection(router.clone(), stream, slot, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the API");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Nobody else may wait in the queue of a listener that takes no one any more.
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

async fn connection(router: Router, stream: TcpStream, slot: OwnedSemaphorePermit, stop: CancellationToken) {
    // Answers are small and asked for one at a time: nothing is gained by waiting for more to send.
    let _ = stream.set_nodelay(true);
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = stop.cancelled() => {}, () = time::sleep(CONNECTION_AGE_MAX) => {} } } => {
            connection.as_mut().graceful_shutdown();
            // Who does not take the answer in this time does not want it.
            time::timeout(REQUEST_TIME_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the API broke off");
    }
    drop(slot);
}
