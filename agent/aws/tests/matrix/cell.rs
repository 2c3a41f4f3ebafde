//! One cell of the matrix: one action, one fault, one emulator. It says what was seen, and what was wrong about it.

use quorate_core::StepOutcome;

use crate::bench::{Bench, Patience, ROUTE53};
use crate::driver::{self, Order};
use crate::fault::Fault;
use crate::permissions;
use crate::subject::Subject;
use crate::world::Kind;

/// How many calls of a read in a row are broken: one more than the SDK tries, so that a look fails as well.
const BROKEN_READS: u32 = 4;

/// What the fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hit {
    /// The first mutating call of each part.
    Changes,
    /// The first few calls of each operation that reads.
    Reads,
    /// The region that the action works in; for a record, Route 53's control plane.
    Region,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) outcome: String,
    /// Of each mutating operation: how often it was sent, and how often carried out.
    pub(crate) calls: Vec<(&'static str, usize, usize)>,
}

/// A cell that ran.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) seen: Seen,
    /// What is not as it has to be. Empty when all is well.
    pub(crate) wrong: Vec<String>,
}

/// Runs one cell.
pub(crate) async fn run(subject: &Subject, hit: Hit, fault: Fault, kind: Kind) -> Ran {
    let world = crate::world::World::start(kind).await;
    let prepared = (subject.prepare)(&world).await;
    let before = (prepared.look)(&world, &prepared.action).await;
    let gone: Vec<(&str, Fault)> = match hit {
        Hit::Region => vec![(prepared.action.region().unwrap_or(ROUTE53), fault)],
        Hit::Changes | Hit::Reads => Vec::new(),
    };
    let bench = Bench::of(world, &gone).await;
    match hit {
        Hit::Changes => subject.changes.iter().for_each(|call| bench.script.set(call, fault, 1)),
        Hit::Reads => subject.reads.iter().for_each(|call| bench.script.set(call, fault, BROKEN_READS)),
        Hit::Region => {}
    }
    let patience = Patience::of(fault);
    let order = match hit {
        Hit::Region => Order::in_vain(&prepared.action, patience),
        Hit::Changes | Hit::Reads => Order::new(&prepared.action, patience),
    };
    let ended = driver::carry_out(&bench, &order).await;
    let calls = bench.script.calls();
    let count = |operation: &&'static str| {
        let sent = calls.iter().filter(|call| call.operation == **operation);
        (*operation, sent.clone().count(), sent.filter(|call| call.carried_out).count())
    };
    let seen =
        Seen { outcome: told(&ended.outcome, subject), calls: subject.changes.iter().map(count).collect() };
    let mut wrong = Vec::new();
    let after = (prepared.look)(&bench.world, &prepared.action).await;
    let (right, times) = if hit == Hit::Region { (&before, 0) } else { (&prepared.done, 1) };
    if after != *right {
        wrong.push(format!("the world shows `{after}`, not `{right}`"));
    }
    for (operation, sent, carried_out) in &seen.calls {
        if *carried_out != times {
            wrong.push(format!("{operation} was carried out {carried_out} times of {sent}"));
        }
    }
    let honest = if hit == Hit::Region { seen.outcome.ends_with(NAMED) } else { seen.outcome == "Succeeded" };
    if !honest {
        wrong.push(format!("it ended with {:?}", ended.outcome));
    }
    let killed = if hit == Hit::Changes && fault == Fault::Killed { subject.changes.len() } else { 0 };
    if ended.agents as usize != killed + 1 {
        wrong.push(format!("{} agents had it in hand", ended.agents));
    }
    let unbroken = bench.script.unbroken();
    wrong.extend(unbroken.iter().map(|call| format!("{call} was never called, so never broken")));
    wrong.extend(permissions::missing(&[&prepared.action], &calls));
    Ran { seen, wrong }
}

const NAMED: &str = "naming the call";

/// The outcome in words that are the same each time. One that is not done has to name a call.
fn told(outcome: &StepOutcome, subject: &Subject) -> String {
    let (word, text) = match outcome {
        StepOutcome::Succeeded { .. } => return "Succeeded".to_owned(),
        StepOutcome::Failed { reason } => ("Failed", reason),
        StepOutcome::Impossible { reason } => ("Impossible", reason),
        StepOutcome::Broken { reason } => ("Broken", reason),
        StepOutcome::Unknown { reason } => ("Unknown", reason),
    };
    let named = subject.reads.iter().chain(subject.changes).any(|call| text.contains(&format!(":{call} ")));
    if named { format!("{word}, {NAMED}") } else { format!("{word}: {text}") }
}
