//! The DNS servers of one place, over UDP and TCP: one of the zone's own, and a resolver that remembers its answers for
//! as long as they live. The zone decides what is answered; the place decides which address leads to a region.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Edns, Metadata, OpCode, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, NS, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use self::memory::{Memory, Said};
use crate::places::Places;
use crate::stage::Stage;
use crate::world::zone::answer::{Answer, AnswerData, Answered};
use crate::world::zone::normal_name;

mod memory;

/// Five seconds without a question close a TCP connection.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);
/// What every DNS client can take over UDP.
const UDP_BYTES_MIN: u16 = 512;
/// Route 53 gives the addresses of its name servers two days.
const NAME_SERVER_TTL_S: u32 = 172_800;
/// Replies that may wait on one TCP connection.
const TCP_REPLIES_MAX: usize = 32;

/// Starts the zone's own server of `place`, and answers its address.
pub(crate) async fn start(stage: &Arc<Stage>, places: &Arc<Places>, place: &str) -> io::Result<SocketAddr> {
    serve(Resolver::new(stage, places, place)).await
}

/// Starts a resolver of `place` that remembers, and answers its address.
pub(crate) async fn start_caching(
    stage: &Arc<Stage>,
    places: &Arc<Places>,
    place: &str,
) -> io::Result<SocketAddr> {
    serve(Resolver { memory: Some(Mutex::default()), ..Resolver::new(stage, places, place) }).await
}

async fn serve(resolver: Resolver) -> io::Result<SocketAddr> {
    let (udp, tcp) = bind_both(resolver.places.home()).await?;
    let address = udp.local_addr()?;
    let stage = Arc::clone(&resolver.stage);
    let mut server = Server::new(resolver);
    server.register_socket(udp);
    server.register_listener(tcp, TCP_TIMEOUT, TCP_REPLIES_MAX);
    let stop = stage.stop.clone();
    stage.tasks.spawn(async move {
        stop.cancelled().await;
        if let Err(error) = server.shutdown_gracefully().await {
            tracing::warn!(%address, %error, "the DNS server ended with an error");
        }
    });
    Ok(address)
}

/// One port for both transports.
async fn bind_both(at: Ipv4Addr) -> io::Result<(UdpSocket, TcpListener)> {
    /// A port free for UDP may be taken for TCP; fifty tries fail only on a machine out of ports.
    const TRIES: usize = 50;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let udp = UdpSocket::bind((at, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What one place is answered.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) stage: Arc<Stage>,
    pub(crate) places: Arc<Places>,
    pub(crate) place: String,
    /// What was said before; the zone's own server remembers nothing.
    memory: Option<Mutex<Memory>>,
}

impl Resolver {
    /// The zone's own server, as `place` reaches it.
    pub(crate) fn new(stage: &Arc<Stage>, places: &Arc<Places>, place: &str) -> Self {
        Resolver { stage: Arc::clone(stage), places: Arc::clone(places), place: place.into(), memory: None }
    }

    /// What is said now: remembered, or asked and remembered.
    fn say(&self, name: &str, kind: &str) -> Said {
        let Some(memory) = &self.memory else { return self.resolve(name, kind) };
        let now_ms = self.stage.clock.now_ms();
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = memory.recall(name, kind, now_ms) {
            return said;
        }
        let said = self.resolve(name, kind);
        memory.keep(name, kind, &said, now_ms);
        said
    }

    /// Records and authority for one question; load balancers are addresses by now.
    pub(crate) fn resolve(&self, name: &str, kind: &str) -> Said {
        let (answer, authority) = {
            let (mut world, now_ms) = self.stage.world();
            world.advance(now_ms);
            let look = world.look(now_ms);
            let server = kind == "A" && world.zone.is_name_server(name);
            let answer = if server {
                own_address(name, self.places.home())
            } else {
                world.zone.answer(name, kind, &look)
            };
            (answer, world.zone.authority())
        };
        match answer {
            Answer::NotOurs => (ResponseCode::Refused, Vec::new(), Vec::new()),
            Answer::NoName => (ResponseCode::NXDomain, Vec::new(), authority),
            Answer::NoData => (ResponseCode::NoError, Vec::new(), authority),
            Answer::Records(records) => (
                ResponseCode::NoError,
                records.into_iter().map(|record| self.seen(record)).collect(),
                Vec::new(),
            ),
        }
    }

    fn seen(&self, record: Answered) -> Answered {
        let data = match record.data {
            AnswerData::LoadBalancer(region) => {
                let address = self.places.address(&self.place, &region).unwrap_or(Ipv4Addr::UNSPECIFIED);
                AnswerData::Ipv4(address)
            }
            AnswerData::Ipv4(address) => AnswerData::Ipv4(self.places.seen_from(&self.place, address)),
            other => other,
        };
        Answered { data, ..record }
    }
}

/// Where the zone's name servers are: each place has its own on this machine, which differ by port alone.
fn own_address(name: &str, at: Ipv4Addr) -> Answer {
    let (name, kind) = (normal_name(name), "A".to_owned());
    let data = AnswerData::Ipv4(at);
    Answer::Records(vec![Answered { name, kind, ttl_s: NAME_SERVER_TTL_S, data }])
}

#[async_trait::async_trait]
impl RequestHandler for Resolver {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut reply: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let (mut answers, mut authority) = (Vec::new(), Vec::new());
        match request.request_info() {
            Ok(info) if info.metadata.op_code == OpCode::Query => {
                let name = info.query.name().to_string();
                let (code, found, soa) = self.say(&name, &info.query.query_type().to_string());
                metadata.response_code = code;
                metadata.authoritative = code != ResponseCode::Refused;
                answers = found.iter().filter_map(record).collect();
                authority = soa.iter().filter_map(record).collect();
            }
            Ok(_) => metadata.response_code = ResponseCode::NotImp,
            Err(_) => metadata.response_code = ResponseCode::FormErr,
        }
        // A question with EDNS gets an answer with EDNS, and may be as long as the asker can take.
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().max(UDP_BYTES_MIN)).set_version(0);
            edns
        });
        let response = MessageResponseBuilder::new(&request.queries, edns.as_ref()).build(
            metadata,
            answers.iter(),
            [],
            authority.iter(),
            [],
        );
        match reply.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(place = %self.place, %error, "a DNS reply could not be sent");
                let counts = hickory_server::proto::op::HeaderCounts::default();
                hickory_server::proto::op::Header { metadata, counts }.into()
            }
        }
    }
}

/// A record on the wire; `None` for what cannot be written, which validation keeps out of the zone.
fn record(answered: &Answered) -> Option<Record> {
    let name = |text: &str| Name::from_ascii(text).ok();
    let data = match &answered.data {
        AnswerData::LoadBalancer(_) => return None,
        AnswerData::Ipv4(address) => RData::A(A(*address)),
        AnswerData::Ipv6(address) => RData::AAAA(AAAA(*address)),
        AnswerData::Text(strings) => RData::TXT(TXT::new(strings.clone())),
        AnswerData::Name(target) if answered.kind == "NS" => RData::NS(NS(name(target)?)),
        AnswerData::Name(target) => RData::CNAME(CNAME(name(target)?)),
        AnswerData::Authority { server, mailbox, numbers: [serial, refresh, retry, expire, minimum] } => {
            let interval = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
            let (server, mailbox) = (name(server)?, name(mailbox)?);
            let (refresh, retry, expire) = (interval(*refresh), interval(*retry), interval(*expire));
            RData::SOA(SOA::new(server, mailbox, *serial, refresh, retry, expire, *minimum))
        }
    };
    Some(Record::from_rdata(name(&answered.name)?, answered.ttl_s, data))
}
