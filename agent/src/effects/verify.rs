//! `verify.probes`: the service answers through its public name, several times in a row, through this agent's own
//! resolvers. It only looks; what it looks for is made by the steps before it.

use quorate_policies::{
    CheckName, Millis, RegionName, TargetName,
    effect::{Acted, Observed},
    health::Observation,
    plan::action::VerifyProbes,
    policy::{Expect, HttpProbe, Looks},
};
use quorate_probes::{Prober, Target, TargetError};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// One probe's deadline: slower than this is not serving.
const PROBE_MAX: Millis = Millis(2_000);
/// Between two probes in a row.
const PAUSE: Duration = Duration::from_millis(100);

/// The service as its clients reach it.
///
/// # Errors
/// When the address is not one.
pub fn public_target(url: &str, expect: Expect, timeout: Millis) -> Result<Target, TargetError> {
    let name = TargetName {
        check: CheckName::try_from("public").expect("it is a name"),
        region: RegionName::try_from("anywhere").expect("it is a name"),
    };
    let looks = Looks::Http(HttpProbe { expect, ..HttpProbe::new(url) });
    Target::new(name, &looks, timeout)
}

/// The room.
pub(super) struct Verify {
    prober: Arc<Prober>,
}

impl Verify {
    pub(super) const fn new(prober: Arc<Prober>) -> Self {
        Self { prober }
    }

    pub(super) async fn observe(&self, action: &VerifyProbes) -> Observed {
        let target = match public_target(&action.through, Expect::default(), PROBE_MAX) {
            Ok(target) => target,
            Err(error) => return Observed::Impossible { reason: error.to_string() },
        };
        let mut address = None;
        for number in 0..action.successes.max(1) {
            if number > 0 {
                sleep(PAUSE).await;
            }
            let result = self.prober.probe(&target).await;
            match result.observation() {
                Observation::Success => address = result.address,
                Observation::Failure(reason) => {
                    return Observed::InProgress {
                        detail: format!("{} does not answer yet: {reason}", action.through),
                    };
                }
                Observation::Nothing(reason) => return Observed::Unknown { reason: reason.to_string() },
            }
        }
        let address = address.map_or_else(String::new, |address| format!(" at {address}"));
        Observed::Done {
            detail: format!("{} answered {} times in a row{address}", action.through, action.successes),
        }
    }

    pub(super) fn act() -> Acted {
        Acted::Accepted { detail: "there is nothing to do but to look".to_owned() }
    }
}
