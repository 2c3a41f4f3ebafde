//! What an agent's loop does with its attempts, a step at a time, as `quorate_core::executor` does it: barrier, check,
//! intent, then what `StepRun` says; and what becomes of its calls.

use super::{
    Mutation, Plan,
    attempt::{AGE_COUNTED, AGE_OVER, Begun, Event, Work},
    log::Known,
    moves::{Cause, Model, name},
    normal::NOW,
    rules,
    shop::{self, STEPS},
    state::{Attempt, Call, Outcome, Phase, Reply, Say, Spent, State, Task},
    world::Landed,
};
use quorate_core::{ExecutionState, Response, StepState};
use quorate_policies::{effect::Observed, plan::Action};

impl Model {
    pub(super) fn task_moves(&mut self, s: &State, known: &Known) {
        for agent in (0..3).filter(|agent| s.connected(*agent)) {
            self.take_up(s, known, agent);
        }
        for task in s.tasks.iter().flatten() {
            match task.phase {
                Phase::Intent { begun } => self.intend(s, *task, begun),
                Phase::Waiting(_) | Phase::Calling => {}
                Phase::Looking => {
                    self.look(s, known, *task);
                    self.give_up(s, known, *task);
                }
                Phase::Noting(before) => {
                    self.propose(
                        s,
                        task.attempt.agent,
                        Say::Note(task.attempt, before),
                        |model, state, answer| match answer {
                            Some(Response::Refused { .. }) | None => model.leave(state, *task),
                            Some(_) => with(state, Task { phase: Phase::Asking, ..*task }),
                        },
                    );
                }
                Phase::Asking => self.ask(s, known, *task),
                Phase::Allowed => self.send(s, *task),
                Phase::Finishing(outcome) if s.connected(task.attempt.agent) => {
                    let say = Say::Finish(task.attempt, outcome);
                    self.propose(s, task.attempt.agent, say, |_, state, answer| match answer {
                        Some(_) => without(state, task.attempt),
                        None => state,
                    });
                }
                Phase::Finishing(_) => {}
            }
            if task.age == AGE_COUNTED && task.phase == Phase::Looking {
                let state = with(*s, Task { age: AGE_OVER, ..*task });
                self.push(Cause::Course, state, None, || {
                    format!("{} has run out of time", told(task.attempt))
                });
            }
        }
    }

    /// The node hands out what is this agent's and not under way; the barrier and the first check follow.
    fn take_up(&mut self, s: &State, known: &Known, agent: u8) {
        let Some(execution) = known.open() else { return };
        if s.tasks.iter().all(Option::is_some) || known.cluster.held_at(execution, NOW).is_some() {
            return;
        }
        for (step, progress) in &execution.steps {
            if progress.state.agent() != Some(&shop::agent(agent)) {
                continue;
            }
            let step = STEPS.iter().position(|name| *name == step.as_str()).unwrap();
            let (step, number) = (u8::try_from(step).unwrap(), u8::try_from(progress.attempt).unwrap());
            let attempt = Attempt { agent, epoch: u8::try_from(execution.epoch).unwrap(), step, number };
            if s.tasks.iter().flatten().any(|task| task.attempt == attempt) {
                continue;
            }
            let task = Task { attempt, phase: Phase::Looking, run: 0, age: 0, checked: false };
            let started = matches!(progress.state, StepState::Started { .. });
            let begun = match progress.started_at {
                _ if started => Begun::ThisAttempt,
                Some(_) => Begun::Before,
                None => Begun::Never,
            };
            if !known.allows(attempt) {
                if aborted(known, attempt) && !self.broken_by(Mutation::AbortNotReported) {
                    let state = with(*s, Task { phase: Phase::Finishing(Outcome::Unknown), ..task });
                    self.push(Cause::Course, state, None, || {
                        format!("{} is reported as aborted", told(attempt))
                    });
                }
                continue;
            }
            let state = if self.broken_by(Mutation::ActsBeforeIntent) {
                self.begin(*s, task, if started { Begun::ThisAttempt } else { Begun::Never })
            } else {
                with(*s, Task { phase: Phase::Intent { begun }, ..task })
            };
            self.push(Cause::Course, state, None, || format!("{} is taken up", told(attempt)));
        }
    }

    fn intend(&mut self, s: &State, task: Task, begun: Begun) {
        let goes_on = begun == Begun::ThisAttempt;
        let say = if goes_on { Say::GoOn(task.attempt) } else { Say::Start(task.attempt) };
        self.propose(s, task.attempt.agent, say, |model, state, answer| match answer {
            Some(Response::Refused { .. }) | None => {
                let known = model.log.at(state.log);
                let reports = state.connected(task.attempt.agent)
                    && aborted(&known, task.attempt)
                    && !model.broken_by(Mutation::AbortNotReported);
                if reports {
                    with(state, Task { phase: Phase::Finishing(Outcome::Unknown), ..task })
                } else {
                    without(state, task.attempt)
                }
            }
            Some(_) => model.begin(state, task, begun),
        });
    }

    fn begin(&mut self, s: State, task: Task, begun: Begun) -> State {
        let known = self.log.at(s.log);
        let execution = known.execution(task.attempt.epoch).unwrap();
        let step = &execution.plan.steps[&shop::step(task.attempt.step)];
        let failures = known.progress(task.attempt).map_or(0, |progress| progress.failures);
        let run = self.runs.begin(step, failures, begun, !self.broken_by(Mutation::UndoneAtOnce));
        self.learn(s, Task { run, age: 0, ..task }, Event::Ready)
    }

    /// The loop learns something, and stands where that brings it.
    fn learn(&mut self, s: State, task: Task, event: Event) -> State {
        let (run, work) = self.runs.next(task.run, task.age, event);
        let task = Task { run, ..task };
        let phase = match work {
            Work::Look | Work::Wait(0) => Phase::Looking,
            Work::Wait(pause) => Phase::Waiting(pause),
            Work::Finish(outcome) => {
                return with(s, Task { run: 0, age: 0, phase: Phase::Finishing(outcome), ..task });
            }
            Work::Act(before) => {
                let known = self.log.at(s.log);
                let noted = known.progress(task.attempt).is_some_and(|progress| progress.before.is_some());
                match before.filter(|_| !noted && !self.broken_by(Mutation::NoNote)) {
                    Some(before) => Phase::Noting(self.log.before(&before)),
                    None => Phase::Asking,
                }
            }
        };
        with(s, Task { phase, ..task })
    }

    fn look(&mut self, s: &State, known: &Known, task: Task) {
        let action = action(known, task.attempt);
        let seen = s.world.observe(&action, task.attempt.epoch, self.bounds.plan == Plan::FenceFirst);
        let state = self.learn(*s, task, Event::Seen(seen.clone()));
        self.push(Cause::Course, state, None, || format!("{} looks: {seen:?}", told(task.attempt)));
        if s.spent.losses < self.bounds.losses {
            let spent = Spent { losses: s.spent.losses + 1, ..s.spent };
            let state = self.learn(State { spent, ..*s }, task, Event::Unanswered);
            self.push(Cause::Fault, state, None, || format!("{} looks and sees nothing", told(task.attempt)));
        }
        if s.spent.refusals < self.bounds.refusals {
            let spent = Spent { refusals: s.spent.refusals + 1, ..s.spent };
            let barred = Observed::Impossible { reason: "barred".to_owned() };
            let state = self.learn(State { spent, ..*s }, task, Event::Seen(barred));
            self.push(Cause::Fault, state, None, || format!("{} looks: impossible", told(task.attempt)));
        }
    }

    /// Between two looks the loop learns that an operator leaves what it works on as it is.
    fn give_up(&mut self, s: &State, known: &Known, task: Task) {
        let state = &known.execution(task.attempt.epoch).unwrap().state;
        if !matches!(state, ExecutionState::Undoing { given_up: true, .. }) {
            return;
        }
        let phase = Phase::Finishing(self.runs.abandoned(task.run));
        let state = with(*s, Task { run: 0, age: 0, phase, ..task });
        self.push(Cause::Course, state, None, || format!("{} is given up", told(task.attempt)));
    }

    /// The last read barrier and check before the effect.
    fn ask(&mut self, s: &State, known: &Known, task: Task) {
        let allowed = s.connected(task.attempt.agent) && known.allows(task.attempt);
        let state = if allowed || self.broken_by(Mutation::NoCheckBeforeEffect) {
            with(*s, Task { phase: Phase::Allowed, ..task })
        } else {
            self.leave(*s, task)
        };
        self.push(Cause::Course, state, None, || {
            format!("{} {}", told(task.attempt), if allowed { "may act" } else { "may not act" })
        });
    }

    fn send(&mut self, s: &State, task: Task) {
        let Some(slot) = s.calls.iter().position(Option::is_none) else { return };
        let mut state = with(*s, Task { phase: Phase::Calling, ..task });
        state.calls[slot] = Some(Call { attempt: task.attempt, age: 0, orphan: false, mark: s.world.mark });
        self.push(Cause::Course, state, rules::sent(&task), || {
            format!("{} sends its call", told(task.attempt))
        });
    }

    /// Another agent has the step, or a hold stands; an aborted one is reported, because the undo waits for it.
    fn leave(&mut self, s: State, task: Task) -> State {
        let known = self.log.at(s.log);
        let reports = s.connected(task.attempt.agent) && aborted(&known, task.attempt);
        if reports && !self.broken_by(Mutation::AbortNotReported) {
            let phase = Phase::Finishing(self.runs.abandoned(task.run));
            return with(s, Task { run: 0, age: 0, phase, ..task });
        }
        without(s, task.attempt)
    }

    pub(super) fn call_moves(&mut self, s: &State, known: &Known) {
        for (slot, call) in s.calls.iter().enumerate() {
            let Some(call) = *call else { continue };
            let mut gone = *s;
            gone.calls[slot] = None;
            let mut landed = gone;
            let action = action(known, call.attempt);
            let fenced = !self.broken_by(Mutation::DnsWithoutFence);
            let by = (call.attempt.epoch, call.attempt.number);
            let became = landed.world.change(&action, call.mark, by, fenced);
            let applied = became == Landed::Applied;
            let broken = if applied { rules::landed(known, &call, s, &landed.world) } else { None };
            let reply = match became {
                Landed::Applied => Reply::Accepted,
                Landed::Busy => Reply::Busy,
                Landed::Denied => Reply::Denied,
                Landed::Unsure => Reply::Unknown,
            };
            let what = told(call.attempt);
            let state = self.answer(landed, &call, reply);
            self.push(Cause::Course, state, broken.clone(), || {
                format!("the call of {what} lands: {became:?}")
            });
            if call.orphan {
                self.push(Cause::Course, gone, None, || format!("the call of {what} comes to nothing"));
                continue;
            }
            self.call_faults(s, &call, slot, gone, landed, broken);
        }
    }

    fn call_faults(
        &mut self,
        s: &State,
        call: &Call,
        slot: usize,
        gone: State,
        landed: State,
        broken: Option<String>,
    ) {
        let what = told(call.attempt);
        if s.spent.losses < self.bounds.losses {
            let spent = Spent { losses: s.spent.losses + 1, ..s.spent };
            let state = self.answer(State { spent, ..gone }, call, Reply::Unknown);
            self.push(Cause::Fault, state, None, || format!("the call of {what} is lost"));
            let state = self.answer(State { spent, ..landed }, call, Reply::Unknown);
            self.push(Cause::Fault, state, broken, || format!("the call of {what} lands, its reply is lost"));
            let mut late = State { spent, ..*s };
            late.calls[slot] = Some(Call { orphan: true, ..*call });
            let state = self.answer(late, call, Reply::Unknown);
            self.push(Cause::Fault, state, None, || format!("{what} gives its call up, which is on its way"));
        }
        if s.spent.refusals < self.bounds.refusals {
            let spent = Spent { refusals: s.spent.refusals + 1, ..s.spent };
            let state = self.answer(State { spent, ..gone }, call, Reply::Denied);
            self.push(Cause::Fault, state, None, || format!("the call of {what} is refused for good"));
        }
    }

    fn answer(&mut self, mut s: State, call: &Call, reply: Reply) -> State {
        if call.orphan {
            return s;
        }
        let Some(Some(task)) = s.task(call.attempt).copied() else { return s };
        if reply == Reply::Unknown && self.broken_by(Mutation::LostReplyIsFailure) {
            return with(s, Task { run: 0, age: 0, phase: Phase::Finishing(Outcome::Failed), ..task });
        }
        self.learn(s, task, Event::Answered(reply))
    }
}

/// What a step does, as the log has it.
pub(super) fn action(known: &Known, attempt: Attempt) -> Action {
    known.execution(attempt.epoch).unwrap().plan.steps[&shop::step(attempt.step)].action.clone()
}

/// Whether the attempt is begun, and its execution takes everything back.
fn aborted(known: &Known, a: Attempt) -> bool {
    let Some(execution) = known.execution(a.epoch) else { return false };
    let step = shop::step(a.step);
    let undoing = matches!(execution.state, ExecutionState::Undoing { .. }) && !execution.may_run(&step);
    let started = StepState::Started { agent: shop::agent(a.agent) };
    undoing
        && execution
            .steps
            .get(&step)
            .is_some_and(|progress| progress.state == started && progress.attempt == u32::from(a.number))
}

fn with(mut s: State, task: Task) -> State {
    match s.task(task.attempt) {
        Some(slot) => *slot = Some(task),
        None => *s.tasks.iter_mut().find(|slot| slot.is_none()).unwrap() = Some(task),
    }
    s
}

pub(super) fn without(mut s: State, attempt: Attempt) -> State {
    if let Some(slot) = s.task(attempt) {
        *slot = None;
    }
    s
}

/// An attempt in a story.
pub(super) fn told(a: Attempt) -> String {
    format!("{}'s {}#{} of epoch {}", name(a.agent), STEPS[usize::from(a.step)], a.number, a.epoch)
}
