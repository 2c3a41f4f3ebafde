//! What counts as the server's own word, against a server that says whatever a test wants.

use super::*;
use hickory_proto::{
    op::OpCode,
    rr::{Name, RData, Record, RecordType, TSigResponseContext, rdata::tsig::TsigAlgorithm},
};
use tokio::net::TcpListener;

fn signer(secret: &[u8]) -> TSigner {
    let name = Name::from_ascii("quorate.example.test").unwrap();
    TSigner::new(secret.to_vec(), TsigAlgorithm::HmacSha256, name, FUDGE_S).unwrap()
}

/// What the server says to a question: nothing ends the connection.
type Says = fn(&Message) -> Option<Vec<u8>>;

/// One question to a server that says so.
async fn told(says: Says) -> Result<Message, Trouble> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut question).await.unwrap();
        if let Some(reply) = says(&Message::from_vec(&question).unwrap()) {
            stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
            stream.write_all(&reply).await.unwrap();
        }
    });
    let mut session = Session::open("127.0.0.1", port, signer(b"the secret")).await.unwrap();
    let name = Name::from_ascii("www.example.test.").unwrap();
    let told = session.ask(super::super::message::question(&name, RecordType::A)).await;
    server.await.unwrap();
    told
}

fn plain(question: &Message, code: ResponseCode) -> Message {
    let mut reply = Message::response(question.id, OpCode::Query);
    reply.metadata.response_code = code;
    reply
}

fn mac(question: &Message) -> Vec<u8> {
    question.signature().unwrap().data.mac.clone()
}

fn signed(mut reply: Message, context: TSigResponseContext) -> Message {
    let signature = context.sign(&reply.to_vec().unwrap()).unwrap();
    reply.set_signature(signature);
    reply
}

fn context(question: &Message, secret: &[u8], mac: Vec<u8>) -> TSigResponseContext {
    let time = question.signature().unwrap().data.time;
    TSigResponseContext::new(question.id, time, signer(secret), mac, None)
}

fn good(question: &Message) -> Message {
    signed(plain(question, ResponseCode::NoError), context(question, b"the secret", mac(question)))
}

fn kind(told: &Result<Message, Trouble>) -> &'static str {
    match told {
        Ok(_) => "proved",
        Err(Trouble::Unanswered(_)) => "no answer",
        Err(Trouble::Key { .. }) => "key refused",
        Err(Trouble::Unreached(_)) => "not reached",
        Err(Trouble::Unfit(_)) => "unfit",
    }
}

/// Goal: only what the shared key signed, for this very question, is the server's word; everything else leaves open what
/// became of the question. Method: a good reply, and one fault each.
#[tokio::test]
async fn only_a_signed_reply_counts() {
    let table: [(&str, Says, &str); 9] = [
        ("signed", |q| good(q).to_vec().ok(), "proved"),
        ("unsigned", |q| plain(q, ResponseCode::NoError).to_vec().ok(), "no answer"),
        (
            "signed by another secret",
            |q| {
                let reply = plain(q, ResponseCode::NoError);
                signed(reply, context(q, b"another secret", mac(q))).to_vec().ok()
            },
            "no answer",
        ),
        (
            "signed for another question",
            |q| {
                let reply = plain(q, ResponseCode::NoError);
                signed(reply, context(q, b"the secret", vec![7; 32])).to_vec().ok()
            },
            "no answer",
        ),
        (
            "changed on the way",
            |q| {
                let mut reply = good(q);
                let name = Name::from_ascii("www.example.test.").unwrap();
                let address = RData::A(hickory_proto::rr::rdata::A::new(192, 0, 2, 66));
                reply.add_answer(Record::from_rdata(name, 60, address));
                reply.to_vec().ok()
            },
            "no answer",
        ),
        (
            "to another question",
            |q| {
                let mut reply = good(q);
                reply.metadata.id = reply.id.wrapping_add(1);
                reply.to_vec().ok()
            },
            "no answer",
        ),
        ("the question itself", |q| q.to_vec().ok(), "no answer"),
        ("no message", |_| Some(vec![1, 2, 3]), "no answer"),
        ("nothing", |_| None, "no answer"),
    ];
    for (what, says, expected) in table {
        let told = told(says).await;
        assert_eq!(kind(&told), expected, "{what}: {told:?}");
    }
}

/// Goal: a key that the server does not accept is told by name with its mend, whichever way the server refuses it.
/// Method: a server that does not know it, one with another secret, one without permission.
#[tokio::test]
async fn a_refused_key_is_told() {
    let table: [(Says, &str); 3] = [
        (
            |q| {
                let key = Name::from_ascii("quorate.example.test.").unwrap();
                let context = TSigResponseContext::unknown_key(q.id, 1, key);
                signed(plain(q, ResponseCode::NotAuth), context).to_vec().ok()
            },
            "BADKEY",
        ),
        (
            |q| {
                let context = TSigResponseContext::bad_signature(q.id, 1, signer(b"another secret"));
                signed(plain(q, ResponseCode::NotAuth), context).to_vec().ok()
            },
            "BADSIG",
        ),
        (|q| plain(q, ResponseCode::Refused).to_vec().ok(), "let the key ask and update there"),
    ];
    for (says, expected) in table {
        let told = told(says).await;
        assert_eq!(kind(&told), "key refused", "{told:?}");
        let text = told.unwrap_err().to_string();
        assert!(text.contains(expected) && text.contains("quorate.example.test"), "{text}");
    }
}

/// Goal: a server that is not there has certainly carried nothing out. Method: a port that nobody listens on.
#[tokio::test]
async fn nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let told = Session::open("127.0.0.1", port, signer(b"the secret")).await.map(|_| ());
    assert!(matches!(told, Err(Trouble::Unreached(_))), "{told:?}");
}
