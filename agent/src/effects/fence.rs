//! `postgres.fence` and `postgres.unfence`: writes at a server that is alive are stopped, and given back. Part 0 makes new
//! transactions read-only by `ALTER SYSTEM`; part 1 ends the sessions from before, which may be in one that writes.
//!
//! - **A session may set itself read-write,** and a prepared transaction may still be committed: this keeps honest clients
//!   out and no others. The fence that holds is the guard's lease.
//! - **A server that does not answer is not fenced:** it may come back. What that means for the plan, its `on_error` says.
//! - **Only a primary is fenced.** The setting is no part of the replicated data, but a copy of the directory has it.
//! - **Unknown after an act:** both parts may be repeated. A late one of an executor that was overtaken cannot come: see
//!   [`Sessions::order`].

use super::{
    session::{Server, Sessions},
    standby::unasked,
    writers::{SETTING, Stopped, Writers},
};
use quorate_policies::{
    effect::{Acted, EffectContext, Observed},
    plan::{
        Before,
        action::{PostgresFence, PostgresUnfence},
    },
    readiness::Finding,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Makes new transactions read-only.
const STOP: u8 = 0;
/// Ends the sessions from before.
const END: u8 = 1;
/// One statement over a session of its own: what takes long is the way.
const SESSION_MAX: Duration = Duration::from_secs(3);
/// For so long sessions are ended again and again; a backend that waits for a disk ends when it is through. With the
/// statement under way it stays below the longest call (12 s).
const ENDING_MAX: Duration = Duration::from_secs(5);
/// Between two rounds: a backend ends within milliseconds.
const ROUND: Duration = Duration::from_millis(50);
/// How the session shows in the server's list.
const APPLICATION: &str = "quorate fence";

/// Ends the sessions of clients from before the configuration was loaded; gives how many there were. Those of a superuser
/// only a superuser may end, and an attempt would end the statement.
const END_SESSIONS: &str = "SELECT count(*), count(CASE WHEN mine.rolsuper OR NOT their.rolsuper \
       THEN pg_terminate_backend(session.pid) END) \
     FROM pg_stat_activity AS session JOIN pg_roles AS their ON their.oid = session.usesysid, \
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS mine \
     WHERE session.backend_type = 'client backend' AND session.pid <> pg_backend_pid() \
       AND session.backend_start < pg_conf_load_time()";

/// What the account may do.
const RIGHTS: &str = "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), \
     has_function_privilege('pg_reload_conf()', 'execute'), pg_has_role('pg_signal_backend', 'usage')";
/// The same for the setting; PostgreSQL 15 and later.
const MAY_ALTER: &str = "SELECT has_parameter_privilege('default_transaction_read_only', 'alter system')";

/// The room.
pub(super) struct Fences(Sessions);

impl Fences {
    pub(super) const fn new(sessions: Sessions) -> Self {
        Self(sessions)
    }

    pub(super) async fn observe(&self, action: &PostgresFence) -> Observed {
        match Writers::ask(&self.0, &server(action)).await {
            Ok(seen) => fenced(action, &seen),
            Err(trouble) => Observed::Unknown {
                reason: format!("{} cannot be asked, so it is not fenced: {trouble}", action.host),
            },
        }
    }

    pub(super) async fn act(&self, action: &PostgresFence, part: u8) -> Acted {
        match part {
            STOP => self.set(&server(action), &format!("ALTER SYSTEM SET {SETTING} = on")).await,
            _ => self.end_sessions(&server(action)).await,
        }
    }

    /// What stands in the way of the fence.
    pub(super) async fn check(&self, action: &PostgresFence) -> Vec<Finding> {
        let server = server(action);
        let seen = match Writers::ask(&self.0, &server).await {
            Ok(seen) => seen,
            Err(trouble) => return vec![unasked("the primary", &server, &trouble)],
        };
        let mut findings = self.rights(&server).await;
        if let Stopped::Never(why) = seen.stopped(server.host, server.user) {
            findings.push(Finding::blocking(why, "the fence would be refused"));
        }
        findings.push(Finding::note(format!(
            "a session of {} may still set itself read-write: the fence that holds is a guard under the lease",
            server.host
        )));
        findings
    }

    pub(super) async fn observe_unfence(
        &self,
        action: &PostgresUnfence,
        context: &EffectContext,
    ) -> Observed {
        match Writers::ask(&self.0, &server(&same(action))).await {
            Ok(seen) => unfenced(action, &seen, context),
            Err(trouble) => {
                Observed::Unknown { reason: format!("{} cannot be asked: {trouble}", action.host) }
            }
        }
    }

    pub(super) async fn act_unfence(&self, action: &PostgresUnfence) -> Acted {
        self.set(&server(&same(action)), &format!("ALTER SYSTEM RESET {SETTING}")).await
    }

    /// What stands in the way of taking a fence away.
    pub(super) async fn check_unfence(&self, action: &PostgresUnfence) -> Vec<Finding> {
        self.rights(&server(&same(action))).await
    }

    async fn set(&self, server: &Server<'_>, statement: &str) -> Acted {
        if let Err(trouble) = self.0.order(server, statement).await {
            return trouble.acted();
        }
        match self.0.row(server, "SELECT pg_reload_conf()").await {
            Ok(_) => Acted::Accepted { detail: format!("{}: {statement}, and reloaded", server.host) },
            // The file is written already.
            Err(trouble) => trouble.begun(),
        }
    }

    async fn end_sessions(&self, server: &Server<'_>) -> Acted {
        let began = Instant::now();
        let mut told = 0;
        loop {
            let row = match self.0.row(server, END_SESSIONS).await {
                Ok(row) => row,
                Err(trouble) if told == 0 => return trouble.acted(),
                Err(trouble) => return trouble.begun(),
            };
            let left: i64 = row.try_get(0).unwrap_or(i64::MAX);
            told = left.max(told);
            if left == 0 || began.elapsed() >= ENDING_MAX {
                let detail = format!("{}: {told} sessions were ended, {left} of them not yet", server.host);
                return Acted::Accepted { detail };
            }
            sleep(ROUND).await;
        }
    }

    /// What the account may not do, each with its mend.
    async fn rights(&self, server: &Server<'_>) -> Vec<Finding> {
        let row = match self.0.row(server, RIGHTS).await {
            Ok(row) => row,
            Err(trouble) => return vec![unasked("the server", server, &trouble)],
        };
        if row.try_get(0).unwrap_or(false) {
            return Vec::new();
        }
        // Before PostgreSQL 15 there is no such function, and only a superuser may.
        let alter = self.0.row(server, MAY_ALTER).await.ok().and_then(|row| row.try_get(0).ok());
        let (reload, signal) = (row.try_get(1).unwrap_or(false), row.try_get(2).unwrap_or(false));
        rights(server, alter.unwrap_or(false), reload, signal)
    }
}

/// What of a fence's rights is missing.
fn rights(server: &Server<'_>, alter: bool, reload: bool, signal: bool) -> Vec<Finding> {
    let Server { host, user, .. } = server;
    let alter_mend =
        format!("GRANT ALTER SYSTEM ON PARAMETER {SETTING} TO {user} (before PostgreSQL 15: a superuser)");
    let rows = [
        (alter, format!("set {SETTING} of"), alter_mend),
        (reload, "reload".to_owned(), format!("GRANT EXECUTE ON FUNCTION pg_reload_conf() TO {user}")),
        (signal, "end sessions of".to_owned(), format!("GRANT pg_signal_backend TO {user}")),
    ];
    let missing = rows.into_iter().filter(|(may, ..)| !may);
    missing.map(|(_, what, mend)| Finding::blocking(format!("{user} may not {what} {host}"), mend)).collect()
}

/// Both actions name their server alike.
fn same(action: &PostgresUnfence) -> PostgresFence {
    let PostgresUnfence { region, host, port, database, user } = action.clone();
    PostgresFence { region, host, port, database, user }
}

fn server(action: &PostgresFence) -> Server<'_> {
    let PostgresFence { host, port, database, user, .. } = action;
    Server { host, port: *port, database, user, application: APPLICATION, within: SESSION_MAX }
}

/// Where the fence stands.
fn fenced(action: &PostgresFence, seen: &Writers) -> Observed {
    // What is on before anything was noted is somebody else's.
    let not_done = |detail: String, part: u8| Observed::NotDone {
        detail,
        part,
        before: Some(Before::WritesStopped { already: part == END }),
    };
    match seen.stopped(&action.host, &action.user) {
        Stopped::Yes => Observed::Done {
            detail: format!("{}: {SETTING} is on, no session is left from before", action.host),
        },
        Stopped::But(why) if seen.older > 0 => not_done(why, END),
        // It began after the setting, so it has set itself read-write: ending it would end nothing.
        Stopped::But(why) => Observed::InProgress { detail: why },
        Stopped::No(why) => not_done(why, STOP),
        Stopped::Never(reason) => Observed::Impossible { reason },
    }
}

/// Where its end stands. Whatever the role: a standby that was copied from a fenced primary has the setting too. It is reset
/// once in any case, because a setting that was written and not loaded does not show.
fn unfenced(action: &PostgresUnfence, seen: &Writers, context: &EffectContext) -> Observed {
    let PostgresUnfence { host, user, .. } = action;
    let detail =
        format!("{host}: {SETTING} is {} by {}", if seen.read_only { "on" } else { "off" }, seen.source);
    if seen.altered() || context.before.is_none() {
        let before = Some(Before::WritesStopped { already: seen.read_only });
        return Observed::NotDone { detail, part: 0, before };
    }
    if seen.read_only && !seen.sees {
        let reason = format!("{detail}; {user} does not see by which file: GRANT pg_monitor TO {user}");
        return Observed::Impossible { reason };
    }
    Observed::Done { detail }
}

#[cfg(test)]
mod tests;
