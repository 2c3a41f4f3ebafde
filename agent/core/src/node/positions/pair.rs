//! Which standbys lack nothing that a primary has acknowledged, because every commit waited for them. Knows names and
//! positions as this agent's own probes saw them; it judges no promotion.
//!
//! A commit is acknowledged only after each standby that is asked for has confirmed it. So a standby that is asked for has
//! every commit that was acknowledged since the setting and its own name began to hold; and it has what was committed before
//! that if it has received the position at which the primary stood then. Whatever changes begins anew.

use quorate_policies::{
    RegionName,
    postgres::{Confirmation, Lsn},
};
use std::collections::BTreeMap;

/// One primary and its standbys.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// What the primary was last seen to wait for; none while nothing is certain.
    asked: Option<Asked>,
    standbys: BTreeMap<RegionName, Standby>,
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    of: Vec<String>,
    /// A token: another one means that the settings were loaded again, and may have been others meanwhile.
    loaded: String,
}

#[derive(Debug)]
struct Standby {
    /// As it was last seen to confirm. Its connection, which has the name, is gone as soon as the primary is.
    name: String,
    /// Where the primary stood at the first look since which this name was asked for and nobody else's.
    since: Option<Lsn>,
}

impl Pair {
    /// A primary was seen. Whether what was certain before it is not any more.
    pub(super) fn primary(&mut self, region: &RegionName, asks: Option<&Confirmation>, written: Lsn) -> bool {
        // Where it was a standby it is none now; it will say its name when it is one again.
        self.standbys.remove(region);
        let asked = match asks {
            Some(Confirmation::Asked { of, loaded }) => {
                Some(Asked { of: of.clone(), loaded: loaded.clone() })
            }
            Some(Confirmation::Given { .. }) | None => None,
        };
        let broken = asked != self.asked && self.anew();
        self.asked = asked;
        let waited_for = |name: &String| self.asked.as_ref().is_some_and(|asked| asked.of.contains(name));
        let names: Vec<String> = self.standbys.values().map(|standby| standby.name.clone()).collect();
        for standby in self.standbys.values_mut() {
            let alone = names.iter().filter(|name| **name == standby.name).count() == 1;
            if standby.since.is_none() && alone && waited_for(&standby.name) {
                standby.since = Some(written);
            }
        }
        broken
    }

    /// Another primary, or other settings: nothing is certain until they are seen again. Whether something was.
    pub(super) fn anew(&mut self) -> bool {
        self.standbys.values_mut().for_each(|standby| standby.since = None);
        self.asked.take().is_some()
    }

    /// A standby was seen. One that does not say its name has the one that it had.
    pub(super) fn standby(&mut self, region: &RegionName, gives: Option<&Confirmation>) {
        let Some(Confirmation::Given { name }) = gives else { return };
        if self.standbys.get(region).is_some_and(|known| known.name == *name) {
            return;
        }
        // Who has the same name may have confirmed in its place.
        let same = self.standbys.values_mut().filter(|standby| standby.name == *name);
        same.for_each(|standby| standby.since = None);
        self.standbys.insert(region.clone(), Standby { name: name.clone(), since: None });
    }

    /// Whether a standby that has received so much lacks nothing that was acknowledged.
    pub(super) fn confirmed(&self, region: &RegionName, received: Lsn) -> bool {
        let since = self.standbys.get(region).and_then(|standby| standby.since);
        since.is_some_and(|since| received >= since)
    }
}
