//! Our detector on a trace: real nodes and real schedules, driven from one queue of events in simulated milliseconds.
//! What a node says goes to its peers; what it would decide is asked of the guards, at every event, with every dwell.

mod judging;

use super::{
    ledger::{Ledger, Score},
    setting::{self, Setting},
    weather::{AGENTS, Answer, Trace},
};
use judging::Judging;
use quorate_core::{
    Cluster, Input, Node, NodeSettings, Output,
    node::{Now, self_health::TICK},
};
use quorate_policies::{
    FEATURE_LEVEL, Millis, Monotonic, RegionName, ServiceName, TargetName, Timestamp,
    agreement::{Report, lag::replica_name},
    health::{FailureReason, Observation},
    policy::Role,
};
use quorate_probes::{Cadence, Schedule, ScheduleSettings};
use std::{collections::BTreeMap, sync::Arc};

/// As the agent's wide-area profile has them.
const REPORT_INTERVAL: Millis = Millis(1_000);
const LOST_AFTER: Millis = Millis(2_500);
/// The tick while nobody says down. A report is due at every second of these as at every tenth of the real ones, so it
/// changes nothing but how long a run takes; where processes stop, which ticks tell, the real one is kept.
const CALM_TICK: Millis = Millis(500);
/// How often the replica's lag is read, and how old a point of the cloud's monitoring is then.
const LAG_EVERY: u64 = 30_000;
const LAG_MEASURED: Millis = Millis(60_000);
/// A probe makes a new connection with TLS and sends its request.
const TRIPS: u64 = 3;
/// The wall clock at zero.
const EPOCH: u64 = 1_780_000_000_000;

/// What happens to one agent.
#[derive(Debug)]
enum Event {
    Tick,
    /// Its schedule wants to be asked.
    Turn,
    ReadLag,
    Confirm(TargetName),
    Probed {
        target: TargetName,
        started: u64,
        observation: Observation,
    },
    Heard(Box<Report>),
}

struct Agent {
    node: Node,
    schedule: Schedule,
    /// For when a turn is under way.
    turn_at: Option<u64>,
}

struct World {
    trace: Trace,
    timeout: u64,
    primary: RegionName,
    service: ServiceName,
    replica: String,
    agents: Vec<Agent>,
    judging: Judging,
    /// By when, and in which order it was sent; to whom, and what.
    queue: BTreeMap<(u64, u64), (usize, Event)>,
    sent: u64,
}

/// The detectors of which [`watch`] returns scores: the agreement alone, and each dwell.
#[must_use]
pub fn detectors() -> usize {
    1 + setting::dwells().len()
}

/// Runs three agents on a trace: one score for the agreement alone and one for each dwell, and how long the target lived.
#[must_use]
pub fn watch(trace: Trace, setting: Setting, seed: u64) -> (Vec<Score>, u64) {
    let mut world = World::new(trace, setting, seed);
    while let Some(((at, _), (agent, event))) = world.queue.pop_first() {
        if at >= world.trace.end() {
            break;
        }
        world.judging.ledger.advance(at);
        match world.trace.paused(agent, at) {
            Some(until) => world.put_off(agent, event, until),
            None => world.happen(agent, event, at),
        }
    }
    world.judging.ledger.close()
}

impl World {
    fn new(trace: Trace, setting: Setting, seed: u64) -> Self {
        let policy = setting.policy();
        let cluster = Arc::new(setting::cluster(&policy));
        let standby = setting::region_of(&policy, Role::Standby);
        let database = policy.regions[&standby].vars["database"].clone();
        let mut world = Self {
            judging: Judging::new(&cluster, Ledger::new(&trace, detectors())),
            trace,
            timeout: setting.timeout,
            primary: setting::region_of(&policy, Role::Primary),
            service: policy.service.clone(),
            replica: replica_name(standby.as_str(), &database),
            agents: Vec::new(),
            queue: BTreeMap::new(),
            sent: 0,
        };
        for index in 0..AGENTS {
            world.agents.push(Agent::new(index, &cluster, seed));
            let outputs = world.agents[index].node.step(moment(0), Input::Applied(Arc::clone(&cluster)));
            world.carry_out(index, 0, outputs);
            world.send(0, index, Event::ReadLag);
            // Three processes do not tick together.
            world.send(TICK.0 * index as u64 / AGENTS as u64, index, Event::Tick);
        }
        world
    }

    fn send(&mut self, at: u64, agent: usize, event: Event) {
        self.sent += 1;
        self.queue.insert((at, self.sent), (agent, event));
    }

    /// A stopped process sees what has come when it goes on. The probe that it had under way has run out of time by then:
    /// the worst that can be made of it.
    fn put_off(&mut self, agent: usize, event: Event, until: u64) {
        self.judging.stopped(agent);
        let event = match event {
            Event::Probed { target, started, .. } if until - started >= self.timeout => {
                let observation = Observation::Failure(FailureReason::ConnectTimeout);
                Event::Probed { target, started, observation }
            }
            other => other,
        };
        self.send(until, agent, event);
    }

    fn happen(&mut self, index: usize, event: Event, at: u64) {
        let agent = &mut self.agents[index];
        let outputs = match event {
            Event::Turn => {
                agent.turn_at = None;
                let starts = agent.schedule.due(Monotonic(at));
                starts.into_iter().for_each(|start| self.probe(index, at, start.target));
                return self.wake(index, at);
            }
            Event::Confirm(target) => {
                agent.schedule.confirm(&target, Monotonic(at));
                return self.wake(index, at);
            }
            Event::Tick => {
                let calm = self.judging.calm(at) && !self.trace.pauses();
                self.send(at + if calm { CALM_TICK.0 } else { TICK.0 }, index, Event::Tick);
                self.agents[index].node.step(moment(at), Input::Tick)
            }
            Event::ReadLag => {
                self.send(at + LAG_EVERY, index, Event::ReadLag);
                let (service, replica) = (self.service.clone(), self.replica.clone());
                let input = Input::Lag { service, replica, behind: Millis(1_000), measured: LAG_MEASURED };
                self.agents[index].node.step(moment(at), input)
            }
            Event::Probed { target, observation, .. } => {
                agent.schedule.finished(&target, Monotonic(at), observation);
                let input = Input::Probed { service: self.service.clone(), target, observation };
                agent.node.step(moment(at), input)
            }
            Event::Heard(report) => {
                self.judging.heard(at, &report);
                agent.node.step(moment(at), Input::Heard(*report))
            }
        };
        self.carry_out(index, at, outputs);
        self.judging.judge(index, &self.agents[index].node, moment(at));
    }

    fn carry_out(&mut self, index: usize, at: u64, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Targets(targets) => {
                    let cadences = targets.into_iter().map(|t| (t.name, Cadence::from(&t.probe))).collect();
                    self.agents[index].schedule.set_targets(Monotonic(at), cadences);
                }
                Output::Report(report) => {
                    self.judging.heard(at, &report);
                    self.tell(index, at, || Event::Heard(Box::new(report.clone())));
                }
                Output::Confirm { target, everywhere, .. } => {
                    if everywhere {
                        self.tell(index, at, || Event::Confirm(target.clone()));
                    }
                    self.agents[index].schedule.confirm(&target, Monotonic(at));
                }
                // Nothing is proposed, run or leased without a log.
                Output::Propose(_)
                | Output::Run(_)
                | Output::LookAtDrill { .. }
                | Output::AskLease { .. }
                | Output::LeaseAnswer(_) => {}
            }
        }
        self.wake(index, at);
    }

    fn tell(&mut self, from: usize, at: u64, event: impl Fn() -> Event) {
        for to in (0..AGENTS).filter(|to| *to != from) {
            if let Some(took) = self.trace.carry(from, to, at) {
                self.send(at + took, to, event());
            }
        }
    }

    fn probe(&mut self, index: usize, at: u64, target: TargetName) {
        let answer = self.trace.look(index, target.region == self.primary, at, TRIPS);
        let timed_out = (self.timeout, Observation::Failure(FailureReason::ConnectTimeout));
        let (took, observation) = match answer {
            Answer::After(took) if took < self.timeout => (took, Observation::Success),
            Answer::Refused(took) => (took, Observation::Failure(FailureReason::ConnectRefused)),
            Answer::After(_) | Answer::Never => timed_out,
        };
        self.send(at + took, index, Event::Probed { target, started: at, observation });
    }

    /// Asks the schedule again when it wants to be asked.
    fn wake(&mut self, index: usize, at: u64) {
        let agent = &mut self.agents[index];
        let Some(wake) = agent.schedule.next_wake(Monotonic(at)) else { return };
        if agent.turn_at.is_none_or(|turn| wake.0 < turn) {
            agent.turn_at = Some(wake.0);
            self.send(wake.0, index, Event::Turn);
        }
    }
}

impl Agent {
    fn new(index: usize, cluster: &Cluster, seed: u64) -> Self {
        let policy =
            cluster.services.values().next().map(|state| &state.policy).expect("the policy is applied");
        let (name, region) = setting::agents(policy)[index].clone();
        let settings = NodeSettings {
            name,
            region,
            members: cluster.members.clone(),
            incarnation: EPOCH,
            feature_level: FEATURE_LEVEL,
            report_interval: REPORT_INTERVAL,
            lost_after: LOST_AFTER,
        };
        let schedule = ScheduleSettings {
            agent_index: index as u32,
            agents: AGENTS as u32,
            seed: seed.wrapping_add(index as u64),
            wall_at_zero: Timestamp(EPOCH),
            ..ScheduleSettings::default()
        };
        Self { node: Node::new(settings, moment(0)), schedule: Schedule::new(schedule), turn_at: None }
    }
}

/// Every agent's clocks: how far they may be apart is a matter of the log, not of the detector.
const fn moment(at: u64) -> Now {
    Now { mono: Monotonic(at), wall: Timestamp(EPOCH + at) }
}
