//! The one statement of a probe and what its answer means, and the statement that writes the heartbeat row. Needs
//! PostgreSQL 10, where these functions got their names, and no rights but to connect.

use super::confirmation;
use crate::result::Failure;
use quorate_policies::{
    health::FailureReason,
    postgres::{Database, DatabaseRole, Lsn},
};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// Asks for role, positions and timeline at once, and for whose confirmation commits wait.
///
/// The role is asked for first and once (`OFFSET 0` keeps it apart): a server that is promoted meanwhile answers as the
/// standby that it was. A primary's timeline is in the name of the file that it writes; the checkpoint's would lag behind
/// a promotion. A standby's is the receiver's, which an account without `pg_read_all_stats` does not see, or else that of
/// the last restart point.
///
/// The session is fresh, so it has the settings as they were last loaded. That commits wait is only certain once a
/// checkpoint has begun after that: the checkpointer is the process that makes the server's sessions wait, and in the
/// middle of a checkpoint it may come to load the setting much later than they. The probe's own account may have a
/// `synchronous_commit` of its own; then nothing is known of the others' (`source`).
pub(super) const LOOK: &str = "\
SELECT standby::text AS standby, \
 CASE WHEN NOT standby THEN pg_current_wal_lsn() END::text AS written, \
 CASE WHEN NOT standby THEN pg_walfile_name(pg_current_wal_lsn()) END AS file, \
 CASE WHEN standby THEN pg_last_wal_receive_lsn() END::text AS received, \
 CASE WHEN standby THEN pg_last_wal_replay_lsn() END::text AS replayed, \
 CASE WHEN standby THEN coalesce( \
  (SELECT received_tli FROM pg_stat_wal_receiver), \
  (SELECT nullif(min_recovery_end_timeline, 0) FROM pg_control_recovery()), \
  (SELECT timeline_id FROM pg_control_checkpoint())) END::text AS timeline, \
 CASE WHEN standby THEN CASE \
  WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 'false' \
  ELSE (SELECT (status = 'streaming')::text FROM pg_stat_wal_receiver) END END AS streaming, \
 CASE WHEN standby THEN (SELECT conninfo FROM pg_stat_wal_receiver) END AS conninfo, \
 CASE WHEN synchronous THEN current_setting('synchronous_standby_names') END AS names, \
 CASE WHEN synchronous THEN extract(epoch FROM pg_conf_load_time()) END::text AS loaded, \
 CASE WHEN synchronous THEN ( \
  SELECT checkpoint_time > pg_conf_load_time() FROM pg_control_checkpoint()) END::text AS settled, \
 CASE WHEN synchronous THEN EXISTS (SELECT FROM pg_settings WHERE name = 'synchronous_commit' \
  AND source IN ('default', 'environment variable', 'configuration file', 'command line') \
  AND setting IN ('on', 'remote_apply', 'remote_write')) END::text AS commits, \
 CASE WHEN synchronous THEN NOT EXISTS (SELECT FROM pg_db_role_setting, unnest(setconfig) AS own \
  WHERE lower(split_part(own, '=', 1)) = 'synchronous_commit' AND lower(split_part(own, '=', 2)) \
  NOT IN ('on', 'true', 'yes', '1', 'remote_apply', 'remote_write')) END::text AS everybody, \
 CASE WHEN synchronous THEN ( \
  SELECT string_agg(application_name, chr(10)) FROM pg_stat_replication) END AS senders \
FROM (SELECT standby, \
 NOT standby AND current_setting('synchronous_standby_names') <> '' AS synchronous \
 FROM (SELECT pg_is_in_recovery() AS standby OFFSET 0) AS role OFFSET 0) AS role";

/// Digits of the timeline at the beginning of a log file's name.
const TIMELINE_DIGITS: usize = 8;

/// Writes the row. The names are letters, digits and `_` alone: the policy's check has seen to it, and quotes do so for
/// what came another way.
pub(super) fn beat(table: &str) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let table = table.split('.').map(quoted).collect::<Vec<_>>().join(".");
    format!("INSERT INTO {table} (id, at) VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET at = excluded.at")
}

/// What the server says about itself.
pub(super) fn database(answer: &[SimpleQueryMessage]) -> Result<Database, Failure> {
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let column = |name: &str| row.and_then(|row: &SimpleQueryRow| row.try_get(name).ok().flatten());
    told(&column).ok_or_else(|| {
        Failure::new(
            FailureReason::Protocol,
            "the statement's answer is not what PostgreSQL 10 and later give",
        )
    })
}

fn told<'a>(column: &dyn Fn(&str) -> Option<&'a str>) -> Option<Database> {
    let lsn = |name: &str| match column(name) {
        Some(text) => text.parse::<Lsn>().map(Some).map_err(drop),
        None => Ok(None),
    };
    match column("standby")? {
        "false" => {
            let timeline = u32::from_str_radix(column("file")?.get(..TIMELINE_DIGITS)?, 16).ok()?;
            let role = DatabaseRole::Primary { written: lsn("written").ok()?? };
            Some(Database { confirmation: confirmation::asked(column), ..Database::new(timeline, role) })
        }
        "true" => {
            let streaming = column("streaming").map(|text| text == "true");
            let role = DatabaseRole::Standby {
                received: lsn("received").ok()?,
                replayed: lsn("replayed").ok()?,
                streaming,
            };
            let timeline = column("timeline")?.parse().ok()?;
            Some(Database { confirmation: confirmation::given(column), ..Database::new(timeline, role) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &[(&str, &'static str)]) -> Option<Database> {
        told(&|name| columns.iter().find(|(column, _)| *column == name).map(|(_, value)| *value))
    }

    /// Goal: both roles are read, and what does not fit is no database. Method: columns as the server gives them.
    #[test]
    fn answers_are_read() {
        let primary = [("standby", "false"), ("written", "0/3000060"), ("file", "0000001A0000000000000003")];
        let role = DatabaseRole::Primary { written: Lsn(0x300_0060) };
        assert_eq!(of(&primary), Some(Database::new(26, role)));
        let standby = [("standby", "true"), ("replayed", "1/0"), ("timeline", "2"), ("streaming", "false")];
        let role =
            DatabaseRole::Standby { received: None, replayed: Some(Lsn(1 << 32)), streaming: Some(false) };
        assert_eq!(of(&standby), Some(Database::new(2, role)));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("standby", "maybe")]), None);
        assert_eq!(of(&primary[..2]), None);
        assert_eq!(of(&[("standby", "true"), ("timeline", "1"), ("replayed", "x")]), None);
    }

    /// Goal: a table's name cannot end the statement. Method: names with quotes.
    #[test]
    fn names_stay_names() {
        assert!(beat("ops.beat").starts_with(r#"INSERT INTO "ops"."beat" (id, at)"#));
        assert!(beat(r#"a"; DROP TABLE b"#).starts_with(r#"INSERT INTO "a""; DROP TABLE b" "#));
    }
}
