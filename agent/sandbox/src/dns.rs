//! The authoritative DNS server of one place, over UDP and TCP. The zone decides what is answered; the place
//! decides which address leads to a region.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Edns, Metadata, OpCode, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, NS, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use crate::places::Places;
use crate::stage::Stage;
use crate::world::zone::answer::{Answer, AnswerData, Answered};

/// Five seconds without a question close a TCP connection.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);
/// What every DNS client can take over UDP.
const UDP_BYTES_MIN: u16 = 512;
/// Replies that may wait on one TCP connection.
const TCP_REPLIES_MAX: usize = 32;

/// Starts the server of `place`, and answers its address.
pub(crate) async fn start(stage: &Arc<Stage>, places: &Arc<Places>, place: &str) -> io::Result<SocketAddr> {
    let (udp, tcp) = bind_both().await?;
    let address = udp.local_addr()?;
    let resolver = Resolver { stage: Arc::clone(stage), places: Arc::clone(places), place: place.into() };
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
async fn bind_both() -> io::Result<(UdpSocket, TcpListener)> {
    /// A port free for UDP may be taken for TCP; fifty tries fail only on a machine out of ports.
    const TRIES: usize = 50;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
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
}

impl Resolver {
    /// Records and authority for one question; load balancers are addresses by now.
    pub(crate) fn resolve(&self, name: &str, kind: &str) -> (ResponseCode, Vec<Answered>, Vec<Answered>) {
        let (answer, authority) = {
            let (mut world, now_ms) = self.stage.world();
            world.advance(now_ms);
            let look = world.look(now_ms);
            (world.zone.answer(name, kind, &look), world.zone.authority())
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
                let (code, found, soa) = self.resolve(&name, &info.query.query_type().to_string());
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
