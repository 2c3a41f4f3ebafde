//! One conversation with one DNS server over TCP, in which every message is signed and every reply has to be (RFC 8945).
//! What is asked and what it means is the asker's business. It must not take an unsigned word for the server's.
//!
//! hickory-proto builds, signs and verifies the messages. The conversation is our own, because hickory-net's client tells
//! neither whether a message had left when something failed, nor what a refusal of the key says: both decide here what
//! is known of an update.

use super::keys::FUDGE_S;
use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{TSigner, rdata::tsig::TsigError},
};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An open conversation.
pub(super) struct Session {
    stream: TcpStream,
    signer: TSigner,
    server: String,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// Nothing was sent.
    #[error("{0}")]
    Unreached(String),
    /// The server does not accept the signature, as it says without one of its own.
    #[error("{what}; {mend}")]
    Key {
        /// What it says.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// No answer, or none that is proved to be the server's: what was sent may have been carried out.
    #[error("{0}")]
    Unanswered(String),
    /// The server's own answer, which does not tell what was asked.
    #[error("{0}")]
    Unfit(String),
}

impl Session {
    /// Connects. A name is resolved as the system does it.
    pub(super) async fn open(host: &str, port: u16, signer: TSigner) -> Result<Self, Trouble> {
        let server = format!("the DNS server {host}, port {port}");
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(|error| Trouble::Unreached(format!("{server}: {error}")))?;
        Ok(Self { stream, signer, server })
    }

    /// Sends one message, and returns the reply that proves itself.
    pub(super) async fn ask(&mut self, mut message: Message) -> Result<Message, Trouble> {
        let unsent = |why: String| Trouble::Unreached(format!("{}: {why}", self.server));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| unsent(error.to_string()))?;
        let verifier = message.finalize(&self.signer, now.as_secs());
        let verifier = verifier.map_err(|error| unsent(error.to_string()))?;
        let mut verifier = verifier.ok_or_else(|| unsent("the message was not signed".to_owned()))?;
        let bytes = message.to_vec().map_err(|error| unsent(error.to_string()))?;
        let reply = self.exchange(&bytes).await.map_err(|why| self.unanswered(&why))?;
        // Before its signature: a message that is no whole one must not reach the verifier.
        let read = Message::from_vec(&reply).map_err(|error| self.unanswered(&error.to_string()))?;
        if (read.id, read.message_type) != (message.id, MessageType::Response) {
            return Err(self.unanswered("a reply to something else"));
        }
        let refused = read.signature().and_then(|signature| signature.data.error);
        match (verifier.verify(&reply), refused) {
            (Ok(_), None) => Ok(read),
            (Ok(_) | Err(_), Some(error)) => Err(self.key(error)),
            (Err(why), None) => Err(self.unproved(read.response_code, &why.to_string())),
        }
    }

    /// Over TCP each message has its length in front of it (RFC 1035, section 4.2.2).
    async fn exchange(&mut self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let length = u16::try_from(bytes.len()).map_err(|_| "the message is too long".to_owned())?;
        let framed = [length.to_be_bytes().as_slice(), bytes].concat();
        let wrong = |error: std::io::Error| error.to_string();
        self.stream.write_all(&framed).await.map_err(wrong)?;
        let length = self.stream.read_u16().await.map_err(wrong)?;
        let mut reply = vec![0; usize::from(length)];
        self.stream.read_exact(&mut reply).await.map_err(wrong)?;
        Ok(reply)
    }

    /// What was asked, without an answer.
    pub(super) fn unanswered(&self, why: &str) -> Trouble {
        Trouble::Unanswered(format!("{}: {why}", self.server))
    }

    /// An answer without the key's signature.
    fn unproved(&self, code: ResponseCode, why: &str) -> Trouble {
        let denied = matches!(code, ResponseCode::Refused | ResponseCode::NotAuth);
        if !denied {
            return self.unanswered(&format!("an answer that is not signed as it should be: {why}"));
        }
        Trouble::Key {
            what: format!("{} answers {} to what is signed with `{}`", self.server, code, self.key_name()),
            mend: "name the zone's primary server, and let the key ask and update there".to_owned(),
        }
    }

    /// What the server says of the signature.
    fn key(&self, error: TsigError) -> Trouble {
        let (server, key, algorithm) = (&self.server, self.key_name(), self.signer.algorithm());
        let (what, mend) = match error {
            TsigError::BadKey => (
                format!("{server} does not accept the TSIG key `{key}` with {algorithm} (BADKEY)"),
                "write its name and algorithm as the server has them, and let it ask and update (Knot: `acl`)".to_owned(),
            ),
            TsigError::BadSig => (
                format!("{server} has another secret for the TSIG key `{key}` (BADSIG)"),
                "put the server's secret into the agent's secret_file".to_owned(),
            ),
            TsigError::BadTime => (
                format!("the clock of {server} is more than {FUDGE_S} s from this machine's (BADTIME)"),
                "set both by NTP".to_owned(),
            ),
            TsigError::BadTrunc | TsigError::Unknown(_) => (
                format!("{server} does not accept the TSIG key `{key}` (error {})", u16::from(error)),
                "compare the key on both sides".to_owned(),
            ),
        };
        Trouble::Key { what, mend }
    }

    fn key_name(&self) -> String {
        self.signer.signer_name().to_ascii().trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests;
