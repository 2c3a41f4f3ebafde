//! A program that an attempt runs on its agent's host: that it ends with the attempt, however that ends, and before anybody
//! hears of it. The executor's own loop in a world of one agent, where time passes only while it waits.

use crate::{log::*, shop::*};
use quorate_core::{
    Cluster, Command, Execution, Input, LeaseWanted, Node, NodeSettings, Output, Response, StepNews,
    StepState, Surroundings, executor,
    node::{Now, StepOrder},
};
use quorate_policies::{
    AgentName, FEATURE_LEVEL, Millis, Monotonic, RegionName,
    effect::{Acted, EffectContext, Observed},
    guard::Refusal,
    plan::Action,
};
use std::{
    fmt::Write as _,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

/// What befalls the log, and when.
type Event = (u64, fn(&mut Log));

/// One agent, its log, and what it is told to do.
struct Host {
    name: AgentName,
    region: RegionName,
    desk: Mutex<Desk>,
}

struct Desk {
    log: Log,
    node: Node,
    now: u64,
    /// What befalls it, and when.
    event: Option<Event>,
    /// What a look shows, by the milliseconds since the act.
    look: fn(u64) -> Observed,
    acted_at: Option<u64>,
    /// How long each read barrier takes, from the second on: the first is that of the attempt's begin.
    barrier: u64,
    barriers: u32,
    story: String,
    context: Option<EffectContext>,
}

impl Host {
    /// Wes, whose `scale` step runs a program for a minute at most, and its order.
    fn new(log: Log, look: fn(u64) -> Observed, event: Option<Event>) -> (Self, StepOrder) {
        let settings = NodeSettings {
            name: agent(WES),
            region: region(WEST),
            members: members(),
            incarnation: 1,
            feature_level: FEATURE_LEVEL,
            report_interval: Millis(1_000),
            lost_after: Millis(2_500),
        };
        let now = Now { mono: Monotonic(1), wall: log.now };
        let mut node = Node::new(settings, now);
        let outputs = node.step(now, Input::Applied(Arc::new(log.cluster.clone())));
        let order = outputs.into_iter().find_map(|output| match output {
            Output::Run(order) if order.name.as_str() == "scale" => Some(*order),
            _ => None,
        });
        let (now, acted_at, story, context) = (1, None, String::new(), None);
        let (barrier, barriers) = (0, 0);
        let desk =
            Mutex::new(Desk { log, node, now, event, look, acted_at, barrier, barriers, story, context });
        (Self { name: agent(WES), region: region(WEST), desk }, order.expect("wes has the step"))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    fn tell(&self, what: &str) {
        let mut desk = self.desk();
        let now = Millis(desk.now - 1).to_string();
        writeln!(desk.story, "{now:>8}  {what}").unwrap();
    }

    /// Runs the attempt to its end.
    fn run(&self, order: &StepOrder) -> String {
        let mut work = pin!(executor::run(self, order));
        let mut context = Context::from_waker(Waker::noop());
        // Nothing in this world waits for anything but its own clock.
        assert_eq!(work.as_mut().poll(&mut context), Poll::Ready(()));
        std::mem::take(&mut self.desk().story)
    }
}

impl Desk {
    fn instant(&self) -> Now {
        Now { mono: Monotonic(self.now), wall: self.log.now }
    }

    fn pass(&mut self, length: u64) {
        for _ in 0..length {
            self.now += 1;
            self.log.wait(Millis(1));
            if let Some((_, befall)) = self.event.take_if(|(at, _)| *at <= self.now) {
                befall(&mut self.log);
            }
        }
        let now = self.instant();
        self.node.step(now, Input::Tick);
    }
}

impl Surroundings for Host {
    fn name(&self) -> &AgentName {
        &self.name
    }

    fn region(&self) -> &RegionName {
        &self.region
    }

    fn now(&self) -> Now {
        self.desk().instant()
    }

    fn state(&self) -> Arc<Cluster> {
        Arc::new(self.desk().log.cluster.clone())
    }

    fn with_node<T>(&self, look: impl FnOnce(&mut Node, Now) -> T) -> T {
        let mut desk = self.desk();
        let now = desk.instant();
        look(&mut desk.node, now)
    }

    fn input(&self, _: Input) -> Option<Result<Millis, Refusal>> {
        None
    }

    fn refresh(&self) {}

    async fn barrier(&self, _: Duration) -> Result<(), String> {
        let mut desk = self.desk();
        desk.barriers += 1;
        let takes = if desk.barriers > 1 { desk.barrier } else { 0 };
        // In parts, so that the agent's own pulse goes on.
        (0..takes / 500).for_each(|_| desk.pass(500));
        Ok(())
    }

    async fn confirm_leadership(&self, _: Duration) -> Result<u64, String> {
        Err("it leads nobody".to_owned())
    }

    async fn propose(&self, command: Command) -> Result<Response, String> {
        Ok(self.desk().log.cluster.apply(&command))
    }

    async fn ask_leader(&self, _: &AgentName, _: &LeaseWanted, _: Duration) -> Result<Millis, Refusal> {
        unreachable!("no step asks for the lease")
    }

    async fn observe(&self, _: &StepOrder, context: &EffectContext) -> Observed {
        let mut desk = self.desk();
        desk.context = Some(context.clone());
        match desk.acted_at {
            None => Observed::not_done("it was not begun".to_owned()),
            Some(at) => (desk.look)(desk.now - at),
        }
    }

    async fn act(&self, _: &StepOrder, _: u8, _: &EffectContext) -> Acted {
        self.tell("begun");
        let mut desk = self.desk();
        desk.acted_at = Some(desk.now);
        Acted::Accepted { detail: "it runs".to_owned() }
    }

    async fn let_go(&self, order: &StepOrder) {
        self.tell(&format!("let go of attempt {}", order.attempt));
    }

    async fn sleep(&self, time: Duration) {
        self.desk().pass(Millis::of(time).0);
    }

    async fn within<T: Send>(&self, _: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        Some(work.await)
    }

    fn tell(&self, _: &StepOrder, news: StepNews<'_>) {
        match news {
            StepNews::Begins { resumed } => Host::tell(self, if resumed { "goes on" } else { "begins" }),
            StepNews::Ends(outcome) => Host::tell(self, &format!("{outcome:?}")),
            StepNews::NotTaken(refusal) => Host::tell(self, &format!("not taken: {refusal}")),
            StepNews::NotBegun(why) | StepNews::Left(why) | StepNews::NotInLog(why) => Host::tell(self, why),
        }
    }
}

/// The shop, whose `scale` step is a program in the west, decided.
fn decided(reversible: bool) -> Log {
    let mut policy = policy();
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    let exec = serde_json::json!({"exec": {"command": ["scale"], "reversible": reversible}});
    let scale = steps.get_mut("scale").unwrap();
    scale.action = serde_json::from_value::<Action>(exec).unwrap();
    (scale.needs, scale.timeout, scale.retries) = (Vec::new(), Millis::from_secs(60), 2);
    let mut log = Log::with(policy);
    log.decide();
    log
}

fn works(after: u64) -> Observed {
    Observed::InProgress { detail: format!("has run for {}", Millis(after / 1_000 * 1_000)) }
}

fn scale_state(execution: &Execution) -> &StepState {
    &execution.steps[&step("scale")].state
}

/// Goal: an abort ends a running program within a second, and before the attempt is reported; what it did is unknown. Method:
/// an abort in the midst of its minute.
#[test]
fn an_abort_ends_a_program() {
    let (host, order) = Host::new(decided(true), works, Some((20_500, |log| drop(log.abort()))));
    insta::assert_snapshot!(host.run(&order));
    assert!(scale_state(host.desk().log.latest()).may_stand());
}

/// Goal: an agent whose attempt was given to another one ends its program as soon as it hears of it, and reports nothing.
/// Method: the leader counts it as lost while it runs.
#[test]
fn an_overtaken_program_is_ended() {
    let (host, order) = Host::new(decided(true), works, Some((20_500, |log| drop(log.live(&[EVE, NOA])))));
    insta::assert_snapshot!(host.run(&order));
    let desk = host.desk();
    let progress = &desk.log.latest().steps[&step("scale")];
    assert_eq!((progress.attempt, progress.unheard), (2, true), "the next one knows that it may have run");
}

/// Goal: a program has the step's whole time, and its end is seen within the attempt; one that went wrong is not tried again,
/// although attempts are left. Method: a program that is ended at its deadline.
#[test]
fn a_program_has_its_whole_time() {
    let look = |after| match after {
        0..60_000 => works(after),
        _ => Observed::Broken { reason: "not done after 1m".to_owned(), again: false },
    };
    let (host, order) = Host::new(decided(true), look, None);
    insta::assert_snapshot!(host.run(&order));
    let desk = host.desk();
    assert!(matches!(scale_state(desk.log.latest()), StepState::Failed { unknown: true, .. }));
    let context = desk.context.as_ref().unwrap();
    assert_eq!((context.step.as_str(), context.timeout), ("scale", Millis::from_secs(60)));
    assert!(!context.unheard && !context.resumed);
}

/// Goal: R5, a permission that is older than three seconds when it comes is none: the step is left and nothing is done; one that is
/// younger is used. Method: read barriers that take 3.5 s and 3 s.
#[test]
fn an_old_permission_is_none() {
    for (takes, acts) in [(3_500, false), (3_000, true)] {
        let (host, order) = Host::new(decided(true), |_| Observed::Done { detail: "done".to_owned() }, None);
        host.desk().barrier = takes;
        let story = host.run(&order);
        assert_eq!(host.desk().acted_at.is_some(), acts, "{story}");
        assert_eq!(story.contains("the permission has grown old"), !acts, "{story}");
    }
}

/// Goal: a program that may be tried again is, by an attempt that knows of the first. Method: one that went wrong and may.
#[test]
fn a_program_that_may_is_tried_again() {
    let look = |_| Observed::Broken { reason: "exit code 1".to_owned(), again: true };
    let (host, order) = Host::new(decided(true), look, None);
    host.run(&order);
    let desk = host.desk();
    let progress = &desk.log.latest().steps[&step("scale")];
    assert_eq!((progress.state.word(), progress.attempt, progress.unheard), ("assigned", 2, true));
}

/// Goal: a program that the policy calls irreversible waits for the write lease, as a promotion does; any other does not.
/// Method: both, right after the decision.
#[test]
fn an_irreversible_program_waits_for_the_lease() {
    assert!(decided(true).assigned().contains(&"scale"));
    assert!(!decided(false).assigned().contains(&"scale"));
}
