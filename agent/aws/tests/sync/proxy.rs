//! A proxy in front of an S3 that breaks the calls it is told to break, each in a way of its own, and counts every call that
//! arrives.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::wire::{Reply, carry_out, half, text, whole};

/// What happens to a call.
#[derive(Debug, Clone)]
pub(crate) enum Break {
    /// It is carried out, and the connection ends without a reply.
    LoseReply,
    /// It is carried out, and half of the reply's body arrives.
    Truncate,
    /// It is carried out, and one byte of the reply's body is another one.
    Spoil,
    /// It does not reach S3; this code is answered with this status.
    Refuse(u16, &'static str),
    /// Before it is carried out, somebody puts another content of the same size.
    Replace,
}

/// What is to be broken, and what has come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Mutex<Vec<Rule>>,
    arrivals: Mutex<BTreeMap<&'static str, u32>>,
}

#[derive(Debug)]
struct Rule {
    operation: &'static str,
    how: Break,
    after: u32,
    times: u32,
}

impl Script {
    /// Breaks so many calls of an operation.
    pub(crate) fn set(&self, operation: &'static str, how: Break, times: u32) {
        self.later(operation, how, 0, times);
    }

    /// The same after some that are left alone.
    pub(crate) fn later(&self, operation: &'static str, how: Break, after: u32, times: u32) {
        self.rules.lock().unwrap().push(Rule { operation, how, after, times });
    }

    /// Whether every fault has met its call.
    pub(crate) fn all_broken(&self) -> bool {
        self.rules.lock().unwrap().iter().all(|rule| rule.times == 0)
    }

    pub(crate) fn clear(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// How many calls of an operation have come.
    pub(crate) fn arrived(&self, operation: &str) -> u32 {
        self.arrivals.lock().unwrap().get(operation).copied().unwrap_or_default()
    }

    fn arrive(&self, operation: &'static str) -> Option<Break> {
        *self.arrivals.lock().unwrap().entry(operation).or_default() += 1;
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.operation == operation && rule.times > 0)?;
        if rule.after > 0 {
            rule.after -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.how.clone())
    }
}

/// The operation by its place in S3's protocol.
fn operation(method: &Method, uri: &Uri) -> &'static str {
    let has = |key: &str| uri.query().is_some_and(|query| query.contains(key));
    match method.as_str() {
        "GET" if has("list-type=") => "List",
        "GET" => "Get",
        "HEAD" => "Head",
        "PUT" if has("partNumber=") => "Part",
        "PUT" => "Put",
        "POST" if has("uploadId=") => "Complete",
        "POST" => "Begin",
        "DELETE" if has("uploadId=") => "Abort",
        "DELETE" => "Delete",
        other => panic!("{other} {uri}"),
    }
}

/// Starts a proxy in front of the S3 at `upstream` and answers its URL. It lives as long as the test.
pub(crate) async fn start(upstream: &str, script: &Arc<Script>) -> String {
    let upstream: SocketAddr = upstream.strip_prefix("http://").unwrap().parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::clone(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            let service = service_fn(move |request| answer(upstream, Arc::clone(&script), request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    url
}

async fn answer(upstream: SocketAddr, script: Arc<Script>, request: Request<Incoming>) -> io::Result<Reply> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    parts.headers.remove(EXPECT);
    let how = script.arrive(operation(&parts.method, &parts.uri));
    let head = parts.method == Method::HEAD;
    let forward =
        || carry_out(upstream, parts.method.clone(), parts.uri.clone(), parts.headers.clone(), body.clone());
    match how {
        None if head => {
            // The length of what is not sent must reach the caller.
            Ok(whole(carry_head(upstream, &parts.uri, parts.headers.clone()).await?))
        }
        None => Ok(whole(forward().await?)),
        Some(Break::LoseReply) => {
            forward().await?;
            Err(io::Error::other("the connection ends here"))
        }
        Some(Break::Truncate) => Ok(half(forward().await?)),
        Some(Break::Spoil) => {
            let reply = forward().await?;
            Ok(whole(reply.map(|content| {
                let mut content = content.to_vec();
                if let Some(byte) = content.first_mut() {
                    *byte ^= 1;
                }
                content.into()
            })))
        }
        Some(Break::Refuse(status, code)) => {
            let message = "<Message>by the proxy</Message>";
            let body = format!("<Error><Code>{code}</Code>{message}<RequestId>r-1</RequestId></Error>");
            Ok(whole(text(status, "application/xml", body)))
        }
        Some(Break::Replace) => {
            let path: Uri = parts.uri.path().parse().unwrap();
            let only = ["host", "authorization", "x-amz-date"];
            let headers = parts.headers.iter().filter(|(name, _)| only.contains(&name.as_str()));
            let mut headers: HeaderMap = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
            let other = Bytes::from_static(&[b'?'; 64]);
            headers.insert(CONTENT_LENGTH, other.len().into());
            let put = carry_out(upstream, Method::PUT, path, headers, other).await?;
            assert!(put.status().is_success(), "{}", put.status());
            Ok(whole(forward().await?))
        }
    }
}

/// A reply to HEAD, whose length is of what it does not carry.
async fn carry_head(
    upstream: SocketAddr,
    uri: &Uri,
    headers: HeaderMap,
) -> io::Result<http::Response<Bytes>> {
    let stream = tokio::net::TcpStream::connect(upstream).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut request = Request::new(http_body_util::Full::new(Bytes::new()));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) =
        (Method::HEAD, uri.clone(), headers);
    let reply = sender.send_request(request).await.map_err(io::Error::other)?;
    let (parts, _) = reply.into_parts();
    Ok(http::Response::from_parts(parts, Bytes::new()))
}
