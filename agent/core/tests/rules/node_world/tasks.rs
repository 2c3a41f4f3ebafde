//! The tasks of the steps, as the shell runs them: permission, write-ahead intent, permission, effect, report. A task
//! ends with its process; one that may not act is left and offered again.

use super::{AGENTS, World};
use crate::shop::*;
use quorate_core::{Body, Input, Response, StepState, node::StepOrder};

/// How long the first permission takes: a round to the leader. What is said meanwhile comes before it.
const PERMISSION_TAKES: u64 = 100;
/// How long a step's effect takes.
const EFFECT_TAKES: u64 = 1_000;
/// A step that was left, or whose outcome the log did not take, is offered again after so long.
const AGAIN_AFTER: u64 = 250;

/// How far the task of a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Report,
    Left,
}

/// A step's task in one process.
#[derive(Debug, Clone)]
pub(super) struct Task {
    due: u64,
    of: usize,
    incarnation: u64,
    stage: Stage,
    order: StepOrder,
}

impl Task {
    pub(super) const fn new(now: u64, of: usize, incarnation: u64, order: StepOrder) -> Self {
        Self { due: now + PERMISSION_TAKES, of, incarnation, stage: Stage::Begin, order }
    }
}

impl World {
    /// Moves the tasks of the steps on, as the shell does: permission, intent, permission, effect, report.
    pub(super) fn work(&mut self) {
        let ready = |task: &Task, world: &Self| task.due <= world.now && !world.agents[task.of].frozen;
        while let Some(at) = self.tasks.iter().position(|task| ready(task, self)) {
            let mut task = self.tasks.remove(at);
            let agent = &self.agents[task.of];
            if agent.node.is_none() || agent.incarnation != task.incarnation {
                continue;
            }
            match task.stage {
                Stage::Begin if self.begin(&task) => {
                    self.acts.push((task.order.name.to_string(), AGENTS[task.of], task.order.attempt));
                    (task.stage, task.due) = (Stage::Report, self.now + EFFECT_TAKES);
                    self.tasks.push(task);
                }
                Stage::Begin => {
                    (task.stage, task.due) = (Stage::Left, self.now + AGAIN_AFTER);
                    self.tasks.push(task);
                }
                Stage::Report => {
                    let (step, attempt) = (task.order.name.clone(), task.order.attempt);
                    let execution = task.order.execution.clone();
                    let outcome = succeeded();
                    let body = Body::FinishStep { execution, step, attempt, outcome };
                    if self.say_as(task.of, body).is_none() {
                        task.due = self.now + AGAIN_AFTER;
                        self.tasks.push(task);
                    }
                }
                Stage::Left => {
                    let StepOrder { execution, name: step, attempt, .. } = task.order;
                    self.give(task.of, Input::StepLeft { execution, step, attempt });
                }
            }
        }
    }

    fn begin(&mut self, task: &Task) -> bool {
        let order = &task.order;
        let (execution, step, attempt) = (order.execution.clone(), order.name.clone(), order.attempt);
        let known = self.log.executions.get(&execution).and_then(|known| known.steps.get(&step));
        let intent = if known.is_some_and(|known| matches!(known.state, StepState::Started { .. })) {
            Body::ResumeStep { execution, step, attempt }
        } else {
            Body::StartStep { execution, step, attempt }
        };
        self.allowed(task) && self.say_as(task.of, intent) == Some(Response::Done) && self.allowed(task)
    }

    fn allowed(&self, task: &Task) -> bool {
        let (now, order) = (self.clock(), &task.order);
        let node = self.agents[task.of].node.as_ref();
        let trusts_itself = node.is_some_and(|node| node.abstains(now.mono).is_none());
        let by = agent(AGENTS[task.of]);
        let may = self.log.may_act_at(now.wall, &by, &order.execution, &order.name, order.attempt);
        self.leader_of(task.of).is_some() && trusts_itself && may.is_ok()
    }
}
