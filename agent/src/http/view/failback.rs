//! How far the way home is, from what the log remembers and what the agents see. It shows; nothing here begins anything (R25).

use quorate_api::drill::{Failback, Stage};
use quorate_core::{Cluster, Execution, ExecutionState, Node, node::Now};
use quorate_policies::{
    PlanName, RegionName, ServiceName,
    agreement::{Opinion, tally_region},
    guard::{Refusal, Situation, Trigger, authorize},
    policy::Role,
};

/// `GET /v1/services/{service}/failback`.
///
/// # Errors
/// When there is no such service, or its policy has no way home.
pub(in crate::http) fn failback(node: &Node, now: Now, service: &ServiceName) -> Result<Failback, Refusal> {
    let unknown = || Refusal::UnknownService { service: service.clone() };
    let cluster = node.cluster();
    let state = cluster.services.get(service).ok_or_else(unknown)?;
    let missing = |why: &str| Refusal::PolicyRefused { why: why.to_owned() };
    let way = state.policy.failback.as_ref().ok_or_else(|| {
        missing("it has no `failback`: name the scenarios of the way home (deploy/DRILLS.md)")
    })?;
    let primary = state.policy.regions.iter().find(|(_, region)| region.role == Role::Primary);
    let (home, _) = primary.ok_or_else(|| missing("it names no primary region"))?;
    let at_home = state.active == *home;
    let moved = latest(cluster, service, |execution| execution.plan.moves && *execution.to() == state.active);
    let since = moved.map_or(0, |execution| execution.epoch);
    let switched = at_home && moved.and_then(|e| e.scenario.as_ref()) == Some(&way.switch);
    // Coming home, what was done before the switch lies before its epoch.
    let rebuilt = latest(cluster, service, |e| e.scenario.as_ref() == Some(&way.rebuild) && e.epoch > since);
    let running = |name: &PlanName| {
        cluster.running(service).is_some_and(|execution| execution.scenario.as_ref() == Some(name))
    };
    let verified = verify(node, now, service, home, &way.switch);
    let mut next = Next { taken: at_home && !switched };
    let mut stages = vec![
        next.stage(
            "rebuild",
            Some(&way.rebuild),
            at_home || rebuilt.is_some(),
            running(&way.rebuild),
            match rebuilt {
                Some(done) => format!("{} in {}", done.id, done.from()),
                None if at_home => format!("{home} serves"),
                None => format!("make {home} a standby again, while {} serves", state.active),
            },
        ),
        next.stage(
            "verify",
            None,
            at_home || verified.is_ok(),
            false,
            match &verified {
                _ if at_home => format!("{home} serves"),
                Ok(seen) => seen.clone(),
                Err(why) => why.clone(),
            },
        ),
        next.stage(
            "switch",
            Some(&way.switch),
            at_home,
            running(&way.switch),
            match moved.filter(|_| switched) {
                Some(done) => done.id.clone(),
                None => format!("move {service} from {} to {home}", state.active),
            },
        ),
    ];
    if let Some(after) = &way.after {
        let done = latest(cluster, service, |e| e.scenario.as_ref() == Some(after) && e.epoch > since);
        let detail = done.map_or_else(|| "take back what was made larger".to_owned(), |done| done.id.clone());
        let done = (at_home && !switched) || (switched && done.is_some());
        stages.push(next.stage("after", Some(after), done, running(after), detail));
    }
    let open = stages.iter().find(|stage| stage.state != "done");
    let summary = match (at_home, open) {
        (true, None) => format!("{service} is at home in {home}: nothing is to be done"),
        (_, Some(stage)) => format!("{service} is in {}; {} is {}", state.active, stage.stage, stage.state),
        (false, None) => format!("{service} is in {}", state.active),
    };
    Ok(Failback {
        service: service.to_string(),
        active: state.active.to_string(),
        home: home.to_string(),
        summary,
        stages,
    })
}

/// The first stage that is not done is next; those behind it come later.
struct Next {
    taken: bool,
}

impl Next {
    fn stage(
        &mut self,
        stage: &str,
        scenario: Option<&PlanName>,
        done: bool,
        running: bool,
        detail: String,
    ) -> Stage {
        let state = match (done, running) {
            (_, true) => "running",
            (true, false) => "done",
            (false, false) if self.taken => "later",
            (false, false) => "next",
        };
        self.taken |= !done || running;
        Stage {
            stage: stage.to_owned(),
            scenario: scenario.map(ToString::to_string),
            state: state.to_owned(),
            detail,
        }
    }
}

fn latest<'a>(
    cluster: &'a Cluster,
    service: &ServiceName,
    wanted: impl Fn(&Execution) -> bool,
) -> Option<&'a Execution> {
    let done = |execution: &&Execution| {
        execution.service == *service
            && matches!(execution.state, ExecutionState::Succeeded { .. })
            && wanted(execution)
    };
    cluster.executions.values().filter(done).max_by_key(|execution| execution.epoch)
}

/// Whether home could take over now: healthy by agreement, its replica as near as the policy asks, by the very guards that the
/// move is asked of.
fn verify(
    node: &Node,
    now: Now,
    service: &ServiceName,
    home: &RegionName,
    switch: &PlanName,
) -> Result<String, String> {
    let cluster = node.cluster();
    let Some(state) = cluster.services.get(service) else { return Err("no such service".to_owned()) };
    let evidence = node.evidence_now(now, service);
    let facts = cluster.facts(state);
    let run = state.policy.scenarios.get(switch).map(|scenario| &scenario.run);
    let situation = Situation {
        policy: &state.policy,
        members: &cluster.members,
        facts: &facts,
        evidence: &evidence,
        now: cluster.clock.max(now.wall),
        plan: run,
    };
    let trigger = Trigger::Operator {
        by: "operator".to_owned(),
        reason: "failback".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    };
    if let Err(refusal) = authorize(&situation, &trigger, home) {
        return Err(refusal.to_string());
    }
    let healthy =
        tally_region(&state.policy, &cluster.members, home, &evidence.votes).opinion == Opinion::Healthy;
    let prefix = format!("{home}/");
    let lags = evidence.lags.iter().filter(|lag| lag.replica.starts_with(&prefix));
    let behind: Vec<String> = lags.map(|lag| format!("{} is {} behind", lag.replica, lag.behind)).collect();
    let health = if healthy { "healthy" } else { "not probed" };
    Ok(match behind.first() {
        Some(behind) => format!("{home} is {health}, {behind}"),
        None => format!("{home} is {health}; no plan asks how far a replica is behind"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;
    use quorate_core::Input;
    use quorate_policies::{Policy, Timestamp, health::Verdict, policy::Failback};
    use std::sync::Arc;

    /// A cluster whose service has moved away by `shop-2`, and in which these scenarios have run since, in this order.
    fn shown(active: &str, ran: &[(&str, &str, &str)]) -> String {
        let (mut node, now) = sample::node(Verdict::Healthy, Verdict::Healthy, &["a", "b", "c"]);
        let mut cluster = sample::executing();
        let mut policy: Policy = sample::policy();
        let name = |text: &str| text.parse::<PlanName>().unwrap();
        policy.failback =
            Some(Failback { rebuild: name("rebuild"), switch: name("return"), after: Some(name("shrink")) });
        let mut moved = cluster.executions.remove("shop-2").unwrap();
        moved.state = ExecutionState::Succeeded { exceptions: 0 };
        for (epoch, (scenario, from, to)) in (3..).zip(ran) {
            let mut next = moved.clone();
            (next.id, next.epoch, next.scenario) = (format!("shop-{epoch}"), epoch, Some(name(scenario)));
            (next.plan.from, next.plan.to) = (from.parse().unwrap(), to.parse().unwrap());
            next.plan.moves = from != to;
            cluster.executions.insert(next.id.clone(), next);
        }
        cluster.executions.insert(moved.id.clone(), moved);
        let service: ServiceName = "shop".parse().unwrap();
        let state = cluster.services.get_mut(&service).unwrap();
        (state.policy, state.running, state.active) = (policy, None, active.parse().unwrap());
        cluster.clock = Timestamp(now.wall.0);
        node.step(now, Input::Applied(Arc::new(cluster)));
        let way = failback(&node, now, &service).unwrap();
        let stages =
            way.stages.iter().map(|stage| format!("  {}: {}, {}", stage.stage, stage.state, stage.detail));
        format!("{}\n{}", way.summary, stages.collect::<Vec<_>>().join("\n"))
    }

    /// Goal: at every point of the way home it says what is done and what comes next, by what has run since the service left. Method:
    /// away, rebuilt, home again, and small again; and a service that never left by itself.
    #[test]
    fn every_point_of_the_way() {
        let (east, west) = ("us-east-1", "us-west-2");
        let rebuilt = ("rebuild", west, west);
        let home = ("return", west, east);
        let small = ("shrink", east, east);
        insta::assert_snapshot!(
            [
                shown(west, &[]),
                shown(west, &[rebuilt]),
                shown(east, &[rebuilt, home]),
                shown(east, &[rebuilt, home, small]),
            ]
            .join("\n\n")
        );
    }
}
