//! A mail server on loopback: it takes one message after another, or refuses the first ones with these answers. It speaks plainly,
//! under TLS from the first byte, or under TLS from STARTTLS on; then it wants a password, and takes it under TLS alone.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// How it is spoken to.
#[derive(Clone)]
pub(super) enum Talk {
    /// Plainly.
    Plain,
    /// Plainly, though it should not be: somebody on the way has taken STARTTLS out.
    Stripped,
    /// Plainly until STARTTLS.
    Starttls(TlsAcceptor),
    /// Under TLS from the first byte.
    Implicit(TlsAcceptor),
}

/// What it took: the envelope and the text, one a message.
pub(super) type Mails = Arc<Mutex<Vec<String>>>;

pub(super) async fn server(refusals: &'static [&'static str]) -> (SocketAddr, Mails) {
    speaking(Talk::Plain, refusals).await
}

pub(super) async fn speaking(talk: Talk, refusals: &'static [&'static str]) -> (SocketAddr, Mails) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mails: Mails = Arc::default();
    let taken = mails.clone();
    tokio::spawn(async move {
        let mut refusals = refusals.iter();
        while let Ok((stream, _)) = listener.accept().await {
            // One connection is one message. One that is broken off, by a client that trusts nobody here, took none.
            let _ = one(stream, &talk, refusals.next().copied(), &taken).await;
        }
    });
    (address, mails)
}

async fn one(
    mut stream: TcpStream,
    talk: &Talk,
    refusal: Option<&str>,
    taken: &Mails,
) -> std::io::Result<()> {
    const GREETING: &[u8] = b"220 mail.example.com\r\n";
    match talk {
        Talk::Plain => {
            stream.write_all(GREETING).await?;
            converse(stream, &["250 mail.example.com"], refusal, taken).await
        }
        Talk::Stripped => {
            stream.write_all(GREETING).await?;
            converse(stream, &["250-mail.example.com", "250 AUTH PLAIN"], refusal, taken).await
        }
        Talk::Implicit(acceptor) => {
            let mut stream = acceptor.accept(stream).await?;
            stream.write_all(GREETING).await?;
            converse(stream, &["250-mail.example.com", "250 AUTH PLAIN"], refusal, taken).await
        }
        Talk::Starttls(acceptor) => {
            stream.write_all(GREETING).await?;
            let mut lines = BufReader::new(&mut stream).lines();
            while let Some(line) = lines.next_line().await? {
                let begins = line.eq_ignore_ascii_case("STARTTLS");
                let answer = if begins { "220 go on" } else { "250-mail.example.com\r\n250 STARTTLS" };
                lines.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await?;
                if begins {
                    break;
                }
            }
            let stream = acceptor.accept(stream).await?;
            converse(stream, &["250-mail.example.com", "250 AUTH PLAIN"], refusal, taken).await
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite,
    hello: &[&str],
    refusal: Option<&str>,
    taken: &Mails,
) -> std::io::Result<()> {
    let (read, mut write) = tokio::io::split(stream);
    let read = std::pin::pin!(read);
    let mut lines = BufReader::new(read).lines();
    let hello = hello.join("\r\n");
    let mut mail = String::new();
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => hello.as_str(),
            "AUTH" => {
                mail.push_str(&format!("{line}\n"));
                "235 come in"
            }
            "MAIL" if refusal.is_some() => refusal.unwrap_or_default(),
            "MAIL" | "RCPT" => {
                mail.push_str(&format!("{line}\n"));
                "250 yes"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&format!("{line}\n"));
                }
                taken.lock().unwrap().push(std::mem::take(&mut mail));
                "250 taken"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                break;
            }
            _ => "250 as you like",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    if !mail.is_empty() {
        // What was said without a message, such as a password, is heard all the same.
        taken.lock().unwrap().push(mail);
    }
    Ok(())
}
