//! What every promotion of a standby has in common: how a server is looked at, how it is told to promote itself, and what
//! stands in the way of that. Which standby may be promoted, and when, is said by the rooms.

use super::session::{Server, Sessions, Trouble};
use quorate_policies::{
    CheckName, Millis, RegionName, TargetName,
    effect::Acted,
    policy::{Looks, PostgresProbe},
    readiness::Finding,
};
use quorate_probes::{ProbeResult, Prober, Target};
use std::time::Duration;

/// One look: a fresh session in the same or a neighbouring region takes some ten round trips.
const LOOK_MAX: Millis = Millis(1_500);
/// The server only notes the wish, so what takes long is the way.
pub(super) const ACT_MAX: Duration = Duration::from_secs(3);
/// It returns at once: how the promotion goes is looked at from outside.
const PROMOTE: &str = "SELECT pg_promote(wait => false)";
/// From this pause on between two attempts to reach its primary, a standby may sleep through the beginning of its own
/// promotion: the default is five seconds.
const RETRY_MAX_MS: i32 = 1_000;
/// What a standby says that lets nobody in.
const CLOSED: &str = "Hot standby mode is disabled";

/// What is asked before a promotion.
const CHECK: &str = "SELECT has_function_privilege('pg_promote(boolean, integer)', 'execute'), \
     (SELECT setting::int FROM pg_settings WHERE name = 'wal_retrieve_retry_interval'), \
     (SELECT setting::int FROM pg_settings WHERE name = 'recovery_min_apply_delay'), \
     (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only')";

/// What a standby says of itself before it is promoted.
struct Said {
    /// The account may promote it.
    may: bool,
    retry_ms: i32,
    delay_ms: i32,
    /// New sessions are read-only by the server's own setting, also once it is a primary.
    read_only: bool,
}

/// Looks at a server as every probe looks at it.
pub(super) async fn look(
    prober: &Prober,
    server: &Server<'_>,
    region: &str,
    check: &CheckName,
) -> Result<ProbeResult, String> {
    let [host, database, user] = [server.host, server.database, server.user].map(str::to_owned);
    let looks = Looks::Postgres(PostgresProbe { host, port: server.port, database, user, write: None });
    let region = RegionName::try_from(region).map_err(|error| error.to_string())?;
    let name = TargetName { check: check.clone(), region };
    let target = Target::new(name, &looks, LOOK_MAX).map_err(|error| error.to_string())?;
    Ok(prober.probe(&target).await)
}

/// Tells a standby to promote itself, once.
pub(super) async fn promote(sessions: &Sessions, server: &Server<'_>) -> Acted {
    match sessions.row(server, PROMOTE).await {
        Ok(_) => Acted::Accepted { detail: format!("{} was told to promote itself", server.host) },
        Err(trouble) => trouble.acted(),
    }
}

/// What stands in the way of a promotion: whether the account may promote, and settings that delay it or spoil it.
pub(super) async fn check(sessions: &Sessions, server: &Server<'_>) -> Vec<Finding> {
    match sessions.row(server, CHECK).await {
        Ok(row) => {
            let said = Said {
                may: row.try_get(0).unwrap_or(false),
                retry_ms: row.try_get(1).unwrap_or(0),
                delay_ms: row.try_get(2).unwrap_or(0),
                read_only: row.try_get(3).unwrap_or(false),
            };
            findings(server, &said)
        }
        Err(trouble) => vec![unasked("the standby", server, &trouble)],
    }
}

/// A server that cannot be asked.
pub(super) fn unasked(whose: &str, server: &Server<'_>, trouble: &Trouble) -> Finding {
    let message = format!("{whose} {} cannot be asked: {trouble}", server.host);
    if message.contains(CLOSED) {
        return Finding::blocking(message, "set hot_standby = on there, and restart it");
    }
    Finding::blocking(message, "see the agent file's `postgres` and the server's pg_hba.conf")
}

fn findings(server: &Server<'_>, said: &Said) -> Vec<Finding> {
    let Server { host, user, .. } = server;
    let length = |ms: i32| Millis(u64::try_from(ms).unwrap_or_default());
    let forbidden = (!said.may).then(|| {
        let mend = format!("GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO {user}");
        Finding::blocking(format!("{user} may not promote {host}"), &mend)
    });
    let slow = (said.retry_ms > RETRY_MAX_MS).then(|| {
        let message = format!(
            "wal_retrieve_retry_interval of {host} is {}: a promotion in that pause waits for its end",
            length(said.retry_ms)
        );
        Finding::warning(message, "set it to 200ms on the standby, and reload")
    });
    let delayed = (said.delay_ms > 0).then(|| {
        let message = format!(
            "recovery_min_apply_delay of {host} is {}: a promotion first replays what was held back",
            length(said.delay_ms)
        );
        Finding::warning(message, "set it to 0 on the standby, and reload, or promote another one")
    });
    let read_only = said.read_only.then(|| {
        let message =
            format!("default_transaction_read_only of {host} is on: promoted, it would take no writes");
        let mend =
            "ALTER SYSTEM RESET default_transaction_read_only on the standby, and reload: it was copied from a \
             fenced primary";
        Finding::warning(message, mend)
    });
    [forbidden, slow, delayed, read_only].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server<'static> {
        let (host, database, user, application) = ("10.0.0.2", "postgres", "quorate", "quorate test");
        Server { host, port: 5432, database, user, application, within: ACT_MAX }
    }

    /// Goal: what would make a promotion fail, slow, or useless is told with its mend. Method: a good server; one that does
    /// not let the account promote, with the default pause, a delay, and a fence that was copied.
    #[test]
    fn what_stands_in_the_way() {
        let good = Said { may: true, retry_ms: 200, delay_ms: 0, read_only: false };
        assert_eq!(findings(&server(), &good), vec![]);
        let bad = Said { may: false, retry_ms: 5_000, delay_ms: 60_000, read_only: true };
        let told: Vec<String> = findings(&server(), &bad).iter().map(ToString::to_string).collect();
        for (told, part) in told.iter().zip([
            "GRANT EXECUTE ON FUNCTION pg_promote",
            "wal_retrieve_retry_interval of 10.0.0.2 is 5s",
            "recovery_min_apply_delay of 10.0.0.2 is 1m",
            "promoted, it would take no writes",
        ]) {
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(told.len(), 4);
    }

    /// Goal: a standby that lets nobody in is told from one that does not answer. Method: both troubles.
    #[test]
    fn a_closed_standby_has_its_own_mend() {
        let told = |why: &str| unasked("the standby", &server(), &Trouble::NotAsked(why.to_owned())).mend;
        let closed =
            "FATAL: the database system is not accepting connections DETAIL: Hot standby mode is disabled.";
        assert!(told(closed).contains("hot_standby = on"));
        assert!(told("connection refused").contains("pg_hba.conf"));
    }
}
