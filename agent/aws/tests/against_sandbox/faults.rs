//! Each action through each fault of the wire. After any of them the final state is right, the world was changed
//! once, each act was one attempt, and the caller knew no more than it could.

use quorate_aws::{Aws, AwsSettings, StaticCredentials};
use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::Action;

use crate::bench::{Bench, act, carry_out, context, observe};
use crate::proxy::{ALWAYS, Break};

/// What the caller may conclude from the first act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    NotDoneNow,
}

/// The faults of a mutating call: what breaks, what may be known, and how many acts it takes in the end.
pub(crate) fn faults() -> [(Break, Known, u32); 10] {
    [
        (Break::Hang, Known::Nothing, 2),
        (Break::Reset, Known::Nothing, 2),
        (Break::InternalError, Known::Nothing, 2),
        (Break::Refuse(500, "InternalFailure"), Known::Nothing, 2),
        (Break::HangAfter, Known::Nothing, 1),
        (Break::LoseReply, Known::Nothing, 1),
        (Break::Truncate, Known::Nothing, 1),
        (Break::Refuse(503, "ServiceUnavailable"), Known::NotDoneNow, 2),
        (Break::Refuse(400, "Throttling"), Known::NotDoneNow, 2),
        (Break::Refuse(403, "ExpiredToken"), Known::NotDoneNow, 2),
    ]
}

/// Nobody should wait long for what never comes, and nothing else should run into a limit.
async fn agent_for(bench: &Bench, fault: &Break) -> Aws {
    match fault {
        Break::Hang | Break::HangAfter => bench.hasty_agent().await,
        Break::Reset
        | Break::LoseReply
        | Break::Truncate
        | Break::InternalError
        | Break::Refuse(..)
        | Break::Strand(_)
        | Break::Meet(_)
        | Break::Late(_) => bench.agent().await,
    }
}

async fn survives(operation: &'static str, action: fn(&Bench) -> Action) {
    survives_in(operation, action, 0, 1).await;
}

/// As [`survives`], for one of an action's `parts`, which follows so many `others`.
async fn survives_in(operation: &'static str, action: fn(&Bench) -> Action, others: usize, parts: usize) {
    for (fault, known, acts) in faults() {
        let bench = Bench::start().await;
        bench.script.set(operation, fault.clone(), 1);
        let (aws, action) = (agent_for(&bench, &fault).await, action(&bench));
        let trail = carry_out(&aws, &action, &context(5)).await;
        assert!(trail.is_done(), "{fault:?}: {trail:?}");
        let conclusion = match &trail.acted[others] {
            Acted::Unknown { .. } => Known::Nothing,
            Acted::Refused { retryable: true, .. } => Known::NotDoneNow,
            Acted::Accepted { .. } | Acted::Refused { retryable: false, .. } => {
                panic!("{fault:?}: {trail:?}")
            }
        };
        assert_eq!(conclusion, known, "{fault:?}: {trail:?}");
        assert_eq!(trail.acted.len(), acts as usize + parts - 1, "{fault:?}: {trail:?}");
        assert_eq!(bench.script.arrived(operation), acts, "{fault:?}: one attempt for each act");
        let changes = bench.changes().await;
        assert_eq!(changes.len(), parts, "{fault:?}: {changes:?}");
    }
}

/// Goal: a promotion survives every fault of its call and is never sent twice blindly (R4, P3). Method: the table.
#[tokio::test]
async fn promotion_survives() {
    survives("PromoteReadReplica", Bench::promote).await;
}

/// Goal: as above, for both parts of a scaling. Method: the table.
#[tokio::test]
async fn scaling_survives() {
    survives_in("RegisterScalableTarget", |bench| bench.scale(6), 0, 2).await;
    survives_in("UpdateService", |bench| bench.scale(6), 1, 2).await;
}

/// Goal: as above, for the repoint; its own nonce in the world resolves a lost reply (F22). Method: the table.
#[tokio::test]
async fn repointing_survives() {
    survives("ChangeResourceRecordSets", Bench::to_standby).await;
}

/// Goal: a second change in flight in the zone is waited for. Method: Route 53's own code, twice.
#[tokio::test]
async fn a_prior_request_is_waited_for() {
    let bench = Bench::start().await;
    bench.script.set("ChangeResourceRecordSets", Break::Refuse(400, "PriorRequestNotComplete"), 2);
    let trail = carry_out(&bench.agent().await, &bench.to_standby(), &context(5)).await;
    assert!(trail.is_done() && trail.acted.len() == 3, "{trail:?}");
}

fn readers(bench: &Bench) -> [(&'static str, Action); 3] {
    [
        ("DescribeDBInstances", bench.promote()),
        ("DescribeServices", bench.scale(6)),
        ("ListResourceRecordSets", bench.to_standby()),
    ]
}

/// Goal: a read outlasts one fault within its own retries. Method: break each first read in each way.
#[tokio::test]
async fn reads_are_retried() {
    let bench = Bench::start().await;
    for (operation, action) in readers(&bench) {
        for fault in [Break::Hang, Break::Reset, Break::InternalError, Break::Refuse(400, "Throttling")] {
            let aws = agent_for(&bench, &fault).await;
            bench.script.set(operation, fault.clone(), 1);
            let before = bench.script.arrived(operation);
            let seen = observe(&aws, &action, &context(5)).await;
            assert!(matches!(seen, Observed::NotDone { .. }), "{operation}, {fault:?}: {seen:?}");
            assert_eq!(bench.script.arrived(operation), before + 2, "{operation}, {fault:?}");
        }
    }
}

/// Goal: a read that fails for good is unknown, after three attempts, and names operation, region, object and
/// code; it is bounded, and the change is not sent on top of it. Method: break every read for ever.
#[tokio::test]
async fn unreadable_worlds_are_unknown() {
    let bench = Bench::start().await;
    for fault in [Break::Hang, Break::Reset, Break::InternalError, Break::Refuse(400, "Throttling")] {
        let aws = agent_for(&bench, &fault).await;
        for (operation, action) in readers(&bench) {
            bench.script.set(operation, fault.clone(), ALWAYS);
            let before = bench.script.arrived(operation);
            let seen = observe(&aws, &action, &context(5)).await;
            let Observed::Unknown { reason } = seen else { panic!("{operation}, {fault:?}: {seen:?}") };
            assert!(reason.contains(operation), "{reason}");
            assert_eq!(bench.script.arrived(operation), before + 3, "{operation}, {fault:?}: {reason}");
            if operation == "ListResourceRecordSets" {
                let acted = act(&aws, &action, &context(5)).await;
                assert!(matches!(acted, Acted::Refused { retryable: true, .. }), "{acted:?}");
            }
        }
        bench.script.clear();
    }
    assert_eq!(bench.script.arrived("ChangeResourceRecordSets"), 0);
    assert!(bench.changes().await.is_empty());
}

/// Goal: a change whose spread cannot be read is unknown, not done (P4). Method: break GetChange for ever.
#[tokio::test]
async fn an_unreadable_spread_is_unknown() {
    let bench = Bench::start().await;
    let (aws, action) = (bench.agent().await, bench.to_standby());
    assert!(matches!(act(&aws, &action, &context(5)).await, Acted::Accepted { .. }));
    bench.script.set("GetChange", Break::Refuse(400, "Throttling"), ALWAYS);
    let seen = observe(&aws, &action, &context(5)).await;
    assert!(matches!(&seen, Observed::Unknown { reason } if reason.contains("Throttling")), "{seen:?}");
    bench.script.clear();
    assert!(carry_out(&aws, &action, &context(5)).await.is_done());
}

/// Goal: an endpoint that is not there is unknown, both to see and to change. Method: a port that was just freed.
#[tokio::test]
async fn refused_connections_are_unknown() {
    let bench = Bench::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = AwsSettings::new("eu-west-1");
    let secret = "very-secret".to_owned();
    settings.credentials = Some(StaticCredentials {
        access_key_id: "AKIASANDBOX".into(),
        secret_access_key: secret.clone(),
        session_token: Some(secret.clone()),
    });
    settings.endpoints.regional.insert("us-west-2".parse().unwrap(), format!("http://{free}"));
    let aws = Aws::load(settings).await;
    let seen = observe(&aws, &bench.promote(), &context(5)).await;
    assert!(matches!(seen, Observed::Unknown { .. }), "{seen:?}");
    let acted = act(&aws, &bench.promote(), &context(5)).await;
    let Acted::Unknown { reason } = &acted else { panic!("{acted:?}") };
    assert!(reason.contains("rds:PromoteReadReplica of shop-replica in us-west-2: no reply"), "{reason}");
    assert!(!reason.contains(&secret), "{reason}");
}
