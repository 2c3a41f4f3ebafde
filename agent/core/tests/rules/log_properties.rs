//! Random commands, valid and not, in any order and with any clocks: what must hold after every one of them.

use crate::{log::Log, shop::*};
use proptest::{collection::vec, prelude::*, sample::select};
use quorate_core::{
    Body, Cluster, Command, LeaseProof, LeaseRecord, Response, StepOutcome, StepState,
    cluster::audit::broken_at,
};
use quorate_policies::{
    Millis, RegionName, StepName, Timestamp, agreement::Evidence, guard::Refusal, guard::Trigger,
};
use std::collections::BTreeSet;

/// One thing that somebody says. What it is about is chosen from what the log holds when it is said, so that most
/// sequences get somewhere.
#[derive(Debug, Clone)]
enum Said {
    Decide {
        to: &'static str,
        operator: bool,
        evidence: Evidence,
        live: usize,
    },
    Start {
        step: usize,
        by: Option<usize>,
        attempt: i64,
    },
    Note {
        step: usize,
        by: Option<usize>,
        desired: u32,
    },
    Finish {
        step: usize,
        by: Option<usize>,
        attempt: i64,
        outcome: StepOutcome,
    },
    Live {
        live: usize,
    },
    Approve,
    Abort,
    Pause {
        minutes: Option<u64>,
    },
    Resume,
    Release {
        by: usize,
        epoch: i64,
        given_up: bool,
    },
    Policy {
        approval: bool,
    },
    Refused,
    Notified,
    /// The same command as so many before.
    Again {
        before: usize,
    },
}

fn any_outcome() -> impl Strategy<Value = StepOutcome> {
    select(vec![succeeded(), succeeded(), succeeded(), failed(), unknown(), impossible()])
}

fn any_said() -> impl Strategy<Value = Said> {
    let who = || prop::option::weighted(0.1, 0..3usize);
    let about = || prop_oneof![8 => Just(0i64), 1 => -2..=2i64];
    let decide = (select(vec![WEST, WEST, NORTH, EAST]), any::<bool>(), any::<bool>(), 1..8usize).prop_map(
        |(to, operator, down, live)| {
            let evidence = if down { east_is_down() } else { all_is_well() };
            Said::Decide { to, operator, evidence, live }
        },
    );
    prop_oneof![
        3 => decide,
        6 => (0..8usize, who(), about()).prop_map(|(step, by, attempt)| Said::Start { step, by, attempt }),
        3 => (0..8usize, who(), 0..9u32).prop_map(|(step, by, desired)| Said::Note { step, by, desired }),
        6 => (0..8usize, who(), about(), any_outcome())
            .prop_map(|(step, by, attempt, outcome)| Said::Finish { step, by, attempt, outcome }),
        1 => (0..8usize).prop_map(|live| Said::Live { live }),
        1 => Just(Said::Approve),
        1 => Just(Said::Abort),
        1 => prop::option::of(0..5u64).prop_map(|minutes| Said::Pause { minutes }),
        1 => Just(Said::Resume),
        3 => (0..3usize, about(), any::<bool>())
            .prop_map(|(by, epoch, given_up)| Said::Release { by, epoch, given_up }),
        1 => any::<bool>().prop_map(|approval| Said::Policy { approval }),
        1 => Just(Said::Refused),
        1 => Just(Said::Notified),
        1 => (1..20usize).prop_map(|before| Said::Again { before }),
    ]
}

/// What is said, and how far the proposer's clock has moved since the last, forward or back.
fn any_talk() -> impl Strategy<Value = Vec<(Said, i64)>> {
    vec((any_said(), prop_oneof![8 => 0..5_000i64, 1 => -5_000..0i64, 1 => 0..4_000_000i64]), 1..80)
}

fn some(live: usize) -> Vec<&'static str> {
    AGENTS
        .into_iter()
        .enumerate()
        .filter(|(index, _)| live & (1 << index) != 0)
        .map(|(_, name)| name)
        .collect()
}

fn moved(number: u64, by: i64) -> u64 {
    number.saturating_add_signed(by)
}

/// Turns what is said into a command about what the log holds now.
fn command(log: &mut Log, said: &Said, earlier: &[Command]) -> Command {
    let latest = log.cluster.executions.values().max_by_key(|execution| execution.epoch);
    let execution = latest.map_or_else(|| "shop-0".to_owned(), |execution| execution.id.clone());
    let pick = |index: usize, by: Option<usize>, attempt: i64| {
        let (name, progress) = latest.and_then(|latest| latest.steps.iter().nth(index))?;
        let by =
            by.map(|by| agent(AGENTS[by])).or_else(|| progress.state.agent().cloned()).unwrap_or(agent(NOA));
        Some((name.clone(), by, u32::try_from(moved(progress.attempt.into(), attempt)).unwrap()))
    };
    let nothing = || (StepName::try_from("nothing").unwrap(), agent(NOA), 1);
    let (by, body) = match said.clone() {
        Said::Decide { to, operator: by_operator, evidence, live } => {
            let trigger = if by_operator { operator() } else { Trigger::Automatic };
            let body = Body::Decide {
                service: shop(),
                to: region(to),
                trigger,
                evidence,
                live: agents(&some(live)),
            };
            (agent(NOA), body)
        }
        Said::Start { step, by, attempt } => {
            let (step, by, attempt) = pick(step, by, attempt).unwrap_or_else(nothing);
            (by, Body::StartStep { execution, step, attempt })
        }
        Said::Note { step, by, desired } => {
            let (step, by, attempt) = pick(step, by, 0).unwrap_or_else(nothing);
            (by, Body::NoteStep { execution, step, attempt, before: scaled(desired) })
        }
        Said::Finish { step, by, attempt, outcome } => {
            let (step, by, attempt) = pick(step, by, attempt).unwrap_or_else(nothing);
            (by, Body::FinishStep { execution, step, attempt, outcome })
        }
        Said::Live { live } => (agent(NOA), Body::SetLive { execution, live: agents(&some(live)) }),
        Said::Approve => (agent(WES), Body::Approve { execution, step: None, actor: olga("go") }),
        Said::Abort => (agent(WES), Body::Abort { execution, actor: olga("stop"), leave: false }),
        Said::Pause { minutes } => {
            let until = minutes.map(|minutes| log.now.plus(Millis::from_secs(minutes * 60)));
            (agent(WES), Body::Pause { service: shop(), actor: olga("look"), until })
        }
        Said::Resume => (agent(WES), Body::Resume { service: shop(), actor: olga("go on") }),
        Said::Release { by, epoch, given_up } => {
            let epoch = moved(log.cluster.services[&shop()].epoch, epoch);
            let expired = LeaseProof::Expired { waited: Millis(6_300) };
            let proof = if given_up { LeaseProof::GivenUp } else { expired };
            (agent(AGENTS[by]), Body::ReleaseLease { service: shop(), epoch, proof })
        }
        Said::Policy { approval } => {
            let mut policy = in_three_regions(hasty());
            if approval {
                policy.scenarios.clone_from(&with_approval().scenarios);
            }
            (agent(NOA), Body::apply_policy(policy, olga("change")))
        }
        Said::Refused => (
            agent(NOA),
            Body::RecordRefusal { service: shop(), refusal: Refusal::RegionHealthy { region: region(EAST) } },
        ),
        Said::Notified => (agent(NOA), Body::Notified { sequence: log.cluster.audit.sequence }),
        Said::Again { before } if before <= earlier.len() => return earlier[earlier.len() - before].clone(),
        Said::Again { .. } => (agent(WES), Body::Resume { service: shop(), actor: olga("again") }),
    };
    log.command(by.as_str(), body)
}

/// Steps that cannot be undone and whose effect may be under way.
fn irreversible_started(cluster: &Cluster) -> BTreeSet<(String, StepName, u32)> {
    let all = cluster.executions.values().flat_map(|e| e.steps.iter().map(move |(name, p)| (e, name, p)));
    all.filter(|(e, name, _)| !e.plan.steps[*name].reversible)
        .filter(|(_, _, p)| matches!(p.state, StepState::Started { .. }))
        .map(|(e, name, p)| (e.id.clone(), name.clone(), p.attempt))
        .collect()
}

/// Who may hold the write lease: never more than one region.
fn may_hold(record: &LeaseRecord) -> &RegionName {
    match record {
        LeaseRecord::Held { region, .. } | LeaseRecord::Releasing { from: region, .. } => region,
    }
}

fn lease_epoch(record: &LeaseRecord) -> u64 {
    match record {
        LeaseRecord::Held { epoch, .. } | LeaseRecord::Releasing { epoch, .. } => *epoch,
    }
}

/// R1: what was noted stays. R4: what is taken back was begun, has ended, and is taken back by an aborted execution only.
fn notes_and_undos(before: &Cluster, after: &Cluster) -> Result<(), TestCaseError> {
    for (id, execution) in &before.executions {
        let Some(now) = after.executions.get(id) else { continue };
        for (name, progress) in execution.steps.iter().filter(|(_, progress)| progress.before.is_some()) {
            prop_assert_eq!(&progress.before, &now.steps[name].before, "the note of {} changed", name);
        }
    }
    for execution in after.executions.values() {
        for name in execution.steps.keys().filter_map(|name| name.as_str().strip_prefix("undo-")) {
            prop_assert!(matches!(execution.state.word(), "undoing" | "aborted"), "an undo without an abort");
            prop_assert!(!execution.past_no_return(), "an undo after the point of no return");
            let taken_back = &execution.steps[&step(name)];
            prop_assert!(taken_back.state.ended() && taken_back.state.may_stand(), "{} is taken back", name);
        }
    }
    Ok(())
}

/// Everything that must hold between two states of the log.
fn check(
    before: &Cluster,
    after: &Cluster,
    command: &Command,
    response: &Response,
) -> Result<(), TestCaseError> {
    let (old, new) = (&before.services[&shop()], &after.services[&shop()]);
    // R2: one execution at a time, and the slot names it.
    let open: Vec<_> = after.executions.values().filter(|e| !e.state.ended()).map(|e| e.id.clone()).collect();
    prop_assert!(open.len() <= 1, "two executions: {open:?}");
    prop_assert_eq!(open.first(), new.running.as_ref(), "the slot and the executions disagree");
    // The fencing token only grows, and no two executions share one.
    prop_assert!(new.epoch >= old.epoch && lease_epoch(&new.lease) >= lease_epoch(&old.lease));
    let decided = after.executions.keys().any(|id| !before.executions.contains_key(id));
    prop_assert!(!decided || new.epoch > old.epoch, "a decision without an epoch of its own");
    let epochs: BTreeSet<u64> = after.executions.values().map(|e| e.epoch).collect();
    prop_assert_eq!(epochs.len(), after.executions.len(), "two executions of one epoch");
    // F14: the log's clock never goes back.
    prop_assert!(after.clock >= before.clock);
    // R13: nothing irreversible starts unless the region it is for may hold the lease, at this execution's epoch.
    for (id, step, _) in irreversible_started(after).difference(&irreversible_started(before)) {
        let execution = &after.executions[id];
        let held = LeaseRecord::Held { region: execution.to().clone(), epoch: execution.epoch };
        prop_assert_eq!(&new.lease, &held, "{} of {} started without the lease", step, id);
    }
    // R13: the lease passes from one region to another only through the first one's release.
    if may_hold(&new.lease) != may_hold(&old.lease) {
        let released = matches!(&command.body, Body::ReleaseLease { .. });
        let moving = matches!(&old.lease, LeaseRecord::Releasing { to, .. } if to == may_hold(&new.lease));
        prop_assert!(released && moving, "the lease jumped: {:?} -> {:?}", old.lease, new.lease);
    }
    notes_and_undos(before, after)?;
    // R31: a refusal changes nothing but the audit and the clock.
    if matches!(response, Response::Refused { .. }) {
        let state = |cluster: &Cluster| {
            let mut state = cluster.clone();
            (state.audit, state.clock) = (Default::default(), Timestamp(0));
            state
        };
        prop_assert_eq!(state(before), state(after), "a refusal changed the state");
    }
    prop_assert_eq!(broken_at(&after.audit.entries), None);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Goal: R2, R13, R31, F14, whatever is said in whatever order, the log keeps its rules, and nothing panics.
    /// Method: random talk about a service of three regions without cool-down; check every pair of states.
    #[test]
    fn the_log_keeps_its_rules(talk in any_talk()) {
        let mut log = Log::with(in_three_regions(hasty()));
        let mut earlier = Vec::new();
        for (said, later) in talk {
            log.now = Timestamp(moved(log.now.0, later));
            let command = command(&mut log, &said, &earlier);
            let before = log.cluster.clone();
            let response = log.cluster.apply(&command);
            check(&before, &log.cluster, &command, &response)?;
            earlier.push(command);
        }
    }

    /// Goal: replicas that apply the same commands are equal, answers too, also when one of them was restored from a
    /// snapshot in between, and when commands are delivered twice.
    /// Method: random talk; a second replica goes through JSON after some of the commands and hears others twice.
    #[test]
    fn replicas_are_equal(talk in any_talk(), restore in 0..80usize, twice in 1..7usize) {
        let mut log = Log::with(in_three_regions(hasty()));
        let mut other = log.cluster.clone();
        let mut earlier = Vec::new();
        for (index, (said, later)) in talk.into_iter().enumerate() {
            log.now = Timestamp(moved(log.now.0, later));
            let command = command(&mut log, &said, &earlier);
            let response = log.cluster.apply(&command);
            prop_assert_eq!(&other.apply(&command), &response);
            // A refusal is not remembered: heard again it may be judged again, on every replica alike.
            if index % twice == 0 && !matches!(response, Response::Refused { .. }) {
                prop_assert_eq!(&other.apply(&command), &response);
            }
            if index == restore {
                other = serde_json::from_str(&serde_json::to_string(&other).unwrap()).unwrap();
            }
            earlier.push(command);
        }
        prop_assert_eq!(other, log.cluster);
    }
}
