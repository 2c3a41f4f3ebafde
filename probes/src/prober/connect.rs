//! Connecting to one of a name's addresses. They are tried one after the other, never raced: a test must test one
//! thing, and a race would hide which address is dead. An address that does not accept is recorded and the next
//! one is tried, because a region whose load balancer lost one of three nodes still serves.

use super::{deadline::Deadline, os_error};
use crate::result::{Failure, ProbeResult};
use quorate_policies::health::FailureReason;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;

/// Most addresses that one probe tries: a load balancer has one per zone, usually three. Each that hangs halves
/// the time left, so a fourth would get too little to mean anything.
const ADDRESSES_TRIED_MAX: usize = 3;

/// Connects to the first address that accepts. An address that has a successor gets half of the time left: one
/// that takes longer to accept would leave too little for the reply, which needs at least as many round trips
/// again. If none accepts, the last failure is the reason and the detail names them all.
pub(super) async fn connect(
    addresses: &[IpAddr],
    port: u16,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<TcpStream, Failure> {
    let tried = &addresses[..addresses.len().min(ADDRESSES_TRIED_MAX)];
    let mut details = Vec::new();
    for (position, address) in tried.iter().enumerate() {
        let last = position + 1 == tried.len();
        let share = if last { *deadline } else { deadline.half() };
        seen.address = Some(*address);
        match connect_one(SocketAddr::new(*address, port), &share).await {
            Ok(stream) => return Ok(stream),
            Err(failure) => {
                details.push(failure.detail);
                if last {
                    return Err(Failure::new(failure.reason, details.join("; ")));
                }
                seen.skipped.push((*address, failure.reason));
            }
        }
    }
    Err(Failure::new(FailureReason::DnsError, "the name has no address"))
}

async fn connect_one(address: SocketAddr, deadline: &Deadline) -> Result<TcpStream, Failure> {
    let phase = format!("connecting to {address}");
    let connected =
        deadline.bound(TcpStream::connect(address), FailureReason::ConnectTimeout, &phase).await?;
    let failed =
        |error: std::io::Error| Failure::new(os_error::connecting(&error), format!("{phase}: {error}"));
    let stream = connected.map_err(failed)?;
    // Without this the request waits for the acknowledgement of the end of the TLS handshake, up to 40 ms.
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}
