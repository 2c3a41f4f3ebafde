//! R16: a standby that every commit waited for lacks nothing that was acknowledged; what makes that certain, and what ends
//! it. Positions and settings as this agent's probes see them.

use crate::{log::*, shop::*};
use quorate_core::{Input, Node, NodeSettings, node::Now};
use quorate_policies::{
    FEATURE_LEVEL, Millis, Monotonic, TargetName, Timestamp,
    agreement::ReplicaLag,
    postgres::{Confirmation, Database, DatabaseRole, Lsn},
};
use std::sync::Arc;

/// An agent that sees servers, one look a second.
struct Sight {
    node: Node,
    mono: u64,
}

impl Sight {
    fn new() -> Self {
        let settings = NodeSettings {
            name: agent(NOA),
            region: members()[NOA].clone(),
            members: members(),
            incarnation: 1,
            feature_level: FEATURE_LEVEL,
            report_interval: Millis(1_000),
            lost_after: Millis(5_000),
        };
        let now = Now { mono: Monotonic(0), wall: Timestamp(1) };
        let mut node = Node::new(settings, now);
        node.step(now, Input::Applied(Arc::new(Log::of_the_shop().cluster)));
        Self { node, mono: 0 }
    }

    fn now(&self) -> Now {
        Now { mono: Monotonic(self.mono), wall: Timestamp(1 + self.mono) }
    }

    fn see(&mut self, at: &str, role: DatabaseRole, confirmation: Option<Confirmation>, timeline: u32) {
        self.mono += 1_000;
        let target = TargetName { check: "database".try_into().unwrap(), region: region(at) };
        let database = Database { confirmation, ..Database::new(timeline, role) };
        self.node.step(self.now(), Input::Database { service: shop(), target, database });
    }

    /// A primary in the east that waits for these names, by settings loaded then; nobody if there are none.
    fn primary(&mut self, written: u64, of: &[&str], loaded: &str) {
        let of: Vec<String> = of.iter().map(|name| (*name).to_owned()).collect();
        let asked = Confirmation::Asked { of, loaded: loaded.to_owned() };
        let confirmation =
            Some(asked).filter(|asked| !matches!(asked, Confirmation::Asked { of, .. } if of.is_empty()));
        self.see(EAST, DatabaseRole::Primary { written: Lsn(written) }, confirmation, 1);
    }

    fn standby(&mut self, at: &str, received: u64, name: Option<&str>) {
        let role = DatabaseRole::Standby { received: Some(Lsn(received)), replayed: None, streaming: None };
        let given = name.map(|name| Confirmation::Given { name: name.to_owned() });
        self.see(at, role, given, 1);
    }

    fn lag(&self, at: &str) -> Option<ReplicaLag> {
        self.node.replica_lag(self.now().mono, &shop(), &format!("{at}/database"))
    }

    /// What is known of a standby: behind by so long, lacking so many bytes, and whether every commit waited for it.
    fn known(&self, at: &str) -> Option<(u64, Option<u64>, bool)> {
        self.lag(at).map(|lag| (lag.behind.0, lag.bytes, lag.confirmed))
    }

    /// A pair since position 200 of the primary: the standby said its name before, and has received more since.
    fn pair() -> Self {
        let mut sight = Self::new();
        sight.standby(WEST, 100, Some("west"));
        sight.primary(200, &["west"], "7.5");
        sight.standby(WEST, 250, Some("west"));
        sight
    }
}

const NOTHING: Option<(u64, Option<u64>, bool)> = Some((0, Some(0), true));

/// Goal: R16, what was committed before commits began to wait may be missing, so a standby is complete only once it has
/// received the position at which the primary stood when both were certain. Method: a standby before that position, at it,
/// and past it while the primary is far ahead.
#[test]
fn r16_from_where_on_nothing_is_missing() {
    let mut sight = Sight::new();
    sight.primary(100, &["west"], "7.5");
    sight.standby(WEST, 100, Some("west"));
    sight.primary(200, &["west"], "7.5");
    // Its name was not known when the primary stood at 100: another standby may have confirmed under it.
    sight.standby(WEST, 199, Some("west"));
    assert_eq!(sight.known(WEST), Some((2_000, Some(1), false)));
    sight.standby(WEST, 200, Some("west"));
    assert_eq!(sight.known(WEST), NOTHING);
    sight.primary(9_000, &["west"], "7.5");
    sight.primary(9_500, &["west"], "7.5");
    sight.standby(WEST, 200, Some("west"));
    assert_eq!(sight.known(WEST), NOTHING, "what it has not received, nobody has been told is done");
    let lag = sight.lag(WEST).unwrap();
    assert_eq!(lag.measured, Millis(1_000), "as of the last sight of the primary");
}

/// Goal: R16, a primary that is dead takes the standby's connection with it, and so its name: what was seen last counts, and
/// only as of the last sight of the primary. Method: silence of the primary, and a standby that says nothing of itself.
#[test]
fn r16_the_primary_dies() {
    let mut sight = Sight::pair();
    sight.primary(300, &["west"], "7.5");
    for second in 1..=3 {
        sight.standby(WEST, 280, None);
        assert_eq!(sight.known(WEST), NOTHING);
        assert_eq!(sight.lag(WEST).unwrap().measured, Millis(second * 1_000));
    }
    // A standby that never said its name proves nothing.
    let mut nameless = Sight::new();
    nameless.standby(WEST, 100, None);
    nameless.primary(200, &["west"], "7.5");
    nameless.primary(300, &["west"], "7.5");
    nameless.standby(WEST, 250, None);
    assert_eq!(nameless.known(WEST), Some((1_000, Some(50), false)));
}

/// Goal: R16, whatever may have let a commit through without the standby begins the proof anew, from where the primary
/// stands then; a reading from before is no proof any more. Method: settings that were loaded again, that do not name it, that
/// are not certain; and an older look that ends late.
#[test]
fn r16_settings_that_change() {
    type Change = fn(&mut Sight);
    let changes: [(&str, Change); 5] = [
        ("loaded again", |sight| sight.primary(400, &["west"], "8.0")),
        ("another name", |sight| sight.primary(400, &["other"], "7.5")),
        ("another one too", |sight| sight.primary(400, &["west", "other"], "7.5")),
        ("nobody", |sight| sight.primary(400, &[], "")),
        ("a look that is older than the latest", |sight| {
            sight.primary(400, &["west"], "7.5");
            assert_eq!(sight.known(WEST), NOTHING);
            sight.primary(350, &["west"], "7.5");
        }),
    ];
    for (change, make) in changes {
        let mut sight = Sight::pair();
        assert_eq!(sight.known(WEST), NOTHING);
        make(&mut sight);
        assert!(!sight.lag(WEST).unwrap().confirmed, "{change}: what was read before proves nothing since");
        sight.standby(WEST, 399, Some("west"));
        assert!(!sight.lag(WEST).unwrap().confirmed, "{change}");
        sight.primary(400, &["west"], "9.0");
        sight.standby(WEST, 399, Some("west"));
        assert!(!sight.lag(WEST).unwrap().confirmed, "{change}: and it is not there yet");
        sight.standby(WEST, 400, Some("west"));
        assert_eq!(sight.known(WEST), NOTHING, "{change}: again");
    }
}

/// Goal: R16, a standby that gets another name, or its name back, is complete only from then on: somebody else may have
/// confirmed meanwhile. Method: a rename away and back.
#[test]
fn r16_a_standby_is_renamed() {
    let mut sight = Sight::pair();
    sight.standby(WEST, 260, Some("other"));
    assert_eq!(sight.known(WEST), Some((0, Some(0), false)));
    sight.primary(500, &["west"], "7.5");
    sight.standby(WEST, 300, Some("west"));
    assert!(!sight.lag(WEST).unwrap().confirmed);
    sight.primary(600, &["west"], "7.5");
    sight.standby(WEST, 599, Some("west"));
    assert!(!sight.lag(WEST).unwrap().confirmed);
    sight.standby(WEST, 600, Some("west"));
    assert_eq!(sight.known(WEST), NOTHING);
}

/// Goal: R16, two standbys of one name cannot be told apart by their primary, so neither is complete; nor afterwards, before
/// it is known from where on. Method: a second one in the north, which then takes another name.
#[test]
fn r16_two_of_one_name() {
    let mut sight = Sight::pair();
    sight.standby(NORTH, 250, Some("west"));
    sight.primary(300, &["west"], "7.5");
    for at in [WEST, NORTH] {
        sight.standby(at, 299, None);
        assert!(!sight.lag(at).unwrap().confirmed, "{at}");
    }
    sight.standby(NORTH, 300, Some("north"));
    sight.standby(WEST, 300, Some("west"));
    assert!(!sight.lag(WEST).unwrap().confirmed, "since when it is alone is not known yet");
    sight.primary(400, &["west"], "7.5");
    sight.standby(WEST, 400, Some("west"));
    assert_eq!(sight.known(WEST), NOTHING);
    sight.standby(NORTH, 400, Some("north"));
    assert!(!sight.lag(NORTH).unwrap().confirmed, "nobody waits for it");
}

/// Goal: R7, what is certain of one primary says nothing under another one. Method: a promotion elsewhere, and a new timeline
/// of the same server.
#[test]
fn r7_another_primary() {
    let mut sight = Sight::pair();
    let asked = || Some(Confirmation::Asked { of: vec!["west".to_owned()], loaded: "7.5".to_owned() });
    sight.see(EAST, DatabaseRole::Primary { written: Lsn(300) }, asked(), 2);
    assert!(!sight.lag(WEST).unwrap().confirmed);
    sight.standby(WEST, 300, Some("west"));
    assert!(!sight.lag(WEST).unwrap().confirmed, "it is on the old timeline");
    let mut sight = Sight::pair();
    sight.see(NORTH, DatabaseRole::Primary { written: Lsn(300) }, asked(), 1);
    assert!(!sight.lag(WEST).unwrap().confirmed);
    sight.standby(WEST, 299, Some("west"));
    assert!(!sight.lag(WEST).is_some_and(|lag| lag.confirmed));
}
