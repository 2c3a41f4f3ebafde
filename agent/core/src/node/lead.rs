//! What only the leader does: form the cluster, ask for a decision when every guard lets it, record why not, give a
//! lost agent's steps to another, and let the lease move. It proposes; `Cluster::apply` decides.

use super::{Node, Now, Output};
use crate::{
    cluster::{
        execution::{Execution, ExecutionState},
        service::{LeaseRecord, ServiceState},
        steps::TOO_LATE,
    },
    command::{Actor, Body, LeaseProof},
};
use quorate_policies::{
    ServiceName,
    agreement::{Evidence, Opinion, tally_region},
    guard::{Refusal, ServiceFacts, Situation, Trigger, authorize, standby},
};
use std::sync::Arc;

impl Node {
    pub(super) fn lead(&mut self, now: Now, out: &mut Vec<Output>) {
        let cluster = Arc::clone(&self.cluster);
        if cluster.members.is_empty() {
            let members = self.settings.members.clone();
            self.propose(now, "members".to_owned(), Body::SetMembers { members }, out);
            return;
        }
        self.raise_level(now, out);
        for (name, state) in &cluster.services {
            self.consider(now, name, state, out);
            self.consider_parts(now, name, state, out);
            self.release(now, name, state, out);
            self.drills(now, name, state, out);
            if let Some(execution) = cluster.running(name) {
                self.replace_lost(now, execution, out);
                if cluster.came_too_late(&execution.id, cluster.clock.max(now.wall)) {
                    let actor = Actor { name: self.settings.name.to_string(), reason: TOO_LATE.to_owned() };
                    let body = Body::Abort { execution: execution.id.clone(), actor, leave: false };
                    self.propose(now, format!("late/{}", execution.id), body, out);
                }
            }
        }
    }

    /// Whether to fail over. The same function that every replica asks again when it applies the command.
    fn consider(&mut self, now: Now, name: &ServiceName, state: &ServiceState, out: &mut Vec<Output>) {
        let evidence = self.evidence(now.mono, name, state);
        let facts = self.cluster.facts(state);
        let situation = self.situation(now, state, &facts, &evidence);
        let Some(to) = standby::best(&situation).cloned() else { return };
        match authorize(&situation, &Trigger::Automatic, &to) {
            Ok(()) => {
                self.refusals.remove(name);
                let body = Body::Decide {
                    service: name.clone(),
                    to,
                    trigger: Trigger::Automatic,
                    evidence,
                    live: self.live(now.mono),
                };
                self.propose(now, format!("decide/{name}/{}", state.epoch), body, out);
            }
            Err(refusal) => self.note(now, name, state, &evidence, refusal, out),
        }
    }

    /// What the guards are asked about.
    pub(super) fn situation<'a>(
        &'a self,
        now: Now,
        state: &'a ServiceState,
        facts: &'a ServiceFacts,
        evidence: &'a Evidence,
    ) -> Situation<'a> {
        // The log's clock stands still while nothing is proposed; the stamp that the command would carry counts.
        let clock = self.cluster.clock.max(now.wall);
        Situation {
            policy: &state.policy,
            members: &self.cluster.members,
            facts,
            evidence,
            now: clock,
            plan: None,
        }
    }

    /// A refusal is audited when the region looks bad, and when its reason changes: not every second (R31).
    fn note(
        &mut self,
        now: Now,
        name: &ServiceName,
        state: &ServiceState,
        evidence: &Evidence,
        refusal: Refusal,
        out: &mut Vec<Output>,
    ) {
        // The usual answer, many times a second: it says itself that there is nothing to tell.
        if matches!(refusal, Refusal::RegionHealthy { .. }) {
            self.refusals.remove(name);
            return;
        }
        let active = tally_region(&state.policy, &self.cluster.members, &state.active, &evidence.votes);
        let telling = matches!(
            refusal,
            Refusal::AlreadyRedAtStart { .. }
                | Refusal::Dissent { .. }
                | Refusal::TooFewVantages { .. }
                | Refusal::Flapping { .. }
                | Refusal::EverythingDown { .. }
        );
        let busy = matches!(refusal, Refusal::ExecutionInProgress { .. });
        if active.opinion == Opinion::Healthy {
            self.refusals.remove(name);
        } else if (telling || active.opinion == Opinion::Down)
            && !busy
            && self.refusals.get(name) != Some(&refusal.guard())
        {
            self.refusals.insert(name.clone(), refusal.guard());
            let key = format!("refusal/{name}/{}", refusal.guard());
            self.propose(now, key, Body::RecordRefusal { service: name.clone(), refusal }, out);
        }
    }

    /// Steps of an agent that is lost go to another (R3).
    fn replace_lost(&mut self, now: Now, execution: &Execution, out: &mut Vec<Output>) {
        if !matches!(execution.state, ExecutionState::Running | ExecutionState::Undoing { .. }) {
            return;
        }
        let live = self.live(now.mono);
        let lost =
            execution.steps.values().filter_map(|p| p.state.agent()).any(|agent| !live.contains(agent));
        let next_is_lost = !execution.live.is_subset(&live);
        if lost || next_is_lost {
            let body = Body::SetLive { execution: execution.id.clone(), live };
            self.propose(now, format!("live/{}", execution.id), body, out);
        }
    }

    /// The old region's lease has certainly ended (R13).
    fn release(&mut self, now: Now, name: &ServiceName, state: &ServiceState, out: &mut Vec<Output>) {
        let LeaseRecord::Releasing { epoch, .. } = &state.lease else { return };
        let Some(before) = self.granted_before else { return };
        let Some(waited) = self.leases.expired(now.mono, name, state, before) else { return };
        let proof = LeaseProof::Expired { waited };
        let body = Body::ReleaseLease { service: name.clone(), epoch: *epoch, proof };
        self.propose(now, format!("lease/{name}/{epoch}"), body, out);
    }
}
