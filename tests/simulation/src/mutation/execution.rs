//! Executors that act too soon, too late, twice, or without asking.

use super::Mutation;

const RUN: &str = "agent/core/src/executor.rs";
const PERMISSION: &str = "agent/core/src/executor/permission.rs";
const STEP: &str = "agent/core/src/step_run.rs";

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "no check right before the effect",
        drawn: "F1,F2",
        serves: "R5",
        file: PERMISSION,
        from: "            return Err(refusal.to_string());\n        }\n    }\n    allowed(around, order).await\n",
        to: "            return Err(refusal.to_string());\n        }\n    }\n    Ok(())\n",
    },
    Mutation {
        name: "the check asks nobody: no read barrier",
        drawn: "F1,F10",
        serves: "R5",
        file: PERMISSION,
        from: "around.barrier(BARRIER_MAX).await?;",
        to: "around.sleep(Duration::from_millis(1)).await;",
    },
    Mutation {
        name: "the effect comes before the write-ahead intent",
        drawn: "F1,F9",
        serves: "R1",
        file: PERMISSION,
        from: "    let (what, body) = if begun.resumed {",
        to: "    if !order.step.reversible {\n        return Ok(begun);\n    }\n    let (what, body) = if begun.resumed {",
    },
    Mutation {
        name: "nobody is told that an attempt goes on after a restart",
        drawn: "F1,F9",
        serves: "R4",
        file: PERMISSION,
        from: "    let (what, body) = if begun.resumed {",
        to: "    if begun.resumed {\n        return Ok(begun);\n    }\n    let (what, body) = if begun.resumed {",
    },
    Mutation {
        name: "who abstains acts",
        drawn: "F1,F2,F14",
        serves: "R8",
        file: PERMISSION,
        from: "        return Err(why);\n    }\n    let now",
        to: "        drop(why);\n    }\n    let now",
    },
    Mutation {
        name: "a call without a reply is made again",
        drawn: "F1,F22",
        serves: "R4",
        file: STEP,
        from: "if self.acted.is_none_or(|acted| acted < part) => {",
        to: "if self.acted.is_none_or(|acted| acted <= part) => {",
    },
    Mutation {
        name: "a call without a reply counts as refused",
        drawn: "F1,F11,F22",
        serves: "R4",
        file: RUN,
        from: "let late = || Acted::Unknown { reason: format!(\"no reply within {CALL_MAX:?}\") };",
        to: "let late = || Acted::Refused { reason: format!(\"no reply within {CALL_MAX:?}\"), retryable: true };",
    },
    Mutation {
        name: "a call without a reply is soon given up for lost",
        drawn: "F1,F22",
        serves: "R4",
        file: STEP,
        from: "now.since(at) >= LOST_AFTER) =>",
        to: "now.since(at) >= Millis(LOST_AFTER.0 * 0)) =>",
    },
    Mutation {
        name: "a writable database is taken for a promoted one",
        drawn: "F1,F20",
        serves: "R24",
        file: STEP,
        from: "if self.must_be_ours && self.acted.is_none() =>",
        to: "if self.must_be_ours && self.acted.is_none() && detail.is_empty() =>",
    },
    Mutation {
        name: "whoever began has acted",
        drawn: "F4,F20",
        serves: "R24",
        file: PERMISSION,
        from: "(progress.before.is_some() || !order.step.action.notes_first())",
        to: "(progress.before.is_some() || progress.before.is_none())",
    },
    Mutation {
        name: "what is under way counts as done",
        drawn: "F1",
        serves: "R22",
        file: STEP,
        from: "            Observed::NotDone { detail: seen, .. }\n            | Observed::InProgress { detail: seen }\n            | Observed::Unknown { reason: seen } => {",
        to: "            Observed::InProgress { detail: seen } if self.acted.is_some() => StepWork::Finish(StepOutcome::Succeeded { detail: seen }),\n            Observed::NotDone { detail: seen, .. }\n            | Observed::InProgress { detail: seen }\n            | Observed::Unknown { reason: seen } => {",
    },
    Mutation {
        name: "an outcome is offered once and forgotten",
        drawn: "F1,F10,F31",
        serves: "R3",
        file: RUN,
        from: "                around.tell(order, StepNews::NotInLog(&why));\n                around.sleep(OFFER_AGAIN).await;",
        to: "                around.tell(order, StepNews::NotInLog(&why));\n                return;",
    },
];
