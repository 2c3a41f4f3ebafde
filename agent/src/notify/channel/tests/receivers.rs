//! A receiver on loopback: it answers as a function says, and remembers what it was asked.

use crate::notify::SIGNATURE;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// What it was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) signature: String,
    pub(super) body: Value,
    pub(super) bytes: Vec<u8>,
}

/// What it answers.
pub(super) struct Reply {
    status: u16,
    header: Option<(&'static str, &'static str)>,
    body: String,
}

impl Reply {
    pub(super) fn json(body: Value) -> Self {
        Self { status: 200, header: None, body: body.to_string() }
    }

    pub(super) fn text(body: &str) -> Self {
        Self { status: 200, header: None, body: body.to_owned() }
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status, header: None, body: String::new() }
    }

    pub(super) fn with(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

/// All that it was asked.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<Asked>>>);

impl Seen {
    pub(super) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The first request as a text.
    pub(super) fn first(&self) -> String {
        written(&self.0.lock().unwrap()[0])
    }

    /// Every request as a text.
    pub(super) fn story(&self) -> String {
        self.0.lock().unwrap().iter().map(written).collect::<Vec<_>>().join("\n")
    }
}

fn written(asked: &Asked) -> String {
    let Asked { method, path, authorization, body, .. } = asked;
    let body = if body.is_null() { String::new() } else { serde_json::to_string_pretty(body).unwrap() };
    format!("{method} {path} [{authorization}]\n{body}")
}

pub(super) async fn receiver(
    answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let kept = seen.clone();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (kept, answer, count) = (kept.clone(), answer.clone(), count.clone());
            let serve = move |request: Request<Incoming>| {
                let (kept, answer, count) = (kept.clone(), answer.clone(), count.clone());
                async move {
                    let asked = read(request).await;
                    let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let reply = answer(&asked, number);
                    kept.0.lock().unwrap().push(asked);
                    let mut response = Response::builder().status(reply.status);
                    if let Some((name, value)) = reply.header {
                        response = response.header(name, value);
                    }
                    Ok::<_, Infallible>(response.body(Full::<bytes::Bytes>::from(reply.body)).unwrap())
                }
            };
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(serve)));
        }
    });
    (address, seen)
}

async fn read(request: Request<Incoming>) -> Asked {
    let header = |name: &str| {
        request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let (authorization, signature) = (header("authorization"), header(SIGNATURE));
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let bytes = request.into_body().collect().await.unwrap().to_bytes().to_vec();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Asked { method, path, authorization, signature, body, bytes }
}
