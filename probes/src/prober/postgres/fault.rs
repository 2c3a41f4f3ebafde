//! Why a session failed, from the library's errors and PostgreSQL's own codes. What lies with the probe's account or
//! with what the policy names says nothing about the server's health (R7).

use crate::{prober::os_error, result::Failure};
use quorate_policies::health::FailureReason;
use std::{error::Error as _, io};
use tokio_postgres::{Error, error::DbError};

/// A detail is one line of a log; a server may say more.
const DETAIL_CHARS_MAX: usize = 300;

/// Why a session failed. `connection` is what the connection itself ended with: it knows the cause when the request only
/// learns that there is none any more.
pub(super) fn classify(error: &Error, connection: Option<&Error>) -> Failure {
    if let Some(told) = error.as_db_error() {
        return Failure::new(reason(told.code().code()), line(told));
    }
    if error.is_closed() {
        return connection.map_or_else(
            || Failure::new(FailureReason::Reset, "the server closed the connection"),
            |cause| match cause.is_closed() {
                true => Failure::new(FailureReason::Reset, "the server closed the connection"),
                false => classify(cause, None),
            },
        );
    }
    if let Some(cause) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        return match cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Failure::new(FailureReason::TlsHandshake, format!("TLS: {tls}")),
            None => os_error::exchanging(cause),
        };
    }
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(FailureReason::Protocol, format!("{error}{cause}"))
}

/// The reason that stands for a SQLSTATE.
fn reason(code: &str) -> FailureReason {
    match code {
        // cannot_connect_now: it starts up, recovers without hot standby, or shuts down. The others end sessions that
        // had begun: admin_shutdown, crash_shutdown.
        "57P03" | "57P01" | "57P02" => FailureReason::NotAccepting,
        "53300" => FailureReason::TooManyConnections,
        "25006" => FailureReason::ReadOnly,
        // No such database.
        "3D000" => FailureReason::Access,
        _ => match code.get(..2) {
            // The account; syntax or access rights, also of a table that is not there; a row that the table does not
            // take.
            Some("28" | "42" | "23") => FailureReason::Access,
            Some("08") => FailureReason::Protocol,
            _ => FailureReason::Statement,
        },
    }
}

fn line(told: &DbError) -> String {
    let text = format!("{} {}: {}", told.severity(), told.code().code(), told.message());
    text.replace(['\r', '\n'], " ").chars().take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::health::Observation;

    /// Goal: each code has its reason, and what is only wrong with the probe's setup says nothing. Method: the table.
    #[test]
    fn codes_have_their_reasons() {
        use FailureReason as R;
        for (code, reason_of, nothing) in [
            ("57P03", R::NotAccepting, false),
            ("57P01", R::NotAccepting, false),
            ("53300", R::TooManyConnections, false),
            ("53100", R::Statement, false),
            ("58030", R::Statement, false),
            ("57014", R::Statement, false),
            ("25006", R::ReadOnly, false),
            ("08P01", R::Protocol, false),
            ("28P01", R::Access, true),
            ("28000", R::Access, true),
            ("3D000", R::Access, true),
            ("42P01", R::Access, true),
            ("42501", R::Access, true),
            ("23514", R::Access, true),
            ("", R::Statement, false),
        ] {
            assert_eq!(reason(code), reason_of, "{code}");
            let told = Observation::from(reason(code));
            assert_eq!(matches!(told, Observation::Nothing(_)), nothing, "{code}");
        }
    }
}
