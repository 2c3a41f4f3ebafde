//! Actions whose world is no provider's: an answer that the log has, what became of other steps, and time that has passed.

use crate::{Cluster, node::StepOrder};
use quorate_policies::{effect::Observed, plan::Action};

/// What the log and the clock say of an action, if it is one of theirs.
pub(super) fn observe(state: &Cluster, order: &StepOrder) -> Option<Observed> {
    if let Action::Approval(approval) = &order.step.action {
        return Some(match state.approved_by(&order.execution, &order.name) {
            Some(by) => Observed::Done { detail: format!("{by} approved") },
            None => Observed::InProgress { detail: format!("waits for an operator: {}", approval.ask) },
        });
    }
    if let Action::Gate(gate) = &order.step.action {
        return Some(match state.not_passed(&order.execution, &gate.succeeded) {
            None => Observed::Done { detail: format!("all {} have succeeded", gate.succeeded.len()) },
            Some((step, word)) => {
                Observed::Impossible { reason: format!("the gate stays shut: step {step} is {word}") }
            }
        });
    }
    // Its success is what hands the message over: the leader sends what the log says has been handed over.
    if let Action::Notify(notify) = &order.step.action {
        let channels: Vec<&str> = notify.channels.iter().map(AsRef::as_ref).collect();
        let detail = format!("message {} is handed over to {}", notify.message, channels.join(", "));
        return Some(Observed::Done { detail });
    }
    // The step's own delay is the wait: whoever looks has waited.
    let Action::Wait(wait) = &order.step.action else { return None };
    Some(Observed::Done { detail: format!("waited {}", wait.lasting) })
}
