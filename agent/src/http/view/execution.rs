//! Executions: where they stand, which step did what, and where the recovery time went.

use super::{order::in_running_order, paperwork, told::told};
use quorate_api::execution::{
    DataLoss, DrillPart, Evidence, Execution, ExecutionList, LagSeen, Objectives, RecoveryTime, Step,
    VoteSeen,
};
use quorate_core::{
    Cluster, Execution as Record, ExecutionState, StepProgress, StepState, cluster::losses::Lost,
};
use quorate_policies::{
    Millis, ServiceName, StepName,
    agreement::{LagVote, Vote},
    guard::Trigger,
    health::Verdict,
    plan::{self, Action},
    policy::{Announce, Policy},
};
use std::cmp::Reverse;

/// `GET /v1/executions`: newest first.
pub(in crate::http) fn executions(cluster: &Cluster, service: Option<&ServiceName>) -> ExecutionList {
    let wanted = |record: &&Record| service.is_none_or(|service| record.service == *service);
    let mut records: Vec<&Record> = cluster.executions.values().filter(wanted).collect();
    records.sort_by_key(|record| (Reverse(record.decided_at), Reverse(record.epoch), &record.service));
    ExecutionList { executions: records.into_iter().map(|record| listed(cluster, record)).collect() }
}

/// `GET /v1/executions/{id}`: as it is listed, the evidence, and what people were told.
pub(crate) fn execution(cluster: &Cluster, record: &Record) -> Execution {
    let people = told(cluster, record);
    Execution { evidence: Some(evidence(cluster, record)), people, ..listed(cluster, record) }
}

fn listed(cluster: &Cluster, record: &Record) -> Execution {
    let service = cluster.services.get(&record.service);
    // An execution from before it kept its own is measured by the policy in force.
    let policy = service.map(|state| &state.policy);
    let own = record.objective.or_else(|| Some(policy?.objective(record.scenario.as_ref())));
    let (objective, rpo) = own.map_or((Millis::ZERO, Millis::ZERO), |own| (own.rto, own.rpo));
    let expected = cluster.expected_end(record);
    let (reason, accepts_data_loss) = match &record.trigger {
        Trigger::Automatic => (String::new(), false),
        Trigger::Operator { reason, accept_data_loss, .. } => (reason.clone(), *accept_data_loss),
    };
    Execution {
        id: record.id.clone(),
        service: record.service.to_string(),
        plan: record.plan.name.to_string(),
        scenario: record.scenario.as_ref().map(ToString::to_string),
        inputs: record.inputs.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        epoch: record.epoch,
        trigger: match &record.trigger {
            Trigger::Automatic => "automatic".to_owned(),
            Trigger::Operator { by, .. } => by.clone(),
        },
        reason,
        accepts_data_loss,
        policy_hash: record.policy_hash.clone(),
        objectives: own.map(|own| Objectives {
            rto_ms: own.rto.0,
            rpo_ms: own.rpo.0,
            policy_hash: match (&record.objective, service) {
                (None, Some(state)) => state.policy_hash.clone(),
                (Some(_), _) | (None, None) => record.policy_hash.clone(),
            },
        }),
        from: record.from().to_string(),
        to: record.to().to_string(),
        state: record.state.word().to_owned(),
        summary: record.state.to_string(),
        manner: manner(record),
        held: cluster.held(record).is_some(),
        failing_since: record.failing_since.to_string(),
        agreed_at: record.agreed_at.to_string(),
        decided_at: record.decided_at.to_string(),
        begun_at: (record.state != ExecutionState::AwaitingApproval).then(|| record.begun_at.to_string()),
        ended_at: record.ended_at.map(|at| at.to_string()),
        data_loss: record.losses().map(|(step, lost)| loss(step, &lost, rpo)).collect(),
        recovery_time: record.recovery_time().map(|time| RecoveryTime {
            detect_ms: time.detect.0,
            decide_ms: time.decide.0,
            execute_ms: time.execute.0,
            converge_ms: time.converge.0,
            total_ms: time.total().0,
            objective_ms: objective.0,
        }),
        receivers: service.map(|state| receivers(&state.policy)).unwrap_or_default(),
        evidence: None,
        drill: record.drill.as_ref().map(|of| DrillPart {
            drill: of.name.to_string(),
            mode: of.mode.to_string(),
            part: of.part().to_owned(),
            announce: match of.announce {
                Announce::Internal => "internal",
                Announce::Public => "public",
            }
            .to_owned(),
        }),
        steps: in_running_order(&record.plan)
            .into_iter()
            .filter_map(|(name, planned)| Some(step(record, name, planned, record.steps.get(name)?)))
            .collect(),
        expected_end: expected.map(|end| end.at.to_string()),
        late: expected.is_some_and(|end| end.late),
        checklist: paperwork::checklist(record),
        cost: paperwork::cost(record),
        controls: paperwork::controls(record),
        people: None,
    }
}

fn receivers(policy: &Policy) -> Vec<String> {
    policy.communication.webhooks.iter().map(|webhook| webhook.name.clone()).collect()
}

/// What the leader saw when it decided.
fn evidence(cluster: &Cluster, record: &Record) -> Evidence {
    let policy = cluster.services.get(&record.service).map(|state| &state.policy);
    Evidence {
        down_for_ms: record.evidence.down_for.0,
        flaps: record.evidence.flaps,
        votes: record.evidence.votes.iter().map(|vote| word(cluster, policy, vote)).collect(),
        lags: record.evidence.lags.iter().map(lag).collect(),
    }
}

fn word(cluster: &Cluster, policy: Option<&Policy>, vote: &Vote) -> VoteSeen {
    VoteSeen {
        agent: vote.agent.to_string(),
        vantage: cluster.members.get(&vote.agent).map(ToString::to_string).unwrap_or_default(),
        target: vote.target.to_string(),
        verdict: vote.verdict.to_string(),
        reason: vote.reason.map(|reason| reason.to_string()),
        // The report is a little older than what it says.
        failing_for_ms: vote.failing_for.map(|length| length.plus(vote.age).0),
        age_ms: vote.age.0,
        not_counted: not_counted(policy, vote).to_owned(),
    }
}

/// As the tally asks, and in its order.
fn not_counted(policy: Option<&Policy>, vote: &Vote) -> &'static str {
    if policy.is_some_and(|policy| vote.age > policy.agreement.freshness) {
        "too old"
    } else if vote.abstains {
        "the agent abstains"
    } else if !vote.policy_matches {
        "judged by another policy"
    } else if vote.verdict == Verdict::Unknown {
        "no fresh data"
    } else if !vote.armed && vote.verdict == Verdict::Down {
        "never saw it healthy"
    } else {
        ""
    }
}

fn lag(vote: &LagVote) -> LagSeen {
    LagSeen {
        agent: vote.agent.to_string(),
        replica: vote.replica.clone(),
        behind_ms: vote.behind.0,
        bytes: vote.bytes,
        confirmed: vote.confirmed,
        measured_ms_ago: vote.measured.plus(vote.age).0,
    }
}

/// What a promotion or a restore lost. What could not be measured says so; it is not zero (R7).
fn loss(step: &StepName, lost: &Lost, objective: Millis) -> DataLoss {
    DataLoss {
        step: step.to_string(),
        behind_ms: lost.window().map(|window| window.0),
        objective_ms: objective.0,
        measured: lost.to_string(),
    }
}

fn step(record: &Record, name: &StepName, planned: &plan::Step, progress: &StepProgress) -> Step {
    Step {
        name: name.to_string(),
        action: planned.action.kind().to_owned(),
        needs: planned.needs.iter().map(ToString::to_string).collect(),
        reversible: planned.reversible,
        state: progress.state.word().to_owned(),
        detail: match &progress.state {
            StepState::Succeeded { detail } => detail.clone(),
            StepState::Failed { reason, .. } => reason.clone(),
            StepState::Assigned { .. } | StepState::Started { .. } => question(planned, progress),
            StepState::Cancelled if !record.takes_part(name) => left_out(planned),
            StepState::Waiting | StepState::Cancelled => String::new(),
        },
        before: progress.before.as_ref().map(ToString::to_string).unwrap_or_default(),
        agent: progress.agent.as_ref().map(ToString::to_string),
        attempt: progress.attempt,
        started_at: progress.started_at.map(|at| at.to_string()),
        resumed_at: progress.resumed_at.map(|at| at.to_string()),
        ended_at: progress.ended_at.map(|at| at.to_string()),
    }
}

/// How it runs, where that makes a difference.
fn manner(record: &Record) -> String {
    let differs = record.plan.steps.values().any(|step| step.only.is_some());
    if differs { record.manner.to_string() } else { String::new() }
}

/// Why a step does not run.
fn left_out(planned: &plan::Step) -> String {
    planned.only.map(|only| format!("runs only in {} executions", only.word())).unwrap_or_default()
}

/// What an `approval` step asks, while it has no answer.
fn question(planned: &plan::Step, progress: &StepProgress) -> String {
    let Action::Approval(approval) = &planned.action else { return String::new() };
    if progress.approved_by.is_some() { String::new() } else { format!("asks: {}", approval.ask) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: a running execution is shown step by step. Method: one whose promotion runs, whose fence failed without
    /// an answer, and whose other steps wait.
    #[test]
    fn a_running_execution() {
        let cluster = sample::executing();
        let shown = executions(&cluster, None);
        // The policy's hash changes with every setting that policies learn.
        let hash = &cluster.services.values().next().unwrap().policy_hash;
        let text = serde_json::to_string_pretty(&shown).unwrap().replace(hash, "HASH");
        insta::assert_snapshot!(text);
    }

    /// Goal: one execution shows what the leader saw when it was decided. Method: the same, asked for by itself.
    #[test]
    fn the_evidence_of_one() {
        let cluster = sample::executing();
        let shown = execution(&cluster, cluster.executions.values().next().unwrap());
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown.evidence).unwrap());
    }

    /// Goal: only the service that was asked for is listed. Method: another one.
    #[test]
    fn by_service() {
        let cluster = sample::executing();
        assert_eq!(executions(&cluster, Some(&"shop".parse().unwrap())).executions.len(), 1);
        assert!(executions(&cluster, Some(&"other".parse().unwrap())).executions.is_empty());
    }
}
