//! The shop: one service in two regions, watched by three agents of which one is a witness elsewhere. Builders only;
//! what must hold is in the tests.

use quorate_policies::{
    AgentName, CheckName, ComponentName, Millis, PlanName, Policy, RegionName, StepName, TargetName,
    Timestamp,
    agreement::{Evidence, LagVote, Vote, lag::replica_name},
    guard::{Hold, Refusal, ServiceFacts, Situation, Trigger, authorize, explain},
    health::Verdict,
    plan::action::{Action, EcsScale, RdsPromoteReadReplica, RecordKind, Route53Repoint, VerifyProbes},
    policy::{
        AgreementRules, Communication, Component, Guards, LeaseRules, Mode, Near, Objectives, OnError,
        PlanTemplate, Priority, Probe, Region, Role, Scenario, StepTemplate, When, WhenState,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// The primary region.
pub(crate) const EAST: &str = "us-east-1";
/// The standby region.
pub(crate) const WEST: &str = "us-west-2";
/// The witness's region, in which the service does not run.
pub(crate) const NORTH: &str = "eu-west-1";

/// The agent in the primary region.
pub(crate) const EVE: &str = "eve";
/// The agent in the standby region.
pub(crate) const WES: &str = "wes";
/// The witness.
pub(crate) const NOA: &str = "noa";

/// The moment at which every test happens: well above every window, so that nothing underflows unseen.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub(crate) fn agent(name: &str) -> AgentName {
    name.try_into().unwrap()
}

pub(crate) fn region(name: &str) -> RegionName {
    name.try_into().unwrap()
}

pub(crate) fn step(name: &str) -> StepName {
    name.try_into().unwrap()
}

pub(crate) fn plan_name(name: &str) -> PlanName {
    name.try_into().unwrap()
}

pub(crate) fn agents(names: &[&str]) -> BTreeSet<AgentName> {
    names.iter().map(|name| agent(name)).collect()
}

/// Three agents in three regions.
pub(crate) fn members() -> BTreeMap<AgentName, RegionName> {
    [(EVE, EAST), (WES, WEST), (NOA, NORTH)].map(|(name, at)| (agent(name), region(at))).into()
}

/// One fresh, armed vote on the service's own check, under the policy in force.
pub(crate) fn vote(name: &str, at: &str, verdict: Verdict) -> Vote {
    Vote {
        agent: agent(name),
        target: TargetName { check: CheckName::try_from("api").unwrap(), region: region(at) },
        verdict,
        armed: true,
        age: Millis(500),
        policy_matches: true,
        abstains: false,
        reason: None,
        failing_for: None,
    }
}

pub(crate) fn down(name: &str, at: &str) -> Vote {
    vote(name, at, Verdict::Down)
}

pub(crate) fn healthy(name: &str, at: &str) -> Vote {
    vote(name, at, Verdict::Healthy)
}

/// The same vote on another check.
pub(crate) fn on(check: &str, vote: Vote) -> Vote {
    Vote { target: TargetName { check: CheckName::try_from(check).unwrap(), ..vote.target }, ..vote }
}

/// Everybody sees the region so.
pub(crate) fn all(at: &str, verdict: Verdict) -> Vec<Vote> {
    [EVE, WES, NOA].map(|name| vote(name, at, verdict)).into()
}

pub(crate) fn probe(component: Option<&str>) -> Probe {
    Probe {
        component: component.map(|name| ComponentName::try_from(name).unwrap()),
        ..Probe::http("https://{alb}/health")
    }
}

pub(crate) fn component(priority: Priority) -> Component {
    Component { priority, needs: Vec::new(), rto: None, rpo: None }
}

/// A step with the default settings.
pub(crate) fn template(action: Action, needs: &[&str]) -> StepTemplate {
    StepTemplate {
        action,
        needs: needs.iter().map(|need| step(need)).collect(),
        when: BTreeMap::new(),
        timeout: Millis::from_secs(600),
        retries: 2,
        on_error: OnError::Stop,
        near: Near::To,
        role: None,
        component: None,
        only: None,
    }
}

pub(crate) fn scale(at: &str, desired: u32) -> Action {
    Action::EcsScale(EcsScale {
        region: at.into(),
        cluster: "shop".into(),
        service: "web".into(),
        desired: Some(desired),
        percent_of: None,
        enough_percent: 100,
        scaling: None,
    })
}

fn failover_plan() -> PlanTemplate {
    let promote = RdsPromoteReadReplica {
        region: "{to}".into(),
        instance: "{to.database}".into(),
        writable: None,
        heartbeat: None,
    };
    let repoint = Route53Repoint {
        zone: "Z1".into(),
        record: "{service}.example.com".into(),
        kind: RecordKind::A,
        alias: Some("{to.alb}".into()),
        alias_zone: Some("Z2".into()),
        values: Vec::new(),
        ttl_s: 60,
        weights: BTreeMap::new(),
        primary: None,
    };
    let verify = VerifyProbes { through: "https://{service}.example.com/health".into(), successes: 2 };
    let fence =
        StepTemplate { on_error: OnError::Continue, near: Near::From, ..template(scale("{from}", 0), &[]) };
    let steps = [
        ("fence", fence),
        ("promote", template(Action::RdsPromoteReadReplica(promote), &["fence"])),
        ("scale", template(scale("{to}", 4), &[])),
        ("repoint", template(Action::Route53Repoint(repoint), &["promote", "scale"])),
        ("verify", template(Action::VerifyProbes(verify), &["repoint"])),
    ];
    PlanTemplate {
        moves: true,
        traffic_first: false,
        steps: steps.map(|(name, template)| (step(name), template)).into(),
        sub_plans: BTreeMap::new(),
    }
}

/// The shop's policy: every default, and automatic mode.
pub(crate) fn policy() -> Policy {
    let vars = |side: &str| {
        [("alb", format!("{side}.elb.example.com")), ("database", format!("shop-{side}"))]
            .map(|(key, value)| (key.to_owned(), value))
            .into()
    };
    let regions = [(EAST, Role::Primary, "east"), (WEST, Role::Standby, "west")];
    let when = When { region: Some(Role::Primary), component: None, is: WhenState::Down };
    Policy {
        service: "shop".try_into().unwrap(),
        objectives: Objectives::default(),
        environment: None,
        regions: regions
            .map(|(name, role, side)| (region(name), Region { role, cold: false, vars: vars(side) }))
            .into(),
        components: BTreeMap::new(),
        probes: [(CheckName::try_from("api").unwrap(), probe(None))].into(),
        backups: BTreeMap::new(),
        agreement: AgreementRules::default(),
        guards: Guards::default(),
        lease: LeaseRules::default(),
        scenarios: [(
            plan_name("region-loss"),
            Scenario {
                description: String::new(),
                when: Some(when),
                run: plan_name("failover"),
                mode: Mode::Automatic,
                grace: Millis::ZERO,
                inputs: BTreeMap::new(),
                severity: None,
                level: None,
                rto: None,
                rpo: None,
                affects: Vec::new(),
            },
        )]
        .into(),
        plans: [(plan_name("failover"), failover_plan())].into(),
        communication: Communication::default(),
        timing: quorate_policies::policy::Timing::Wan,
        checklist: quorate_policies::policy::Checklist::default(),
        cost: None,
        evidence: Vec::new(),
        unsafe_topology: false,
        drills: BTreeMap::new(),
        failback: None,
    }
}

/// A situation that the guards can be asked about. Built so that every guard passes; tests spoil one thing.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) policy: Policy,
    pub(crate) members: BTreeMap<AgentName, RegionName>,
    pub(crate) facts: ServiceFacts,
    pub(crate) evidence: Evidence,
    pub(crate) now: Timestamp,
    pub(crate) to: RegionName,
}

/// Every replica is a second behind, as everybody read half a minute before the failure.
pub(crate) fn lags() -> Vec<LagVote> {
    let vote = |agent: AgentName, (at, instance): (&str, &str)| LagVote {
        agent,
        replica: replica_name(at, instance),
        behind: Millis(1_000),
        measured: Millis::from_secs(90),
        bytes: None,
        confirmed: false,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
    };
    let replicas = [(EAST, "shop-east"), (WEST, "shop-west")];
    members().into_keys().flat_map(|agent| replicas.map(|replica| vote(agent.clone(), replica))).collect()
}

impl Scene {
    /// The primary region has been down for a minute, the standby is healthy, and nothing forbids acting.
    pub(crate) fn primary_down() -> Self {
        let facts = ServiceFacts {
            active: region(EAST),
            hold: None,
            running: None,
            last_ended: None,
            in_place: None,
            starts: Vec::new(),
        };
        let votes = [all(EAST, Verdict::Down), all(WEST, Verdict::Healthy)].concat();
        let evidence = Evidence {
            votes,
            down_for: Millis::from_secs(60),
            everything_down_ago: None,
            flaps: 1,
            lags: lags(),
            looks: Vec::new(),
            components_down: Default::default(),
        };
        Self { policy: policy(), members: members(), facts, evidence, now: NOW, to: region(WEST) }
    }

    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation {
            policy: &self.policy,
            members: &self.members,
            facts: &self.facts,
            evidence: &self.evidence,
            now: self.now,
            plan: None,
        }
    }

    /// What automation may do.
    pub(crate) fn automatic(&self) -> Result<(), Refusal> {
        authorize(&self.situation(), &Trigger::Automatic, &self.to)
    }

    /// What an operator may do.
    pub(crate) fn operator(&self) -> Result<(), Refusal> {
        authorize(&self.situation(), &operator(), &self.to)
    }

    /// The name of the guard that refuses automation.
    pub(crate) fn refused_by(&self) -> &'static str {
        self.automatic().map_or_else(|refusal| refusal.guard(), |()| "nothing")
    }

    /// The guards that automation asks, in order, each with the name of its refusal.
    pub(crate) fn asked(&self, trigger: &Trigger) -> Vec<(String, Option<&'static str>)> {
        let checks = explain(&self.situation(), trigger, &self.to);
        checks.into_iter().map(|check| (check.guard, check.refusal.map(|refusal| refusal.guard()))).collect()
    }

    /// Replaces the votes on one region.
    pub(crate) fn seen(mut self, at: &str, votes: Vec<Vote>) -> Self {
        self.evidence.votes.retain(|vote| vote.target.region != region(at));
        self.evidence.votes.extend(votes);
        self
    }

    /// Lets a test spoil one thing.
    pub(crate) fn with(mut self, spoil: impl FnOnce(&mut Self)) -> Self {
        spoil(&mut self);
        self
    }
}

pub(crate) fn operator() -> Trigger {
    Trigger::Operator {
        by: "olga".to_owned(),
        reason: "the ticket says so".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    }
}

/// A pause without an end.
pub(crate) fn hold() -> Hold {
    Hold {
        by: "olga".to_owned(),
        reason: "database work".to_owned(),
        since: Timestamp(NOW.0 - 1),
        until: None,
    }
}
