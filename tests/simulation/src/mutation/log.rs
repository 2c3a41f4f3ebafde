//! A log that forgets, and a state that takes what it should refuse.

use super::Mutation;

const DECIDE: &str = "agent/core/src/cluster/decide.rs";
const STEPS: &str = "agent/core/src/cluster/steps.rs";
const CLUSTER: &str = "agent/core/src/cluster.rs";
const UNDO: &str = "agent/core/src/cluster/undo.rs";
const EXECUTION: &str = "agent/core/src/cluster/execution.rs";

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "replicas do not judge a decision again",
        serves: "R1",
        file: DECIDE,
        from: "authorize(&situation, trigger, to)?;",
        to: "if to.as_str().is_empty() { authorize(&situation, trigger, to)?; }",
    },
    Mutation {
        name: "the epoch stands still",
        serves: "R24",
        file: DECIDE,
        from: "let epoch = state.epoch + 1;",
        to: "let epoch = state.epoch;",
    },
    Mutation {
        name: "an execution does not take the slot",
        serves: "R2",
        file: DECIDE,
        from: "state.running = Some(id.clone());",
        to: "",
    },
    Mutation {
        name: "the lease moves without waiting",
        serves: "R13",
        file: DECIDE,
        from: "state.lease = LeaseRecord::Releasing { from, to, epoch };",
        to: "state.lease = if from == to { LeaseRecord::Releasing { from, to, epoch } } else { LeaseRecord::Held { region: to, epoch } };",
    },
    Mutation {
        name: "an irreversible step does not wait for the lease",
        serves: "R13",
        file: STEPS,
        from: "        if !irreversible {\n            return Ok(());\n        }",
        to: "        if !irreversible || !execution.id.is_empty() {\n            return Ok(());\n        }",
    },
    Mutation {
        name: "a hold does not hold a step",
        serves: "R5",
        file: STEPS,
        from: "if let Some(hold) = self.held_at(execution, now) {",
        to: "if let Some(hold) = self.held_at(execution, now).filter(|hold| hold.by.is_empty()) {",
    },
    Mutation {
        name: "a late outcome of an older attempt is taken",
        serves: "R4",
        file: STEPS,
        from: "if progress.is_none_or(|p| p.attempt != attempt || p.state.agent() != Some(by)) {",
        to: "if progress.is_none() {",
    },
    Mutation {
        name: "anybody may begin a step",
        serves: "R1",
        file: STEPS,
        from: "if progress.state.agent() != Some(agent) || progress.attempt != attempt {",
        to: "if progress.state.agent().is_none() {",
    },
    Mutation {
        name: "a stale decision begins",
        serves: "R5",
        file: STEPS,
        from: "const BEGIN_WITHIN: Millis = Millis(15_000);",
        to: "const BEGIN_WITHIN: Millis = Millis(15_000_000);",
    },
    Mutation {
        name: "steps begin before what they need",
        serves: "R20",
        file: STEPS,
        from: "planned.needs.iter().all(|need|",
        to: "planned.needs.is_empty() || planned.needs.iter().any(|need|",
    },
    Mutation {
        name: "a failed step does not stop the plan",
        serves: "R20",
        file: STEPS,
        from: "if planned.is_none_or(|s| s.on_error == OnError::Stop)",
        to: "if planned.is_none_or(|s| s.on_error == OnError::Stop && s.retries > 100)",
    },
    Mutation {
        name: "the service stays in the old region after a promotion",
        serves: "R18",
        file: STEPS,
        from: "service.active.clone_from(&execution.plan.to);",
        to: "service.active.clone_from(&execution.plan.from);",
    },
    Mutation {
        name: "a command is applied as often as it comes",
        serves: "R1",
        file: "agent/core/src/cluster/ledger.rs",
        from: "self.answers.get(id).cloned()",
        to: "self.answers.get(id).filter(|_| id.is_empty()).cloned()",
    },
    Mutation {
        name: "anybody may give up anybody's lease",
        serves: "R13",
        file: CLUSTER,
        from: "if given_up && (region.as_ref() != Some(from) || agents_there != 1) {",
        to: "if given_up && agents_there == 100 {",
    },
    Mutation {
        name: "an older epoch's release counts",
        serves: "R13",
        file: CLUSTER,
        from: "        if *current != epoch {\n",
        to: "        if *current < epoch {\n",
    },
    Mutation {
        name: "the cool-down is not kept",
        serves: "R3",
        file: DECIDE,
        from: "service.last_ended = Some(now);",
        to: "",
    },
    Mutation {
        name: "an undo does not wait for a call that may still land",
        serves: "R4",
        file: UNDO,
        from: "const UNHEARD_OF: Millis = Millis(15_000);",
        to: "const UNHEARD_OF: Millis = Millis(0);",
    },
    Mutation {
        name: "a step whose end is unknown has certainly failed",
        serves: "R4",
        file: EXECUTION,
        from: "StepOutcome::Unknown { reason } => StepState::Failed { reason: reason.clone(), unknown: true },",
        to: "StepOutcome::Unknown { reason } => StepState::Failed { reason: reason.clone(), unknown: false },",
    },
    Mutation {
        name: "a lost agent's attempt is forgotten",
        serves: "R4",
        file: EXECUTION,
        from: "self.unheard |= begun;",
        to: "self.unheard |= begun && self.attempt > 100;",
    },
    Mutation {
        name: "an abort takes nothing back",
        serves: "R20",
        file: UNDO,
        from: "let steps = if planned { Vec::new() } else { undo_steps(execution) };",
        to: "let steps = if planned || !id.is_empty() { Vec::new() } else { undo_steps(execution) };",
    },
    Mutation {
        name: "past the point of no return an abort is taken",
        serves: "R20",
        file: DECIDE,
        from: "if execution.past_no_return() && !stopped {",
        to: "if execution.past_no_return() && !stopped && actor.name.is_empty() {",
    },
    Mutation {
        name: "writes are not synced",
        serves: "R1",
        file: "agent/consensus/src/store/writer.rs",
        from: "    for write in writes {\n        write(&transaction)?;\n    }",
        to: "    let mut transaction = transaction;\n    transaction.set_durability(redb::Durability::None).expect(\"no savepoint stands\");\n    for write in writes {\n        write(&transaction)?;\n    }",
    },
    Mutation {
        name: "a vote is given before it is kept",
        serves: "raft 5.2",
        file: "agent/consensus/src/store/log.rs",
        from: "self.write(move |transaction| put(transaction, row::VOTE, &text)).await?;",
        to: "drop(text);",
    },
    Mutation {
        name: "an agent with an empty disk votes at once",
        serves: "F25",
        file: "agent/consensus/src/consensus/rejoin.rs",
        from: "first_election || others.is_some_and(|others| others.is_reached_by(candidate))",
        to: "first_election || others.is_none_or(|others| others.is_reached_by(candidate))",
    },
    Mutation {
        name: "an agent starts with another list of members",
        serves: "R29",
        file: "agent/consensus/src/store/identity.rs",
        from: "        if self.seats != given.seats {",
        to: "        if self.seats.is_empty() {",
    },
];
