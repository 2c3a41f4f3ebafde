//! The latest result of one target.

use crate::shell::ProbeSeen;
use quorate_api::{DatabaseView, ProbeView};
use quorate_policies::{
    Monotonic,
    postgres::{Confirmation, Database, DatabaseRole, Lsn},
};
use quorate_probes::{Outcome, Phases};
use std::{collections::BTreeMap, time::Duration};

/// One of `GET /v1/probes`.
pub(in crate::http) fn probe(seen: &ProbeSeen, now: Monotonic) -> ProbeView {
    let result = &seen.result;
    let (success, reason, detail) = match &result.outcome {
        Outcome::Success => (true, None, String::new()),
        Outcome::Failure { reason, detail } => (false, Some(reason.to_string()), detail.clone()),
    };
    ProbeView {
        service: seen.service.to_string(),
        target: seen.target.to_string(),
        url: seen.url.clone(),
        success,
        reason,
        detail,
        status: result.http_status,
        database: result.database.as_ref().map(database),
        address: result.address.map(|address| address.to_string()),
        phases: phases(result.phases),
        duration_s: result.total.as_secs_f64(),
        age_ms: now.since(seen.at).0,
    }
}

/// What a server said about itself.
fn database(database: &Database) -> DatabaseView {
    let text = |lsn: Option<Lsn>| lsn.map(|lsn| lsn.to_string());
    let (role, written, received, replayed, streaming) = match database.role {
        DatabaseRole::Primary { written } => ("primary", Some(written), None, None, None),
        DatabaseRole::Standby { received, replayed, streaming } => {
            ("standby", None, received, replayed, streaming)
        }
    };
    let (waits_for, confirms_as) = match &database.confirmation {
        Some(Confirmation::Asked { of, .. }) => (of.clone(), None),
        Some(Confirmation::Given { name }) => (Vec::new(), Some(name.clone())),
        None => (Vec::new(), None),
    };
    DatabaseView {
        role: role.to_owned(),
        timeline: database.timeline,
        written: text(written),
        received: text(received),
        replayed: text(replayed),
        streaming,
        waits_for,
        confirms_as,
    }
}

/// The phases that ended, in seconds.
fn phases(phases: Phases) -> BTreeMap<String, f64> {
    let named = [
        ("resolve", phases.resolve),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("processing", phases.processing),
        ("transfer", phases.transfer),
    ];
    let ended = |(name, length): (&str, Option<Duration>)| Some((name.to_owned(), length?.as_secs_f64()));
    named.into_iter().filter_map(ended).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: a failed probe says why, and shows only the phases that ended. Method: a reply with the wrong status.
    #[test]
    fn a_failed_probe() {
        let shown = probe(&sample::failed_probe(), Monotonic(5_250));
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
    }

    /// Goal: what a database said of itself is shown, as PostgreSQL writes it. Method: a standby and a primary, and both as a
    /// synchronous pair.
    #[test]
    fn a_database() {
        let role = DatabaseRole::Standby {
            received: Some(Lsn(0x16_B374_D848)),
            replayed: None,
            streaming: Some(true),
        };
        let (standby, primary) = (Database::new(2, role), sample::primary());
        let given = Confirmation::Given { name: "west".to_owned() };
        let asked = Confirmation::Asked { of: vec!["west".to_owned()], loaded: "7.5".to_owned() };
        let pair = [(&standby, given), (&primary, asked)].map(|(server, confirmation)| {
            database(&Database { confirmation: Some(confirmation), ..server.clone() })
        });
        assert_eq!((pair[0].confirms_as.as_deref(), pair[0].waits_for.len()), (Some("west"), 0));
        assert_eq!((pair[1].confirms_as.as_deref(), &pair[1].waits_for), (None, &vec!["west".to_owned()]));
        let shown = [database(&standby), database(&primary)];
        insta::assert_snapshot!(serde_json::to_string(&shown).unwrap(), @r#"[{"role":"standby","timeline":2,"received":"16/B374D848","streaming":true},{"role":"primary","timeline":3,"written":"16/B374D848"}]"#);
    }
}
