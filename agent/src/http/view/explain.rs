//! Why a failover would, or would not, be decided now (R31): every guard's answer and the votes behind it.

use super::{service::regions, told::contacts};
use quorate_api::service::{Check, Explanation};
use quorate_core::{ServiceState, node::explain};
use quorate_policies::{ServiceName, guard::Refusal, policy::Mode};

/// `GET /v1/services/{service}/explain`.
pub(in crate::http) fn explanation(
    name: &ServiceName,
    agent: &str,
    state: &ServiceState,
    explained: &explain::Explanation,
) -> Explanation {
    let check = |check: &quorate_policies::guard::Check| Check {
        guard: check.guard.clone(),
        passes: check.refusal.is_none(),
        reason: check.refusal.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    Explanation {
        service: name.to_string(),
        agent: agent.to_owned(),
        active: explained.active.to_string(),
        candidate: explained.candidate.as_ref().map(ToString::to_string),
        summary: summary(explained),
        would_fail_over: explained.refusal.is_none(),
        checks: explained.checks.iter().map(check).collect(),
        regions: regions(&state.policy, explained),
        down_for_ms: explained.evidence.down_for.0,
        contacts: if calm(explained) { Vec::new() } else { contacts(&state.policy) },
    }
}

/// Whether there is nobody to be called.
fn calm(explained: &explain::Explanation) -> bool {
    matches!(explained.refusal, Some(Refusal::RegionHealthy { .. }))
}

fn summary(explained: &explain::Explanation) -> String {
    let to = explained.candidate.as_ref().unwrap_or(&explained.active);
    match (&explained.refusal, explained.mode) {
        (Some(refusal), _) => format!("no failover: {refusal}"),
        (None, Some(Mode::Approval)) => {
            format!("a failover to {to} would be prepared now, and wait for approval")
        }
        (None, Some(Mode::Automatic | Mode::Observe | Mode::Manual) | None) => {
            format!("a failover to {to} would be decided now")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: the answer names the guard that refuses and shows all that were asked. Method: two of three agents see the
    /// primary down, one region outside is missing.
    #[test]
    fn why_not() {
        let (state, explained) = sample::failing();
        let shown = explanation(&"shop".parse().unwrap(), "a", &state, &explained);
        assert!(!shown.would_fail_over);
        insta::assert_snapshot!(serde_json::to_string_pretty(&(&shown.summary, &shown.checks)).unwrap());
    }

    /// Goal: without a refusal the answer says what would happen. Method: both modes that act.
    #[test]
    fn what_would_happen() {
        let (_, mut explained) = sample::failing();
        explained.refusal = None;
        explained.mode = Some(Mode::Automatic);
        assert_eq!(summary(&explained), "a failover to us-west-2 would be decided now");
        explained.mode = Some(Mode::Approval);
        assert_eq!(
            summary(&explained),
            "a failover to us-west-2 would be prepared now, and wait for approval"
        );
    }
}
