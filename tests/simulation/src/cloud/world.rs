//! What stands in the cloud, and how calls change it. Pure, but for the simulated time.

use super::database::{Database, Role, Write};
use crate::{
    EAST, LEDGER, SHOP, WEST,
    deed::{Mode, Replication},
    now,
};
use std::{collections::BTreeMap, time::Duration};

/// Tasks of a standby region: it answers probes, and no more.
const STANDBY_TASKS: u32 = 1;
/// Tasks of the primary region.
const PRIMARY_TASKS: u32 = 4;
/// How long tasks take to start.
pub(super) const TASKS_START: Duration = Duration::from_secs(3);
/// A flapping service's time in each state.
const FLAP: Duration = Duration::from_secs(3);

/// One region, apart from what runs in it.
#[derive(Debug, Default)]
pub(crate) struct Site {
    pub(crate) dead: bool,
    /// No more tasks can be started.
    pub(crate) full: bool,
}

/// A service in a region.
#[derive(Debug)]
pub(crate) struct Part {
    mode: Mode,
    pub(super) desired: u32,
    running: u32,
    /// What runs becomes so many at this moment.
    pub(super) becomes: Option<(u32, Duration)>,
    pub(crate) database: Database,
}

/// A service's DNS record, with the epoch of the failover that set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) targets: Vec<String>,
    pub(crate) epoch: u64,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct World {
    sites: BTreeMap<&'static str, Site>,
    parts: BTreeMap<(&'static str, &'static str), Part>,
    records: BTreeMap<&'static str, Record>,
    /// The status page: by execution, the status, and how often an incident was opened for it.
    pub(super) incidents: BTreeMap<String, (&'static str, u32)>,
    pub(crate) status_page_down: bool,
    pub(crate) fence_lies: bool,
    pub(crate) stale_resolvers: bool,
    /// How replication has been, since when, the latest last.
    replication: Vec<(Duration, Replication)>,
    /// Since when primaries could not be reached by their replicas.
    apart_since: Option<Duration>,
}

impl Part {
    fn new(tasks: u32, role: Role) -> Self {
        let database = Database { role, writes: Vec::new() };
        Self { mode: Mode::Up, desired: tasks, running: tasks, becomes: None, database }
    }

    pub(crate) fn mode_now(&self, now: Duration) -> Mode {
        match self.mode {
            Mode::Flaps if (now.as_millis() / FLAP.as_millis()).is_multiple_of(2) => Mode::Dead,
            Mode::Flaps => Mode::Up,
            mode => mode,
        }
    }

    /// How many tasks really run.
    pub(crate) fn running(&self) -> u32 {
        self.becomes.filter(|(_, when)| now() >= *when).map_or(self.running, |(count, _)| count)
    }

    /// Starts moving to another count.
    pub(super) fn scale(&mut self, desired: u32, may_grow: bool, lies: bool) {
        self.running = self.running();
        self.desired = desired;
        let grows = desired > self.running;
        let stays = lies || (grows && !may_grow);
        self.becomes = (!stays).then(|| (desired, now() + TASKS_START));
    }
}

/// The address of a service in a region.
pub(crate) fn address(service: &str, region: &str) -> String {
    format!("{region}.{service}.example.com")
}

impl World {
    pub(super) fn new(services: &[&'static str]) -> Self {
        let mut parts = BTreeMap::new();
        for service in services {
            parts.insert((*service, EAST), Part::new(PRIMARY_TASKS, Role::Primary));
            parts.insert((*service, WEST), Part::new(STANDBY_TASKS, Role::Replica));
        }
        let record =
            |service: &&'static str| (*service, Record { targets: vec![address(service, EAST)], epoch: 1 });
        Self {
            sites: [(EAST, Site::default()), (WEST, Site::default())].into(),
            parts,
            records: services.iter().map(record).collect(),
            incidents: BTreeMap::new(),
            status_page_down: false,
            fence_lies: false,
            stale_resolvers: false,
            replication: vec![(Duration::ZERO, Replication::Behind(500))],
            apart_since: None,
        }
    }

    pub(crate) fn services(&self) -> Vec<&'static str> {
        self.records.keys().copied().collect()
    }

    pub(crate) fn site(&self, region: &str) -> &Site {
        &self.sites[region]
    }

    pub(crate) fn site_mut(&mut self, region: &str) -> &mut Site {
        self.sites.get_mut(region).unwrap()
    }

    /// Takes a region's room for more tasks away, or gives it back: what was wished for meanwhile then starts.
    pub(crate) fn set_full(&mut self, region: &str, full: bool) {
        self.site_mut(region).full = full;
        if !full {
            for ((_, at), part) in &mut self.parts {
                if *at == region && part.desired > part.running() {
                    part.scale(part.desired, true, false);
                }
            }
        }
    }

    pub(crate) fn part(&self, service: &str, region: &str) -> &Part {
        let found = self.parts.iter().find(|((s, r), _)| *s == service && *r == region);
        found.map(|(_, part)| part).unwrap()
    }

    pub(crate) fn part_mut(&mut self, service: &str, region: &str) -> Option<&mut Part> {
        self.parts.iter_mut().find(|((s, r), _)| *s == service && *r == region).map(|(_, part)| part)
    }

    pub(crate) fn record(&self, service: &str) -> &Record {
        &self.records[service]
    }

    pub(crate) fn set_record(&mut self, service: &str, record: Record) {
        *self.records.get_mut(service).unwrap() = record;
    }

    pub(crate) fn set_mode(&mut self, service: &str, region: &str, mode: Mode) {
        if let Some(part) = self.part_mut(service, region) {
            part.mode = mode;
        }
    }

    /// An operator makes a region that was left into a standby again.
    pub(crate) fn rebuild(&mut self, service: &str, region: &'static str) {
        self.site_mut(region).dead = false;
        let other = if region == EAST { WEST } else { EAST };
        let copy = self.part(service, other).database.writes.clone();
        let part = self.part_mut(service, region).unwrap();
        *part = Part::new(STANDBY_TASKS, Role::Replica);
        part.database.writes = copy;
    }

    /// Whether a failover has left a region, and nobody has made a standby of it since: nothing is to run there.
    pub(crate) fn left(&self, service: &str, region: &str) -> bool {
        self.part(service, region).desired == 0
    }

    /// Whether a service answers its clients in a region.
    pub(crate) fn serves(&self, service: &str, region: &str) -> bool {
        let part = self.part(service, region);
        !self.site(region).dead && part.running() > 0 && part.mode_now(now()) == Mode::Up
    }

    /// Whether clients that ask DNS now reach a region that can write.
    pub(crate) fn serves_publicly(&self, service: &str) -> bool {
        [EAST, WEST].into_iter().any(|region| {
            self.record(service).targets.contains(&address(service, region))
                && self.serves(service, region)
                && self.part(service, region).database.writable()
        })
    }

    /// A write; whether it is acknowledged.
    pub(super) fn write(&mut self, service: &str, region: &str, id: u64, unlucky: u16) -> bool {
        let dead = self.site(region).dead;
        let Some(part) = self.part_mut(service, region) else { return false };
        let takes = match part.mode_now(now()) {
            Mode::Up | Mode::Garbled => true,
            Mode::BrownOut(permille) => unlucky >= permille,
            Mode::Dead | Mode::Hangs | Mode::Flaps | Mode::ReadOnly => false,
        };
        let acknowledged = !dead && takes && part.running() > 0 && part.database.writable();
        if acknowledged {
            part.database.writes.push(Write { id, at: now() });
        }
        acknowledged
    }

    pub(crate) fn set_replication(&mut self, how: Replication) {
        self.replication.push((now(), how));
    }

    fn replication_at(&self, at: Duration) -> (Duration, Replication) {
        *self.replication.iter().rev().find(|(since, _)| *since <= at).unwrap()
    }

    /// Replicas take over what is due. `parted`: their regions do not reach each other.
    pub(super) fn replicate(&mut self, parted: bool) {
        let apart = parted || self.site(EAST).dead || self.site(WEST).dead;
        self.apart_since = if apart { self.apart_since.or(Some(now())) } else { None };
        let (_, how) = self.replication_at(now());
        let Replication::Behind(ms) = how else { return };
        if apart {
            return;
        }
        let until = now().saturating_sub(Duration::from_millis(ms));
        for service in self.services() {
            for (from, to) in [(EAST, WEST), (WEST, EAST)] {
                let (from, to) = ((service, from), (service, to));
                if self.parts[&from].database.role == Role::Replica
                    || self.parts[&to].database.role != Role::Replica
                {
                    continue;
                }
                let mut replica = self.parts.remove(&to).unwrap();
                replica.database.follow(&self.parts[&from].database, until);
                self.parts.insert(to, replica);
            }
        }
    }

    /// When the oldest write was made that a replica lacks now, in truth.
    pub(crate) fn oldest_lost(&self, service: &str, region: &str) -> Option<Duration> {
        let other = if region == EAST { WEST } else { EAST };
        let (replica, primary) = (&self.part(service, region).database, &self.part(service, other).database);
        replica.lacks(primary).first().map(|write| write.at)
    }

    /// What monitoring says: one point a minute, growing by itself while nothing arrives.
    pub(super) fn lag_as_monitored(&self, service: &str, region: &str) -> Option<Duration> {
        if self.part(service, region).database.role != Role::Replica {
            return None;
        }
        let minute = Duration::from_secs(now().as_secs() / 60 * 60);
        let (since, how) = self.replication_at(minute);
        let apart = self.apart_since.filter(|apart| *apart < minute).map_or(Duration::ZERO, |at| minute - at);
        match how {
            Replication::Behind(ms) => Some(Duration::from_millis(ms) + apart),
            Replication::Broken => Some(minute.saturating_sub(since) + apart),
            Replication::Unknown => None,
        }
    }

    /// Whether applications of a service honour the write lease.
    pub(crate) fn honours_lease(service: &str) -> bool {
        debug_assert!(service == SHOP || service == LEDGER);
        service == SHOP
    }
}
