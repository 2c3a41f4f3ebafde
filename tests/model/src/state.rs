//! What one moment is made of: small, comparable, and with every length of time counted from now, so that two moments
//! that differ only in when they are are one.

use super::{attempt::Begun, world::World};

/// A command, by what it says: short enough to be part of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Say {
    Decide {
        by: u8,
        operator: bool,
        standby_up: bool,
        live: u8,
    },
    Start(Attempt),
    /// What an earlier process of its agent had begun.
    GoOn(Attempt),
    /// With what stands, by its number.
    Note(Attempt, u8),
    Finish(Attempt, Outcome),
    SetLive {
        by: u8,
        epoch: u8,
        live: u8,
    },
    Approve {
        epoch: u8,
    },
    /// With what has not been taken back left as it is, or not.
    Abort {
        epoch: u8,
        leave: bool,
    },
    TooLate {
        by: u8,
        epoch: u8,
    },
    Pause {
        expires: bool,
    },
    Resume,
    Release {
        by: u8,
        epoch: u8,
        given_up: bool,
    },
}

/// One assignment of one step to one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Attempt {
    pub(super) agent: u8,
    pub(super) epoch: u8,
    pub(super) step: u8,
    pub(super) number: u8,
}

/// `StepOutcome` without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    Impossible,
    Unknown,
}

/// `Acted` without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reply {
    Accepted,
    Busy,
    Denied,
    Unknown,
}

/// Where an agent's loop stands in an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It was allowed to begin, and proposes the intent.
    Intent { begun: Begun },
    /// It waits so many steps of time.
    Waiting(u8),
    /// It looks next.
    Looking,
    /// It proposes the note of what stands before, by its number.
    Noting(u8),
    /// It asks whether it may act.
    Asking,
    /// It may act.
    Allowed,
    /// Its call is under way.
    Calling,
    /// It reports.
    Finishing(Outcome),
}

/// One attempt that is under way in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Task {
    pub(super) attempt: Attempt,
    pub(super) phase: Phase,
    /// The number of its `StepRun`.
    pub(super) run: u32,
    /// Steps of time since it began.
    pub(super) age: u8,
    /// Whether the log allowed the act at any moment of this step of time since it was decided on. For the judge only.
    pub(super) checked: bool,
}

/// One call to the world that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Call {
    pub(super) attempt: Attempt,
    pub(super) age: u8,
    /// Nobody waits for its answer.
    pub(super) orphan: bool,
    /// The mark beside the DNS record that it read.
    pub(super) mark: (u8, u8),
}

/// One agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Agent {
    pub(super) up: bool,
    /// The leader has not heard it for at least one step of time.
    pub(super) silent: bool,
    /// The number of its lease's rules.
    pub(super) leases: u32,
    /// The lease's record as it knows it.
    pub(super) view: u8,
}

/// A request for the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ask {
    pub(super) epoch: u8,
    /// Steps of time since it was sent.
    pub(super) age: u8,
    pub(super) stage: Stage,
}

/// How far a request for the lease is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Sent,
    /// This agent has confirmed that it leads, and judges next.
    Confirmed(u8),
    Granted,
}

/// What has happened already of what is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Spent {
    pub(super) crashes: u8,
    pub(super) cuts: u8,
    pub(super) losses: u8,
    pub(super) refusals: u8,
    pub(super) decisions: u8,
    pub(super) commands: u8,
    pub(super) asks: u8,
}

/// Attempts, and calls, that may be under way at once: one that is current and one that was overtaken.
pub(super) const AT_ONCE: usize = 2;

/// One moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The number of the replicated state.
    pub(super) log: u32,
    pub(super) agents: [Agent; 3],
    pub(super) leader: Option<u8>,
    /// Steps of time since the leader was elected.
    pub(super) leads_for: u8,
    pub(super) cut: Option<u8>,
    pub(super) tasks: [Option<Task>; AT_ONCE],
    pub(super) calls: [Option<Call>; AT_ONCE],
    pub(super) asks: [Option<Ask>; 2],
    /// A proposal that was given up and may be committed all the same, and how old it is.
    pub(super) straggler: Option<(Say, u8)>,
    pub(super) world: World,
    pub(super) spent: Spent,
}

impl State {
    /// Up, and in contact with a majority.
    pub(super) fn connected(&self, agent: u8) -> bool {
        self.agents[usize::from(agent)].up && self.cut != Some(agent) && self.majority()
    }

    /// Two agents that are in contact: with one crash and one cut there may be none.
    fn majority(&self) -> bool {
        (0..3u8).filter(|a| self.agents[usize::from(*a)].up && self.cut != Some(*a)).count() >= 2
    }

    /// The agents of which the leader has heard lately.
    pub(super) fn live(&self) -> u8 {
        (0..3u8).filter(|a| !self.agents[usize::from(*a)].silent).fold(0, |bits, a| bits | 1 << a)
    }

    /// The same moment with its lists in order, so that an order that means nothing makes no difference.
    pub(super) fn in_order(mut self) -> Self {
        self.tasks.sort_by_key(|task| (task.is_none(), *task));
        self.calls.sort_by_key(|call| (call.is_none(), *call));
        self
    }

    pub(super) fn task(&mut self, attempt: Attempt) -> Option<&mut Option<Task>> {
        self.tasks.iter_mut().find(|task| task.is_some_and(|task| task.attempt == attempt))
    }
}
