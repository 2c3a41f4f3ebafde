//! What DNS resolvers answer, over a real socket on loopback. Promised: whatever bytes a resolver sends, the look ends, and a
//! name has not converged unless the wanted answer was in them (R7).

use quorate::effects::Effects;
use quorate_policies::{
    document::read_agent_file,
    effect::{EffectContext, Observed},
    plan::{
        Action,
        action::{DnsConverged, RecordKind},
    },
};
use quorate_probes::{Prober, ProberSettings};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::{net::UdpSocket, runtime::Runtime};

/// The address that the record shall get.
const WANTED: [u8; 4] = [192, 0, 2, 2];
/// The address that a proper reply gives.
const OTHER: [u8; 4] = [192, 0, 2, 66];
/// Flags, question and answer of a proper reply, behind the query's id and before its address: `api.test A`.
const ANSWER: &[u8] =
    b"\x81\x80\0\x01\0\x01\0\0\0\0\x03api\x04test\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04";
/// Largest query that is read.
const QUERY_BYTES_MAX: usize = 1232;

/// A resolver's reply behind the query's id. After it comes a proper one with another address.
///
/// # Panics
/// When a promise is broken.
pub fn dns_reply(data: &[u8]) {
    static RUNTIME: OnceLock<Mutex<(Runtime, Arc<Prober>)>> = OnceLock::new();
    let stage = RUNTIME.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let prober = runtime.block_on(async { Prober::new(ProberSettings::default()).expect("a prober") });
        Mutex::new((runtime, Arc::new(prober)))
    });
    let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    if let Observed::Done { detail } = stage.0.block_on(observe(stage.1.clone(), data)) {
        assert!(data.windows(4).any(|four| four == WANTED), "converged on what nobody said: {detail}");
    }
}

/// A reply that is the wanted one.
#[must_use]
pub fn wanted_answer() -> Vec<u8> {
    [ANSWER, &WANTED].concat()
}

async fn observe(prober: Arc<Prober>, data: &[u8]) -> Observed {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let effects = effects(socket.local_addr().expect("its address"), prober);
    let action = Action::DnsConverged(DnsConverged {
        record: "api.test".to_owned(),
        kind: RecordKind::A,
        values: vec![Ipv4Addr::from(WANTED).to_string()],
        like: None,
        resolvers: Vec::new(),
        name_servers: false,
    });
    let context = EffectContext {
        service: "shop".to_owned(),
        execution: "shop-2".to_owned(),
        epoch: 2,
        attempt: 1,
        from: "us-east-1".to_owned(),
        to: "us-west-2".to_owned(),
        before: None,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    };
    let resolver = async {
        let mut query = [0; QUERY_BYTES_MAX];
        loop {
            let Ok((_, from)) = socket.recv_from(&mut query).await else { continue };
            let id = &query[..2];
            // What does not fit into one datagram is not sent.
            let _ = socket.send_to(&[id, data].concat(), from).await;
            let _ = socket.send_to(&[id, ANSWER, &OTHER].concat(), from).await;
        }
    };
    tokio::select! {
        observed = effects.observe(&action, &context, &()) => observed,
        () = resolver => unreachable!("the resolver answers for ever"),
    }
}

fn effects(resolver: SocketAddr, prober: Arc<Prober>) -> Effects {
    let file = format!(
        "name: eve\nregion: us-east-1\nmembers:\n  eve: {{region: us-east-1, address: \"127.0.0.1:7951\"}}\n\
         tls: {{ca: ca, certificate: agent, key: key}}\noperator_token_file: token\nresolvers: [\"{resolver}\"]\n"
    );
    let file = read_agent_file("agent.yaml", &file).expect("an agent file");
    Effects::new(&file, Path::new("."), prober)
}
