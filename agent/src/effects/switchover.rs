//! `postgres.switchover`: a standby becomes a primary when it has everything that its fenced primary has written. One part:
//! the promotion. Everything that can be taken back is done by the steps before it.
//!
//! - **Nothing is lost:** a look saw that nobody may write at the primary, then where its log ended, and that the standby has
//!   received and replayed all of it; that is noted. Right before the promotion the same is shown again, by a mark in the
//!   primary's log that the standby has to replay: whatever was acknowledged before stands before the mark, also what was
//!   committed asynchronously and not written out yet.
//! - **Until then nothing has happened:** whatever is missing is seen as not done, and the act refuses. So an attempt that
//!   ends without a promotion has certainly failed, and an abort takes the fence away again. Once it is noted, silence is
//!   silence (R7).
//! - **Received and not replayed does not suffice,** although it would be safe: a promotion would first replay it, for as long
//!   as that takes, with no primary. And whoever has paused the replay had a reason.
//! - **The limits are the fence's:** a session that sets itself read-write, and a prepared transaction.

use super::{
    session::{Server, Sessions, reason},
    standby::{self, unasked},
    writers::{Stopped, Writers},
};
use quorate_policies::{
    Millis,
    effect::{Acted, EffectContext, Observed},
    health::FailureReason,
    plan::{Before, Lag, action::PostgresSwitchover},
    postgres::{Database, DatabaseRole, Lsn},
    readiness::Finding,
};
use quorate_probes::{Outcome, ProbeResult, Prober};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// How the session shows in the server's list.
const APPLICATION: &str = "quorate switchover";
/// Showing it right before the promotion: some five sessions. With the promotion's own it stays below the longest call
/// (12 s).
const PROOF_MAX: Duration = Duration::from_secs(7);
/// Between two looks at a standby that has the mark to replay.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Writes the mark, which means nothing to anybody, and makes it durable; gives where it ends. A read-only session may.
const MARK: &str = "SELECT pg_logical_emit_message(true, 'quorate', 'switchover')::text";
/// What to do where the primary does not answer.
const GONE: &str = "a primary that is gone is replaced by postgres.promote";

/// The room.
pub(super) struct Switchovers {
    prober: Arc<Prober>,
    sessions: Sessions,
}

/// Why the standby may not be promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Obstacle {
    /// It may pass.
    NotYet(String),
    /// It is not what the plan means.
    Never(String),
}

impl Switchovers {
    pub(super) const fn new(prober: Arc<Prober>, sessions: Sessions) -> Self {
        Self { prober, sessions }
    }

    pub(super) async fn observe(&self, action: &PostgresSwitchover, context: &EffectContext) -> Observed {
        let looked = standby::look(&self.prober, &to(action), &action.region, &action.probe).await;
        let seen = match looked {
            Ok(seen) => seen,
            Err(reason) => return Observed::Impossible { reason },
        };
        let noted = context.before.is_some();
        match standing(&seen, noted) {
            Standing::Standby(standby) => {
                let shown = match self.ended(action, context).await {
                    Ok(primary) => lacks_nothing(&primary, &standby).map_err(Obstacle::NotYet),
                    Err(obstacle) => Err(obstacle),
                };
                judge(shown, &standby, context)
            }
            Standing::Known(observed) => observed,
        }
    }

    pub(super) async fn act(&self, action: &PostgresSwitchover, context: &EffectContext) -> Acted {
        let refused = |reason| Acted::Refused { reason, retryable: true };
        // The note says by what it was shown, and has to be in the log before anything is lost.
        if context.before.is_none() {
            let missing = self.missing(action, context).await;
            return refused(missing.unwrap_or_else(|| "it lacks nothing any more: look again".to_owned()));
        }
        let late = |_| Err(format!("{} did not show in {PROOF_MAX:?} that it lacks nothing", action.host));
        match timeout(PROOF_MAX, self.prove(action, context)).await.unwrap_or_else(late) {
            Ok(()) => standby::promote(&self.sessions, &to(action)).await,
            Err(why) => refused(why),
        }
    }

    /// What stands in the way.
    pub(super) async fn check(&self, action: &PostgresSwitchover) -> Vec<Finding> {
        let mut findings = standby::check(&self.sessions, &to(action)).await;
        let from = from(action);
        match Writers::ask(&self.sessions, &from).await {
            Ok(Writers { standby: true, .. }) => {
                let message = format!("{} is a standby: there is nothing to switch over from", from.host);
                findings.push(Finding::blocking(message, "name the present primary in `from`"));
            }
            Ok(Writers { sees: false, .. }) => {
                let message = format!("{} does not see the sessions of {}", from.user, from.host);
                findings.push(Finding::blocking(message, format!("GRANT pg_monitor TO {}", from.user)));
            }
            Ok(_) => {}
            Err(trouble) => findings.push(unasked("the primary", &from, &trouble)),
        }
        findings
    }

    /// Where the primary's log ended, read after it was seen that nobody may write there.
    async fn ended(
        &self,
        action: &PostgresSwitchover,
        context: &EffectContext,
    ) -> Result<Database, Obstacle> {
        self.nobody_writes(action).await?;
        let seen = standby::look(&self.prober, &from(action), &context.from, &action.probe).await;
        let seen = seen.map_err(Obstacle::Never)?;
        seen.database.clone().ok_or_else(|| Obstacle::NotYet(silent(&action.from.host, &seen)))
    }

    async fn nobody_writes(&self, action: &PostgresSwitchover) -> Result<(), Obstacle> {
        let from = from(action);
        let asked = Writers::ask(&self.sessions, &from).await;
        let writers = asked.map_err(|trouble| {
            Obstacle::NotYet(format!("the primary {} cannot be asked: {trouble}; {GONE}", from.host))
        })?;
        match writers.stopped(from.host, from.user) {
            Stopped::Yes => Ok(()),
            Stopped::But(why) => Err(Obstacle::NotYet(why)),
            Stopped::No(why) => {
                Err(Obstacle::Never(format!("{why}: stop writes with postgres.fence before")))
            }
            Stopped::Never(why) => Err(Obstacle::Never(why)),
        }
    }

    /// What is missing now, in words; nothing if nothing is.
    async fn missing(&self, action: &PostgresSwitchover, context: &EffectContext) -> Option<String> {
        let primary = match self.ended(action, context).await {
            Ok(primary) => primary,
            Err(Obstacle::NotYet(why) | Obstacle::Never(why)) => return Some(why),
        };
        let seen = standby::look(&self.prober, &to(action), &action.region, &action.probe).await;
        let seen = match seen {
            Ok(seen) => seen,
            Err(why) => return Some(why),
        };
        match seen.database {
            Some(standby) => lacks_nothing(&primary, &standby).err(),
            None => Some(silent(&action.host, &seen)),
        }
    }

    /// Shows, by a mark in the primary's log, that the standby lacks nothing, and that nobody was let in meanwhile.
    async fn prove(&self, action: &PostgresSwitchover, context: &EffectContext) -> Result<(), String> {
        let words = |obstacle| match obstacle {
            Obstacle::NotYet(why) | Obstacle::Never(why) => why,
        };
        let primary = self.ended(action, context).await.map_err(words)?;
        let marked = self.sessions.row(&from(action), MARK).await.map_err(|trouble| trouble.to_string())?;
        let mark: String = marked.try_get(0).map_err(|error| reason(&error))?;
        let mark: Lsn =
            mark.parse().map_err(|error: quorate_policies::postgres::LsnError| error.to_string())?;
        let primary = Database { role: DatabaseRole::Primary { written: mark }, ..primary };
        loop {
            let seen = standby::look(&self.prober, &to(action), &action.region, &action.probe).await?;
            let standby = seen.database.clone().ok_or_else(|| silent(&action.host, &seen))?;
            match lacks_nothing(&primary, &standby) {
                Ok(_) => break,
                // Somebody else has promoted it.
                Err(why) if standby.is_primary() => return Err(why),
                Err(_) => sleep(LOOK_AGAIN).await,
            }
        }
        self.nobody_writes(action).await.map_err(words)
    }
}

fn to(action: &PostgresSwitchover) -> Server<'_> {
    let PostgresSwitchover { host, port, database, user, .. } = action;
    let (port, application, within) = (*port, APPLICATION, standby::ACT_MAX);
    Server { host, port, database, user, application, within }
}

fn from(action: &PostgresSwitchover) -> Server<'_> {
    Server { host: &action.from.host, port: action.from.port, ..to(action) }
}

fn silent(host: &str, seen: &ProbeResult) -> String {
    match &seen.outcome {
        Outcome::Failure { reason, detail } => format!("{host}: {reason}: {detail}"),
        Outcome::Success => format!("{host} said nothing of itself"),
    }
}

/// What a look at the standby alone says.
enum Standing {
    /// It is one: what it lacks depends on its primary.
    Standby(Database),
    /// The rest does not matter.
    Known(Observed),
}

fn standing(seen: &ProbeResult, noted: bool) -> Standing {
    let Some(database) = &seen.database else {
        let detail = silent("the standby", seen);
        let closed = matches!(seen.outcome, Outcome::Failure { reason: FailureReason::NotAccepting, .. });
        return Standing::Known(match (noted, closed) {
            // Nobody of ours has told it anything, and the act refuses while it is silent.
            (false, _) => Observed::not_done(detail),
            // It shuts its sessions out for a moment while it becomes a primary.
            (true, true) => Observed::InProgress { detail },
            (true, false) => Observed::Unknown { reason: detail },
        });
    };
    match database.role {
        DatabaseRole::Standby { .. } => Standing::Standby(database.clone()),
        // It was seen as a standby that lacked nothing, and a promotion begins a new timeline.
        DatabaseRole::Primary { .. } if noted => {
            Standing::Known(Observed::Done { detail: database.to_string() })
        }
        DatabaseRole::Primary { .. } => Standing::Known(Observed::Impossible {
            reason: format!(
                "it is a primary before anything was done: nobody has seen what it lacks ({database})"
            ),
        }),
    }
}

/// Whether the standby has everything of the primary, and by which positions.
fn lacks_nothing(primary: &Database, standby: &Database) -> Result<String, String> {
    let DatabaseRole::Primary { written } = primary.role else {
        return Err(format!("the server to switch over from is no primary: {primary}"));
    };
    let DatabaseRole::Standby { received, replayed, .. } = standby.role else {
        return Err(format!("the server to switch over to is no standby: {standby}"));
    };
    if primary.timeline != standby.timeline {
        return Err(format!("their logs are not of one timeline: {primary}; {standby}"));
    }
    let missing = |what: &str, position: Option<Lsn>| match position {
        Some(position) if position >= written => None,
        Some(position) => Some(format!("{} bytes are not {what}", written.since(position))),
        None => Some(format!("nothing is {what}")),
    };
    // What it replays from an archive it has never received by streaming.
    if let Some(missing) =
        missing("received", received.max(replayed)).or_else(|| missing("replayed", replayed))
    {
        return Err(format!("{missing}: {standby}; its primary has written {written}"));
    }
    let replayed = replayed.unwrap_or(written);
    Ok(format!(
        "positions: the log of the fenced primary ended at {written}, received and replayed to {replayed}"
    ))
}

/// What all looks together mean.
fn judge(shown: Result<String, Obstacle>, standby: &Database, context: &EffectContext) -> Observed {
    match shown {
        Ok(by) => {
            let detail = format!("{standby}; {by}");
            let lag = Lag::Known { behind: Millis::ZERO, age: Millis::ZERO, by, confirmed: false };
            let before = Some(Before::Promoted { source: context.from.clone(), lag });
            Observed::NotDone { detail, part: 0, before }
        }
        Err(Obstacle::NotYet(why)) => Observed::not_done(why),
        Err(Obstacle::Never(reason)) => Observed::Impossible { reason },
    }
}

#[cfg(test)]
mod tests;
