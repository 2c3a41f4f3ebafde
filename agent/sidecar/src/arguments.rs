//! The command line of `quorate guard postgres`, and the relations between its lengths. Read once at the start.

use crate::core::Settings;
use anyhow::ensure;
use clap::{Args, ValueEnum};
use quorate_policies::{
    Millis,
    renewal::{Needs, sure},
};
use std::{net::SocketAddr, path::PathBuf};
use url::Url;

/// Keep one PostgreSQL server a primary only while this region holds the write lease. Each argument can also stand in the
/// environment, as a service manager's file keeps it.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The server's data directory.
    #[arg(long, env = "QUORATE_GUARD_PGDATA", value_name = "DIR")]
    pub pgdata: PathBuf,
    /// An agent's lease, as `http://127.0.0.1:7950/v1/lease/SERVICE`. Several are asked in order.
    #[arg(long, env = "QUORATE_GUARD_LEASE_URL", value_name = "URL", required = true, value_delimiter = ',')]
    pub lease_url: Vec<Url>,
    /// Where postgres, `pg_rewind` and the others are; by default what Debian has for the directory's version, or `pg_config` says.
    #[arg(long, env = "QUORATE_GUARD_BIN_DIR", value_name = "DIR")]
    pub bin_dir: Option<PathBuf>,
    /// The configuration file, where it is not in the data directory (Debian: /etc/postgresql/15/main/postgresql.conf).
    #[arg(long, env = "QUORATE_GUARD_CONFIG_FILE", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// The server's TCP port.
    #[arg(long, env = "QUORATE_GUARD_PORT", value_name = "PORT", default_value_t = 5432)]
    pub port: u16,
    /// Where the server's Unix socket is.
    #[arg(long, env = "QUORATE_GUARD_SOCKET_DIR", value_name = "DIR", default_value = "/var/run/postgresql")]
    pub socket_dir: PathBuf,
    /// Become this user when started as root.
    #[arg(long, env = "QUORATE_GUARD_USER", value_name = "NAME", default_value = "postgres")]
    pub user: String,
    /// The database's user for the local statement and its database; the socket must let it in without a password.
    #[arg(long, env = "QUORATE_GUARD_DATABASE_USER", value_name = "NAME", default_value = "postgres")]
    pub database_user: String,
    /// The database for the local statement.
    #[arg(long, env = "QUORATE_GUARD_DATABASE", value_name = "NAME", default_value = "postgres")]
    pub database: String,
    /// Where the other server is, for libpq: `host=... port=... user=... passfile=...`. Never with a password.
    #[arg(long, env = "QUORATE_GUARD_PRIMARY_CONNINFO", value_name = "CONNINFO")]
    pub primary_conninfo: Option<String>,
    /// The physical replication slot that this server uses on its primary; it is created where it is missing.
    #[arg(long, env = "QUORATE_GUARD_SLOT", value_name = "NAME")]
    pub slot: Option<String>,
    /// Whether a former primary is made a standby by itself.
    #[arg(long, env = "QUORATE_GUARD_REJOIN", value_enum, default_value_t = RejoinBy::Auto)]
    pub rejoin: RejoinBy,
    /// Start a server that ended as a primary as one again, under a lease that was granted since.
    #[arg(long, env = "QUORATE_GUARD_RESTART_PRIMARY", value_parser = clap::builder::BoolishValueParser::new(), action = clap::ArgAction::SetTrue)]
    pub restart_primary: bool,
    /// Let the kernel end the sessions at the lease's end even when nothing else runs; needs `CAP_NET_ADMIN`.
    #[arg(long, env = "QUORATE_GUARD_KERNEL_FENCE", value_enum, default_value_t = KernelFence::None)]
    pub kernel_fence: KernelFence,
    /// Answer load balancers here: /primary, /replica, /healthz, and the state at /.
    #[arg(long, env = "QUORATE_GUARD_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8008")]
    pub listen: SocketAddr,
    /// How often the lease is asked for: at most a third of it.
    #[arg(long, env = "QUORATE_GUARD_ASK_EVERY", value_name = "LENGTH", default_value_t = Needs::DEFAULT.ask_every, value_parser = Millis::parse)]
    pub ask_every: Millis,
    /// The total deadline of asking, all agents together: a third of the shortest lease.
    #[arg(long, env = "QUORATE_GUARD_LEASE_DEADLINE", value_name = "LENGTH", default_value_t = Needs::DEFAULT.deadline, value_parser = Millis::parse)]
    pub lease_deadline: Millis,
    /// How long before the lease's end the server is told to stop.
    #[arg(long, env = "QUORATE_GUARD_STOP_TIME", value_name = "LENGTH", default_value_t = Needs::DEFAULT.stop_time, value_parser = Millis::parse)]
    pub stop_time: Millis,
    /// How long after that every process of it is killed.
    #[arg(long, env = "QUORATE_GUARD_KILL_AFTER", value_name = "LENGTH", default_value = "25ms", value_parser = Millis::parse)]
    pub kill_after: Millis,
    /// How often the server is asked what it is.
    #[arg(long, env = "QUORATE_GUARD_STATEMENT_EVERY", value_name = "LENGTH", default_value = "100ms", value_parser = Millis::parse)]
    pub statement_every: Millis,
    /// How long one answer may take.
    #[arg(long, env = "QUORATE_GUARD_STATEMENT_DEADLINE", value_name = "LENGTH", default_value = "250ms", value_parser = Millis::parse)]
    pub statement_deadline: Millis,
    /// A primary that gives no good answer for so long is killed and its lease released.
    #[arg(long, env = "QUORATE_GUARD_STATEMENT_LIMIT", value_name = "LENGTH", default_value = "1s", value_parser = Millis::parse)]
    pub statement_limit: Millis,
    /// A server that is promoted without a lease is stopped unless it gets one within this.
    #[arg(long, env = "QUORATE_GUARD_PROMOTION_GRACE", value_name = "LENGTH", default_value = "500ms", value_parser = Millis::parse)]
    pub promotion_grace: Millis,
    /// How long a start, with its crash recovery, may take.
    #[arg(long, env = "QUORATE_GUARD_START_MAX", value_name = "LENGTH", default_value = "5m", value_parser = Millis::parse)]
    pub start_max: Millis,
}

/// Whether a former primary is made a standby by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RejoinBy {
    /// By the guard, with `pg_rewind`.
    Auto,
    /// By a human.
    Manual,
}

/// What ends the sessions when nothing else runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KernelFence {
    /// Nothing.
    None,
    /// A table of nftables.
    Nftables,
}

impl Arguments {
    /// What the guard decides by.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            ask_every: self.ask_every,
            stop_time: self.stop_time,
            kill_after: self.kill_after,
            statement_every: self.statement_every,
            statement_limit: self.statement_limit,
            promotion_grace: self.promotion_grace,
            start_max: self.start_max,
            rejoin: self.rejoin == RejoinBy::Auto && self.primary_conninfo.is_some(),
            restart_primary: self.restart_primary,
        }
    }

    /// What is wrong with these lengths under a lease of so long, as far as the policy says it.
    #[must_use]
    pub fn too_long_for(&self, ttl: Millis) -> Option<String> {
        let Self { ask_every, lease_deadline: deadline, stop_time, .. } = *self;
        let needs = Needs { ask_every, deadline, stop_time };
        (needs.length() > sure(ttl)).then(|| {
            format!(
                "one lost answer may end the primary: of a lease of {ttl}, {} is sure to be left, and --ask-every {ask_every} + \
                 --lease-deadline {deadline} + --stop-time {stop_time} are {}: shorten them, or set the policy's `lease.ttl` \
                 to {} or more",
                sure(ttl),
                needs.length(),
                needs.ttl_min()
            )
        })
    }

    /// Checks what stands in relation to something else.
    ///
    /// # Errors
    /// The first relation that does not hold.
    pub fn check(&self) -> anyhow::Result<()> {
        for url in &self.lease_url {
            ensure!(
                url.scheme() == "http" && url.host_str().is_some(),
                "--lease-url {url}: agents answer plain HTTP on their own machine: write http://127.0.0.1:7950/v1/lease/SERVICE"
            );
        }
        // It would become root again and again.
        ensure!(
            !["root", "0"].contains(&self.user.as_str()),
            "--user {}: PostgreSQL refuses to run as root: name the owner of --pgdata, such as postgres",
            self.user
        );
        ensure!(self.kill_after < self.stop_time, "--kill-after must be less than --stop-time");
        let one = self.statement_every.plus(self.statement_deadline);
        ensure!(
            one.plus(self.statement_deadline) <= self.statement_limit,
            "--statement-every + 2 * --statement-deadline <= --statement-limit, or one slow answer is too many"
        );
        for (name, length) in [("--ask-every", self.ask_every), ("--lease-deadline", self.lease_deadline)] {
            ensure!(!length.is_zero(), "{name} must not be zero");
        }
        ensure!(!self.statement_every.is_zero(), "--statement-every must not be zero");
        if let Some(slot) = &self.slot {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            ensure!(!slot.is_empty() && slot.chars().all(plain), "--slot: only a-z, 0-9 and _");
        }
        if let Some(conninfo) = &self.primary_conninfo {
            // The list of processes shows it to everybody on the machine.
            ensure!(!conninfo.contains("password"), "--primary-conninfo: no password; use passfile=FILE");
            ensure!(!conninfo.contains("://"), "--primary-conninfo: write `host=... port=...`, not a URL");
            ensure!(!conninfo.contains(['\n', '\r']), "--primary-conninfo: one line");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn said(more: &[&str]) -> String {
        let least = ["guard", "--pgdata", "/data", "--lease-url", "http://127.0.0.1:7950/v1/lease/shop"];
        let line = Line::try_parse_from(least.iter().chain(more)).unwrap();
        line.arguments.check().map_or_else(|error| error.to_string(), |()| "good".to_owned())
    }

    /// Goal: lengths that a policy's lease is too short for are told with every number and the mend. Method: the defaults under
    /// the shortest lease that is enough for them, and one that is a millisecond shorter.
    #[test]
    fn lengths_that_a_lease_is_too_short_for() {
        let least = ["guard", "--pgdata", "/data", "--lease-url", "http://127.0.0.1:7950/v1/lease/shop"];
        let arguments = Line::try_parse_from(least).unwrap().arguments;
        assert_eq!(arguments.too_long_for(Millis(324)), None);
        insta::assert_snapshot!(arguments.too_long_for(Millis(323)).unwrap(), @"one lost answer may end the primary: of a lease of 323ms, 259ms is sure to be left, and --ask-every 50ms + --lease-deadline 150ms + --stop-time 60ms are 260ms: shorten them, or set the policy's `lease.ttl` to 324ms or more");
    }

    /// Goal: arguments that do not fit together are refused before anything is touched, by name and with the mend. Method:
    /// the defaults, and one mistake at a time.
    #[test]
    fn one_mistake_at_a_time() {
        let mistakes: [&[&str]; 11] = [
            &[],
            &["--lease-url", "https://127.0.0.1:7950/v1/lease/shop"],
            &["--user", "root"],
            &["--kill-after", "60ms"],
            &["--statement-limit", "500ms"],
            &["--ask-every", "0ms"],
            &["--statement-every", "0ms", "--statement-deadline", "100ms"],
            &["--slot", "Shop"],
            &["--primary-conninfo", "host=10.0.0.1 password=secret"],
            &["--primary-conninfo", "postgres://10.0.0.1"],
            &["--primary-conninfo", "host=10.0.0.1\nport=5432"],
        ];
        let told: Vec<String> =
            mistakes.iter().map(|more| format!("{}: {}", more.join(" "), said(more))).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
