//! `postgres.rejoin`: waits until the other server follows the new primary. It acts on the new primary alone. Part 0 is a
//! checkpoint, without which `pg_rewind` would see the old timeline; part 1 makes the slot that the other server uses. It
//! must not touch the other server: its guard rewinds it, or a human.
//!
//! - **The slot keeps the log** until the other server has it, so one whose server never comes back fills the disk:
//!   `max_slot_wal_keep_size` bounds that.
//! - **Unknown after an act:** both may be repeated. A checkpoint that was asked for goes on without its session.

use super::{
    session::{Server, Sessions, Trouble, literal, reason},
    standby::{self, unasked},
};
use quorate_policies::{
    CheckName,
    effect::{Acted, Observed},
    plan::action::PostgresRejoin,
    postgres::Database,
    readiness::Finding,
};
use quorate_probes::{Outcome, Prober};
use std::{sync::Arc, time::Duration};

/// Writes the new timeline into the control file.
const CHECKPOINT: u8 = 0;
/// Makes the slot.
const SLOT: u8 = 1;
/// One statement over a session of its own: what takes long is the way.
const SESSION_MAX: Duration = Duration::from_secs(3);
/// A checkpoint writes what is dirty, as fast as the disk takes it; below the longest call (12 s). Longer, it goes on by
/// itself.
const CHECKPOINT_MAX: Duration = Duration::from_secs(10);
/// How the session shows in the server's list.
const APPLICATION: &str = "quorate rejoin";

/// What the account may do, and whether a slot may keep the log for ever.
const RIGHTS: &str = "SELECT rolsuper OR rolreplication, \
     rolsuper OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_checkpoint' AND pg_has_role(oid, 'usage')), \
     pg_has_role('pg_read_all_stats', 'usage'), \
     coalesce(current_setting('max_slot_wal_keep_size', true), '-1') = '-1' \
     FROM pg_roles WHERE rolname = current_user";

/// The room.
pub(super) struct Rejoins {
    prober: Arc<Prober>,
    sessions: Sessions,
}

/// What the new primary says of the slot and of who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    /// `physical` or `logical`; none if there is no such slot.
    kind: Option<String>,
    active: bool,
    /// Whether the log that it must keep is lost.
    lost: bool,
    /// What who uses it is at: `streaming`. None while nobody does, or when the account may not see it.
    state: Option<String>,
    /// Bytes that are written here and not durable there.
    lag: Option<i64>,
}

impl Rejoins {
    pub(super) const fn new(prober: Arc<Prober>, sessions: Sessions) -> Self {
        Self { prober, sessions }
    }

    pub(super) async fn observe(&self, action: &PostgresRejoin) -> Observed {
        let server = server(action, SESSION_MAX);
        let seen = match CheckName::try_from("rejoin") {
            Ok(name) => standby::look(&self.prober, &server, &action.region, &name).await,
            Err(error) => Err(error.to_string()),
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(reason) => return Observed::Impossible { reason },
        };
        let Some(database) = seen.database else {
            return Observed::Unknown {
                reason: match seen.outcome {
                    Outcome::Failure { reason, detail } => format!("{reason}: {detail}"),
                    Outcome::Success => "the server said nothing of itself".to_owned(),
                },
            };
        };
        if !database.is_primary() {
            let reason = format!("{} is no primary that anybody could follow: {database}", action.host);
            return Observed::Impossible { reason };
        }
        match self.slot(action).await {
            Ok((checkpoint, slot)) => judge(action, &database, checkpoint, &slot),
            Err(trouble) => Observed::Unknown { reason: trouble.to_string() },
        }
    }

    pub(super) async fn act(&self, action: &PostgresRejoin, part: u8) -> Acted {
        let PostgresRejoin { host, slot, .. } = action;
        if part == CHECKPOINT {
            return match self.sessions.order(&server(action, CHECKPOINT_MAX), "CHECKPOINT").await {
                Ok(()) => Acted::Accepted { detail: format!("{host}: a checkpoint was made") },
                Err(Trouble::Unknown(why)) => Acted::Accepted {
                    detail: format!("{host}: a checkpoint was asked for, and goes on: {why}"),
                },
                Err(trouble @ (Trouble::NotAsked(_) | Trouble::Refused { .. })) => trouble.acted(),
            };
        }
        let make = format!("SELECT pg_create_physical_replication_slot({}, true)::text", literal(slot));
        match self.sessions.row(&server(action, SESSION_MAX), &make).await {
            Ok(_) => Acted::Accepted { detail: format!("{host}: the slot {slot} was made") },
            Err(trouble) => trouble.acted(),
        }
    }

    /// What stands in the way, asked of a server that is a standby still: it has its primary's accounts.
    pub(super) async fn check(&self, action: &PostgresRejoin) -> Vec<Finding> {
        let server = server(action, SESSION_MAX);
        match self.sessions.row(&server, RIGHTS).await {
            Ok(row) => {
                let may = |column: usize| row.try_get(column).unwrap_or(false);
                findings(action, may(0), may(1), may(2), may(3))
            }
            Err(trouble) => vec![unasked("the new primary", &server, &trouble)],
        }
    }

    /// The timeline of the last checkpoint, and the slot.
    async fn slot(&self, action: &PostgresRejoin) -> Result<(i32, Slot), Trouble> {
        let statement = format!(
            "SELECT (SELECT timeline_id FROM pg_control_checkpoint()), slot.slot_type::text, \
               coalesce(slot.active, false), coalesce(slot.wal_status = 'lost', false), user_of.state, \
               CASE WHEN NOT pg_is_in_recovery() \
                 THEN pg_wal_lsn_diff(pg_current_wal_lsn(), user_of.flush_lsn)::int8 END \
             FROM (SELECT 1) AS one LEFT JOIN pg_replication_slots AS slot ON slot.slot_name = {} \
               LEFT JOIN pg_stat_replication AS user_of ON user_of.pid = slot.active_pid",
            literal(&action.slot)
        );
        let row = self.sessions.row(&server(action, SESSION_MAX), &statement).await?;
        let column = |error: tokio_postgres::Error| Trouble::Unknown(reason(&error));
        let slot = Slot {
            kind: row.try_get(1).map_err(column)?,
            active: row.try_get(2).map_err(column)?,
            lost: row.try_get(3).map_err(column)?,
            state: row.try_get(4).map_err(column)?,
            lag: row.try_get(5).map_err(column)?,
        };
        Ok((row.try_get(0).map_err(column)?, slot))
    }
}

fn server(action: &PostgresRejoin, within: Duration) -> Server<'_> {
    let PostgresRejoin { host, port, database, user, .. } = action;
    Server { host, port: *port, database, user, application: APPLICATION, within }
}

/// What the new primary's words mean.
fn judge(action: &PostgresRejoin, database: &Database, checkpoint: i32, slot: &Slot) -> Observed {
    let PostgresRejoin { host, slot: name, user, lag_below_bytes, .. } = action;
    let not_done = |detail: String, part: u8| Observed::NotDone { detail, part, before: None };
    if u32::try_from(checkpoint).is_ok_and(|checkpoint| checkpoint < database.timeline) {
        let detail = format!("{host}: {database}; its last checkpoint is of timeline {checkpoint}");
        return not_done(detail, CHECKPOINT);
    }
    match slot.kind.as_deref() {
        None => return not_done(format!("{host} has no slot {name}"), SLOT),
        Some("physical") => {}
        Some(kind) => {
            let reason =
                format!("the slot {name} of {host} is {kind}: name another one for the other server");
            return Observed::Impossible { reason };
        }
    }
    if slot.lost {
        let reason = format!(
            "the slot {name} of {host} has lost its log: drop it, and copy the other server anew with pg_basebackup"
        );
        return Observed::Impossible { reason };
    }
    let detail = match (slot.active, slot.state.as_deref(), slot.lag) {
        (false, ..) => format!("nobody uses the slot {name} of {host} yet"),
        (true, Some("streaming"), Some(lag)) => {
            let detail = format!("{name} streams from {host}, {lag} bytes behind");
            if u64::try_from(lag).unwrap_or_default() < *lag_below_bytes {
                return Observed::Done { detail };
            }
            detail
        }
        (true, Some(state), lag) => {
            let lag = lag.map(|lag| format!(", {lag} bytes behind")).unwrap_or_default();
            format!("{name} is at {state} from {host}{lag}")
        }
        (true, None, _) => {
            format!("{user} does not see who uses the slot {name}: GRANT pg_monitor TO {user}")
        }
    };
    Observed::InProgress { detail }
}

fn findings(
    action: &PostgresRejoin,
    replicates: bool,
    checkpoints: bool,
    sees: bool,
    endless: bool,
) -> Vec<Finding> {
    let PostgresRejoin { host, user, slot, .. } = action;
    let rows = [
        (replicates, "make a slot on", format!("ALTER ROLE {user} REPLICATION")),
        (
            checkpoints,
            "CHECKPOINT",
            format!("GRANT pg_checkpoint TO {user} (before PostgreSQL 15: a superuser)"),
        ),
        (sees, "see who streams from", format!("GRANT pg_monitor TO {user}")),
    ];
    let missing = rows.into_iter().filter(|(may, ..)| !may);
    let missing =
        missing.map(|(_, what, mend)| Finding::blocking(format!("{user} may not {what} {host}"), mend));
    let endless = endless.then(|| {
        Finding::note(format!(
            "max_slot_wal_keep_size of {host} is not set: if nobody comes back, the slot {slot} fills the disk"
        ))
    });
    missing.chain(endless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::postgres::{DatabaseRole, Lsn};

    fn action() -> PostgresRejoin {
        let text = r#"{"region": "west", "host": "10.0.0.2", "user": "quorate", "slot": "east", "lag_below_bytes": 100}"#;
        serde_json::from_str(text).unwrap()
    }

    fn word(checkpoint: i32, slot: &Slot) -> String {
        let database = Database::new(2, DatabaseRole::Primary { written: Lsn(0x100) });
        match judge(&action(), &database, checkpoint, slot) {
            Observed::Done { detail } => format!("done: {detail}"),
            Observed::InProgress { detail } => format!("in progress: {detail}"),
            Observed::NotDone { part, before: None, .. } => format!("part {part}"),
            other => format!("{other:?}"),
        }
    }

    /// Goal: first the checkpoint, then the slot, and it is done only when the other server streams with little lag. Method:
    /// one slot, further and further on; and slots that serve nobody.
    #[test]
    fn how_far_the_other_server_is() {
        let none = Slot { kind: None, active: false, lost: false, state: None, lag: None };
        let idle = Slot { kind: Some("physical".to_owned()), ..none.clone() };
        let at = |state: &str, lag| Slot { active: true, state: Some(state.to_owned()), lag, ..idle.clone() };
        assert_eq!(word(1, &at("streaming", Some(0))), "part 0", "pg_rewind would see the old timeline");
        assert_eq!(word(2, &none), "part 1");
        for (slot, expected) in [
            (idle.clone(), "in progress: nobody uses the slot east of 10.0.0.2 yet"),
            (at("catchup", Some(5)), "in progress: east is at catchup from 10.0.0.2, 5 bytes behind"),
            (at("streaming", Some(100)), "in progress: east streams from 10.0.0.2, 100 bytes behind"),
            (at("streaming", Some(99)), "done: east streams from 10.0.0.2, 99 bytes behind"),
        ] {
            assert_eq!(word(2, &slot), expected);
        }
        assert!(word(2, &Slot { active: true, ..idle.clone() }).contains("GRANT pg_monitor TO quorate"));
        assert!(word(2, &Slot { lost: true, ..idle.clone() }).contains("copy the other server anew"));
        assert!(word(2, &Slot { kind: Some("logical".to_owned()), ..none }).contains("is logical"));
    }

    /// Goal: each missing right is told with what gives it, and an endless slot is a note. Method: nothing missing, everything.
    #[test]
    fn what_an_account_lacks() {
        assert_eq!(findings(&action(), true, true, true, false), vec![]);
        let told: Vec<String> =
            findings(&action(), false, false, false, true).iter().map(ToString::to_string).collect();
        let parts =
            ["ALTER ROLE quorate REPLICATION", "GRANT pg_checkpoint", "GRANT pg_monitor", "fills the disk"];
        assert!(
            told.len() == parts.len() && told.iter().zip(parts).all(|(t, part)| t.contains(part)),
            "{told:?}"
        );
    }
}
