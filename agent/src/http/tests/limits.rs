//! Connections: slow and silent clients, and a stop while a request is under way. Through real sockets.

use super::desk::{Desk, TOKEN};
use crate::http::server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

async fn served(
    desk: &std::sync::Arc<Desk>,
) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(server::serve(desk.router(), listener, stop.clone()));
    (address, stop, task)
}

/// Goal: a client that never ends its head is cut off and costs others nothing. Method: half a request, then a whole
/// one on another connection, then the end of the first.
#[tokio::test]
async fn a_slow_client_is_cut_off() {
    let desk = Desk::healthy();
    let (address, stop, task) = served(&desk).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: local").await.unwrap();
    let mut quick = TcpStream::connect(address).await.unwrap();
    quick.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    quick.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("alive\n"), "{text}");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("alive"));
    stop.cancel();
    task.await.unwrap();
}

/// Goal: a change whose body never comes is not made, and its client is told so. Method: the head of a pause alone.
#[tokio::test]
async fn a_body_that_never_comes() {
    let desk = Desk::healthy();
    let (address, stop, task) = served(&desk).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/services/shop/pause HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut some = [0; 12];
    slow.read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"HTTP/1.1 408");
    assert!(desk.ids().is_empty());
    stop.cancel();
    task.await.unwrap();
}

/// Goal: a stop ends idle connections and the server. Method: a kept connection, then the stop.
#[tokio::test]
async fn a_stop_ends_idle_connections() {
    let desk = Desk::healthy();
    let (address, stop, task) = served(&desk).await;
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut some = [0; 12];
    kept.read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"HTTP/1.1 200");
    stop.cancel();
    task.await.unwrap();
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
