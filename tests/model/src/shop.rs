//! The model's service, its agents and what they see: constants and builders only. All lengths are chosen so that the
//! model's coarse time can tell them apart.

use super::Plan;
use quorate_core::Actor;
use quorate_policies::{
    AgentName, Millis, Policy, RegionName, ServiceName, StepName, TargetName,
    agreement::{Evidence, LagVote, Vote, lag::replica_name},
    document::read_policy,
    guard::Trigger,
    health::Verdict,
    policy::Mode,
};
use std::collections::{BTreeMap, BTreeSet};

/// The primary region.
pub(super) const EAST: &str = "us-east-1";
/// The standby region.
pub(super) const WEST: &str = "us-west-2";
/// The agents and where they stand. The first two stand where the service does, the third is the witness.
pub(super) const AGENTS: [(&str, &str); 3] = [("eve", EAST), ("wes", WEST), ("noa", "eu-west-1")];
/// All of them, as a set of bits.
pub(super) const EVERYBODY: u8 = 0b111;
/// The steps of both plans and of what takes them back, so that a number names one.
pub(super) const STEPS: [&str; 6] = ["fence", "promote", "repoint", "verify", "undo-fence", "undo-repoint"];
/// Tasks of the primary region.
pub(super) const TASKS: u32 = 4;
/// The model's time moves in steps of this length, all at once.
pub(super) const TICK: Millis = Millis(5_000);
/// The lease lasts one step of time and a bit, so it is valid at its request's own time and one step later; waiting it
/// out takes two.
const LEASE: Millis = Millis(6_000);
/// An attempt may take so long: it times out in the third step of time.
const TIMEOUT: &str = "10s";

const HEAD: &str = r#"
service: shop
regions:
  us-east-1: {role: primary, vars: {alb: east.elb.example.com, database: shop-east}}
  us-west-2: {role: standby, vars: {alb: west.elb.example.com, database: shop-west}}
probes:
  api: {http: "https://{alb}/health", interval: 1s, timeout: 800ms, fall: 3, rise: 2}
scenarios:
  region-loss: {when: {region: primary, is: down}, run: failover, mode: automatic}
plans:
  failover:
    steps:
"#;
const FENCE: &str = r#"
      fence:
        ecs.scale: {region: "{from}", cluster: shop, service: web, desired: 0}
        on_error: continue
"#;
const PROMOTE: &str = r#"
      promote:
        rds.promote_read_replica: {region: "{to}", instance: "{to.database}"}
"#;
const REPOINT: &str = r#"
      repoint:
        route53.repoint: {zone: Z1, record: shop.example.com, alias: "{to.alb}", alias_zone: Z2}
"#;
const VERIFY: &str = r#"
      verify:
        verify.probes: {through: "https://shop.example.com/health"}
"#;

/// The policy: no cool-down, so that a second failover may follow the first.
pub(super) fn policy(plan: Plan, approval: bool) -> Policy {
    let step = |text: &str, needs: &str, retries: u8| {
        format!(
            "{}\n        needs: [{needs}]\n        retries: {retries}\n        timeout: {TIMEOUT}\n",
            text.trim_end()
        )
    };
    let steps = match plan {
        Plan::FenceFirst => [
            step(FENCE, "", 0),
            step(PROMOTE, "fence", 1),
            step(REPOINT, "promote", 0),
            step(VERIFY, "repoint", 0),
        ],
        Plan::DnsOnly => [step(REPOINT, "", 1), step(VERIFY, "repoint", 0), String::new(), String::new()],
    };
    let text = format!("{}{}", HEAD.trim_end(), steps.concat());
    let mut policy = read_policy("model.yaml", &text).unwrap();
    policy.guards.cooldown = Millis::ZERO;
    policy.guards.failovers_max = 1_000;
    (policy.lease.ttl, policy.lease.drift) = (LEASE, Millis(300));
    if approval {
        policy.scenarios.values_mut().for_each(|scenario| scenario.mode = Mode::Approval);
    }
    policy
}

pub(super) fn shop() -> ServiceName {
    "shop".try_into().unwrap()
}

pub(super) fn agent(index: u8) -> AgentName {
    AGENTS[usize::from(index)].0.try_into().unwrap()
}

pub(super) fn region(index: u8) -> RegionName {
    AGENTS[usize::from(index)].1.try_into().unwrap()
}

pub(super) fn step(index: u8) -> StepName {
    STEPS[usize::from(index)].try_into().unwrap()
}

pub(super) fn members() -> BTreeMap<AgentName, RegionName> {
    (0..3).map(|index| (agent(index), region(index))).collect()
}

pub(super) fn agents(bits: u8) -> BTreeSet<AgentName> {
    (0..3).filter(|index| bits & (1 << index) != 0).map(agent).collect()
}

/// The execution of an epoch.
pub(super) fn execution(epoch: u8) -> String {
    format!("shop-{epoch}")
}

pub(super) fn olga() -> Actor {
    Actor { name: "olga".to_owned(), reason: "the ticket says so".to_owned() }
}

pub(super) fn trigger(operator: bool) -> Trigger {
    if !operator {
        return Trigger::Automatic;
    }
    let Actor { name: by, reason } = olga();
    Trigger::Operator { by, reason, accept_data_loss: false, ungraceful: false }
}

/// The primary region is down for everybody, and the standby is what `standby` says.
pub(super) fn evidence(standby: Verdict) -> Evidence {
    let votes = [(EAST, Verdict::Down), (WEST, standby)].into_iter().flat_map(|(at, verdict)| {
        (0..3).map(move |index| Vote {
            agent: agent(index),
            target: TargetName { check: "api".try_into().unwrap(), region: at.try_into().unwrap() },
            verdict,
            armed: true,
            age: Millis(300),
            policy_matches: true,
            abstains: false,
            reason: None,
            failing_for: (verdict == Verdict::Down).then(|| Millis::from_secs(62)),
        })
    });
    let lags = (0..3).map(|index| LagVote {
        agent: agent(index),
        replica: replica_name(WEST, "shop-west"),
        behind: Millis(1_000),
        measured: Millis::from_secs(90),
        bytes: None,
        confirmed: false,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
    });
    Evidence {
        votes: votes.collect(),
        down_for: Millis::from_secs(60),
        everything_down_ago: None,
        flaps: 1,
        lags: lags.collect(),
        looks: Vec::new(),
        components_down: Default::default(),
    }
}
