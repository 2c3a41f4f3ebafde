//! The local statement: what the server says that it is, over its Unix socket, within a deadline. One session is kept, so
//! that a server that has no session left for others still answers. It decides nothing.

use crate::core::{Role, Statement};
use std::{error::Error as _, path::Path, time::Duration};
use tokio::{task::AbortHandle, time::timeout};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, error::SqlState};

/// The role, the timeline, and whether the primary's log is coming in.
const ASK: &str = "SELECT pg_is_in_recovery()::text, \
     (CASE WHEN pg_is_in_recovery() \
      THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint())) \
      ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END)::text, \
     EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')::text";
/// How the session shows in the server's list.
const APPLICATION: &str = "quorate guard";

/// The session with the server.
#[derive(Debug)]
pub struct Local {
    config: Config,
    deadline: Duration,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    client: Client,
    connection: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Local {
    /// To the server with its socket in this folder. An answer later than `deadline` is none.
    #[must_use]
    pub fn new(socket_dir: &Path, port: u16, user: &str, database: &str, deadline: Duration) -> Self {
        let mut config = Config::new();
        config.host_path(socket_dir).port(port).user(user).dbname(database).application_name(APPLICATION);
        config.options("-c search_path=pg_catalog");
        Self { config, deadline, session: None }
    }

    /// Asks once.
    pub async fn ask(&mut self) -> Statement {
        let asked = timeout(self.deadline, self.try_ask()).await;
        let said = match asked {
            Ok(Ok(said)) => return said,
            Ok(Err(error)) if error.code() == Some(&SqlState::CANNOT_CONNECT_NOW) => Statement::Starting,
            Ok(Err(error)) => Statement::Failed { why: reason(&error) },
            Err(_) => Statement::Failed { why: format!("no answer within {:?}", self.deadline) },
        };
        self.session = None;
        said
    }

    async fn try_ask(&mut self) -> Result<Statement, tokio_postgres::Error> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                // Its end shows in the next statement.
                let connection = tokio::spawn(async move { drop(connection.await) }).abort_handle();
                Session { client, connection }
            }
        };
        let rows = session.client.simple_query(ASK).await?;
        self.session = Some(session);
        let row = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let column = |index| row.and_then(|row| row.get(index)).unwrap_or_default();
        let role = match column(0) {
            "true" => Role::Replica,
            "false" => Role::Primary,
            other => return Ok(Statement::Failed { why: format!("it is `{other}`") }),
        };
        Ok(Statement::Is {
            role,
            timeline: column(1).parse().unwrap_or_default(),
            streaming: column(2) == "true",
        })
    }
}

fn reason(error: &tokio_postgres::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}").replace(['\r', '\n'], " ")
}
