//! R13: promote only after the old region's write lease has provably ended; and no two regions may hold it at once.
//! CloudNativePG gates promotion on a lease; pg_auto_failover waits 90 s in an asymmetric partition.

use super::{Facts, Rule, Seen};

#[derive(Default)]
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
