//! The write lease's messages: asking the leader, and answering as the leader after it has confirmed that it leads. What
//! is granted is the node's to say; here is only the order in which it is asked.

use crate::{
    node::Input,
    surroundings::{LeaseWanted, Surroundings},
};
use quorate_policies::{Millis, Monotonic, ServiceName, guard::Refusal};
use std::time::Duration;

/// A round trip to the leader and its quorum round; the lease counts from the sending, so a late answer is a short one.
const ASK_MAX: Duration = Duration::from_secs(2);
/// The quorum round of a confirmation.
const CONFIRM_MAX: Duration = Duration::from_millis(1_500);

/// Asks whoever leads, this agent included, and hands the answer to the node. The lease counts from `sent_at` (R13).
pub async fn ask(around: &impl Surroundings, service: ServiceName, epoch: u64, sent_at: Monotonic) {
    let wanted = LeaseWanted { service: service.clone(), region: around.region().clone(), epoch };
    let leader = around.with_node(|node, _| node.standing().leader.clone());
    let answer = match leader {
        Some(leader) if leader == *around.name() => grant(around, wanted).await,
        Some(leader) => around.ask_leader(&leader, &wanted, ASK_MAX).await,
        None => Err(no_lease(around, "no leader is known")),
    };
    around.input(Input::LeaseAnswered { service, epoch, sent_at, answer });
}

/// Grants or refuses as the leader. The confirmation comes first, so the grant is younger than it, and the state that is
/// judged is at least as new.
///
/// # Errors
/// When this agent does not lead, or the node refuses.
pub async fn grant(around: &impl Surroundings, wanted: LeaseWanted) -> Result<Millis, Refusal> {
    // The barrier waits until everything that predecessors committed is applied here; the confirmation proves that this
    // agent leads, after the request has come.
    around.barrier(CONFIRM_MAX).await.map_err(|error| no_lease(around, &error))?;
    let confirmed = around.confirm_leadership(CONFIRM_MAX).await;
    let term = confirmed.map_err(|error| no_lease(around, &error))?;
    around.refresh();
    if around.with_node(|node, _| node.standing().term) != term {
        return Err(no_lease(around, "another term has begun"));
    }
    let LeaseWanted { service, region, epoch } = wanted;
    let answer = around.input(Input::LeaseAsked { service, region, epoch });
    answer.unwrap_or_else(|| Err(no_lease(around, "the agent is stopping")))
}

/// No, for a reason that only the shell can know.
pub fn no_lease(around: &impl Surroundings, why: &str) -> Refusal {
    Refusal::NoLease { region: around.region().clone(), why: why.to_owned() }
}
