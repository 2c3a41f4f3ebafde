//! Consensus: a replicated state machine on openraft and redb, behind traits.
//!
//! What it is: [`Consensus`] starts one voter, orders commands through the replicated log and applies them
//! to a [`Machine`]. It is generic over the machine and over the async runtime, so production and the
//! simulator run exactly this code; a cargo feature would be unified across the workspace and could not
//! separate them.
//!
//! What it must not do: open sockets (that is a [`Transport`]), read a clock or draw a random number other
//! than through the runtime parameter, or know what a command means.
//!
//! Production uses `openraft_rt_tokio::TokioRuntime` as it is. `DeterministicRng<TokioRuntime>` would need
//! a task-local seed in every task that touches a handle, and a reproducible election delay has no value on
//! a real network; independent delays do. The simulator uses `openraft_rt_sim::SimRuntime`.
//!
//! Where to read: `store` (what is durable and when), `network` (what peers say to each other), `consensus`
//! (the handle), `timing` (the numbers).

mod cluster;
mod consensus;
mod format;
mod machine;
mod member;
mod network;
mod recover;
mod settings;
mod store;
mod timing;
mod type_config;

pub use consensus::join::{Account, Members};
pub use consensus::membership::{ChangeError, Membership};
pub use consensus::read::{BarrierError, Term};
pub use consensus::rejoin::Horizon;
pub use consensus::silence::Voted;
pub use consensus::standing::{PeerStanding, Standing};
pub use consensus::start::StartError;
pub use consensus::transfer::TransferError;
pub use consensus::{Consensus, Stopped, propose::ProposeError};
pub use format::{FormatError, decode, encode};
pub use machine::{Machine, Proposal};
pub use member::{ClusterDigest, History, Member, NodeId, Seat, node_id};
pub use network::message::{Call, Head, Refusal, Reply, Request};
pub use network::{Transport, TransportError};
pub use recover::{Left, RecoverError, copy, left, recover};
pub use settings::{Limits, REQUEST_BYTES_MAX, Settings};
pub use store::error::StoreError;
pub use store::identity::IdentityError;
pub use store::writer::WriterMode;
pub use store::{Store, open_database};
pub use timing::{Timing, TimingError};
pub use type_config::Types;
