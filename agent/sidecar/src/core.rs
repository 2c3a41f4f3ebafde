//! The guard's decisions: when the server is started, stopped, rejoined, and what is said of the lease. Pure: time and
//! everything that happened come in, what is to be done goes out. It must not read a clock, a file or a socket.
//!
//! The rule: the server may be a primary only before `until - stop_time`, where `until` is the *sending* of a request for
//! the lease plus the length that its answer named. The lease is released only when no process of the server is left.

mod down;
mod running;
mod vocabulary;

pub use vocabulary::{Answer, Directory, Input, Mode, Output, Rejoined, Role, Settings, Statement, Stop};

use quorate_policies::{Millis, Monotonic};

/// A restart or a rejoin that did not work is tried again after so long: what fails at once would otherwise fill the log.
const AGAIN_AFTER: Millis = Millis(2_000);
/// A fast shutdown writes a checkpoint, which takes seconds; one that takes longer than this is not worth the wait.
const FAST_MAX: Millis = Millis::from_secs(30);
/// How long a replica may give no good answer before it is taken for one that may have been promoted unseen. A replica
/// that is merely slow should not be stopped, so it is much longer than a primary's limit.
const REPLICA_SILENCE_MAX: Millis = Millis::from_secs(10);
/// How long the kernel passes a replica's packets after it last said that it is one: a guard that does not run cannot
/// see a promotion, so it must not leave the port open for ever. Half of the silence after which it is stopped.
const REPLICA_FENCE: Millis = Millis::from_secs(5);
/// The fence is moved in steps no smaller than this: each costs two programs, and the old end is the earlier one.
const FENCE_STEP: Millis = Millis(50);
/// How long a rejoined standby may take to connect to its primary. The wait for the primary's log is 5 s by default.
const STREAM_MAX: Millis = Millis::from_secs(30);
/// Nothing is due so rarely that it could not be looked at once a second.
const IDLE_MAX: Millis = Millis::from_secs(1);

/// What the region holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token.
    pub epoch: u64,
    /// From here on it is over.
    pub until: Monotonic,
}

/// One question that is asked again and again, never twice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asking {
    in_flight: bool,
    next_at: Monotonic,
}

impl Asking {
    fn due(&mut self, now: Monotonic, every: Millis) -> bool {
        let due = !self.in_flight && now >= self.next_at;
        if due {
            *self = Self { in_flight: true, next_at: now.plus(every) };
        }
        due
    }
}

/// A server of which processes may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// How it was started.
    pub mode: Mode,
    /// What it last said that it is; none before its first answer.
    pub role: Option<Role>,
    /// On which timeline.
    pub timeline: Option<u32>,
    /// Whether it said that it receives its primary's log.
    pub streaming: bool,
    started_at: Monotonic,
    /// When the last statement was sent that had a good answer; before the first, the start.
    good_at: Monotonic,
    /// Whether the last statement had one, or the server said that it still starts.
    good: bool,
    /// A server that was promoted without a lease has until here to get one.
    grace_until: Option<Monotonic>,
}

/// What the guard knows of its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// It does not run; its directory is being looked at.
    Unseen,
    /// It does not run.
    Down(Directory),
    /// It may run.
    Running(Running),
    /// It was told to stop, and may run.
    Stopping {
        /// How hard.
        stop: Stop,
        /// When it is told harder; none after the hardest.
        harder_at: Option<Monotonic>,
        /// Whether the lease is released when it is gone.
        release: bool,
    },
    /// It does not run; its directory is being made a standby's.
    Rejoining,
    /// It does not run, and will not before a human has acted.
    Stuck,
}

/// The whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    settings: Settings,
    server: Server,
    lease: Option<Lease>,
    /// A grant to a question that was sent no later is over, whatever it says: it was given back.
    released_at: Option<Monotonic>,
    /// The last answer was a refusal.
    refused: bool,
    lease_asking: Asking,
    statement_asking: Asking,
    looking: bool,
    /// The server ended as a primary while it was guarded.
    ended_as_primary: bool,
    /// The directory was made a standby's, and its stream has not been seen.
    rejoined: bool,
    again_at: Monotonic,
    fence: Option<Monotonic>,
    told: Option<String>,
    finishing: bool,
}

impl Guard {
    /// Nothing is known, and nothing runs: the shell has seen to it.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        let never = Asking { in_flight: false, next_at: Monotonic(0) };
        Self {
            settings,
            server: Server::Unseen,
            lease: None,
            released_at: None,
            refused: false,
            lease_asking: never,
            statement_asking: never,
            looking: false,
            ended_as_primary: false,
            rejoined: false,
            again_at: Monotonic(0),
            fence: None,
            told: None,
            finishing: false,
        }
    }

    /// What is known of the server.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The lease, if it has not ended.
    #[must_use]
    pub fn lease(&self, now: Monotonic) -> Option<Lease> {
        self.lease.filter(|lease| now < lease.until)
    }

    /// What a load balancer may be told: the role, said lately, and for a primary under a lease.
    #[must_use]
    pub fn serves(&self, now: Monotonic) -> Option<Role> {
        let Server::Running(running) = &self.server else { return None };
        let fresh = running.good && now.since(running.good_at) <= self.settings.statement_limit;
        let role = running.role.filter(|_| fresh)?;
        (role == Role::Replica
            || self.stop_at(running).is_some_and(|at| now < at) && self.lease(now).is_some())
        .then_some(role)
    }

    /// Takes what happened at `now`, and says what is to be done.
    pub fn handle(&mut self, now: Monotonic, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Tick => {}
            Input::LeaseAnswered { sent_at, answer } => self.lease_answered(now, sent_at, answer, &mut out),
            Input::StatementDone { sent_at, statement } => {
                self.statement_done(now, sent_at, statement, &mut out)
            }
            Input::PostmasterExited { why } => self.postmaster_exited(now, &why, &mut out),
            Input::ServerGone => self.gone(now, &mut out),
            Input::DirectorySeen(seen) => self.directory_seen(seen, &mut out),
            Input::Rejoined(rejoined) => self.rejoined(now, rejoined, &mut out),
            Input::Finish => self.finish(now, &mut out),
        }
        self.step(now, &mut out);
        out
    }

    /// When the guard must be woken at the latest, if nothing happens before. What was due by `now` has been done.
    #[must_use]
    pub fn wake_at(&self, now: Monotonic) -> Monotonic {
        let asking = |asking: &Asking| (!asking.in_flight).then_some(asking.next_at);
        let own = match &self.server {
            Server::Running(running) => self.stop_at(running),
            Server::Stopping { stop: Stop::Fast, harder_at, .. } => self
                .lease
                .map(|lease| self.before(lease))
                .into_iter()
                .chain(*harder_at)
                .filter(|at| *at > now)
                .min(),
            Server::Stopping { harder_at, .. } => *harder_at,
            Server::Down(_) => Some(self.again_at),
            Server::Unseen | Server::Rejoining | Server::Stuck => None,
        };
        let moments =
            [asking(&self.lease_asking), asking(&self.statement_asking), own, Some(now.plus(IDLE_MAX))];
        moments.into_iter().flatten().filter(|at| *at > now).min().unwrap_or(now)
    }

    fn lease_answered(&mut self, now: Monotonic, sent_at: Monotonic, answer: Answer, out: &mut Vec<Output>) {
        self.lease_asking.in_flight = false;
        self.refused = matches!(answer, Answer::Refused { .. });
        if let Answer::Refused { moved: Some(epoch), .. } = answer {
            self.take_leave(now, epoch, out);
        }
        let Answer::Granted { epoch, remaining } = answer else { return };
        let until = sent_at.plus(remaining);
        let given_back = self.released_at.is_some_and(|at| sent_at <= at);
        let older = self.lease.is_some_and(|lease| epoch < lease.epoch);
        if given_back || older || until <= now {
            return;
        }
        // A later answer of the same lease may name an earlier end, by rounding; both were promised.
        let until = match self.lease {
            Some(lease) if lease.epoch == epoch => until.max(lease.until),
            _ => until,
        };
        self.lease = Some(Lease { epoch, until });
        if let Server::Running(running) = &mut self.server {
            running.grace_until = None;
        }
    }

    /// What follows from the state and the time alone.
    fn step(&mut self, now: Monotonic, out: &mut Vec<Output>) {
        match &self.server {
            Server::Unseen => {
                if !self.looking {
                    self.looking = true;
                    out.push(Output::LookAtDirectory);
                }
            }
            Server::Down(directory) => self.decide_down(now, directory.clone(), out),
            Server::Running(running) => self.watch(now, running.clone(), out),
            Server::Stopping { stop, harder_at, release } => {
                let (stop, release) = (*stop, *release);
                // A fast shutdown needs the lease like any other time in which a backend may still write.
                let lapsed = stop == Stop::Fast && self.lease.is_some_and(|lease| now >= self.before(lease));
                if lapsed || harder_at.is_some_and(|at| now >= at) {
                    let harder = if stop == Stop::Fast { Stop::Immediate } else { Stop::Kill };
                    self.stop(now, harder, release, out);
                }
            }
            Server::Rejoining | Server::Stuck => {}
        }
        self.move_fence(now, out);
        // A lease that would be given back at once is asked for only to see whether another region has it.
        let waits = matches!(self.server, Server::Unseen | Server::Down(_)) && !self.may_start();
        let every = if waits { IDLE_MAX } else { self.settings.ask_every };
        if self.wants_lease(now) && self.lease_asking.due(now, every) {
            out.push(Output::AskLease);
        }
        if matches!(self.server, Server::Running(_))
            && self.statement_asking.due(now, self.settings.statement_every)
        {
            out.push(Output::AskStatement);
        }
    }

    /// When the server must be told to stop for this lease's end.
    fn before(&self, lease: Lease) -> Monotonic {
        Monotonic(lease.until.0.saturating_sub(self.settings.stop_time.0))
    }

    /// A primary's lease is renewed only while its statements succeed: a lease that nobody can write under is in the way.
    fn wants_lease(&self, now: Monotonic) -> bool {
        match &self.server {
            Server::Running(running) => running.good && self.good_for(running, now),
            Server::Stopping { stop, .. } => *stop == Stop::Fast,
            Server::Unseen | Server::Down(_) => true,
            Server::Rejoining | Server::Stuck => false,
        }
    }

    fn move_fence(&mut self, now: Monotonic, out: &mut Vec<Output>) {
        let wanted = match &self.server {
            Server::Running(running) if running.role == Some(Role::Replica) => {
                Some(running.good_at.plus(REPLICA_FENCE))
            }
            Server::Running(running) if running.may_write() => self.lease.map(|lease| lease.until),
            // A fast shutdown sends the last of the log to the standbys, while the lease lasts.
            Server::Stopping { stop: Stop::Fast, .. } => {
                self.fence.and_then(|fence| self.lease.map(|lease| lease.until.max(fence)).or(Some(fence)))
            }
            _ => None,
        };
        let wanted = wanted.filter(|until| now < *until);
        let moves = match (self.fence, wanted) {
            (Some(old), Some(new)) => new < old || new.since(old) >= FENCE_STEP,
            (old, new) => old != new,
        };
        if moves {
            self.fence = wanted;
            out.push(Output::Fence(wanted));
        }
    }

    fn finish(&mut self, now: Monotonic, out: &mut Vec<Output>) {
        self.finishing = true;
        match &self.server {
            Server::Running(running) => {
                let why = "the guard is told to end".to_owned();
                out.push(Output::Transition { to: "stopping", why });
                self.ended_as_primary |= running.may_write();
                let unleased =
                    running.may_write() && self.lease.is_none_or(|lease| now >= self.before(lease));
                self.stop(now, if unleased { Stop::Immediate } else { Stop::Fast }, true, out);
            }
            Server::Unseen | Server::Down(_) | Server::Stuck => {
                self.release(now, out);
                self.server = Server::Stuck;
                out.push(Output::Exit);
            }
            // Interrupted, pg_rewind leaves a directory that is of no use.
            Server::Rejoining | Server::Stopping { .. } => {}
        }
    }

    fn stop(&mut self, now: Monotonic, stop: Stop, release: bool, out: &mut Vec<Output>) {
        let harder_at = match stop {
            Stop::Fast => Some(now.plus(FAST_MAX)),
            Stop::Immediate => Some(now.plus(self.settings.kill_after)),
            Stop::Kill => None,
        };
        self.server = Server::Stopping { stop, harder_at, release };
        out.push(Output::StopServer(stop));
    }

    /// Gives back what is left of the lease. Only when no process of the server is left.
    fn release(&mut self, now: Monotonic, out: &mut Vec<Output>) {
        if let Some(lease) = self.lease.take()
            && now < lease.until
        {
            self.released_at = Some(now);
            out.push(Output::ReleaseLease { epoch: lease.epoch });
        }
    }

    /// Says it once; the same need is not news.
    fn need_human(&mut self, what: String, out: &mut Vec<Output>) {
        if self.told.as_ref() != Some(&what) {
            self.told = Some(what.clone());
            out.push(Output::NeedHuman { what });
        }
    }
}
