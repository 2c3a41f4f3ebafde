//! A listening address that can be shut and opened again: shut, it refuses connections and drops the open
//! ones, as a machine without the process would. It knows nothing of what it serves.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

/// What is done with a connection.
pub(crate) type Serve = Arc<dyn Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// 512 connections at a time: agents, relays and a browser need dozens, and a leak must not eat the machine.
const CONNECTIONS_MAX: usize = 512;
/// Connections that wait to be accepted; the usual size.
const BACKLOG: u32 = 1_024;

/// A listening address. It is closed for good when the stage stops.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    wanted: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}

impl Gate {
    /// Starts to serve `listener`.
    pub(crate) fn start(listener: TcpListener, stage: &Arc<Stage>, serve: Serve) -> io::Result<Gate> {
        let address = listener.local_addr()?;
        let (wanted, wanted_here) = watch::channel(true);
        let (open_here, open) = watch::channel(true);
        let keeper =
            Keeper { address, serve, stage: Arc::clone(stage), wanted: wanted_here, open: open_here };
        stage.tasks.spawn(keeper.run(listener));
        Ok(Gate { address, wanted, open })
    }

    /// Opens or shuts, and returns when it is so.
    pub(crate) async fn set_open(&self, open: bool) {
        self.wanted.send_replace(open);
        // An error means that the keeper has ended with the stage: the address is closed then, whatever is
        // wanted.
        let _ = self.open.clone().wait_for(|is_open| *is_open == open).await;
    }
}

struct Keeper {
    address: SocketAddr,
    serve: Serve,
    stage: Arc<Stage>,
    wanted: watch::Receiver<bool>,
    open: watch::Sender<bool>,
}

impl Keeper {
    async fn run(mut self, mut listener: TcpListener) {
        let stop = self.stage.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.accept_until_shut(listener) => {}
            }
            let reserved = match self.reserve() {
                Ok(reserved) => reserved,
                Err(error) => {
                    return tracing::error!(address = %self.address, %error, "a shut address was lost");
                }
            };
            self.open.send_replace(false);
            tokio::select! {
                () = stop.cancelled() => return,
                opened = self.wanted.wait_for(|wanted| *wanted) => if opened.is_err() { return },
            }
            listener = match reserved.listen(BACKLOG) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(address = %self.address, %error, "cannot open again"),
            };
            self.open.send_replace(true);
        }
    }

    /// Accepts connections until the gate is to be shut; then drops the listener and every connection.
    async fn accept_until_shut(&mut self, listener: TcpListener) {
        let connections = CancellationToken::new();
        let _dropped_together = connections.clone().drop_guard();
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let accept = async {
            loop {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                // A failed accept is one lost connection (it was reset, or descriptors ran out for a moment).
                let Ok((stream, _)) = listener.accept().await else { continue };
                let _ = stream.set_nodelay(true);
                let (served, ended) = ((self.serve)(stream), connections.clone());
                let stop = self.stage.stop.clone();
                self.stage.tasks.spawn(async move {
                    tokio::select! {
                        () = ended.cancelled() => {}
                        () = stop.cancelled() => {}
                        () = served => {}
                    }
                    drop(permit);
                });
            }
        };
        let shut = async {
            // A gate whose handle was dropped can no longer be shut: it serves until the stage stops.
            if self.wanted.wait_for(|wanted| !*wanted).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = accept => {}
            () = shut => {}
        }
    }

    /// Binds the address without listening: nobody else can take the port, and connections are refused.
    fn reserve(&self) -> io::Result<TcpSocket> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        Ok(socket)
    }
}

/// Marks a response that must not be sent.
#[derive(Debug, Clone, Copy)]
struct Unanswered;

/// What a router answers to have the connection closed without a reply.
pub(crate) fn unanswered() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Unanswered);
    response
}

/// Serves HTTP/1.1 from a router.
pub(crate) fn http(router: Router) -> Serve {
    Arc::new(move |stream| {
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let answered = router.call(request);
            async move {
                let Ok(response) = answered.await;
                match response.extensions().get::<Unanswered>() {
                    Some(Unanswered) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                    None => Ok(response),
                }
            }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        // Its error is a client that went away, which is the client's own affair.
        Box::pin(async move { drop(connection.await) })
    })
}
