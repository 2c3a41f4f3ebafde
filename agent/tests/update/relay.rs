//! A way to a DNS server that can be bad: what passes over it are whole messages, and updates among them can be held up or
//! lost, before the server has them or after. It changes none.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinHandle,
};

/// The kind of a message stands in its third byte (RFC 1035, section 4.1.1); 5 is an update.
const UPDATE: u8 = 5;

/// What becomes of the next update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It comes through, and so does its reply.
    Passes,
    /// It never comes to the server.
    Lost,
    /// The server has it, and nobody hears its reply.
    ReplyLost,
    /// It waits until it is let go.
    Held,
}

/// The way.
pub(crate) struct Relay {
    pub(crate) port: u16,
    fate: Arc<Mutex<Fate>>,
    held: Arc<Notify>,
    go: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub(crate) async fn to(server: u16, fate: Fate) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fate, held, go) = (Arc::new(Mutex::new(fate)), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let way = (Arc::clone(&fate), Arc::clone(&held), Arc::clone(&go));
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (fate, held, go) = way.clone();
                tokio::spawn(async move { carry(client, server, &fate, &held, &go).await });
            }
        });
        Relay { port, fate, held, go, task }
    }

    pub(crate) fn next(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }

    /// Until an update waits here.
    pub(crate) async fn holds_one(&self) {
        self.held.notified().await;
    }

    /// Lets it go.
    pub(crate) fn release(&self) {
        self.go.notify_one();
    }
}

/// One conversation. It ends when either side does, or when something is lost.
async fn carry(client: TcpStream, server: u16, fate: &Mutex<Fate>, held: &Notify, go: &Notify) -> Option<()> {
    let server = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server))).await.ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    loop {
        let message = read(&mut from_client).await?;
        let update = message.get(2)? >> 3 & 0x0f == UPDATE;
        let fate = if update { *fate.lock().unwrap() } else { Fate::Passes };
        match fate {
            Fate::Lost => return None,
            Fate::Held => {
                held.notify_one();
                go.notified().await;
            }
            Fate::Passes | Fate::ReplyLost => {}
        }
        write(&mut to_server, &message).await?;
        let reply = read(&mut from_server).await?;
        if fate == Fate::ReplyLost {
            return None;
        }
        write(&mut to_client, &reply).await?;
    }
}

async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut message = vec![0; usize::from(from.read_u16().await.ok()?)];
    from.read_exact(&mut message).await.ok()?;
    Some(message)
}

async fn write(to: &mut OwnedWriteHalf, message: &[u8]) -> Option<()> {
    let length = u16::try_from(message.len()).ok()?;
    to.write_all(&[length.to_be_bytes().as_slice(), message].concat()).await.ok()
}
