//! What the facts about an Aurora global database mean for moving its writer. Pure: no call, no clock.

use quorate_policies::effect::{Acted, Observed};

use crate::fault::Fault;

/// How the writer is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Without losing anything.
    Switchover,
    /// Losing what was not replicated.
    Failover,
}

/// One global cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Global {
    pub(super) id: String,
    /// The status in the API's words.
    pub(super) status: Option<String>,
    pub(super) members: Vec<Member>,
    /// A switchover or failover on its way, by whoever asked for it.
    pub(super) moving: Option<Moving>,
}

/// One cluster of a global cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) arn: String,
    pub(super) writer: bool,
    /// `connected` or `pending-resync`.
    pub(super) synchronisation: Option<String>,
}

/// A switchover or failover on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moving {
    /// Its status in the API's words.
    pub(super) status: String,
    /// ARN of the cluster that becomes the writer; empty if that is not said.
    pub(super) to: String,
}

/// Wire codes for a cluster that is not in the state that the call wants.
const INVALID_STATE: [&str; 2] = ["InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault"];

fn find<'a>(id: &str, globals: &'a [Global]) -> Option<&'a Global> {
    // AWS keeps identifiers in lower case whatever was written.
    globals.iter().find(|global| global.id.eq_ignore_ascii_case(id))
}

/// The region of the present writer, by its ARN.
pub(super) fn region_of_writer(id: &str, globals: &[Global]) -> Option<String> {
    let writer = find(id, globals)?.members.iter().find(|member| member.writer)?;
    writer.arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned)
}

/// Where the move to `target` stands, given every global cluster of the reply.
pub(super) fn standing(id: &str, target: &str, kind: Kind, globals: &[Global]) -> Observed {
    let Some(global) = find(id, globals) else {
        let reason = format!("DescribeGlobalClusters answered without {id}: {} clusters", globals.len());
        return Observed::Unknown { reason };
    };
    let writer = global.members.iter().find(|member| member.writer);
    let status = global.status.as_deref().unwrap_or("without a status");
    let written = writer.map_or("no cluster", |member| member.arn.as_str());
    let detail = format!("global cluster {id} is {status}, its writer is {written}");
    if let Some(moving) = &global.moving {
        let whose = if moving.to == target || moving.to.is_empty() { "" } else { ", which is not ours" };
        let detail = format!("{detail}; {} to {}{whose}", moving.status, moving.to);
        return Observed::InProgress { detail };
    }
    let Some(member) = global.members.iter().find(|member| member.arn == target) else {
        return Observed::Impossible { reason: format!("{detail}; {target} is not one of its clusters") };
    };
    match status {
        "available" => {}
        "switching-over" | "failing-over" | "creating" | "modifying" | "upgrading" => {
            return Observed::InProgress { detail };
        }
        "deleting" => return Observed::Impossible { reason: detail },
        // That nothing moves is documented by the empty failover state. What else AWS calls a global cluster whose
        // writer's region is gone is not, and must not keep a failover from being tried.
        _ if kind == Kind::Failover && !member.writer => {}
        _ => return Observed::Unknown { reason: format!("{detail}: status not known") },
    }
    match (member.writer, kind, member.synchronisation.as_deref()) {
        (true, Kind::Switchover | Kind::Failover, _) => Observed::Done { detail },
        (false, Kind::Switchover, Some("pending-resync")) => {
            Observed::InProgress { detail: format!("{detail}; {target} is being synchronised again") }
        }
        (false, Kind::Switchover | Kind::Failover, _) => Observed::not_done(detail),
    }
}

/// What a call that did not succeed means.
pub(super) fn refusal(fault: &Fault) -> Acted {
    match fault.code() {
        Some(code) if INVALID_STATE.contains(&code) => {
            Acted::Unknown { reason: format!("{fault}; an earlier call would look the same: observe") }
        }
        Some(_) | None => fault.acted(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Call, FaultKind};
    use crate::rds::word;

    const EAST: &str = "arn:aws:rds:us-east-1:111122223333:cluster:shop-east";
    const WEST: &str = "arn:aws:rds:us-west-2:111122223333:cluster:shop-west";

    fn global(writer: &str) -> Global {
        let member = |arn: &str| Member {
            arn: arn.into(),
            writer: arn == writer,
            synchronisation: Some("connected".into()),
        };
        Global {
            id: "shop".into(),
            status: Some("available".into()),
            members: vec![member(EAST), member(WEST)],
            moving: None,
        }
    }

    fn see(kind: Kind, global: &Global) -> &'static str {
        word(&standing("Shop", WEST, kind, std::slice::from_ref(global)))
    }

    /// Goal: done is the target as the writer with nothing on its way, for both kinds. Method: the writer on each side,
    /// then with each failover state.
    #[test]
    fn the_writer_decides_when_nothing_moves() {
        for kind in [Kind::Switchover, Kind::Failover] {
            assert_eq!(see(kind, &global(EAST)), "not done");
            assert_eq!(see(kind, &global(WEST)), "done");
            for status in ["pending", "failing-over", "switching-over", "cancelling"] {
                for (writer, to) in [(EAST, WEST), (WEST, WEST), (WEST, EAST), (EAST, "")] {
                    let moving = Some(Moving { status: status.into(), to: to.into() });
                    assert_eq!(see(kind, &Global { moving, ..global(writer) }), "in progress", "{status}");
                }
            }
        }
    }

    /// Goal: a status is understood or unknown; only a failover may be tried at an unknown one, and never called done
    /// by it (R7). Method: each kind against statuses.
    #[test]
    fn statuses() {
        let table = [
            (Some("switching-over"), "in progress", "in progress"),
            (Some("deleting"), "impossible", "impossible"),
            (Some("inaccessible"), "unknown", "not done"),
            (None, "unknown", "not done"),
        ];
        for (status, switchover, failover) in table {
            let global = Global { status: status.map(str::to_owned), ..global(EAST) };
            assert_eq!(see(Kind::Switchover, &global), switchover, "{status:?}");
            assert_eq!(see(Kind::Failover, &global), failover, "{status:?}");
        }
        let strange = Global { status: Some("inaccessible".into()), ..global(WEST) };
        assert_eq!(see(Kind::Failover, &strange), "unknown");
    }

    /// Goal: a target of another global cluster is impossible, a reply about another one unknown, and a target that is
    /// behind is waited for by a switchover alone. Method: one of each.
    #[test]
    fn targets() {
        let mut behind = global(EAST);
        behind.members[1].synchronisation = Some("pending-resync".into());
        assert_eq!(see(Kind::Switchover, &behind), "in progress");
        assert_eq!(see(Kind::Failover, &behind), "not done");
        let without = Global { members: vec![global(EAST).members[0].clone()], ..global(EAST) };
        assert_eq!(see(Kind::Failover, &without), "impossible");
        assert_eq!(see(Kind::Failover, &Global { id: "other".into(), ..global(EAST) }), "unknown");
    }

    /// Goal: a switchover is called where the writer is. Method: read the region of the writer's ARN.
    #[test]
    fn the_writers_region() {
        assert_eq!(region_of_writer("shop", &[global(EAST)]).as_deref(), Some("us-east-1"));
        assert_eq!(region_of_writer("shop", &[global("nobody")]), None);
    }

    /// Goal: a refusal that an earlier call of ours may have caused is unknown; others keep their meaning. Method: codes.
    #[test]
    fn an_invalid_state_may_be_ours() {
        let refused = |code: &str| {
            let call = Call {
                operation: "rds:FailoverGlobalCluster",
                region: "us-west-2".into(),
                id: "shop".into(),
            };
            let kind = FaultKind::Answered { status: 400, code: Some(code.into()), message: String::new() };
            refusal(&Fault { call, kind })
        };
        assert!(matches!(refused("InvalidGlobalClusterStateFault"), Acted::Unknown { .. }));
        assert!(matches!(refused("InvalidDBClusterStateFault"), Acted::Unknown { .. }));
        assert!(matches!(refused("DBClusterNotFoundFault"), Acted::Refused { retryable: false, .. }));
        assert!(matches!(refused("Throttling"), Acted::Refused { retryable: true, .. }));
    }
}
