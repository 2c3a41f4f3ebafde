//! What goes wrong with agents, their links and late proposals; their coming back; a promotion's end; and time, which
//! passes for all at once.

use super::{
    attempt::{AGE_COUNTED, AGE_OVER},
    lease_moves::ASK_LASTS,
    leases::LONG_AGO_TICKS,
    moves::{Cause, Model, name},
    normal::STRAGGLES_FOR,
    state::{Ask, Call, Phase, Spent, Stage, State, Task},
    world::{Database, World},
};

impl Model {
    pub(super) fn fault_moves(&mut self, s: &State) {
        for agent in 0..3u8 {
            if s.agents[usize::from(agent)].up {
                self.crash(s, agent);
                self.cut(s, agent);
            } else {
                self.restart(s, agent);
            }
        }
        if s.world.database == Database::Promoting {
            let world = World { database: Database::Primary, ..s.world };
            let state = State { world, ..*s };
            self.push(Cause::Course, state, None, || "the promotion ends".to_owned());
        }
        if let Some(agent) = s.cut {
            let mut state = State { cut: None, ..*s };
            let healed = &mut state.agents[usize::from(agent)];
            healed.silent = !healed.up;
            self.push(Cause::Course, state, None, || format!("{} is heard again", name(agent)));
        }
        if let Some((say, age)) = s.straggler {
            let state = State { straggler: None, ..*s };
            self.push(Cause::Course, state, None, || format!("the late {say:?} is lost"));
            let (state, response, broken) = self.commit(&state, say, age);
            self.push(Cause::Course, state, broken, || format!("committed late: {say:?} -> {response:?}"));
        }
    }

    fn crash(&mut self, s: &State, agent: u8) {
        if s.spent.crashes >= self.bounds.crashes {
            return;
        }
        let mut state = State { spent: Spent { crashes: s.spent.crashes + 1, ..s.spent }, ..*s };
        state.agents[usize::from(agent)].up = false;
        // What its process knew of the lease is gone; as it stands, it is the number of one that has just begun.
        state.agents[usize::from(agent)].leases = self.leases.born(agent, LONG_AGO_TICKS);
        state.leader = state.leader.filter(|leader| *leader != agent);
        let its = |task: &Task| task.attempt.agent == agent;
        state.tasks.iter_mut().filter(|task| task.as_ref().is_some_and(its)).for_each(|task| *task = None);
        let calls = state.calls.iter_mut().flatten().filter(|call| call.attempt.agent == agent);
        calls.for_each(|call: &mut Call| call.orphan = true);
        for (index, ask) in state.asks.iter_mut().enumerate() {
            let judges = ask.is_some_and(|ask| ask.stage == Stage::Confirmed(agent));
            if index == usize::from(agent) || judges {
                *ask = None;
            }
        }
        self.push(Cause::Fault, state, None, || format!("{} dies", name(agent)));
    }

    fn restart(&mut self, s: &State, agent: u8) {
        if !self.bounds.quick_restarts && s.calls.iter().flatten().any(|call| call.attempt.agent == agent) {
            return;
        }
        let mut state = *s;
        let again = &mut state.agents[usize::from(agent)];
        (again.up, again.leases) = (true, self.leases.born(agent, 0));
        again.silent = s.cut == Some(agent) && again.silent;
        // Nobody may count on it: a way out must not need the dead.
        self.push(Cause::Operator, state, None, || format!("{} comes back", name(agent)));
    }

    fn cut(&mut self, s: &State, agent: u8) {
        if s.spent.cuts >= self.bounds.cuts || s.cut.is_some() {
            return;
        }
        let leader = s.leader.filter(|leader| *leader != agent);
        let spent = Spent { cuts: s.spent.cuts + 1, ..s.spent };
        let state = State { cut: Some(agent), leader, spent, ..*s };
        self.push(Cause::Fault, state, None, || format!("{} is cut off", name(agent)));
    }

    /// Time passes. A permission is used at once or not at all, and a call that is as old as the oldest has come to its end:
    /// time waits for both.
    pub(super) fn tick(&mut self, s: &State) {
        let waits = s.tasks.iter().flatten().any(|task| task.phase == Phase::Allowed)
            || s.calls.iter().flatten().any(|call| call.age == self.bounds.call_lasts);
        if waits {
            return;
        }
        let mut state = State { log: self.log.tick(s.log), ..*s };
        state.leads_for = (s.leads_for + 1).min(LONG_AGO_TICKS);
        for (agent, index) in state.agents.iter_mut().zip(0u8..) {
            agent.silent = !agent.up || s.cut == Some(index);
            agent.leases = self.leases.tick(agent.leases);
        }
        for task in state.tasks.iter_mut().flatten() {
            task.checked = false;
            let reports = matches!(task.phase, Phase::Finishing(_) | Phase::Intent { .. });
            if task.age != AGE_OVER && !reports {
                task.age = (task.age + 1).min(AGE_COUNTED);
            }
            task.phase = match task.phase {
                Phase::Waiting(1) => Phase::Looking,
                Phase::Waiting(left) => Phase::Waiting(left - 1),
                other => other,
            };
        }
        state.calls.iter_mut().flatten().for_each(|call| call.age += 1);
        for ask in &mut state.asks {
            *ask = ask.map(|ask| Ask { age: ask.age + 1, ..ask }).filter(|ask| ask.age < ASK_LASTS);
        }
        let older = s.straggler.map(|(say, age)| (say, age + 1));
        state.straggler = older.filter(|(_, age)| *age <= STRAGGLES_FOR);
        self.push(Cause::Course, state, None, || "time passes".to_owned());
    }
}
