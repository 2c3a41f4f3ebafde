//! One execution of a plan: its states, its steps' states, and the times it took. The transitions are total and
//! stand in one function each; an illegal pair is an error, never a silent repair.

use super::{
    checklist::Tick,
    drill::DrillOf,
    undo::{is_undo, undo_name},
};
use crate::command::{ExecutionId, StepOutcome};
use quorate_policies::{
    AgentName, ItemName, Millis, PlanName, RegionName, ServiceName, StepName, Timestamp,
    agreement::Evidence,
    guard::Trigger,
    plan::{Action, Before, Manner, Plan, expand::Inputs},
    policy::{Objective, Paperwork},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Service and epoch.
    pub id: ExecutionId,
    /// Which service.
    pub service: ServiceName,
    /// The fencing token.
    pub epoch: u64,
    /// The whole plan. Never edited but for the steps that an abort adds to take others back.
    pub plan: Plan,
    /// The scenario that an operator has declared; without one, it is the loss of the primary region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<PlanName>,
    /// What the operator said with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: Inputs,
    /// What it must achieve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// By which policy.
    pub policy_hash: String,
    /// Who wanted it.
    pub trigger: Trigger,
    /// What the leader saw when it proposed it.
    pub evidence: Evidence,
    /// Where it stands.
    pub state: ExecutionState,
    /// How it runs.
    #[serde(default = "ungraceful", skip_serializing_if = "is_ungraceful")]
    pub manner: Manner,
    /// Since when the region failed its probes, as the agents saw it.
    pub failing_since: Timestamp,
    /// Since when the agents agreed that it is down.
    pub agreed_at: Timestamp,
    /// When the decision was proposed.
    pub decided_at: Timestamp,
    /// When its steps could begin: at the decision, or at the approval.
    pub begun_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Among whom steps are assigned.
    pub live: BTreeSet<AgentName>,
    /// Its steps.
    pub steps: BTreeMap<StepName, StepProgress>,
    /// What the policy asked of people when it was decided.
    #[serde(default, skip_serializing_if = "Paperwork::is_empty")]
    pub paperwork: Paperwork,
    /// What people have seen to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ticks: BTreeMap<ItemName, Tick>,
    /// Of which drill it is a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillOf>,
}

/// Executions from before there were two manners left nothing out.
const fn ungraceful() -> Manner {
    Manner::Ungraceful
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
const fn is_ungraceful(manner: &Manner) -> bool {
    matches!(manner, Manner::Ungraceful)
}

/// Where an execution stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ExecutionState {
    /// Waits for an operator before its first step.
    AwaitingApproval,
    /// Runs.
    Running,
    /// A step failed for good: nothing more is begun, and the slot stays taken until an operator aborts (R2).
    Stopped {
        /// Which step.
        step: StepName,
        /// Why.
        reason: String,
    },
    /// All steps ended; `exceptions` of them failed where the plan goes on.
    Succeeded {
        /// How many.
        exceptions: u32,
    },
    /// An operator has ended it, and what it did is being taken back.
    Undoing {
        /// Why.
        reason: String,
        /// Whether an operator has given up what is left to take back: the execution ends once nothing is under way.
        #[serde(default)]
        given_up: bool,
    },
    /// An operator ended it.
    Aborted {
        /// Why.
        reason: String,
    },
}

impl ExecutionState {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn ended(&self) -> bool {
        match self {
            ExecutionState::AwaitingApproval
            | ExecutionState::Running
            | ExecutionState::Stopped { .. }
            | ExecutionState::Undoing { .. } => false,
            ExecutionState::Succeeded { .. } | ExecutionState::Aborted { .. } => true,
        }
    }

    /// The state in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            ExecutionState::AwaitingApproval => "awaiting_approval",
            ExecutionState::Running => "running",
            ExecutionState::Stopped { .. } => "stopped",
            ExecutionState::Succeeded { .. } => "succeeded",
            ExecutionState::Undoing { .. } => "undoing",
            ExecutionState::Aborted { .. } => "aborted",
        }
    }
}

/// How far a step has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepProgress {
    /// Its state.
    pub state: StepState,
    /// How often it was assigned. The number is the step's own fencing token.
    pub attempt: u32,
    /// To whom it was assigned last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// How many attempts failed or stayed unknown; a lost agent's attempt does not count.
    pub failures: u32,
    /// Whether an earlier attempt that had begun was lost or stayed unknown: whatever a later one saw, that one's call may
    /// have been applied, or be on its way (R4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// When the first attempt started.
    pub started_at: Option<Timestamp>,
    /// When the latest attempt started, where it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<Timestamp>,
    /// When it ended for good.
    pub ended_at: Option<Timestamp>,
    /// Who has approved it, of an `approval` step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// What stood in the world before its first act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
}

/// A step's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum StepState {
    /// Waits for the steps it needs, or for the lease.
    #[default]
    Waiting,
    /// Given to an agent, which has not said that it begins.
    Assigned {
        /// To whom.
        agent: AgentName,
    },
    /// Its effect may have happened. Without an outcome it is unknown, and whoever comes next observes first.
    Started {
        /// By whom.
        agent: AgentName,
    },
    /// The result stands.
    Succeeded {
        /// What was seen.
        detail: String,
    },
    /// Failed for good.
    Failed {
        /// Why.
        reason: String,
        /// Whether it may have been applied all the same.
        unknown: bool,
    },
    /// Will not run: the execution ended first, or it runs in the other manner.
    Cancelled,
}

/// What moves a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepMove {
    /// It is given to an agent.
    Assign(AgentName),
    /// Its agent begins.
    Start,
    /// Its agent reports, and so many attempts are left.
    Finish(StepOutcome, u32),
    /// Its agent is lost.
    Lose,
    /// The execution ended before it began.
    Cancel,
    /// It had begun, and nobody will learn what became of it.
    Forsake(String),
    /// It takes part after all, because the execution goes on in another manner.
    Recall,
}

/// A move that the state does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a step that is {state} cannot {movement}")]
pub struct IllegalMove {
    /// The state.
    pub state: &'static str,
    /// The move.
    pub movement: &'static str,
}

impl StepState {
    /// The state after a move.
    ///
    /// # Errors
    /// When the state does not know the move.
    pub fn next(&self, movement: &StepMove) -> Result<StepState, IllegalMove> {
        match (self, movement) {
            (StepState::Waiting, StepMove::Assign(agent)) => Ok(StepState::Assigned { agent: agent.clone() }),
            (StepState::Assigned { agent }, StepMove::Start) => {
                Ok(StepState::Started { agent: agent.clone() })
            }
            (StepState::Started { .. }, StepMove::Finish(outcome, left)) => Ok(after(outcome, *left)),
            (StepState::Assigned { .. } | StepState::Started { .. }, StepMove::Lose) => {
                Ok(StepState::Waiting)
            }
            (StepState::Waiting | StepState::Assigned { .. }, StepMove::Cancel) => Ok(StepState::Cancelled),
            (StepState::Cancelled, StepMove::Recall) => Ok(StepState::Waiting),
            (ended, StepMove::Cancel | StepMove::Forsake(_)) if ended.ended() => Ok(ended.clone()),
            (_, StepMove::Forsake(reason)) => Ok(StepState::Failed { reason: reason.clone(), unknown: true }),
            (state, movement) => Err(IllegalMove { state: state.word(), movement: movement.word() }),
        }
    }

    /// Whether its effect stands in the world, or may stand.
    #[must_use]
    pub const fn may_stand(&self) -> bool {
        match self {
            StepState::Succeeded { .. }
            | StepState::Failed { unknown: true, .. }
            | StepState::Started { .. } => true,
            StepState::Failed { unknown: false, .. }
            | StepState::Waiting
            | StepState::Assigned { .. }
            | StepState::Cancelled => false,
        }
    }

    /// Whether the step will not change any more.
    #[must_use]
    pub const fn ended(&self) -> bool {
        match self {
            StepState::Waiting | StepState::Assigned { .. } | StepState::Started { .. } => false,
            StepState::Succeeded { .. } | StepState::Failed { .. } | StepState::Cancelled => true,
        }
    }

    /// The agent that has it now.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentName> {
        match self {
            StepState::Assigned { agent } | StepState::Started { agent } => Some(agent),
            StepState::Waiting
            | StepState::Succeeded { .. }
            | StepState::Failed { .. }
            | StepState::Cancelled => None,
        }
    }

    /// The state in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            StepState::Waiting => "waiting",
            StepState::Assigned { .. } => "assigned",
            StepState::Started { .. } => "started",
            StepState::Succeeded { .. } => "succeeded",
            StepState::Failed { unknown: false, .. } => "failed",
            StepState::Failed { unknown: true, .. } => "unknown",
            StepState::Cancelled => "cancelled",
        }
    }
}

fn after(outcome: &StepOutcome, left: u32) -> StepState {
    match outcome {
        StepOutcome::Succeeded { detail } => StepState::Succeeded { detail: detail.clone() },
        StepOutcome::Impossible { reason } => StepState::Failed { reason: reason.clone(), unknown: false },
        StepOutcome::Broken { reason } => StepState::Failed { reason: reason.clone(), unknown: true },
        StepOutcome::Failed { .. } | StepOutcome::Unknown { .. } if left > 0 => StepState::Waiting,
        StepOutcome::Failed { reason } => StepState::Failed { reason: reason.clone(), unknown: false },
        StepOutcome::Unknown { reason } => StepState::Failed { reason: reason.clone(), unknown: true },
    }
}

impl StepMove {
    const fn word(&self) -> &'static str {
        match self {
            StepMove::Assign(_) => "be assigned",
            StepMove::Start => "start",
            StepMove::Finish(..) => "finish",
            StepMove::Lose => "lose its agent",
            StepMove::Cancel => "be cancelled",
            StepMove::Forsake(_) => "be forsaken",
            StepMove::Recall => "be recalled",
        }
    }
}

impl StepProgress {
    /// The agent is lost. If it had begun, nobody has heard the end of its attempt.
    pub(super) fn lose(&mut self) {
        let begun = matches!(self.state, StepState::Started { .. });
        if let Ok(next) = self.state.next(&StepMove::Lose) {
            self.state = next;
            self.unheard |= begun;
        }
    }

    /// An attempt has ended with this outcome. A failure is certain only if every attempt's end is.
    pub(super) fn heard(&mut self, outcome: &StepOutcome) {
        self.unheard |= matches!(outcome, StepOutcome::Unknown { .. } | StepOutcome::Broken { .. });
        if let StepState::Failed { unknown, .. } = &mut self.state {
            *unknown |= self.unheard;
        }
    }

    /// The execution ends before the step does. One that never began is cancelled; of one that had begun, by this attempt
    /// or an earlier one, it is not known what stands (R4).
    pub(super) fn leave_open(&mut self, now: Timestamp) {
        self.leave(now, "the execution ended before its outcome was known");
    }

    /// The same for another reason.
    pub(super) fn leave(&mut self, now: Timestamp, why: &str) {
        if self.state.ended() {
            return;
        }
        let forsake = || StepMove::Forsake(why.to_owned());
        let movement = if self.started_at.is_some() { forsake() } else { StepMove::Cancel };
        if let Ok(next) = self.state.next(&movement) {
            self.state = next;
            self.ended_at = Some(now);
        }
    }
}

/// Where the recovery time went (P26: it begins with the first failed probe).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryTime {
    /// From the first failed probe to the agreement.
    pub detect: Millis,
    /// From the agreement to the committed decision, dwell included.
    pub decide: Millis,
    /// From the decision until the last step but the verifying ones ended.
    pub execute: Millis,
    /// Until the service was verified through its public name.
    pub converge: Millis,
}

impl RecoveryTime {
    /// All of it.
    #[must_use]
    pub const fn total(&self) -> Millis {
        Millis(self.detect.0 + self.decide.0 + self.execute.0 + self.converge.0)
    }
}

impl Execution {
    /// Whether the agents wanted it.
    #[must_use]
    pub const fn automatic(&self) -> bool {
        matches!(self.trigger, Trigger::Automatic)
    }

    /// The region that is left.
    #[must_use]
    pub const fn from(&self) -> &RegionName {
        &self.plan.from
    }

    /// The region that is activated.
    #[must_use]
    pub const fn to(&self) -> &RegionName {
        &self.plan.to
    }

    /// Whether a step that cannot be undone has begun. Before that an abort ends it; after that it goes forward.
    #[must_use]
    pub fn past_no_return(&self) -> bool {
        self.steps.iter().any(|(name, progress)| {
            let irreversible = self.plan.steps.get(name).is_some_and(|step| !step.reversible);
            // Refused for certain at the first attempt: nothing irreversible has happened.
            let refused =
                matches!(progress.state, StepState::Failed { unknown: false, .. }) && progress.failures == 0;
            let begun = progress.started_at.is_some() && progress.state != StepState::Cancelled;
            irreversible && begun && !refused
        })
    }

    /// Steps whose effect stands, or may stand, although the execution did not succeed, and that were not taken back.
    #[must_use]
    pub fn not_undone(&self) -> Vec<String> {
        let taken_back = |name: &StepName| {
            undo_name(name)
                .and_then(|undo| self.steps.get(&undo))
                .is_some_and(|undo| matches!(undo.state, StepState::Succeeded { .. }))
        };
        let done = !matches!(self.state, ExecutionState::Succeeded { .. });
        let names = self.steps.iter().filter(|(name, progress)| {
            let looks = self.plan.steps.get(*name).is_some_and(|step| step.action.only_looks());
            done && progress.state.may_stand() && !looks && !is_undo(name) && !taken_back(name)
        });
        names.map(|(name, progress)| format!("{name} ({})", progress.state.word())).collect()
    }

    /// Where the time went, once it has succeeded.
    #[must_use]
    pub fn recovery_time(&self) -> Option<RecoveryTime> {
        let ended = self.ended_at.filter(|_| matches!(self.state, ExecutionState::Succeeded { .. }))?;
        // A page that is updated after the verification is no part of the recovery.
        let verifying = |name: &StepName| {
            self.plan
                .steps
                .get(name)
                .is_some_and(|step| matches!(step.action, Action::VerifyProbes(_) | Action::VerifySql(_)))
        };
        let telling = |name: &StepName| {
            self.plan
                .steps
                .get(name)
                .is_some_and(|step| matches!(step.action, Action::StatuspageIncident(_) | Action::Notify(_)))
        };
        let latest = |filter: &dyn Fn(&StepName) -> bool| {
            self.steps.iter().filter(|(name, _)| filter(name)).filter_map(|(_, p)| p.ended_at).max()
        };
        let executed = latest(&|name| !verifying(name) && !telling(name)).unwrap_or(ended);
        let verified = latest(&verifying).unwrap_or(executed);
        Some(RecoveryTime {
            detect: self.agreed_at.since(self.failing_since),
            decide: self.decided_at.since(self.agreed_at),
            execute: executed.since(self.decided_at),
            converge: verified.since(executed),
        })
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecutionState::AwaitingApproval => f.write_str("waits for approval"),
            ExecutionState::Running => f.write_str("runs"),
            ExecutionState::Stopped { step, reason } => write!(f, "stopped at step {step}: {reason}"),
            ExecutionState::Succeeded { exceptions: 0 } => f.write_str("succeeded"),
            ExecutionState::Succeeded { exceptions: 1 } => f.write_str("succeeded with 1 exception"),
            ExecutionState::Succeeded { exceptions } => write!(f, "succeeded with {exceptions} exceptions"),
            ExecutionState::Undoing { reason, given_up: false } => write!(f, "is taken back: {reason}"),
            ExecutionState::Undoing { reason, given_up: true } => {
                write!(f, "is no longer taken back: {reason}")
            }
            ExecutionState::Aborted { reason } => write!(f, "aborted: {reason}"),
        }
    }
}
