//! Who may write at a PostgreSQL server, and what keeps them from it: one statement, and what its answer means. It changes
//! nothing. A session may set itself read-write whatever this says: the fence that holds is the guard's lease.

use super::session::{Server, Sessions, Trouble, reason};

/// The setting that makes new transactions read-only.
pub(super) const SETTING: &str = "default_transaction_read_only";
/// Where `ALTER SYSTEM` writes.
const ALTERED: &str = "/postgresql.auto.conf";

/// Asks for everything at once. A session that began before the configuration was loaded may be in a transaction that writes.
/// An account that may not see the others' sessions sees none of them, so it is asked for that too.
const ASK: &str = "SELECT pg_is_in_recovery(), own.setting = 'on', own.source, own.sourcefile, \
     pg_has_role('pg_read_all_stats', 'usage') AND pg_has_role('pg_read_all_settings', 'usage'), \
     (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
       AND pid <> pg_backend_pid() AND backend_start < pg_conf_load_time()), \
     (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
       AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL), \
     (SELECT string_agg(coalesce(role.rolname::text, 'every role') || ' in ' \
       || coalesce(base.datname::text, 'every database'), ', ') \
      FROM pg_db_role_setting AS kept LEFT JOIN pg_roles AS role ON role.oid = kept.setrole \
      LEFT JOIN pg_database AS base ON base.oid = kept.setdatabase, unnest(kept.setconfig) AS word \
      WHERE word LIKE 'default_transaction_read_only=%' AND word <> 'default_transaction_read_only=on') \
     FROM pg_settings AS own WHERE own.name = 'default_transaction_read_only'";

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writers {
    /// It is in recovery: nobody writes.
    pub(super) standby: bool,
    /// New transactions of this fresh session are read-only.
    pub(super) read_only: bool,
    /// Where the setting comes from: `configuration file`, `default`, `user`.
    pub(super) source: String,
    /// Which file, if the account may see it.
    pub(super) file: Option<String>,
    /// The account sees other sessions and the files of settings.
    pub(super) sees: bool,
    /// Sessions of clients from before the configuration was loaded.
    pub(super) older: i64,
    /// Sessions of clients in a transaction that has written.
    pub(super) writing: i64,
    /// Whom a setting of their own exempts.
    pub(super) exempt: Option<String>,
}

/// What keeps clients from writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The setting is on by `ALTER SYSTEM`, and nobody is left from before.
    Yes,
    /// The setting is on; so many sessions are left from before, or write all the same.
    But(String),
    /// The setting is not on, or not by `ALTER SYSTEM`.
    No(String),
    /// It cannot be known or cannot be done, and asking again will not help.
    Never(String),
}

impl Writers {
    /// Asks a server.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn ask(sessions: &Sessions, server: &Server<'_>) -> Result<Self, Trouble> {
        let row = sessions.row(server, ASK).await?;
        let column = |error: tokio_postgres::Error| Trouble::Unknown(reason(&error));
        Ok(Self {
            standby: row.try_get(0).map_err(column)?,
            read_only: row.try_get(1).map_err(column)?,
            source: row.try_get(2).map_err(column)?,
            file: row.try_get(3).map_err(column)?,
            sees: row.try_get(4).map_err(column)?,
            older: row.try_get(5).map_err(column)?,
            writing: row.try_get(6).map_err(column)?,
            exempt: row.try_get(7).map_err(column)?,
        })
    }

    /// Whether the setting is on by `ALTER SYSTEM`.
    pub(super) fn altered(&self) -> bool {
        self.read_only && self.file.as_deref().is_some_and(|file| file.ends_with(ALTERED))
    }

    /// What keeps clients from writing at this server, called `host`, which is asked as `user`.
    pub(super) fn stopped(&self, host: &str, user: &str) -> Stopped {
        if self.standby {
            return Stopped::Never(format!("{host} is a standby: the primary is another server"));
        }
        if !self.sees {
            return Stopped::Never(format!(
                "{user} does not see the sessions of {host}: GRANT pg_monitor TO {user}"
            ));
        }
        if let Some(exempt) = &self.exempt {
            return Stopped::Never(format!(
                "{SETTING} of {host} does not hold for {exempt}: ALTER ROLE or DATABASE ... RESET {SETTING}"
            ));
        }
        if !self.altered() {
            return Stopped::No(if self.read_only {
                format!("{host}: {SETTING} is on by {}, not by ALTER SYSTEM", self.source)
            } else {
                format!("{host}: {SETTING} is off")
            });
        }
        match (self.older, self.writing) {
            (0, 0) => Stopped::Yes,
            (0, writing) => {
                Stopped::But(format!("{host}: {writing} sessions write although {SETTING} is on"))
            }
            (older, _) => Stopped::But(format!(
                "{host}: {SETTING} is on, {older} sessions of clients are left from before it was loaded"
            )),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A fenced primary.
    pub(in super::super) fn fenced() -> Writers {
        Writers {
            standby: false,
            read_only: true,
            source: "configuration file".to_owned(),
            file: Some("/var/lib/postgresql/15/main/postgresql.auto.conf".to_owned()),
            sees: true,
            older: 0,
            writing: 0,
            exempt: None,
        }
    }

    /// Goal: only a setting that ALTER SYSTEM has made, with nobody left from before, stops writes; what cannot be seen stops
    /// none (R7). Method: a fenced primary, and it with one thing changed at a time.
    #[test]
    fn what_stops_writes() {
        let told = |change: &dyn Fn(&mut Writers)| {
            let mut writers = fenced();
            change(&mut writers);
            writers.stopped("east", "quorate")
        };
        assert_eq!(told(&|_| ()), Stopped::Yes);
        let part = |stopped: Stopped| match stopped {
            Stopped::Yes => ("yes", String::new()),
            Stopped::But(why) => ("but", why),
            Stopped::No(why) => ("no", why),
            Stopped::Never(why) => ("never", why),
        };
        let by_hand = |w: &mut Writers| w.file = Some("/etc/postgresql/15/main/postgresql.conf".to_owned());
        for (change, kind, words) in [
            (&(|w: &mut Writers| w.standby = true) as &dyn Fn(&mut Writers), "never", "is a standby"),
            (&|w: &mut Writers| w.sees = false, "never", "GRANT pg_monitor TO quorate"),
            (
                &|w: &mut Writers| w.exempt = Some("app in shop".to_owned()),
                "never",
                "not hold for app in shop",
            ),
            (&|w: &mut Writers| (w.read_only, w.file) = (false, None), "no", "is off"),
            (&by_hand, "no", "not by ALTER SYSTEM"),
            (&|w: &mut Writers| w.older = 3, "but", "3 sessions of clients are left"),
            (&|w: &mut Writers| w.writing = 1, "but", "1 sessions write although"),
        ] {
            let (told, why) = part(told(change));
            assert!(told == kind && why.contains(words), "{told}: {why}");
        }
    }
}
