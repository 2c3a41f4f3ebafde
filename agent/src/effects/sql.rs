//! `verify.sql`: a PostgreSQL server gives the rows that the plan expects. It only asks, in a session that can change
//! nothing; `judge` says what an answer means. What a query may read or call is settled by the account's rights.

mod judge;

use super::session::{Server, Sessions, Trouble, reason};
use judge::Answer;
use quorate_policies::{
    effect::Observed,
    plan::action::{SqlCheck, VerifySql},
    readiness::Finding,
};
use std::time::Duration;
use tokio_postgres::Row;

/// From the first packet to the last answer: below the longest call (12 s), so that a slow query is told as one.
const LOOK_MAX: Duration = Duration::from_secs(10);
/// How the session shows in the server's list.
const APPLICATION: &str = "quorate verify";

/// The room.
pub(super) struct Sql(Sessions);

impl Sql {
    pub(super) const fn new(sessions: Sessions) -> Self {
        Self(sessions)
    }

    pub(super) async fn observe(&self, action: &VerifySql) -> Observed {
        let statements: Vec<String> = action.checks.values().map(statement).collect();
        let answers = match self.0.look(&server(action), &statements).await {
            Ok(answers) => answers,
            Err(trouble) => {
                return Observed::Unknown { reason: format!("{} cannot be asked: {trouble}", action.host) };
            }
        };
        let judged = action.checks.iter().zip(answers).map(|((name, check), answer)| {
            (name.as_str(), judge::judge(&check.expect, answer.and_then(|rows| read(&rows))))
        });
        judge::together(judged.collect())
    }

    /// What stands in the way. What the queries give now is no matter: a database that is restored first may not be there.
    pub(super) async fn check(&self, action: &VerifySql) -> Vec<Finding> {
        match self.observe(action).await {
            Observed::Impossible { reason } | Observed::Broken { reason, .. } => {
                vec![Finding::warning(reason, "the step would fail as things are")]
            }
            Observed::Unknown { reason } => vec![Finding::unknown(reason, "look again later")],
            Observed::InProgress { detail } | Observed::NotDone { detail, .. } => vec![Finding::note(detail)],
            Observed::Done { .. } => Vec::new(),
        }
    }
}

fn server(action: &VerifySql) -> Server<'_> {
    let VerifySql { host, port, database, user, .. } = action;
    Server { host, port: *port, database, user, application: APPLICATION, within: LOOK_MAX }
}

/// The query within another one, which asks for the first column alone and takes no second statement. The line's end keeps
/// a comment at the query's end from swallowing what follows.
fn statement(check: &SqlCheck) -> String {
    let age = match check.expect.newer_than {
        Some(_) => "extract(epoch FROM clock_timestamp() - value::timestamptz)::float8",
        None => "NULL::float8",
    };
    let query = &check.query;
    format!("SELECT value::text, {age} FROM ({query}\n) AS quorate_check(value) LIMIT 2")
}

fn read(rows: &[Row]) -> Result<Answer, Trouble> {
    let [row] = rows else { return Ok(if rows.is_empty() { Answer::Nothing } else { Answer::Several }) };
    let column = |error: tokio_postgres::Error| Trouble::Unknown(reason(&error));
    let text: Option<String> = row.try_get(0).map_err(column)?;
    let age_s = row.try_get(1).map_err(column)?;
    Ok(text.map_or(Answer::Null, |text| Answer::Value { text, age_s }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::{Millis, plan::action::SqlExpect};

    /// Goal: whatever a query ends with, what follows it stays outside. Method: a query with a comment at its end, with and
    /// without an age.
    #[test]
    fn a_query_stays_within() {
        let expect = SqlExpect { at_least: Some(1), ..SqlExpect::default() };
        let mut check = SqlCheck { query: "SELECT 1 -- one".to_owned(), expect };
        assert_eq!(
            statement(&check),
            "SELECT value::text, NULL::float8 FROM (SELECT 1 -- one\n) AS quorate_check(value) LIMIT 2"
        );
        check.expect = SqlExpect { newer_than: Some(Millis(1)), ..SqlExpect::default() };
        assert!(statement(&check).contains("clock_timestamp() - value::timestamptz"));
    }
}
