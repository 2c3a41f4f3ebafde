//! Every address of a sandbox: application and AWS fronts, and the relays between places. It carries the
//! world's faults and cuts to them; the world decides, and `apply` returns when sockets behave accordingly.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Mutex, Notify};

use crate::gate::Gate;
use crate::relay::Relay;
use crate::stage::Stage;
use crate::world::World;
use crate::world::fault::Behaviour;
use crate::world::link::CutMode;

/// What stands behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behind {
    /// A region's application.
    Application(String),
    /// A region's AWS endpoints.
    ControlPlane(String),
    /// Something that belongs to no region's faults: global services, and agents.
    Other,
}

/// A path from a place to what stands in another.
#[derive(Debug)]
struct Path {
    from: String,
    to: String,
    behind: Behind,
    relay: Relay,
}

/// Every address that can be shut.
#[derive(Debug)]
pub(crate) struct Network {
    stage: Arc<Stage>,
    /// Held across `apply`, so that two changes of the world cannot overtake one another on their way to
    /// sockets.
    parts: Mutex<Parts>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Parts {
    fronts: Vec<(Behind, Gate)>,
    paths: Vec<Path>,
}

/// 64 relays made by the control API: nine agents would need 72 one-way links, and no test has more than
/// five.
const RELAYS_MAX: usize = 64;
/// Ten minutes: how long the timer sleeps when no fault changes by itself.
const IDLE: Duration = Duration::from_secs(600);

impl Network {
    pub(crate) fn new(stage: &Arc<Stage>) -> Arc<Self> {
        let network =
            Arc::new(Network { stage: Arc::clone(stage), parts: Mutex::default(), changed: Notify::new() });
        stage.tasks.spawn(Arc::clone(&network).follow_time());
        network
    }

    pub(crate) async fn add_front(&self, behind: Behind, gate: Gate) {
        self.parts.lock().await.fronts.push((behind, gate));
    }

    /// Makes a path on `listener`, and answers its address.
    pub(crate) async fn add_path(
        &self,
        (from, to): (&str, &str),
        behind: Behind,
        listener: TcpListener,
        target: SocketAddr,
    ) -> io::Result<SocketAddr> {
        let relay = Relay::start(listener, target, &self.stage)?;
        let address = relay.gate.address;
        self.parts.lock().await.paths.push(Path { from: from.into(), to: to.into(), behind, relay });
        Ok(address)
    }

    /// Makes a path between two agents, and answers its address; `None` if there are too many.
    pub(crate) async fn add_peer_path(
        &self,
        from: &str,
        to: &str,
        target: SocketAddr,
    ) -> io::Result<Option<SocketAddr>> {
        let peers = |path: &&Path| path.behind == Behind::Other && path.to != crate::options::GLOBAL;
        if self.parts.lock().await.paths.iter().filter(peers).count() >= RELAYS_MAX {
            return Ok(None);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = self.add_path((from, to), Behind::Other, listener, target).await?;
        self.apply().await;
        Ok(Some(address))
    }

    /// Brings every socket in line with the world, and returns when that is done.
    pub(crate) async fn apply(&self) {
        self.bring_in_line().await;
        self.changed.notify_one();
    }

    async fn bring_in_line(&self) {
        let parts = self.parts.lock().await;
        // Judged at once and under the lock, carried out afterwards: the world's lock is never held across a
        // wait.
        let (fronts, paths): (Vec<bool>, Vec<(bool, bool)>) = {
            let (world, now_ms) = self.stage.world();
            let fronts = parts.fronts.iter().map(|(behind, _)| refuses(behind, &world, now_ms)).collect();
            (fronts, parts.paths.iter().map(|path| path.state(&world, now_ms)).collect())
        };
        for ((_, gate), refuse) in parts.fronts.iter().zip(fronts) {
            gate.set_open(!refuse).await;
        }
        for (path, (flowing, refuse)) in parts.paths.iter().zip(paths) {
            path.relay.set(flowing, refuse).await;
        }
    }

    /// Follows faults that change by themselves.
    async fn follow_time(self: Arc<Self>) {
        let stop = self.stage.stop.clone();
        loop {
            let wait = {
                let (world, now_ms) = self.stage.world();
                world.next_change_ms(now_ms).map_or(IDLE, |next| Duration::from_millis(next - now_ms))
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(wait) => self.bring_in_line().await,
            }
        }
    }
}

fn refuses(behind: &Behind, world: &World, now_ms: u64) -> bool {
    match behind {
        Behind::Application(region) => world.behaviour(region, now_ms) == Behaviour::Refuse,
        Behind::ControlPlane(region) => world.control_plane_refuses(region),
        Behind::Other => false,
    }
}

impl Path {
    /// Whether bytes flow, and whether connections are refused. A black hole hides what is behind it.
    fn state(&self, world: &World, now_ms: u64) -> (bool, bool) {
        match world.links.mode(&self.from, &self.to) {
            Some(CutMode::BlackHole) => (false, false),
            Some(CutMode::Refuse) => (true, true),
            None => (true, refuses(&self.behind, world, now_ms)),
        }
    }
}

/// Binds one port on every address, so that a name leads to the same port wherever it points.
pub(crate) fn bind_one_port(addresses: &[Ipv4Addr]) -> io::Result<Vec<TcpListener>> {
    /// A free port of one address may be taken on another; fifty tries fail only on a machine out of ports.
    const TRIES: usize = 50;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        match try_one_port(addresses) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            done => return done,
        }
    }
    Err(last)
}

fn try_one_port(addresses: &[Ipv4Addr]) -> io::Result<Vec<TcpListener>> {
    let mut port = 0;
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((*address, port)))?;
        let listener = socket.listen(1_024)?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(listeners)
}
