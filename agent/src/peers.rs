//! What agents say to each other: HTTP/2 over mutual TLS, bodies versioned and self-describing. It carries; it
//! decides nothing. An agent is who its certificate says, whatever a message claims.

pub mod client;
pub mod server;
pub mod tls;
pub mod visit;
pub mod wire;

pub use client::Peers;
