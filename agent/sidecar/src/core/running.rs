//! While processes of the server may run: what its statements say, when it must stop, and what its end means. A part of
//! the guard's pure core.

use super::{
    Guard, Input, Mode, Output, REPLICA_SILENCE_MAX, Role, Running, STREAM_MAX, Server, Statement, Stop,
};
use quorate_policies::{Millis, Monotonic};

impl Running {
    pub(super) const fn new(mode: Mode, now: Monotonic) -> Self {
        Self {
            mode,
            role: None,
            timeline: None,
            streaming: false,
            started_at: now,
            good_at: now,
            // A server that starts is not renewed for less: nobody can write before it has.
            good: true,
            grace_until: None,
        }
    }

    /// Whether it is a primary, or may be one for all that is known. A standby cannot be promoted before it takes
    /// connections, and then its first statement says so.
    pub(super) fn may_write(&self) -> bool {
        self.role.map_or(self.mode == Mode::Primary, |role| role == Role::Primary)
    }
}

impl Guard {
    /// Whether the last good answer is young enough.
    pub(super) fn good_for(&self, running: &Running, now: Monotonic) -> bool {
        now < running.good_at.plus(self.silence_max(running))
    }

    fn silence_max(&self, running: &Running) -> Millis {
        match running.role {
            None => self.settings.start_max,
            Some(Role::Primary) => self.settings.statement_limit,
            Some(Role::Replica) => REPLICA_SILENCE_MAX,
        }
    }

    /// When the server must be told to stop, as things are.
    pub(super) fn stop_at(&self, running: &Running) -> Option<Monotonic> {
        let silent = running.good_at.plus(self.silence_max(running));
        if !running.may_write() {
            return Some(silent);
        }
        let over = self.lease.map_or(Monotonic(0), |lease| self.before(lease));
        Some(over.max(running.grace_until.unwrap_or_default()).min(silent))
    }

    pub(super) fn statement_done(
        &mut self,
        now: Monotonic,
        sent_at: Monotonic,
        statement: Statement,
        out: &mut Vec<Output>,
    ) {
        self.statement_asking.in_flight = false;
        let lease_held = self.lease.is_some_and(|lease| now < self.before(lease));
        let grace = now.plus(self.settings.promotion_grace);
        let Server::Running(running) = &mut self.server else { return };
        if sent_at < running.started_at {
            return;
        }
        match statement {
            Statement::Is { role, timeline, streaming } => {
                if running.role != Some(role) {
                    let to = if role == Role::Primary { "primary" } else { "replica" };
                    let why = format!("it says so, on timeline {timeline}");
                    out.push(Output::Transition { to, why });
                    // Promoted: the lease is often there already, as a standby asks for it too.
                    if role == Role::Primary && !running.may_write() && !lease_held {
                        running.grace_until = Some(grace);
                        self.lease_asking.next_at = now;
                    }
                }
                running.role = Some(role);
                running.timeline = Some(timeline);
                running.streaming = streaming;
                running.good_at = sent_at.max(running.good_at);
                running.good = true;
                if streaming {
                    self.rejoined = false;
                }
            }
            // A standby replays for as long as it takes; a primary's recovery is held to `start_max` from its start.
            Statement::Starting => {
                running.good = running.role.is_none();
                if running.good && running.mode == Mode::Standby {
                    running.good_at = sent_at.max(running.good_at);
                }
            }
            Statement::Failed { .. } => running.good = running.role.is_none(),
        }
    }

    pub(super) fn watch(&mut self, now: Monotonic, running: Running, out: &mut Vec<Output>) {
        if self.rejoined && now >= running.started_at.plus(STREAM_MAX) {
            self.need_human(
                format!(
                    "the rejoined standby does not stream after {STREAM_MAX}. Look at its log: the slot, the password \
                     file, or a timeline that is not a child of its own (then copy it anew with pg_basebackup)"
                ),
                out,
            );
        }
        if self.stop_at(&running).is_none_or(|at| now < at) {
            return;
        }
        let silent = !self.good_for(&running, now);
        let why = match (silent, running.role) {
            (true, None) => "it does not answer after its start".to_owned(),
            (true, Some(role)) => {
                format!("the {role} has given no good answer for {}", self.silence_max(&running))
            }
            (false, _) if self.lease.is_none() => "it is a primary without a lease".to_owned(),
            (false, _) => "the lease ends and is not renewed".to_owned(),
        };
        out.push(Output::Transition { to: "stopping", why });
        // One that only lost its lease did not fail: if this region is granted it anew, nobody else was promoted (R13).
        self.ended_as_primary |= running.may_write() && silent;
        // What is late, because nothing ran for a while, gets no time to take leave.
        let gone_by = match self.lease {
            Some(lease) if running.may_write() => {
                Monotonic(lease.until.0.saturating_sub(self.settings.kill_after.0))
            }
            _ => Monotonic(u64::MAX),
        };
        let late = now > gone_by || self.lease.is_none() && running.may_write();
        // A lease that has run out needs no release; one that is of no use to this region is released.
        self.stop(now, if late { Stop::Kill } else { Stop::Immediate }, silent, out);
    }

    /// The log has moved the lease to another region, under a later epoch: a primary says goodbye in what is left of its
    /// own. Its sessions end, and what they committed is sent to the standbys, which a stop at the lease's end would not
    /// wait for. It did not fail, so it may be started again if the log gives the lease back.
    pub(super) fn take_leave(&mut self, now: Monotonic, epoch: u64, out: &mut Vec<Output>) {
        let Server::Running(running) = &self.server else { return };
        let held = self.lease.filter(|lease| now < self.before(*lease) && lease.epoch < epoch);
        if held.is_none() || !running.may_write() {
            return;
        }
        let why = format!("the lease moves to another region under epoch {epoch}");
        out.push(Output::Transition { to: "stopping", why });
        self.stop(now, Stop::Fast, true, out);
    }

    /// The postmaster's end is not the server's: backends live on until they notice, and may answer a client meanwhile.
    pub(super) fn postmaster_exited(&mut self, now: Monotonic, why: &str, out: &mut Vec<Output>) {
        match &self.server {
            Server::Running(running) => {
                let why = format!("the postmaster ended: {why}");
                out.push(Output::Transition { to: "stopping", why });
                self.ended_as_primary |= running.may_write();
                self.stop(now, Stop::Kill, true, out);
            }
            Server::Stopping { stop, release, .. } if *stop < Stop::Kill => {
                self.stop(now, Stop::Kill, *release, out);
            }
            _ => {}
        }
    }

    pub(super) fn gone(&mut self, now: Monotonic, out: &mut Vec<Output>) {
        let Server::Stopping { release, .. } = self.server else { return };
        if release || self.finishing {
            self.release(now, out);
        }
        let given_back = self.released_at == Some(now);
        let why = if given_back {
            "no process of it is left; the lease is given back"
        } else {
            "no process of it is left"
        };
        out.push(Output::Transition { to: "down", why: why.to_owned() });
        // What ended only with its lease may go on with the next one.
        self.again_at = if release { now.plus(super::AGAIN_AFTER) } else { now };
        if self.finishing {
            self.server = Server::Stuck;
            out.push(Output::Exit);
        } else {
            self.server = Server::Unseen;
        }
    }

    /// The name of an input, for a log.
    #[must_use]
    pub const fn name(input: &Input) -> &'static str {
        match input {
            Input::Tick => "tick",
            Input::LeaseAnswered { .. } => "lease answered",
            Input::StatementDone { .. } => "statement done",
            Input::PostmasterExited { .. } => "postmaster exited",
            Input::ServerGone => "server gone",
            Input::DirectorySeen(_) => "directory seen",
            Input::Rejoined(_) => "rejoined",
            Input::Finish => "finish",
        }
    }
}
