//! `route53.repoint`: points a record at another target, fenced by an epoch record in the same batch. Only calls
//! and converts; `judge` decides and `batch` builds.
//!
//! - **IAM:** `route53:ListResourceRecordSets`, `route53:GetHostedZone` and `route53:ChangeResourceRecordSets` on the
//!   zone, the last limited by the normalized names of the record and of `_quorate-epoch.RECORD`; `route53:GetChange`.
//! - **Called in:** Route 53's one control plane of the partition (us-east-1 for the aws partition). An impairment
//!   there stops this action, whichever region is left (P4); the `signal` design does not need it.
//! - **Can be undone** by repointing back at a higher epoch, or at the same one by the same execution: what stood is
//!   told with the first observation that it is not done, before anything is sent.
//! - **The fence:** a TXT record `_quorate-epoch.RECORD` says `"epoch=N execution=ID attempt=K"`. One batch
//!   deletes it exactly as read, creates ours, and changes the record. A batch built on an older epoch record is
//!   refused whole by Route 53. A record that shows a higher epoch is never touched. The fence covers DNS alone.
//! - **Which records:** a simple one is upserted with another alias target or other values; of weighted sets those
//!   whose weight changes are upserted; failover sets are deleted as read and created with their roles exchanged.
//!   What Route 53 would refuse, and what would leave the name without the answer that is meant, is refused before
//!   anything is sent: see `answer` for the wish alone, `shape` for the wish beside what stands.
//! - **Observe** asks for the change that this process sent until it is `INSYNC`, and then lists the record sets. Done
//!   is our epoch and our answer. If another agent sent the change, or Route 53 has forgotten it (`NoSuchChange`, as
//!   after an accelerated recovery), the sets as read decide: a stranded change shows the old state and is sent again
//!   by the next attempt. Whether resolvers have moved is the verification's to see (P6). Route 53 takes 5 requests a
//!   second for a whole account (P5); `pace` keeps one agent within half of that.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx, and a refused batch whose read-back
//!   shows our own earlier call or cannot be read. Unknown is resolved by observing: our mark with our answer means
//!   that it was applied. A change that is sent again is harmless: it is a compare-and-set.

use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::types::ChangeStatus;
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::Route53Repoint;

use self::goal::Goal;
use self::judge::Spread;
use self::listing::Unread;
use self::memory::Memory;
use self::sets::{Sets, World};
use crate::fault::{Call, Fault};

mod answer;
mod batch;
pub(crate) mod epoch;
mod goal;
mod judge;
mod listing;
pub(crate) mod memory;
pub(crate) mod name;
mod pace;
mod sets;
mod shape;
pub(crate) mod zone;

pub(crate) use listing::Listing;
pub(crate) use sets::{of_kind, routing, rr_type};

/// A refused batch is explained by reading back; Route 53 does not promise that a read shows the last write, so
/// an unchanged answer is asked for again, three times within a second and a half.
const READ_BACKS_MAX: u32 = 3;
/// See [`READ_BACKS_MAX`]; two requests each keep within the account's five a second.
const READ_BACK_PAUSE: Duration = Duration::from_millis(500);
/// The wire code for a batch of which nothing was applied.
const REFUSED: &str = "InvalidChangeBatch";
/// The region in which the partition of `own_region` keeps its Route 53 control plane.
pub(crate) fn control_region(own_region: &str) -> &'static str {
    if own_region.starts_with("cn-") {
        "cn-northwest-1"
    } else if own_region.starts_with("us-gov-") {
        "us-gov-west-1"
    } else {
        "us-east-1"
    }
}

/// Moves records.
pub(crate) struct Repointer<'a> {
    pub(crate) client: Client,
    pub(crate) region: &'static str,
    pub(crate) memory: &'a Memory,
}

impl Repointer<'_> {
    /// Waits for our change to spread, then reads the record and its epoch record.
    pub(crate) async fn observe(&self, action: &Route53Repoint, context: &EffectContext) -> Observed {
        let goal = match Goal::new(action, context) {
            Ok(goal) => goal,
            Err(error) => return Observed::Impossible { reason: error.to_string() },
        };
        let spread = self.spread(&goal).await;
        if let Some(waited) = judge::waited(&goal, &spread) {
            return waited;
        }
        match self.read(&goal).await {
            Ok(sets) => judge::observed(&goal, &sets.world(&goal), &spread),
            Err(unread) => unread.observed(),
        }
    }

    /// Reads the sets and sends the batch, once.
    pub(crate) async fn act(&self, action: &Route53Repoint, context: &EffectContext) -> Acted {
        let goal = match Goal::new(action, context) {
            Ok(goal) => goal,
            Err(error) => return Acted::Refused { reason: error.to_string(), retryable: false },
        };
        let sets = match self.read(&goal).await {
            Ok(sets) => sets,
            Err(unread) => return unread.acted_before_sending(),
        };
        let before = sets.world(&goal);
        if let Some(acted) = judge::withheld(judge::standing(&goal, &before)) {
            return acted;
        }
        let call = self.call("route53:ChangeResourceRecordSets", &goal);
        let batch = match batch::batch(&goal, &sets, context) {
            Ok(batch) => batch,
            Err(error) => return Acted::Refused { reason: format!("{call}: {error}"), retryable: false },
        };
        let once = aws_sdk_route53::config::Builder::default().retry_config(RetryConfig::disabled());
        let request =
            self.client.change_resource_record_sets().hosted_zone_id(&goal.zone).change_batch(batch);
        self.memory.forget(&goal);
        self.memory.pace.changed();
        match request.customize().config_override(once).send().await {
            Ok(reply) => {
                let id = reply.change_info().map_or("", |info| info.id());
                if !id.is_empty() {
                    self.memory.remember(&goal, id);
                }
                Acted::Accepted { detail: format!("{call}: change {id} accepted, {}", goal.mark) }
            }
            Err(error) => {
                let fault = Fault::new(call, &error);
                match fault.code() {
                    Some(REFUSED) => self.explain(&goal, &before, &fault).await,
                    Some(_) | None => fault.acted(),
                }
            }
        }
    }

    /// Says why a batch was refused, by reading back.
    async fn explain(&self, goal: &Goal, before: &World, fault: &Fault) -> Acted {
        for read_back in 1..=READ_BACKS_MAX {
            let after = match self.read(goal).await {
                Ok(sets) => sets.world(goal),
                Err(unread) => return Acted::Unknown { reason: format!("{fault}; read-back: {unread}") },
            };
            if let Some(acted) = judge::refused(goal, before, &after, fault) {
                return acted;
            }
            if read_back < READ_BACKS_MAX {
                tokio::time::sleep(READ_BACK_PAUSE).await;
            }
        }
        // Nobody moved the fence, so the batch is wrong in itself and will stay so.
        Acted::Refused { reason: fault.to_string(), retryable: false }
    }

    async fn read(&self, goal: &Goal) -> Result<Sets, Unread> {
        let listing =
            Listing { client: &self.client, region: self.region, memory: self.memory, zone: &goal.zone };
        let (at_name, fence) = listing.with_fence(&goal.record, &goal.fence).await?;
        Ok(Sets { at_name, fence, zone_name: listing.zone_name().await })
    }

    async fn spread(&self, goal: &Goal) -> Spread {
        let Some(change) = self.memory.last(goal) else { return Spread::NotKnown };
        self.memory.pace.read().await;
        match self.client.get_change().id(&change).send().await {
            Ok(reply) => match reply.change_info().map(|info| info.status()) {
                Some(ChangeStatus::Insync) => Spread::InSync,
                Some(ChangeStatus::Pending) => Spread::Pending,
                other => Spread::Unreadable(format!("change {change} has the unknown status {other:?}")),
            },
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_change()) => {
                Spread::NotKnown
            }
            Err(error) => {
                let call = Call { id: change, ..self.call("route53:GetChange", goal) };
                Spread::Unreadable(Fault::new(call, &error).to_string())
            }
        }
    }

    fn call(&self, operation: &'static str, goal: &Goal) -> Call {
        Call {
            operation,
            region: self.region.to_owned(),
            id: format!("{} in zone {}", goal.record, goal.zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::control_region;

    /// Goal: each partition's control plane is called where it is. Method: one region of each.
    #[test]
    fn partitions() {
        assert_eq!(control_region("eu-west-1"), "us-east-1");
        assert_eq!(control_region("cn-north-1"), "cn-northwest-1");
        assert_eq!(control_region("us-gov-east-1"), "us-gov-west-1");
    }
}
