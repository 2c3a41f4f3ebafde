//! R13: promote only after the old region's write lease has provably ended; and no two regions may hold it at once.
//! CloudNativePG gates promotion on a lease; pg_auto_failover waits 90 s in an asymmetric partition.

use super::{Facts, Rule, Seen};

pub(super) struct NoPromiseBesideAnother;

impl Rule for NoPromiseBesideAnother {
    fn id(&self) -> &'static str {
        "R13"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Promised { service, region, .. } => {
                let (other, left) = facts.other_promise(service, region)?;
                Some(format!(
                    "{region} and {other} hold the lease of {service} at once, {other} for {left:?} more"
                ))
            }
            Seen::Applied(effect) => {
                let (other, left) = facts.other_promise(&effect.service, effect.promotes.as_ref()?)?;
                Some(format!("`{}` was applied while {other} may write for {left:?} more", effect.meaning))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: two holders of the lease are seen, and a promotion beside one. Method: the other's lease runs, and has ended.
    #[test]
    fn two_holders() {
        let state = decided();
        let (mut facts, effect) = (facts(&state), effect(&state, "promote"));
        let promised = Seen::Promised { service: crate::SHOP, region: crate::WEST, epoch: 2 };
        let mut rule = NoPromiseBesideAnother;
        facts.promised(NOW - secs(3), crate::SHOP, crate::EAST, 1, NOW + secs(1));
        assert!(rule.see(&facts, &promised).is_some());
        assert!(rule.see(&facts, &Seen::Applied(&effect)).is_some());
        facts.now += secs(1);
        assert_eq!(rule.see(&facts, &promised), None);
        assert_eq!(rule.see(&facts, &Seen::Applied(&effect)), None);
    }
}
