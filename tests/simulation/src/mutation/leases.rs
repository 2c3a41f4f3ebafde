//! Leases that are longer for the holder than for those who wait.

use super::Mutation;

const FILE: &str = "agent/core/src/node/lease.rs";
const ASKING: &str = "agent/core/src/leasing.rs";
const SILENCE: &str = "agent/consensus/src/consensus/silence.rs";

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "a lease counts from its answer",
        drawn: "F4",
        serves: "R13",
        file: ASKING,
        from: "    around.input(Input::LeaseAnswered { service, epoch, sent_at, answer });",
        to: "    let _ = sent_at;\n    around.input(Input::LeaseAnswered { service, epoch, sent_at: around.now().mono, answer });",
    },
    Mutation {
        name: "clocks do not drift",
        drawn: "F4,F14",
        serves: "R13",
        file: FILE,
        from: "state.policy.lease.drift.max(Millis(state.lease_ttl_max.0 / 20))",
        to: "Millis(state.lease_ttl_max.0 / 1_000_000)",
    },
    Mutation {
        name: "a new leader does not wait for its predecessors' leases",
        drawn: "F4",
        serves: "R13",
        file: FILE,
        from: "let predecessors = granted_before.plus(longest);",
        to: "let predecessors = granted_before;",
    },
    Mutation {
        name: "a voter forgets whom it has helped",
        drawn: "F4",
        serves: "R13",
        file: SILENCE,
        from: "        R::Instant::now().saturating_duration_since(*lock(&self.helped))",
        to: "        Duration::from_secs(3_600)",
    },
    Mutation {
        name: "a leader forgets what it granted",
        drawn: "F4",
        serves: "R13",
        file: FILE,
        from: "self.granted_until.insert(service.clone(), longest);",
        to: "self.granted_until.insert(service.clone(), now.max(Monotonic(longest.0.min(1))));",
    },
    Mutation {
        name: "a lease is given up while a promise stands",
        drawn: "F4",
        serves: "R13",
        file: FILE,
        from: "now >= earlier.max(own)",
        to: "now >= earlier.min(own)",
    },
    Mutation {
        name: "a grant is not confirmed by a quorum",
        drawn: "F4,F14",
        serves: "R13",
        file: ASKING,
        from: "    around.barrier(CONFIRM_MAX).await.map_err(|error| no_lease(around, &error))?;\n    let confirmed = around.confirm_leadership(CONFIRM_MAX).await;\n    let term = confirmed.map_err(|error| no_lease(around, &error))?;",
        to: "    let _ = CONFIRM_MAX;\n    let term = around.with_node(|node, _| node.standing().term);",
    },
    Mutation {
        name: "a lease does not run out",
        drawn: "F4",
        serves: "R13",
        file: FILE,
        from: "filter(|held| held.epoch == epoch && now < held.until);",
        to: "filter(|held| held.epoch == epoch && held.until > Monotonic(0));",
    },
    Mutation {
        name: "a lease that is to be let go is granted on",
        drawn: "F4",
        serves: "R13",
        file: "agent/core/src/cluster/service.rs",
        from: "            LeaseRecord::Held { .. } | LeaseRecord::Releasing { .. } => None,",
        to: "            LeaseRecord::Releasing { from, epoch, .. } if from == region => Some(*epoch),\n            LeaseRecord::Held { .. } | LeaseRecord::Releasing { .. } => None,",
    },
];
