//! The simulated cloud: two databases, compute in two regions, and one DNS record with its epoch beside it. Calls may be
//! slow, be refused, be lost on their way, or be applied with the reply lost. Every change that is applied is told to the
//! oracle in the same moment.

mod world;

use super::{
    host::Host,
    network::Network,
    oracle::{Effect, Shared},
    replicas,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_core::node::StepOrder;
use quorate_policies::{
    effect::{Acted, EffectContext, Observed},
    plan::Action,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use world::{Change, World};

/// What ails the cloud's control plane.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trouble {
    /// The longest time that a request takes to be carried out, in milliseconds. A real call gives up after 8 s.
    pub(super) slow_ms: u64,
    /// Probability that a request is lost before it is carried out.
    pub(super) lost_before: f64,
    /// Probability that its reply is lost.
    pub(super) lost_after: f64,
    /// Probability that a request is refused and may be repeated.
    pub(super) refused: f64,
}

/// An ordinary call takes at most so many milliseconds each way.
const ORDINARY_MS: u64 = 150;

struct Inside {
    world: World,
    trouble: Trouble,
    random: StdRng,
    network: Network,
    oracle: Shared,
}

/// The cloud. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cloud(Arc<Mutex<Inside>>);

/// What happens to one call.
struct Fate {
    there: Duration,
    between: Duration,
    back: Duration,
    lost_before: bool,
    lost_after: bool,
    refused: bool,
}

impl Cloud {
    pub(super) fn new(seed: u64, network: Network, oracle: Shared) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let (world, trouble) = (World::new(), Trouble::default());
        Self(Arc::new(Mutex::new(Inside { world, trouble, random, network, oracle })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        self.inside().trouble = trouble;
    }

    /// A region's services and its control plane go down, or come back.
    pub(super) fn set_dead(&self, region: &str, dead: bool) {
        self.inside().world.region(region).dead = dead;
    }

    /// An operator makes a region that was left into a standby again.
    pub(super) fn rebuild(&self, region: &str) {
        self.inside().world.rebuild(region);
    }

    /// Whether a region answers its clients.
    pub(super) fn serves(&self, region: &str) -> bool {
        self.inside().world.serves(region)
    }

    fn fate(&self) -> Fate {
        let mut inside = self.inside();
        let Trouble { slow_ms, lost_before, lost_after, refused } = inside.trouble;
        let random = &mut inside.random;
        let mut ms = |most: u64| Duration::from_millis(random.random_range(5..=most));
        Fate {
            there: ms(ORDINARY_MS + slow_ms),
            between: ms(ORDINARY_MS),
            back: ms(ORDINARY_MS + slow_ms / 2),
            lost_before: random.random_bool(lost_before),
            lost_after: random.random_bool(lost_after),
            refused: random.random_bool(refused),
        }
    }

    /// Whether an agent's calls get to where the action works.
    fn reaches(&self, host: &Host, action: &Action) -> bool {
        let Some(at) = action.region() else { return true };
        !self.inside().world.region(at).dead && !host.network.is_dark(host.id, &super::region(at))
    }

    /// Reads the world. It never ends if the call is lost: the caller has a deadline.
    pub(super) async fn observe(&self, host: &Host, action: &Action, context: &EffectContext) -> Observed {
        let fate = self.fate();
        SimRuntime::sleep(fate.there).await;
        if !self.reaches(host, action) || fate.lost_before || fate.lost_after {
            return std::future::pending().await;
        }
        if fate.refused {
            return Observed::Unknown { reason: "throttled".to_owned() };
        }
        let seen = self.inside().world.observe(action, context);
        SimRuntime::sleep(fate.back).await;
        host.runs().await;
        seen
    }

    /// Changes the world. The call goes its way whatever becomes of the caller.
    pub(super) async fn act(&self, host: &Host, order: &StepOrder, context: &EffectContext) -> Acted {
        if matches!(order.step.action, Action::VerifyProbes(_)) {
            return Acted::Accepted { detail: "there is nothing to do but to look".to_owned() };
        }
        let fate = self.fate();
        let reaches = self.reaches(host, &order.step.action);
        self.inside()
            .oracle
            .lock()
            .unwrap()
            .r8_no_act_right_after_a_pause(host.name.as_str(), order.name.as_str());
        let call = Call {
            cloud: self.clone(),
            agent: host.name.to_string(),
            order: order.clone(),
            context: context.clone(),
        };
        let carried = SimRuntime::spawn(async move {
            SimRuntime::sleep(fate.there).await;
            if fate.lost_before || !reaches {
                return None;
            }
            if fate.refused {
                return Some(Acted::Refused { reason: "throttled".to_owned(), retryable: true });
            }
            let acted = call.carry_out(fate.between).await;
            SimRuntime::sleep(fate.back).await;
            (!fate.lost_after).then_some(acted)
        });
        let acted = match carried.await {
            Ok(Some(acted)) => acted,
            _ => std::future::pending().await,
        };
        host.runs().await;
        acted
    }
}

struct Call {
    cloud: Cloud,
    agent: String,
    order: StepOrder,
    context: EffectContext,
}

impl Call {
    /// A repoint reads the record first and sends its batch on the condition that nothing has moved; everything else is
    /// one request.
    async fn carry_out(&self, between: Duration) -> Acted {
        let action = &self.order.step.action;
        if let Action::Route53Repoint(repoint) = action {
            let seen = self.cloud.inside().world.record.epoch;
            if seen > self.context.epoch {
                return refused(&format!("the record belongs to epoch {seen}"), false);
            }
            SimRuntime::sleep(between).await;
            return self.apply(|world| world.repoint(repoint, seen, self.context.epoch));
        }
        let delay = Duration::from_millis(self.cloud.inside().random.random_range(2_000..8_000));
        self.apply(|world| world.change(action, super::now() + delay))
    }

    fn apply(&self, change: impl FnOnce(&mut World) -> Change) -> Acted {
        let mut inside = self.cloud.inside();
        let before = inside.world.record.clone();
        let change = change(&mut inside.world);
        let after = inside.world.record.clone();
        let (network, oracle) = (inside.network.clone(), inside.oracle.clone());
        drop(inside);
        match change {
            Change::Applied { meaning, promotes_in } => {
                replicas::look(&network, &oracle);
                let mut oracle = oracle.lock().unwrap();
                if after.targets.is_empty() {
                    oracle.violated("R23: the DNS record is empty");
                }
                if after.epoch < before.epoch {
                    oracle.violated(&format!("R4: DNS went from epoch {} to {}", before.epoch, after.epoch));
                }
                oracle.applied(Effect {
                    agent: self.agent.clone(),
                    execution: self.order.execution.clone(),
                    step: self.order.name.to_string(),
                    attempt: self.order.attempt,
                    meaning: meaning.clone(),
                    promotes_in,
                });
                Acted::Accepted { detail: meaning }
            }
            Change::Refused { reason, retryable } => refused(&reason, retryable),
        }
    }
}

fn refused(reason: &str, retryable: bool) -> Acted {
    Acted::Refused { reason: reason.to_owned(), retryable }
}
