//! Ports on which agents can be stopped and started again. It hands out free ones and remembers nothing: who wants several
//! holds what it got until all are there.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    ops::Range,
};

/// Below what Linux (32768) and others (49152) give to outgoing connections, so that none of those takes an agent's port while
/// the agent is down; above what servers usually have.
const PORTS: Range<u16> = 20_000..32_768;
/// Ports that are tried: with half of them in use, all of so many are once in a million times.
const TRIES_MAX: u32 = 20;

/// A free port of this machine, as long as what is returned lives. Another process could take it before the agent does; then
/// the agent says so.
///
/// # Errors
/// When none was found.
pub fn reserve() -> io::Result<TcpListener> {
    let mut last = io::Error::from(ErrorKind::AddrInUse);
    for _ in 0..TRIES_MAX {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, rand::random_range(PORTS))) {
            Ok(port) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}
