//! Looks, all the time, at whether the plans would work if they were needed now (R21), and remembers what it found for
//! the API and the metrics. It only reads; a step that nobody can look at beforehand has no findings. What was found of
//! another plan, of before a policy or a failover, is nobody's news: the plan is looked at anew.

use super::{Agent, agent::lock};
use crate::effects::Effects;
use futures_util::future::{join, join_all};
use quorate_core::node::Input;
use quorate_policies::{
    Millis, RegionName, ServiceName, Timestamp,
    effect::EffectContext,
    guard::{Refusal, situation::scenario},
    plan::{
        Plan, Step,
        expand::{Inputs, expand},
    },
    policy::OnError,
    readiness::{self, Finding, FindingSeverity},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// ARC Region switch evaluates its plans as often. Each look costs a few reads of each account.
const EVERY: Duration = Duration::from_secs(30 * 60);
/// How often it is asked whether a plan is another than the one that was looked at; that costs no request. As long as an
/// agent takes after its start, and short beside the scrapes of which an alert is made.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// A finding younger than this is shown instead of looking again, so that nobody can spend the account's five Route 53
/// requests a second by asking us.
const FRESH: Millis = Millis(10_000);
/// How long one step, or all permissions, may be looked at: within the ten seconds that a request to the API may take.
const STEP_MAX: Duration = Duration::from_secs(8);
/// After the start, before the first look: the policies have to be there, and probes go first.
const FIRST: Duration = Duration::from_secs(5);

/// What was found about one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanCheck {
    /// When.
    pub at: Timestamp,
    /// By the policy of this hash.
    pub policy_hash: String,
    /// Of the plan that leaves this region.
    pub from: RegionName,
    /// What.
    pub findings: Vec<Finding>,
}

impl PlanCheck {
    /// Whether nothing known stands in the plan's way.
    #[must_use]
    pub fn ready(&self) -> bool {
        readiness::ready(&self.findings)
    }

    /// That as a sentence, with the first thing that stands there.
    #[must_use]
    pub fn sentence(&self) -> String {
        let blocks = |finding: &&Finding| finding.severity == FindingSeverity::Blocking;
        match self.findings.iter().find(blocks) {
            Some(finding) => format!("its plan would not go through: {finding}"),
            None => "nothing known stands in its way".to_owned(),
        }
    }
}

/// A way out: the service, and the region that the plan activates.
type Way = (ServiceName, RegionName);

/// What a plan follows from, beside its way: with another of these it is another plan.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    policy_hash: String,
    from: RegionName,
}

/// Looks at every plan of every service: at once after the start and when it has become another, and then in turn.
pub(super) async fn run(agent: Arc<Agent>) {
    tokio::time::sleep(FIRST).await;
    let mut turn = interval(ASK_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked: BTreeMap<Way, (Basis, Instant)> = BTreeMap::new();
    loop {
        turn.tick().await;
        let ways = ways_out(&agent);
        looked.retain(|way, _| ways.contains_key(way));
        for (way, basis) in ways {
            if !is_due(looked.get(&way), &basis, Instant::now()) {
                continue;
            }
            let (service, to) = &way;
            match agent.check_plan(service, to).await {
                Ok(check) => check.findings.iter().for_each(|finding| {
                    tracing::info!(%service, %to, severity = finding.severity.as_str(), "plan: {finding}");
                }),
                Err(refusal) => tracing::debug!(%service, %to, %refusal, "plan not checked"),
            }
            looked.insert(way, (basis, Instant::now()));
        }
    }
}

/// Whether a plan has to be looked at: nobody has, it is another now, or that was long ago.
fn is_due(last: Option<&(Basis, Instant)>, basis: &Basis, now: Instant) -> bool {
    last.is_none_or(|(then, at)| then != basis || now.duration_since(*at) >= EVERY)
}

fn ways_out(agent: &Agent) -> BTreeMap<Way, Basis> {
    agent.with_node(|node, _| {
        let services = node.cluster().services.iter();
        let ways = services.flat_map(|(name, state)| {
            let basis = Basis { policy_hash: state.policy_hash.clone(), from: state.active.clone() };
            let others = state.policy.regions.keys().filter(|region| **region != state.active);
            others.map(move |region| ((name.clone(), region.clone()), basis.clone()))
        });
        ways.collect()
    })
}

impl Agent {
    /// Looks at the plan of a service's scenario for one region, unless that was done a moment ago.
    ///
    /// # Errors
    /// When there is no such service, no scenario, or the plan cannot be expanded.
    pub async fn check_plan(&self, service: &ServiceName, to: &RegionName) -> Result<PlanCheck, Refusal> {
        let (plan, policy_hash, epoch) = self.plan_of(service, to)?;
        let key = (service.clone(), to.clone());
        let last = lock(&self.plan_checks).get(&key).cloned();
        if let Some(check) = last {
            let young = self.wall().since(check.at) < FRESH;
            if young && check.policy_hash == policy_hash && check.from == plan.from {
                return Ok(check);
            }
        }
        let findings = look(&self.effects, service, &plan, epoch).await;
        let blocked = blocks(&plan, &findings);
        let (service, to) = (service.clone(), to.clone());
        self.input(Input::PlanLooked { service, to, policy_hash: policy_hash.clone(), blocked });
        let check = PlanCheck { at: self.wall(), policy_hash, from: plan.from, findings };
        lock(&self.plan_checks).insert(key, check.clone());
        Ok(check)
    }

    /// Looks at any plan, for a dry run. What it finds is told to nobody else.
    pub async fn look_at_plan(&self, service: &ServiceName, plan: &Plan) -> PlanCheck {
        let known = self.with_node(|node, _| {
            let state = node.cluster().services.get(service)?;
            Some((state.policy_hash.clone(), state.epoch))
        });
        let (policy_hash, epoch) = known.unwrap_or_default();
        let findings = look(&self.effects, service, plan, epoch).await;
        PlanCheck { at: self.wall(), policy_hash, from: plan.from.clone(), findings }
    }

    /// What was found about each plan last, by service and the region that it activates.
    #[must_use]
    pub fn plan_checks(&self) -> BTreeMap<(ServiceName, RegionName), PlanCheck> {
        lock(&self.plan_checks).clone()
    }

    fn plan_of(&self, service: &ServiceName, to: &RegionName) -> Result<(Plan, String, u64), Refusal> {
        self.with_node(|node, _| {
            let unknown = || Refusal::UnknownService { service: service.clone() };
            let state = node.cluster().services.get(service).ok_or_else(unknown)?;
            let (name, _) = scenario(&state.policy).ok_or(Refusal::NoScenario)?;
            let plan = expand(&state.policy, name, &state.active, to, &Inputs::new())
                .map_err(|error| Refusal::PolicyRefused { why: error.to_string() })?;
            Ok((plan, state.policy_hash.clone(), state.epoch))
        })
    }
}

/// Looks at every step of a plan, and at its permissions, side by side; the gravest finding comes first. It only reads.
pub(crate) async fn look(effects: &Effects, service: &ServiceName, plan: &Plan, epoch: u64) -> Vec<Finding> {
    let looks = plan.steps.iter().map(|(name, step)| async {
        let context = context(service, plan, step, epoch);
        let found = timeout(STEP_MAX, effects.check(&step.action, &context)).await;
        let found = found.unwrap_or_else(|_| vec![late("the step")]);
        found.into_iter().map(|finding| finding.of(name)).collect::<Vec<_>>()
    });
    let permissions = async {
        let found = timeout(STEP_MAX, effects.check_permissions(plan)).await;
        found.unwrap_or_else(|_| vec![late("permissions")])
    };
    let (found, permissions) = join(join_all(looks), permissions).await;
    let mut findings: Vec<Finding> = found.into_iter().flatten().chain(permissions).collect();
    findings.sort();
    findings
}

/// The first finding that would stop the plan: one about a step that may fail stops nothing.
fn blocks(plan: &Plan, findings: &[Finding]) -> Option<String> {
    let stops = |finding: &&Finding| {
        let step = finding.step.as_ref().and_then(|name| plan.steps.get(name));
        finding.severity == FindingSeverity::Blocking
            && step.is_none_or(|step| step.on_error != OnError::Continue)
    };
    findings.iter().find(stops).map(ToString::to_string)
}

/// What was not looked at to its end.
fn late(what: &str) -> Finding {
    Finding::unknown(format!("{what}: no answer within {STEP_MAX:?}"), "look again later")
}

/// The context of a look: nothing is executed, so there is no execution.
fn context(service: &ServiceName, plan: &Plan, step: &Step, epoch: u64) -> EffectContext {
    EffectContext {
        service: service.to_string(),
        execution: "readiness".to_owned(),
        epoch,
        attempt: 0,
        from: plan.from.to_string(),
        to: plan.to.to_string(),
        before: None,
        role: step.role.clone(),
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a plan is looked at when it is another than the one that was looked at, or when that was long ago, and not all the
    /// time. Method: the same look, asked about after other times, policies and active regions.
    #[test]
    fn a_plan_that_became_another_is_looked_at_anew() {
        let basis = |policy_hash: &str, from: &str| Basis {
            policy_hash: policy_hash.to_owned(),
            from: from.parse().unwrap(),
        };
        let at = Instant::now();
        let here = basis("abc", "us-east-1");
        let last = (here.clone(), at);
        assert!(is_due(None, &here, at), "nobody has looked");
        assert!(!is_due(Some(&last), &here, at + ASK_EVERY), "somebody has, a moment ago");
        assert!(is_due(Some(&last), &basis("def", "us-east-1"), at), "another policy");
        assert!(is_due(Some(&last), &basis("abc", "eu-west-1"), at), "another region is left");
        assert!(!is_due(Some(&last), &here, at + EVERY - ASK_EVERY));
        assert!(is_due(Some(&last), &here, at + EVERY), "half an hour ago");
    }
}
