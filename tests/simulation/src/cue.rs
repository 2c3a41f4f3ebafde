//! Tender moments: a deed may wait for one, so that trouble comes just when an attempt has begun or a call is under way and not
//! by luck alone. Which moments have come is said by the world; here is only who waits for them.

use crate::deed::{Deed, Event};
use std::{collections::BTreeSet, time::Duration};

/// A moment that a scenario can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cue {
    /// A failover was decided, and nothing of it has begun.
    Decided,
    /// An attempt was given to an agent, and it has not begun.
    Assigned,
    /// It has begun, and nothing was done.
    Begun,
    /// Its call is on its way to the cloud.
    Calls,
    /// Another attempt has done what was lost with an agent.
    Redone,
    /// A failover has come to its end.
    Ended,
}

/// A moment that has come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) cue: Cue,
    /// Of which failover or attempt. The same moment comes once.
    pub(super) of: String,
    /// The number of the agent that has the attempt, if there is one.
    pub(super) agent: Option<usize>,
}

/// Says which deeds are due.
pub(super) struct Prompter {
    timed: Vec<(Duration, Event)>,
    waiting: Vec<(Cue, Duration, Event)>,
    seen: BTreeSet<(Cue, String)>,
}

impl Prompter {
    pub(super) fn new(events: Vec<Event>) -> Self {
        let (mut timed, mut waiting) = (Vec::new(), Vec::new());
        for event in events {
            match event.cue {
                None => timed.push((event.at, event)),
                Some((cue, after)) => waiting.push((cue, after, event)),
            }
        }
        Self { timed, waiting, seen: BTreeSet::new() }
    }

    /// Whether anything waits for a moment: looking for them costs time.
    pub(super) const fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What is due now, in its order. Who waits from a later time on does not hear of these moments.
    pub(super) fn due(&mut self, now: Duration, moments: impl IntoIterator<Item = Moment>) -> Vec<Event> {
        for moment in moments {
            if !self.seen.insert((moment.cue, moment.of.clone())) {
                continue;
            }
            let hears = |cue: Cue, event: &Event| cue == moment.cue && event.at <= now;
            let heard = self.waiting.extract_if(.., |(cue, _, event)| hears(*cue, event));
            for (_, after, mut event) in heard {
                if let Some(agent) = moment.agent {
                    event.deed.meets(agent);
                }
                self.timed.push((now + after, event));
            }
        }
        self.timed.sort_by_key(|(at, _)| *at);
        let later = self.timed.partition_point(|(at, _)| *at <= now);
        self.timed.drain(..later).map(|(_, event)| event).collect()
    }
}

impl Deed {
    /// Whom a deed means that is done to whoever has the attempt.
    fn meets(&mut self, agent: usize) {
        let one = |who: &mut usize| {
            if *who == crate::fault::EXECUTOR {
                *who = agent;
            }
        };
        match self {
            Deed::PowerCut(who)
            | Deed::Boot(who)
            | Deed::Pause(who, _)
            | Deed::ReplaceDisk(who)
            | Deed::Upgrade(who, _)
            | Deed::Dark(who, _)
            | Deed::Operate(who, ..) => one(who),
            Deed::Cut(from, to) => {
                one(from);
                one(to);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{EXECUTOR, Fault};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn event(at: u64, cue: Option<(Cue, Duration)>, deed: Deed) -> Event {
        Event { at: secs(at), fault: Fault::F9, cue, deed }
    }

    fn begun(of: &str) -> Moment {
        Moment { cue: Cue::Begun, of: of.to_owned(), agent: Some(2) }
    }

    /// Goal: a deed comes at its time, or after the moment that it waits for, to the agent that is meant; and once. Method:
    /// one by time, two by the same moment, one that waits from later on; the moment is shown again and again.
    #[test]
    fn deeds_come_at_their_moments() {
        let boot = event(0, Some((Cue::Begun, secs(3))), Deed::Boot(EXECUTOR));
        let cut = event(0, Some((Cue::Begun, secs(0))), Deed::PowerCut(EXECUTOR));
        let late = event(7, Some((Cue::Begun, secs(0))), Deed::PowerCut(0));
        let repair = event(4, None, Deed::NetworkRepaired);
        let mut prompter = Prompter::new(vec![boot, cut, late, repair]);
        let mut told = Vec::new();
        for second in 0..10 {
            let moments = match second {
                0 | 1 => vec![],
                2..=7 => vec![begun("a")],
                _ => vec![begun("a"), begun("b")],
            };
            let due = prompter.due(secs(second), moments);
            told.extend(due.into_iter().map(|event| (second, event.deed)));
        }
        let expected =
            [(2, Deed::PowerCut(2)), (4, Deed::NetworkRepaired), (5, Deed::Boot(2)), (8, Deed::PowerCut(0))];
        assert_eq!(told, expected);
    }
}
