//! `route53.signal` as an effect: its world is the log itself. The agents answer Route 53's health checks from the
//! replicated state, so what is committed is what they say.

use super::propose;
use crate::{Body, Cluster, Response, node::StepOrder, surroundings::Surroundings};
use quorate_policies::{
    RegionName,
    effect::{Acted, Observed},
    plan::{Before, action::Route53Signal},
};

/// Where the signal stands.
pub(super) fn observe(state: &Cluster, order: &StepOrder, action: &Route53Signal) -> Observed {
    let Some(signalled) = state.signalled(&order.service) else {
        return Observed::Impossible { reason: format!("there is no service {}", order.service) };
    };
    let explicit = state.services.get(&order.service).and_then(|service| service.signal.as_ref());
    if explicit.is_some_and(|region| region.as_str() == action.region) {
        return Observed::Done { detail: format!("the agents signal {}", action.region) };
    }
    Observed::NotDone {
        detail: format!("the agents signal {signalled}"),
        part: 0,
        before: Some(Before::Signalled { region: signalled.to_string() }),
    }
}

/// Turns it: one entry in the log.
pub(super) async fn act(around: &impl Surroundings, order: &StepOrder, action: &Route53Signal) -> Acted {
    let region = match RegionName::try_from(action.region.as_str()) {
        Ok(region) => region,
        Err(error) => return Acted::Refused { reason: error.to_string(), retryable: false },
    };
    let (execution, step, attempt) = (order.execution.clone(), order.name.clone(), order.attempt);
    match propose(around, order, "signal", Body::Signal { execution, step, attempt, region }).await {
        Ok(Response::Refused { refusal }) => Acted::Refused { reason: refusal.to_string(), retryable: false },
        Ok(_) => Acted::Accepted { detail: format!("signalled {}", action.region) },
        Err(reason) => Acted::Unknown { reason },
    }
}
