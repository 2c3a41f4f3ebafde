//! The simulated cloud, as agents and clients reach it. Calls may be slow, be refused, be lost on their way, or be applied
//! with the reply lost. Every change that is applied is told to the oracle in the same moment.

mod calls;
mod database;
mod world;

use super::{
    EAST, WEST,
    deed::{Mode, Replication, Trouble},
    network::Network,
    now,
    oracle::Shared,
};
use quorate_policies::health::{FailureReason, Observation};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
pub(super) use world::{Record, World};

struct Inside {
    world: World,
    trouble: Trouble,
    /// Calls that were sent before the first moment arrive after the second.
    held_up: (Duration, Duration),
    random: StdRng,
    network: Network,
    oracle: Shared,
}

/// The cloud. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cloud(Arc<Mutex<Inside>>);

impl Cloud {
    pub(super) fn new(seed: u64, services: &[&'static str], network: Network, oracle: Shared) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let (world, trouble) = (World::new(services), Trouble::default());
        Self(Arc::new(Mutex::new(Inside {
            world,
            trouble,
            held_up: (Duration::ZERO, Duration::ZERO),
            random,
            network,
            oracle,
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// Looks at what stands in the cloud, or changes it by another hand.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.inside().world)
    }

    /// Holds up the calls that are under way.
    pub(super) fn straggle(&self, length: Duration) {
        self.inside().held_up = (now(), now() + length);
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.inside().trouble = trouble;
    }

    /// The services that run in it.
    pub(super) fn services(&self) -> Vec<&'static str> {
        self.inside().world.services()
    }

    /// Lets replication go on.
    pub(super) fn replicate(&self) {
        let mut inside = self.inside();
        let parted = inside.network.parted(EAST, WEST);
        inside.world.replicate(parted);
    }

    /// What a probe of a service finds, and after what time; none if there is no answer.
    pub(super) fn probe(&self, service: &str, region: &str, deep: bool) -> Option<(Duration, Observation)> {
        let mut inside = self.inside();
        let took = Duration::from_millis(inside.random.random_range(5..150));
        let brown = inside.random.random_range(0..1_000_u16);
        let slow = inside.random.random_bool(0.5);
        let part = inside.world.part(service, region);
        if inside.world.site(region).dead {
            return None;
        }
        let fails = |reason| Some((took, Observation::Failure(reason)));
        match part.mode_now(now()) {
            Mode::Dead => fails(FailureReason::ConnectRefused),
            _ if part.running() == 0 => fails(FailureReason::ConnectRefused),
            Mode::Hangs => None,
            Mode::BrownOut(permille) if brown < permille => {
                if slow {
                    None
                } else {
                    fails(FailureReason::Status)
                }
            }
            Mode::ReadOnly if deep => fails(FailureReason::Status),
            Mode::Garbled => fails(FailureReason::Body),
            Mode::Up | Mode::BrownOut(_) | Mode::ReadOnly | Mode::Flaps => Some((took, Observation::Success)),
        }
    }

    /// Whether a failover away from a service in a region could be defended: it is not as it should be for those who
    /// use it there.
    pub(super) fn sick(&self, service: &str, region: &str) -> bool {
        let inside = self.inside();
        let part = inside.world.part(service, region);
        inside.world.site(region).dead
            || part.running() == 0
            || match part.mode_now(now()) {
                Mode::Up => false,
                // A third of all requests failing is bad enough, and a run of three failures is likely then.
                Mode::BrownOut(permille) => permille >= 300,
                Mode::Dead | Mode::Hangs | Mode::ReadOnly | Mode::Garbled | Mode::Flaps => true,
            }
    }

    /// What monitoring says of a replica: how far it was behind, and how long ago.
    pub(super) fn read_lag(&self, service: &str, region: &str) -> Option<(Duration, Duration)> {
        let inside = self.inside();
        if inside.world.site(region).dead {
            return None;
        }
        let behind = inside.world.lag_as_monitored(service, region)?;
        drop(inside);
        self.inside().oracle.lock().unwrap().monitored(service, region, behind);
        Some((behind, Duration::from_millis(u64::try_from(now().as_millis() % 60_000).unwrap())))
    }

    /// A client writes. Whether it was acknowledged.
    pub(super) fn write(&self, service: &str, region: &str, id: u64) -> bool {
        let mut inside = self.inside();
        let unlucky = inside.random.random_range(0..1_000_u16);
        inside.world.write(service, region, id, unlucky)
    }

    pub(super) fn replication(&self, how: Replication) {
        self.inside().world.set_replication(how);
    }
}
