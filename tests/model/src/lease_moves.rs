//! The write lease's messages and the moves of its record, as `quorate_core::leasing` and the node's `lease_work` ask for
//! them: a request is sent, the leader confirms that it leads, judges, and its answer arrives; each of them later, or never.

use super::{
    Mutation,
    leases::{NOW, ago},
    log::Known,
    moves::{Cause, Model, name},
    shop,
    state::{Ask, Say, Spent, Stage, State},
};
use quorate_core::LeaseRecord;

/// A grant that arrives so many steps of time after its request has ended before.
pub(super) const ASK_LASTS: u8 = 2;

impl Model {
    pub(super) fn lease_moves(&mut self, s: &State, known: &Known) {
        self.release(s);
        for agent in 0..2u8 {
            let index = usize::from(agent);
            if s.agents[index].up {
                match s.asks[index] {
                    None => self.wish(s, agent),
                    Some(ask) => self.carry(s, known, agent, ask),
                }
            }
        }
        for agent in 0..3u8 {
            if s.connected(agent) && s.agents[usize::from(agent)].view != known.lease {
                let mut state = *s;
                state.agents[usize::from(agent)].view = known.lease;
                self.push(Cause::Course, state, None, || format!("{} hears of the lease", name(agent)));
            }
        }
    }

    /// The holder asks for the lease, or to prolong it.
    fn wish(&mut self, s: &State, agent: u8) {
        let me = &s.agents[usize::from(agent)];
        let view = self.log.lease_view(me.view);
        let epoch = view.services[&shop::shop()].may_hold_lease(&shop::region(agent));
        if let Some(epoch) = epoch.filter(|_| s.spent.asks < self.bounds.asks) {
            let mut state = State { spent: Spent { asks: s.spent.asks + 1, ..s.spent }, ..*s };
            let epoch = u8::try_from(epoch).unwrap();
            state.asks[usize::from(agent)] = Some(Ask { epoch, age: 0, stage: Stage::Sent });
            self.push(Cause::Course, state, None, || format!("{} asks for the lease", name(agent)));
        }
    }

    /// A request goes on, or is lost.
    fn carry(&mut self, s: &State, known: &Known, agent: u8, ask: Ask) {
        let index = usize::from(agent);
        let mut lost = *s;
        lost.asks[index] = None;
        self.push(Cause::Course, lost, None, || format!("{}'s request for the lease is lost", name(agent)));
        match ask.stage {
            Stage::Sent => {
                let Some(leader) = s.leader.filter(|l| s.connected(*l) && s.connected(agent)) else { return };
                let mut state = *s;
                state.agents[usize::from(leader)].view = known.lease;
                state.asks[index] = Some(Ask { stage: Stage::Confirmed(leader), ..ask });
                self.push(Cause::Course, state, None, || format!("{} confirms that it leads", name(leader)));
            }
            Stage::Confirmed(judge) if s.agents[usize::from(judge)].up => {
                let at = &s.agents[usize::from(judge)];
                let view = self.log.lease_view(at.view);
                let (leases, granted) = self.leases.grant(at.leases, &view, agent, ask.epoch);
                let mut state = *s;
                state.agents[usize::from(judge)].leases = leases;
                state.asks[index] = granted.then_some(Ask { stage: Stage::Granted, ..ask });
                let word = if granted { "grants" } else { "refuses" };
                self.push(Cause::Course, state, None, || format!("{} {word} the lease", name(judge)));
            }
            Stage::Confirmed(_) => {}
            Stage::Granted => {
                let me = &s.agents[index];
                let view = self.log.lease_view(me.view);
                let sent = if self.broken_by(Mutation::LeaseFromArrival) { NOW } else { ago(ask.age) };
                let mut state = lost;
                state.agents[index].leases = self.leases.answered(me.leases, &view, ask.epoch, sent);
                self.push(Cause::Course, state, None, || format!("{} has the lease", name(agent)));
            }
        }
    }

    /// The log is told that the old lease has ended: by the leader, which has waited, or by its holder.
    fn release(&mut self, s: &State) {
        if let Some(leader) = s.leader.filter(|leader| s.connected(*leader))
            && let view = self.log.lease_view(s.agents[usize::from(leader)].view)
            && let LeaseRecord::Releasing { epoch, .. } = &view.services[&shop::shop()].lease
        {
            let since = match self.mutation {
                Some(Mutation::PredecessorForgotten) => ago(super::leases::LONG_AGO_TICKS),
                _ => ago(s.leads_for),
            };
            let number = s.agents[usize::from(leader)].leases;
            if self.leases.expired(number, &view, since) || self.broken_by(Mutation::LeaseNotAwaited) {
                let epoch = u8::try_from(*epoch).unwrap();
                self.leader_says(s, Say::Release { by: leader, epoch, given_up: false });
            }
        }
        for agent in (0..2).filter(|agent| s.connected(*agent)) {
            let me = &s.agents[usize::from(agent)];
            let view = self.log.lease_view(me.view);
            let LeaseRecord::Releasing { from, epoch, .. } = &view.services[&shop::shop()].lease else {
                continue;
            };
            let free =
                self.leases.no_promise_left(me.leases, &view) || self.broken_by(Mutation::PromiseBroken);
            if *from == shop::region(agent) && free {
                let epoch = u8::try_from(*epoch).unwrap();
                self.leader_says(s, Say::Release { by: agent, epoch, given_up: true });
            }
        }
    }

    /// The lease's record has changed. Who has no lease and no request for one under way loses nothing by hearing of it at
    /// once, because it may do what it does as late as it likes; the others hear of it whenever they do.
    pub(super) fn hear_of_the_lease(&mut self, s: &mut State, lease: u8) {
        for agent in 0..3u8 {
            let index = usize::from(agent);
            let view = self.log.lease_view(s.agents[index].view);
            let asks = s.asks.get(index).is_some_and(Option::is_some);
            let judges = s.asks.iter().flatten().any(|ask| ask.stage == Stage::Confirmed(agent));
            let concerned = asks || judges || self.leases.writes(s.agents[index].leases, &view);
            if !concerned && s.connected(agent) {
                s.agents[index].view = lease;
            }
        }
    }
}
