//! What the leader does about drills: begins those that the policy schedules, each once, has the dry runs among them made, asks for
//! what is still to come of one, ends one that has failed beside the service, and has it said when one is due that nobody begins.

use super::{Node, Now, Output, dry_runs::Turn};
use crate::{
    cluster::{
        drill::{DrillOrder, DrillUnderWay, SCHEDULE},
        execution::ExecutionState,
        service::ServiceState,
    },
    command::{Actor, Body},
};
use quorate_policies::{
    DrillName, RegionName, ServiceName, Timestamp,
    agreement::{Evidence, tally_region},
    drill::{Conditions, Due, begins_itself, blocked, due},
    guard::{Trigger, standby},
    policy::{Drill, DrillMode},
};
use std::sync::Arc;

impl Node {
    pub(super) fn drills(
        &mut self,
        now: Now,
        name: &ServiceName,
        state: &ServiceState,
        out: &mut Vec<Output>,
    ) {
        if state.policy.drills.is_empty() {
            return;
        }
        let cluster = Arc::clone(&self.cluster);
        let clock = cluster.clock.max(now.wall);
        if let Some(running) = cluster.running(name) {
            // Nobody has to look at it first: its targets are throwaway, and its cleanup is still to come.
            if running.isolated() && matches!(running.state, ExecutionState::Stopped { .. }) {
                let reason = "the drill has failed, and what it made is cleared away".to_owned();
                let actor = Actor { name: self.settings.name.to_string(), reason };
                let body = Body::Abort { execution: running.id.clone(), actor, leave: true };
                self.propose(now, format!("drill-failed/{}", running.id), body, out);
            }
            return;
        }
        if state.hold.as_ref().is_some_and(|hold| hold.active(clock)) {
            return;
        }
        if let Some(under_way) = &state.drill {
            return self.finish(now, clock, name, state, under_way, out);
        }
        for (drill_name, drill) in &state.policy.drills {
            let Some(record) = state.drills.get(drill_name) else { continue };
            let Due::Now { since, overdue } = due(drill, record, clock) else { continue };
            if drill.mode == DrillMode::DryRun && begins_itself(drill, record, clock) {
                self.dry_run(now, clock, name, (drill_name, record.count), out);
            } else if begins_itself(drill, record, clock)
                && let Some(order) = self.scheduled(now, clock, name, drill_name, drill)
            {
                let key = format!("drill/{name}/{drill_name}/{}", record.count);
                let (service, drill) = (name.clone(), drill_name.clone());
                return self.propose(now, key, Body::Drill { service, drill, order }, out);
            }
            let told = record.announced.is_some_and(|at| at >= since);
            if !told && (!drill.scheduled || overdue) {
                let (service, drill) = (name.clone(), drill_name.clone());
                let key = format!("drill-due/{name}/{drill_name}/{}", record.count);
                self.propose(now, key, Body::Drill { service, drill, order: DrillOrder::Announce }, out);
            }
        }
    }

    /// Makes a dry run: it takes no slot, so that others go on beside it.
    fn dry_run(
        &mut self,
        now: Now,
        clock: Timestamp,
        service: &ServiceName,
        (name, count): (&DrillName, u64),
        out: &mut Vec<Output>,
    ) {
        let Some(state) = self.cluster.services.get(service) else { return };
        let Some(drill) = state.policy.drills.get(name) else { return };
        if !blocked(&state.policy, drill, &Conditions::default(), clock).is_empty() {
            return;
        }
        let (service, drill) = (service.clone(), name.clone());
        match self.dry_runs.turn(now.mono, &(service.clone(), drill.clone()), count) {
            Turn::Ask => out.push(Output::LookAtDrill { service, drill, count }),
            Turn::Wait => {}
            Turn::Propose(outcome) => {
                let actor = Actor { name: SCHEDULE.to_owned(), reason: is_due(name) };
                let key = format!("dry-run/{service}/{drill}/{count}");
                let order = DrillOrder::Record { outcome, actor, count: Some(count) };
                self.propose(now, key, Body::Drill { service, drill, order }, out);
            }
        }
    }

    fn finish(
        &mut self,
        now: Now,
        clock: Timestamp,
        name: &ServiceName,
        state: &ServiceState,
        under_way: &DrillUnderWay,
        out: &mut Vec<Output>,
    ) {
        if under_way.owed_at.is_none_or(|at| clock < at) {
            return;
        }
        let evidence = self.evidence(now.mono, name, state);
        if self.cluster.may_finish_drill(clock, name, &under_way.drill, &evidence).is_err() {
            return;
        }
        let order = DrillOrder::Finish { evidence, live: self.live(now.mono) };
        let (service, drill) = (name.clone(), under_way.drill.clone());
        let key = format!("drill-rest/{}/{}", under_way.first, under_way.tried);
        self.propose(now, key, Body::Drill { service, drill, order }, out);
    }

    /// The order by which a scheduled drill begins, if nothing keeps it from beginning.
    fn scheduled(
        &self,
        now: Now,
        clock: Timestamp,
        service: &ServiceName,
        name: &DrillName,
        drill: &Drill,
    ) -> Option<DrillOrder> {
        let state = self.cluster.services.get(service)?;
        let conditions = self.drill_conditions(now, service, drill);
        if !blocked(&state.policy, drill, &conditions, clock).is_empty() {
            return None;
        }
        let trigger = Trigger::Operator {
            by: SCHEDULE.to_owned(),
            reason: is_due(name),
            accept_data_loss: false,
            ungraceful: false,
        };
        let order = self.drill_order(now, service, name, trigger)?;
        let DrillOrder::Begin { to, trigger, evidence, count, .. } = &order else { return None };
        let asked = (to.as_ref(), trigger, evidence, *count);
        self.cluster.may_drill(clock, service, name, asked).is_ok().then_some(order)
    }

    /// The order by which a drill begins, as this agent sees things now.
    #[must_use]
    pub fn drill_order(
        &self,
        now: Now,
        service: &ServiceName,
        name: &DrillName,
        trigger: Trigger,
    ) -> Option<DrillOrder> {
        let state = self.cluster.services.get(service)?;
        let evidence = self.evidence(now.mono, service, state);
        let live = state.policy.drills.get(name).is_some_and(|drill| drill.mode == DrillMode::Live);
        let to = if live { self.drill_target(now, state, &evidence) } else { None };
        let count = state.drills.get(name).map_or(0, |record| record.count);
        Some(DrillOrder::Begin { to, trigger, evidence, live: self.live(now.mono), count })
    }

    fn drill_target(&self, now: Now, state: &ServiceState, evidence: &Evidence) -> Option<RegionName> {
        let facts = state.facts();
        standby::best(&self.situation(now, state, &facts, evidence)).cloned()
    }

    /// What this agent sees that matters to a drill.
    #[must_use]
    pub fn drill_conditions(&self, now: Now, service: &ServiceName, drill: &Drill) -> Conditions {
        let Some(state) = self.cluster.services.get(service) else { return Conditions::default() };
        let evidence = self.evidence(now.mono, service, state);
        let opinion = |region: &RegionName| {
            tally_region(&state.policy, &self.cluster.members, region, &evidence.votes).opinion
        };
        let to = self.drill_target(now, state, &evidence).filter(|_| drill.mode == DrillMode::Live);
        let looks = self.looks.report(now.mono, service, &state.policy_hash);
        let there = looks.into_iter().find(|look| to.as_ref() == Some(&look.to));
        Conditions {
            regions: state.policy.regions.keys().map(|name| (name.clone(), opinion(name))).collect(),
            not_ready: there.and_then(|look| look.blocked),
            stale: self.stale_backups.get(service).cloned().unwrap_or_default(),
        }
    }
}

fn is_due(drill: &DrillName) -> String {
    format!("drill {drill} is due, and the policy schedules it")
}
