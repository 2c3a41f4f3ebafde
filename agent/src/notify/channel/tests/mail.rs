//! A mail server on loopback: it takes one message after another, or refuses the first ones with these answers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it took: the envelope and the text, one a message.
pub(super) type Mails = Arc<Mutex<Vec<String>>>;

pub(super) async fn server(refusals: &'static [&'static str]) -> (SocketAddr, Mails) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mails: Mails = Arc::default();
    let taken = mails.clone();
    tokio::spawn(async move {
        let mut refusals = refusals.iter();
        while let Ok((stream, _)) = listener.accept().await {
            // One connection is one message.
            let _ = talk(stream, refusals.next().copied(), &taken).await;
        }
    });
    (address, mails)
}

async fn talk(stream: TcpStream, refusal: Option<&str>, taken: &Mails) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut mail = String::new();
    write.write_all(b"220 mail.example.com\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250 mail.example.com",
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
                return Ok(());
            }
            _ => "250 as you like",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
