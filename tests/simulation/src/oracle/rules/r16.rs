//! R16: an automatic promotion loses no more than replication was behind, within the limit of the policy.
//! CloudNativePG, pg_auto_failover and Patroni all have such a limit; Sentinel has none and lost 500 to 1,200 writes.

use super::{Facts, Rule, Seen};
use quorate_policies::guard::Trigger;
use std::time::Duration;

/// Between the last reading of monitoring and the failure lie up to two of its points, in which lag may have grown.
const GROWTH_MAX: Duration = Duration::from_secs(150);

pub(super) struct NoLossBeyondTheLag;

impl Rule for NoLossBeyondTheLag {
    fn id(&self) -> &'static str {
        "R16"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Applied(effect) = seen else { return None };
        let region = effect.promotes.as_ref()?;
        let execution = facts.state.executions.get(&effect.execution)?;
        if execution.trigger != Trigger::Automatic {
            return None;
        }
        let max = facts.state.services.get(&execution.service)?.policy.guards.max_replica_lag.duration();
        let key = (effect.service.clone(), region.clone());
        let known = facts.monitored.get(&key).and_then(|readings| readings.iter().map(|(_, lag)| *lag).min());
        match known {
            None => Some(format!("`{}` was applied and nobody ever knew its lag", effect.meaning)),
            Some(_) if effect.behind > max + GROWTH_MAX => {
                Some(format!("`{}` lost the writes of {:?}", effect.meaning, effect.behind))
            }
            Some(_) => None,
        }
    }
}
