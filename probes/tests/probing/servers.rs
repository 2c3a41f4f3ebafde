//! Servers that behave, or misbehave, in one stated way, and remember what they saw.

use hickory_resolver::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What a server does with a request.
#[derive(Clone)]
pub(crate) enum Script {
    /// Reads it, answers with these bytes and closes.
    Reply(Vec<u8>),
    /// Reads it, answers with these bytes and then says nothing more, with the connection open.
    Stall(Vec<u8>),
    /// Reads it, answers with these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Never reads.
    Silent,
}

/// A good reply.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// What a server saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The heads of the requests.
    pub(crate) requests: Vec<String>,
    /// The other ends of the connections that were accepted.
    pub(crate) peers: Vec<SocketAddr>,
    /// The server names of the TLS handshakes.
    pub(crate) names: Vec<Option<String>>,
    /// How many connections the other end has closed while this one stalled.
    pub(crate) closed: usize,
}

/// A server on the loopback interface, which ends with its value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: watch::Receiver<Seen>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), script, None)
    }

    pub(crate) async fn start_tls(script: Script, acceptor: TlsAcceptor) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), script, Some(acceptor))
    }

    pub(crate) fn listen(listener: TcpListener, script: Script, acceptor: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().unwrap();
        let (saw, seen) = watch::channel(Seen::default());
        let saw = Arc::new(saw);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, peer)) = listener.accept().await {
                saw.send_modify(|seen| seen.peers.push(peer));
                connections.spawn(serve(stream, script.clone(), acceptor.clone(), Arc::clone(&saw)));
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

async fn serve(
    stream: TcpStream,
    script: Script,
    acceptor: Option<TlsAcceptor>,
    saw: Arc<watch::Sender<Seen>>,
) {
    let Some(acceptor) = acceptor else { return act(stream, script, &saw, reset).await };
    if let Ok(stream) = acceptor.accept(stream).await {
        let name = stream.get_ref().1.server_name().map(str::to_owned);
        saw.send_modify(|seen| seen.names.push(name));
        act(stream, script, &saw, |stream| reset(stream.into_inner().0)).await;
    }
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

async fn act<S>(mut stream: S, script: Script, saw: &watch::Sender<Seen>, reset: impl FnOnce(S))
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if matches!(script, Script::Silent) {
        return stall(stream, saw).await;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    saw.send_modify(|seen| seen.requests.push(String::from_utf8_lossy(&head).into_owned()));
    match script {
        Script::Reply(bytes) => {
            let _gone = stream.write_all(&bytes).await;
            let _gone = stream.shutdown().await;
        }
        Script::Stall(bytes) => {
            stream.write_all(&bytes).await.unwrap();
            stream.flush().await.unwrap();
            stall(stream, saw).await;
        }
        Script::Reset(bytes) => {
            stream.write_all(&bytes).await.unwrap();
            stream.flush().await.unwrap();
            reset(stream);
        }
        Script::Silent => {}
    }
}

/// Says nothing until the other end goes away.
async fn stall(mut stream: impl AsyncRead + Unpin, saw: &watch::Sender<Seen>) {
    let mut rest = Vec::new();
    let _end = stream.read_to_end(&mut rest).await;
    saw.send_modify(|seen| seen.closed += 1);
}

/// What a name server answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These addresses, for an hour.
    Addresses(Vec<Ipv4Addr>),
    /// No record, with this code.
    Code(ResponseCode),
    /// Nothing at all.
    Nothing,
}

/// A name server on the loopback interface.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    /// What it answers; may be changed at any time.
    pub(crate) answer: Arc<Mutex<Answer>>,
    /// How many questions came.
    pub(crate) asked: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl NameServer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(answer));
        let (count, asked) = watch::channel(0);
        let mut tasks = JoinSet::new();
        let answers = Arc::clone(&answer);
        tasks.spawn(async move {
            let mut buffer = [0; 1_500];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                count.send_modify(|asked| *asked += 1);
                let answer = answers.lock().unwrap().clone();
                if let Some(reply) = reply(&buffer[..length], answer) {
                    socket.send_to(&reply, peer).await.unwrap();
                }
            }
        });
        Self { address, answer, asked, _tasks: tasks }
    }

    pub(crate) fn asked(&self) -> usize {
        *self.asked.borrow()
    }
}

fn reply(question: &[u8], answer: Answer) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(question).unwrap();
    let query = message.queries.first().unwrap().clone();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    match answer {
        Answer::Addresses(addresses) if query.query_type().to_string() == "A" => {
            let record =
                |address| Record::from_rdata(query.name().clone(), 3_600, RData::A(Ipv4Addr::into(address)));
            message.add_answers(addresses.into_iter().map(record));
        }
        Answer::Addresses(_) => {}
        Answer::Code(code) => message.metadata.response_code = code,
        Answer::Nothing => return None,
    }
    Some(message.to_vec().unwrap())
}
