//! `postgres.promote`: a standby becomes a primary. It is looked at as every probe looks at it, and told once. What the
//! look means is said by `judge`; that the standby may be promoted at all is the guards' business (R16).

use super::{
    session::{Server, Sessions},
    standby,
};
use quorate_policies::{
    CheckName,
    agreement::{ReplicaLag, lag::replica_name},
    effect::{Acted, EffectContext, Observed},
    health::FailureReason,
    plan::{Before, Lag, action::PostgresPromote},
    postgres::{Database, DatabaseRole},
    readiness::Finding,
};
use quorate_probes::{Outcome, ProbeResult, Prober};
use std::sync::Arc;

/// How the session shows in the server's list.
const APPLICATION: &str = "quorate promote";

/// What this agent's own probes have seen of a service's servers.
pub trait Known: Sync {
    /// How far a replica was behind.
    fn behind(&self, replica: &str) -> Option<ReplicaLag>;

    /// Whether a primary on this timeline has taken over from every primary that was seen in another region.
    fn succeeds(&self, region: &str, probe: &CheckName, timeline: u32) -> bool;
}

/// Nothing was seen.
impl Known for () {
    fn behind(&self, _: &str) -> Option<ReplicaLag> {
        None
    }

    fn succeeds(&self, _: &str, _: &CheckName, _: u32) -> bool {
        false
    }
}

/// The room.
pub(super) struct Promote {
    prober: Arc<Prober>,
    sessions: Sessions,
}

impl Promote {
    pub(super) const fn new(prober: Arc<Prober>, sessions: Sessions) -> Self {
        Self { prober, sessions }
    }

    pub(super) async fn observe(
        &self,
        action: &PostgresPromote,
        context: &EffectContext,
        known: &impl Known,
    ) -> Observed {
        match standby::look(&self.prober, &server(action), &action.region, &action.probe).await {
            Ok(seen) => judge(action, &seen, context, known),
            Err(reason) => Observed::Impossible { reason },
        }
    }

    pub(super) async fn act(&self, action: &PostgresPromote) -> Acted {
        standby::promote(&self.sessions, &server(action)).await
    }

    /// What stands in the way.
    pub(super) async fn check(&self, action: &PostgresPromote) -> Vec<Finding> {
        standby::check(&self.sessions, &server(action)).await
    }
}

fn server(action: &PostgresPromote) -> Server<'_> {
    let PostgresPromote { host, port, database, user, .. } = action;
    let (port, application, within) = (*port, APPLICATION, standby::ACT_MAX);
    Server { host, port, database, user, application, within }
}

/// What a look means.
fn judge(
    action: &PostgresPromote,
    result: &ProbeResult,
    context: &EffectContext,
    known: &impl Known,
) -> Observed {
    match (&result.outcome, &result.database) {
        (_, Some(database)) => told(action, database, context, known),
        // It shuts its sessions out for a moment while it becomes a primary.
        (Outcome::Failure { reason: FailureReason::NotAccepting, detail }, None) => {
            Observed::InProgress { detail: detail.clone() }
        }
        (Outcome::Failure { reason, detail }, None) => {
            Observed::Unknown { reason: format!("{reason}: {detail}") }
        }
        (Outcome::Success, None) => {
            Observed::Unknown { reason: "the server said nothing of itself".to_owned() }
        }
    }
}

fn told(
    action: &PostgresPromote,
    database: &Database,
    context: &EffectContext,
    known: &impl Known,
) -> Observed {
    let PostgresPromote { region, probe, .. } = action;
    let detail = database.to_string();
    match database.role {
        // It was seen as a standby before it was told; or somebody else has promoted it, after the last primary.
        DatabaseRole::Primary { .. }
            if context.before.is_some() || known.succeeds(region, probe, database.timeline) =>
        {
            Observed::Done { detail }
        }
        DatabaseRole::Primary { .. } => Observed::Impossible {
            reason: format!(
                "it is a primary before anything was done, and not on a newer timeline than every primary that was seen \
                 elsewhere: perhaps an old one with old data ({detail})"
            ),
        },
        DatabaseRole::Standby { .. } => {
            // From here it cannot be told how far it is behind; the agent's probes have seen both servers.
            let lag = known
                .behind(&replica_name(region, probe.as_str()))
                .map_or_else(|| Lag::Unknown { reason: "its primary was not seen".to_owned() }, seen);
            let before = Before::Promoted { source: context.from.clone(), lag };
            Observed::NotDone { detail, part: 0, before: Some(before) }
        }
    }
}

/// What the agent's probes saw, as the record has it.
fn seen(lag: ReplicaLag) -> Lag {
    let ReplicaLag { behind, measured, bytes, confirmed, .. } = lag;
    let bytes = bytes.filter(|bytes| *bytes > 0).map(|bytes| format!(", {bytes} bytes of the log"));
    let by = format!("this agent's probes{}", bytes.unwrap_or_default());
    Lag::Known { behind, age: measured, by, confirmed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::{Millis, postgres::Lsn};

    fn action() -> PostgresPromote {
        let text = r#"{"region": "west", "probe": "database", "host": "10.0.0.2", "user": "quorate"}"#;
        serde_json::from_str(text).unwrap()
    }

    /// What an agent has seen: the standby's lag, and whether the server has taken over.
    struct Seen(Option<ReplicaLag>, bool);

    impl Known for Seen {
        fn behind(&self, replica: &str) -> Option<ReplicaLag> {
            assert_eq!(replica, "west/database");
            self.0.clone()
        }

        fn succeeds(&self, region: &str, probe: &CheckName, timeline: u32) -> bool {
            assert_eq!((region, probe.as_str(), timeline), ("west", "database", 2));
            self.1
        }
    }

    fn standby() -> DatabaseRole {
        DatabaseRole::Standby { received: Some(Lsn(0x10)), replayed: None, streaming: None }
    }

    fn judged(outcome: Outcome, role: Option<DatabaseRole>, noted: bool, known: &Seen) -> Observed {
        let mut result = ProbeResult::cancelled("database/west".to_owned().try_into().unwrap());
        result.outcome = outcome;
        result.database = role.map(|role| Database::new(2, role));
        let lag = Lag::Unknown { reason: "its primary was not seen".to_owned() };
        let context = EffectContext {
            service: "shop".to_owned(),
            execution: "shop-2".to_owned(),
            epoch: 2,
            attempt: 1,
            from: "east".to_owned(),
            to: "west".to_owned(),
            before: noted.then(|| Before::Promoted { source: "east".to_owned(), lag }),
            role: None,
            step: "step".to_owned(),
            timeout: quorate_policies::Millis::from_secs(60),
            unheard: false,
            resumed: false,
        };
        judge(&action(), &result, &context, known)
    }

    fn seen(outcome: Outcome, role: Option<DatabaseRole>) -> Observed {
        judged(outcome, role, true, &Seen(None, false))
    }

    /// Goal: each answer of a server has its meaning, and silence has none (R7). Method: both roles, a server that shuts
    /// its sessions out, and one that does not answer.
    #[test]
    fn what_a_look_means() {
        let failure = |reason| Outcome::Failure { reason, detail: "why".to_owned() };
        let ok = || Outcome::Success;
        let primary = DatabaseRole::Primary { written: Lsn(0x10) };
        assert!(matches!(seen(ok(), Some(primary)), Observed::Done { .. }));
        let Observed::NotDone { part: 0, before: Some(before), .. } = seen(ok(), Some(standby())) else {
            panic!("a standby is not promoted yet")
        };
        assert_eq!(before.to_string(), "replica of east, lag unknown: its primary was not seen");
        assert!(matches!(seen(failure(FailureReason::NotAccepting), None), Observed::InProgress { .. }));
        assert!(matches!(seen(failure(FailureReason::TtfbTimeout), None), Observed::Unknown { .. }));
        // A heartbeat row that could not be written does not make a primary less of one.
        assert!(matches!(seen(failure(FailureReason::Status), Some(primary)), Observed::Done { .. }));
    }

    /// Goal: the record of a promotion says how far the standby was behind, as this agent's probes saw it, and that it is
    /// unknown where they did not (R16); and that nothing is lost where every commit waited for it. Method: a standby with
    /// each kind of reading, and with none.
    #[test]
    fn how_far_behind_it_was() {
        let told = |reading| match judged(Outcome::Success, Some(standby()), false, &Seen(reading, false)) {
            Observed::NotDone { before: Some(before), .. } => before.to_string(),
            other => format!("{other:?}"),
        };
        let seen = |behind, bytes, confirmed| {
            let replica = "west/database".to_owned();
            Some(ReplicaLag { replica, behind: Millis(behind), measured: Millis(1_200), bytes, confirmed })
        };
        let window = "replica of east, 300ms behind, as measured 1s200ms before by this agent's probes";
        assert_eq!(told(seen(300, None, false)), window);
        assert_eq!(told(seen(300, Some(4_096), false)), format!("{window}, 4096 bytes of the log"));
        assert_eq!(
            told(seen(0, Some(0), true)),
            "replica of east, lacks nothing that was acknowledged: every commit waited for it \
             (synchronous_standby_names), as seen 1s200ms before by this agent's probes"
        );
        assert_eq!(told(None), "replica of east, lag unknown: its primary was not seen");
    }

    /// Goal: a standby that somebody else has promoted is a success, and an old primary that is still there is not (R24).
    /// Method: a primary that this execution has not seen as a standby, with and without a newer timeline; and one that it has.
    #[test]
    fn promoted_by_somebody_else() {
        let primary = Some(DatabaseRole::Primary { written: Lsn(0x10) });
        let told = |noted, succeeds| judged(Outcome::Success, primary, noted, &Seen(None, succeeds));
        assert!(matches!(told(false, true), Observed::Done { .. }));
        let Observed::Impossible { reason } = told(false, false) else { panic!("nobody knows of it") };
        assert!(reason.contains("perhaps an old one with old data"), "{reason}");
        assert!(matches!(told(true, false), Observed::Done { .. }));
    }
}
