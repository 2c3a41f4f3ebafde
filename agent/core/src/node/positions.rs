//! How far a PostgreSQL standby is behind, from what this agent's own probes see of both servers: no clocks of two hosts
//! are compared, and no monitoring is asked. A standby that has received the position at which the primary stood at some
//! moment has everything that was written until then.
//!
//! It remembers where the primary's log stood and when that was seen; what it makes of a standby's position is a reading
//! like any other (R16). What cannot be compared is no reading (R7). Where every commit waits for the standby, its position
//! proves more: that it lacks nothing which was acknowledged (`pair`).

mod pair;

use super::lags::Measure;
use pair::Pair;
use quorate_policies::{
    CheckName, Millis, Monotonic, RegionName, ServiceName,
    guard::lag::READING_AGE_MAX,
    postgres::{Database, DatabaseRole, Lsn},
};
use std::collections::{BTreeMap, VecDeque};

/// Positions of one primary that are remembered: one for each probe of a quarter of a second over as long as a reading
/// may be old. A faster probe remembers a shorter time, and a standby from before it is unknown.
const POSITIONS_MAX: usize = 1_200;

/// A primary's log as it was seen.
#[derive(Debug)]
struct Primary {
    region: RegionName,
    timeline: u32,
    /// Oldest first: a position, and when it was seen last.
    seen: VecDeque<(Lsn, Monotonic)>,
}

/// What is remembered of each service's primaries.
#[derive(Debug, Default)]
pub(super) struct Positions {
    primaries: BTreeMap<(ServiceName, CheckName), Primary>,
    /// The newest timeline on which each region's server was seen as a primary.
    timelines: BTreeMap<(ServiceName, CheckName), BTreeMap<RegionName, u32>>,
    /// Whose confirmations commits wait for.
    pairs: BTreeMap<(ServiceName, CheckName), Pair>,
}

/// What a look at a server gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// How far a standby was behind when the primary was seen last.
    Reading(Measure),
    /// From now on it is not certain any more that commits wait for a standby.
    Unconfirmed,
    /// Nothing more.
    Nothing,
}

impl Positions {
    /// Takes what a server said. A reading, if it is a standby that can be compared with the primary in another region.
    pub(super) fn seen(
        &mut self,
        now: Monotonic,
        service: &ServiceName,
        check: &CheckName,
        region: &RegionName,
        database: &Database,
    ) -> Sight {
        let key = (service.clone(), check.clone());
        let pair = self.pairs.entry(key.clone()).or_default();
        match database.role {
            DatabaseRole::Primary { written } => {
                let timeline = database.timeline;
                let newest =
                    self.timelines.entry(key.clone()).or_default().entry(region.clone()).or_default();
                *newest = timeline.max(*newest);
                let known = self.primaries.get_mut(&key);
                let mut asks = database.confirmation.as_ref();
                let mut broken = false;
                match known.filter(|known| known.region == *region && known.timeline == timeline) {
                    Some(known) => {
                        // Probes of one target may end in another order than they began: this look is older than the
                        // latest, and nobody knows what it would have said of confirmations.
                        asks = asks.filter(|_| known.latest().is_none_or(|latest| written >= latest));
                        known.moved(now, written);
                    }
                    None => {
                        let seen = VecDeque::from([(written, now)]);
                        self.primaries.insert(key, Primary { region: region.clone(), timeline, seen });
                        broken = pair.anew();
                    }
                }
                broken |= pair.primary(region, asks, written);
                if broken { Sight::Unconfirmed } else { Sight::Nothing }
            }
            DatabaseRole::Standby { .. } => {
                pair.standby(region, database.confirmation.as_ref());
                let primary = self
                    .primaries
                    .get(&key)
                    .filter(|primary| primary.region != *region && primary.timeline == database.timeline);
                let reading = database.furthest().zip(primary).and_then(|(received, primary)| {
                    let confirmed = pair.confirmed(region, received);
                    primary.behind(now, received, confirmed)
                });
                reading.map_or(Sight::Nothing, Sight::Reading)
            }
        }
    }

    /// Whether a server in a region that is a primary on this timeline has taken over from every primary that was seen in
    /// another region: each promotion begins a new timeline, and a primary that was left behind stays on an old one.
    /// Without any such sight it has not.
    pub(super) fn succeeds(
        &self,
        service: &ServiceName,
        check: &CheckName,
        region: &RegionName,
        timeline: u32,
    ) -> bool {
        let Some(seen) = self.timelines.get(&(service.clone(), check.clone())) else { return false };
        let mut others =
            seen.iter().filter(|(other, _)| *other != region).map(|(_, newest)| *newest).peekable();
        others.peek().is_some() && others.all(|other| other < timeline)
    }

    /// Forgets services that are no more.
    pub(super) fn retain(&mut self, known: impl Fn(&ServiceName) -> bool) {
        self.primaries.retain(|(service, _), _| known(service));
        self.timelines.retain(|(service, _), _| known(service));
        self.pairs.retain(|(service, _), _| known(service));
    }
}

impl Primary {
    fn moved(&mut self, now: Monotonic, written: Lsn) {
        match self.seen.back_mut() {
            // Probes of one target may end in another order than they began.
            Some((latest, at)) if written <= *latest => *at = now.max(*at),
            _ => self.seen.push_back((written, now)),
        }
        let old = |at: &Monotonic| now.since(*at) > READING_AGE_MAX;
        while self.seen.len() > POSITIONS_MAX
            || self.seen.front().is_some_and(|(_, at)| old(at)) && self.seen.len() > 1
        {
            self.seen.pop_front();
        }
    }

    fn latest(&self) -> Option<Lsn> {
        self.seen.back().map(|(written, _)| *written)
    }

    /// What is missing at a position; nothing where every commit waited for whoever stands there.
    fn behind(&self, now: Monotonic, received: Lsn, confirmed: bool) -> Option<Measure> {
        let (written, latest) = self.seen.back()?;
        let measured = now.since(*latest);
        if confirmed {
            return Some(Measure { behind: Millis::ZERO, measured, bytes: Some(0), confirmed });
        }
        let (_, covered) = self.seen.iter().rev().find(|(written, _)| *written <= received)?;
        let bytes = Some(written.since(received));
        Some(Measure { behind: latest.since(*covered), measured, bytes, confirmed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Monotonic {
        Monotonic(ms)
    }

    fn primary(written: u64) -> Database {
        Database::new(1, DatabaseRole::Primary { written: Lsn(written) })
    }

    fn standby(timeline: u32, received: u64) -> Database {
        let role = DatabaseRole::Standby { received: Some(Lsn(received)), replayed: None, streaming: None };
        Database::new(timeline, role)
    }

    fn look(positions: &mut Positions, ms: u64, region: &str, database: &Database) -> Option<(u64, u64)> {
        let (service, check) = ("shop".parse().unwrap(), "database".parse().unwrap());
        let region = region.parse().unwrap();
        match positions.seen(at(ms), &service, &check, &region, database) {
            Sight::Reading(Measure { behind, measured, .. }) => Some((behind.0, measured.0)),
            Sight::Unconfirmed | Sight::Nothing => None,
        }
    }

    /// Goal: R16, how far a standby is behind follows from the two positions and this agent's clock alone. Method: a
    /// primary that writes 100 bytes in each second until it dies; a standby at several positions.
    #[test]
    fn behind_by_what_the_primary_had_written() {
        let mut seen = Positions::default();
        assert_eq!(look(&mut seen, 900, "west", &standby(1, 100)), None, "no primary was seen yet");
        for second in 1..=5 {
            look(&mut seen, second * 1_000, "east", &primary(second * 100));
        }
        // The position, and how far it was behind when the primary was seen last, 2 s ago.
        for (received, behind) in [(500, 0), (900, 0), (499, 1_000), (400, 1_000), (350, 2_000), (100, 4_000)]
        {
            assert_eq!(
                look(&mut seen, 7_000, "west", &standby(1, received)),
                Some((behind, 2_000)),
                "{received}"
            );
        }
        assert_eq!(
            look(&mut seen, 7_000, "west", &standby(1, 99)),
            None,
            "from before anything that was seen"
        );
    }

    /// Goal: what cannot be compared is no reading. Method: another timeline, the primary's own region, another primary.
    #[test]
    fn what_cannot_be_compared() {
        let mut seen = Positions::default();
        look(&mut seen, 1_000, "east", &primary(100));
        assert_eq!(look(&mut seen, 1_100, "west", &standby(2, 100)), None);
        assert_eq!(look(&mut seen, 1_100, "east", &standby(1, 100)), None);
        look(&mut seen, 1_200, "west", &primary(50));
        assert_eq!(
            look(&mut seen, 1_300, "east", &standby(1, 60)),
            Some((0, 100)),
            "the primary is in the west now"
        );
    }

    /// Goal: R24, a server that somebody else has promoted is told from an old primary that was left behind. Method: a primary
    /// in the east; one in the west on a newer timeline, the same, an older one; and nothing seen in another region.
    #[test]
    fn a_successor_is_on_a_newer_timeline() {
        let (mut seen, service, check) =
            (Positions::default(), "shop".parse().unwrap(), "database".parse().unwrap());
        let (east, west) = ("east".parse().unwrap(), "west".parse().unwrap());
        let on = |timeline| Database { timeline, ..primary(100) };
        look(&mut seen, 1_000, "west", &on(3));
        assert!(!seen.succeeds(&service, &check, &west, 3), "nobody was seen before it");
        look(&mut seen, 2_000, "east", &on(4));
        let told = [3, 4, 5].map(|timeline| seen.succeeds(&service, &check, &west, timeline));
        assert_eq!(told, [false, false, true]);
        look(&mut seen, 3_000, "west", &on(5));
        assert!(seen.succeeds(&service, &check, &west, 5), "its own sight is nobody else's");
        assert!(!seen.succeeds(&service, &check, &east, 4), "the old primary does not come back");
    }

    /// Goal: an idle primary makes nobody look behind, and memory is bounded. Method: the same position for long; then
    /// more positions than are kept.
    #[test]
    fn idle_and_busy_primaries() {
        let mut seen = Positions::default();
        for second in 0..1_000 {
            look(&mut seen, second * 1_000, "east", &primary(100));
        }
        assert_eq!(look(&mut seen, 999_500, "west", &standby(1, 100)), Some((0, 500)));
        for step in 0..5_000 {
            look(&mut seen, 1_000_000 + step * 10, "east", &primary(101 + step));
        }
        let known = seen.primaries.values().next().unwrap();
        assert_eq!(known.seen.len(), POSITIONS_MAX);
        assert_eq!(look(&mut seen, 1_050_000, "west", &standby(1, 101)), None);
    }
}
