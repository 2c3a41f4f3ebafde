//! The paths between places: TCP relays, one for each pair of a place and a service, that can be black-holed
//! or refused. A black-holed relay accepts and moves no byte until it is healed, as a partition would.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::gate::{Gate, Serve};
use crate::stage::Stage;

/// 16 KiB: a probe or an API reply fits in one read.
const BUFFER_BYTES: usize = 16 * 1024;

/// One path.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) gate: Gate,
    flowing: watch::Sender<bool>,
}

impl Relay {
    /// Starts to relay what `listener` accepts to `target`.
    pub(crate) fn start(
        listener: TcpListener,
        target: SocketAddr,
        stage: &Arc<Stage>,
    ) -> std::io::Result<Relay> {
        let flowing = watch::Sender::new(true);
        let gate = Gate::start(listener, stage, serve(target, flowing.subscribe()))?;
        Ok(Relay { gate, flowing })
    }

    /// Lets bytes flow, or not; and refuses connections, or not.
    pub(crate) async fn set(&self, flowing: bool, refuse: bool) {
        self.flowing.send_replace(flowing);
        self.gate.set_open(!refuse).await;
    }
}

fn serve(target: SocketAddr, flowing: watch::Receiver<bool>) -> Serve {
    Arc::new(move |near| {
        let mut flowing = flowing.clone();
        Box::pin(async move {
            if flowing.wait_for(|flowing| *flowing).await.is_err() {
                return;
            }
            // A client that gave up during a cut never reached the far side, so nothing is dialled for it.
            let ready = near.ready(Interest::READABLE | Interest::WRITABLE).await;
            if ready.map_or(true, |ready| ready.is_read_closed()) {
                return;
            }
            // A target that refuses cannot be shown as refused on an accepted connection: it is closed
            // instead.
            let Ok(far) = TcpStream::connect(target).await else { return };
            let _ = far.set_nodelay(true);
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            tokio::join!(copy(near_read, far_write, flowing.clone()), copy(far_read, near_write, flowing));
        })
    })
}

/// Copies one direction until its end, and stalls while nothing flows.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flowing: watch::Receiver<bool>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        // Judged after the read: what arrives during a cut, the end of the stream too, waits for the cut to
        // heal.
        if flowing.wait_for(|flowing| *flowing).await.is_err() {
            return;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
