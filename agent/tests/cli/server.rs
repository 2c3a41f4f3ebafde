//! A server on loopback that answers each request as a test says and keeps what it was asked. It speaks just enough
//! HTTP/1.1 for one request on each connection.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

/// A request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Method and path with query: `GET /v1/status`.
    pub(crate) line: String,
    /// Header lines by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: String,
}

/// What to answer.
pub(crate) enum Reply {
    /// A status and a JSON body.
    Json(u16, String),
    /// The connection is closed instead.
    Hangup,
}

/// A running server. It ends with the test's process.
#[derive(Clone)]
pub(crate) struct Server {
    /// Its base URL.
    pub(crate) url: String,
    seen: Arc<(Mutex<Vec<Seen>>, Condvar)>,
}

impl Server {
    /// Starts a server. `answer` is given each request and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Seen, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<(Mutex<Vec<Seen>>, Condvar)> = Arc::default();
        let server = Self { url, seen: seen.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let before = {
                    let mut seen = seen.0.lock().unwrap();
                    seen.push(request.clone());
                    seen.len() - 1
                };
                seen.1.notify_all();
                write(stream, answer(&request, before));
            }
        });
        server
    }

    /// A server that answers every request alike.
    pub(crate) fn always(status: u16, body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap();
        Self::start(move |_, _| Reply::Json(status, body.clone()))
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.0.lock().unwrap().clone()
    }

    /// Waits until it was asked `count` times.
    pub(crate) fn wait_for(&self, count: usize) {
        let waiting = self.seen.1.wait_while(self.seen.0.lock().unwrap(), |seen| seen.len() < count);
        drop(waiting.unwrap());
    }
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut seen = Seen { line: line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(), ..Seen::default() };
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        seen.headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = seen.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).unwrap();
    (!seen.line.is_empty()).then_some(seen)
}

fn write(mut stream: TcpStream, reply: Reply) {
    let Reply::Json(status, body) = reply else { return };
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    // A client that has gone away is a test's own business.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
