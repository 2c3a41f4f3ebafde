//! Tiny servers on loopback: one that answers, one that hangs, and an address where nobody listens.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// The longest request head that is read: a signed call has about 2 KiB.
const HEAD_MAX: usize = 64 << 10;

/// A server, and how many connections it has taken.
pub(crate) struct Endpoint {
    address: SocketAddr,
    taken: Arc<AtomicU32>,
}

impl Endpoint {
    /// Answers every request with 200 and this body. It lives as long as the process.
    pub(crate) fn answers(body: impl Into<String>) -> Self {
        let body = body.into();
        Self::serve(move |mut stream| {
            read_head(&mut stream);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        })
    }

    /// Takes every connection and never answers.
    pub(crate) fn hangs() -> Self {
        Self::serve(|_stream| {
            thread::park();
        })
    }

    /// An address that was free a moment ago.
    pub(crate) fn nobody() -> String {
        format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
    }

    fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, taken, answer) =
            (listener.local_addr().unwrap(), Arc::<AtomicU32>::default(), Arc::new(answer));
        let count = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                thread::spawn(move || answer(stream));
            }
        });
        Endpoint { address, taken }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it has taken.
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::SeqCst)
    }
}

/// Reads until the head of a request has ended; its body does not matter here.
fn read_head(stream: &mut TcpStream) {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while head.len() < HEAD_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => head.extend_from_slice(&piece[..length]),
        }
    }
}
