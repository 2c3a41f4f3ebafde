//! The checklist of an execution in the log: who ticked what. It holds nothing up and changes nothing in the world.

use super::{
    Cluster,
    audit::AuditEvent,
    execution::{Execution, StepState},
};
use crate::command::{Actor, ExecutionId, Response};
use quorate_policies::{
    ItemName, Timestamp,
    guard::Refusal,
    policy::{Item, Phase},
};
use serde::{Deserialize, Serialize};

/// A person has seen to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Who.
    pub by: String,
    /// What there is to say about it.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// How far an item of a checklist is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Nobody has seen to it yet.
    Open,
    /// A person has.
    Ticked(&'a Tick),
    /// Its step has.
    Done {
        /// When.
        at: Option<Timestamp>,
    },
    /// Its step did not succeed.
    Failed,
}

impl Execution {
    /// Its checklist, in the order of a recovery.
    pub fn checklist(&self) -> impl Iterator<Item = (Phase, &ItemName, &Item, Seen<'_>)> {
        let items = self.paperwork.checklist.items();
        items.map(|(phase, name, item)| (phase, name, item, self.seen(name, item)))
    }

    fn seen(&self, name: &ItemName, item: &Item) -> Seen<'_> {
        if let Some(tick) = self.ticks.get(name) {
            return Seen::Ticked(tick);
        }
        let Some(step) = item.step.as_ref().and_then(|step| self.steps.get(step)) else { return Seen::Open };
        match step.state {
            StepState::Succeeded { .. } => Seen::Done { at: step.ended_at },
            StepState::Failed { .. } | StepState::Cancelled => Seen::Failed,
            StepState::Waiting | StepState::Assigned { .. } | StepState::Started { .. } => Seen::Open,
        }
    }
}

impl Cluster {
    /// A person ticks an item. What a step sees to is ticked by hand only when that step did not do it.
    pub(super) fn tick(
        &mut self,
        id: &ExecutionId,
        item: &ItemName,
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        let execution = self.execution(id)?;
        let refuse = |why: String| Refusal::NotTicked { item: item.clone(), why };
        let Some((_, _, _, seen)) = execution.checklist().find(|(_, name, _, _)| *name == item) else {
            let names: Vec<&str> = execution.checklist().map(|(_, name, _, _)| name.as_str()).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(refuse(format!("the checklist of {id} has no such item; there are: {there}")));
        };
        match seen {
            Seen::Ticked(tick) => {
                return Err(refuse(format!("{} has ticked it, at {}: {}", tick.by, tick.at, tick.note)));
            }
            Seen::Done { .. } => return Err(refuse("its step has succeeded, and that ticks it".to_owned())),
            Seen::Open | Seen::Failed => {}
        }
        let (service, now) = (execution.service.clone(), self.clock);
        let tick = Tick { by: actor.name.clone(), note: actor.reason.clone(), at: now };
        if let Some(execution) = self.executions.get_mut(id) {
            execution.ticks.insert(item.clone(), tick);
        }
        let event = AuditEvent::Ticked { item: item.clone(), note: actor.reason.clone() };
        self.audit.record(now, &actor.name, Some(&service), Some(id), event);
        Ok(Response::Done)
    }
}
