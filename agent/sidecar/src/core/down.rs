//! While no process of the server runs: whether it is started, and as what; or made a standby; or left to a human. A part
//! of the guard's pure core.

use super::{AGAIN_AFTER, Directory, Guard, Mode, Output, Rejoined, Running, Server};
use quorate_policies::Monotonic;

impl Guard {
    pub(super) fn directory_seen(&mut self, seen: Result<Directory, String>, out: &mut Vec<Output>) {
        self.looking = false;
        if !matches!(self.server, Server::Unseen) {
            return;
        }
        match seen {
            Ok(directory) => {
                let kind = if directory.standby_signal { "a standby's" } else { "a primary's" };
                let why = format!(
                    "the directory is {kind}, timeline {}, state `{}`",
                    directory.timeline, directory.state
                );
                out.push(Output::Transition { to: "down", why });
                self.server = Server::Down(directory);
            }
            Err(what) => self.stuck(what, out),
        }
    }

    pub(super) fn decide_down(&mut self, now: Monotonic, directory: Directory, out: &mut Vec<Output>) {
        let waits = now < self.again_at;
        if directory.standby_signal {
            if !waits {
                self.start(now, Mode::Standby, "a standby needs no lease", out);
            }
            return;
        }
        let held = self.lease.is_some_and(|lease| now < self.before(lease));
        if held && self.may_start() {
            if !waits {
                self.start(now, Mode::Primary, "this region holds the lease", out);
            }
        } else if held {
            // A lease that this region will not write under is in the way of one that would.
            self.release(now, out);
            self.need_human(
                "the server ended as a primary and is not started as one again by itself, though this region may hold the \
                 lease. Look why it ended; then restart the guard, or let it do so with --restart-primary"
                    .to_owned(),
                out,
            );
        } else if self.refused && !waits {
            // Only a refusal shows that the lease has moved; silence shows nothing.
            if self.settings.rejoin {
                out.push(Output::Transition {
                    to: "rejoining",
                    why: "the lease is not this region's".to_owned(),
                });
                self.server = Server::Rejoining;
                out.push(Output::Rejoin);
            } else {
                self.need_human(
                    "this former primary has no lease and waits, because of --rejoin manual or without --primary-conninfo. If \
                     another server is the primary now, restart the guard so that it may rejoin, or make this one a \
                     standby by hand and restart the guard"
                        .to_owned(),
                    out,
                );
            }
        }
    }

    /// Whether a lease would start the server, or keep it running.
    pub(super) const fn may_start(&self) -> bool {
        !self.ended_as_primary || self.settings.restart_primary
    }

    fn start(&mut self, now: Monotonic, mode: Mode, why: &str, out: &mut Vec<Output>) {
        self.server = Server::Running(Running::new(mode, now));
        self.statement_asking.next_at = now;
        self.ended_as_primary = false;
        out.push(Output::Transition { to: "starting", why: why.to_owned() });
        out.push(Output::StartServer(mode));
    }

    pub(super) fn rejoined(&mut self, now: Monotonic, rejoined: Rejoined, out: &mut Vec<Output>) {
        if !matches!(self.server, Server::Rejoining) {
            return;
        }
        self.again_at = now;
        self.server = Server::Unseen;
        match rejoined {
            Rejoined::Done => {
                let why = "the directory is a standby's now".to_owned();
                out.push(Output::Transition { to: "rejoined", why });
                self.rejoined = true;
            }
            Rejoined::NotYet { why } => {
                out.push(Output::Transition { to: "waiting", why });
                self.again_at = now.plus(AGAIN_AFTER);
            }
            Rejoined::Impossible { what } => self.stuck(what, out),
        }
        if self.finishing {
            self.server = Server::Stuck;
            out.push(Output::Exit);
        }
    }

    fn stuck(&mut self, what: String, out: &mut Vec<Output>) {
        out.push(Output::Transition { to: "stuck", why: "a human must act".to_owned() });
        self.server = Server::Stuck;
        self.need_human(what, out);
    }
}
