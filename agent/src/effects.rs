//! Actions by name: which room carries out which action. Each observes and acts; when to do which is decided by
//! `StepRun`, never here.

mod dns;
mod fence;
pub mod heartbeat;
mod promote;
mod redis;
mod rejoin;
mod restore;
mod session;
mod sql;
mod standby;
mod statuspage;
mod switchover;
pub mod update;
pub mod verify;
mod writers;

use crate::backups::{self, Programs};
use dns::Converge;
use fence::Fences;
use futures_util::future::join;
use heartbeat::Heartbeats;
pub use promote::Known;
use promote::Promote;
use quorate_aws::{Aws, AwsAction, AwsSettings};
use quorate_policies::{
    Timestamp,
    backup::{BackupContent, BackupFound, BackupSeen},
    document::AgentFile,
    effect::{Acted, AssumeRole, EffectContext, Observed},
    plan::{
        Action, Before, Lag, Plan,
        action::{
            DnsUpdate, PostgresFence, PostgresPromote, PostgresRejoin, PostgresRestore, PostgresSwitchover,
            PostgresUnfence, RdsPromoteReadReplica, RedisRestore, VerifyProbes, VerifySql,
        },
    },
    policy::{Backup, BackupSource},
    readiness::Finding,
};
use quorate_probes::Prober;
use redis::Redises;
use rejoin::Rejoins;
use restore::Restores;
use session::Sessions;
use sql::Sql;
use statuspage::Statuspage;
use std::{path::Path, sync::Arc};
use switchover::Switchovers;
use update::Updates;
use verify::Verify;

/// All rooms.
pub struct Effects {
    aws: tokio::sync::OnceCell<Aws>,
    aws_settings: AwsSettings,
    statuspage: Statuspage,
    verify: Verify,
    sql: Sql,
    restores: Restores,
    redises: Redises,
    programs: Programs,
    converge: Converge,
    heartbeats: Heartbeats,
    promote: Promote,
    updates: Updates,
    fences: Fences,
    switchovers: Switchovers,
    rejoins: Rejoins,
}

/// An action, by its room.
enum Room<'a> {
    Aws(AwsAction<'a>),
    Statuspage(&'a quorate_policies::plan::action::StatuspageIncident),
    Verify(&'a VerifyProbes),
    Sql(&'a VerifySql),
    Restore(&'a PostgresRestore),
    Redis(&'a RedisRestore),
    Converge(&'a quorate_policies::plan::action::DnsConverged),
    Promote(&'a PostgresPromote),
    Update(&'a DnsUpdate),
    Fence(&'a PostgresFence),
    Unfence(&'a PostgresUnfence),
    Switchover(&'a PostgresSwitchover),
    Rejoin(&'a PostgresRejoin),
}

fn room(action: &Action) -> Option<Room<'_>> {
    match action {
        Action::StatuspageIncident(action) => Some(Room::Statuspage(action)),
        Action::VerifyProbes(action) => Some(Room::Verify(action)),
        Action::VerifySql(action) => Some(Room::Sql(action)),
        Action::PostgresRestore(action) => Some(Room::Restore(action)),
        Action::RedisRestore(action) => Some(Room::Redis(action)),
        Action::DnsConverged(action) => Some(Room::Converge(action)),
        Action::PostgresPromote(action) => Some(Room::Promote(action)),
        Action::DnsUpdate(action) => Some(Room::Update(action)),
        Action::PostgresFence(action) => Some(Room::Fence(action)),
        Action::PostgresUnfence(action) => Some(Room::Unfence(action)),
        Action::PostgresSwitchover(action) => Some(Room::Switchover(action)),
        Action::PostgresRejoin(action) => Some(Room::Rejoin(action)),
        other => AwsAction::try_from(other).ok().map(Room::Aws),
    }
}

fn unknown_kind(action: &Action) -> String {
    format!("this agent does not carry out {}", action.kind())
}

/// How AWS is reached, by an agent's own file.
#[must_use]
pub fn aws_settings(file: &AgentFile) -> AwsSettings {
    // Regional calls name the step's region; this one is for what has none.
    AwsSettings { endpoints: file.aws.endpoints.clone(), ..AwsSettings::new(file.region.as_str()) }
}

impl Effects {
    /// The rooms, by the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path, prober: Arc<Prober>) -> Self {
        let sessions = Sessions::new(file, base);
        Self {
            aws: tokio::sync::OnceCell::new(),
            aws_settings: aws_settings(file),
            statuspage: Statuspage::new(file, base),
            promote: Promote::new(Arc::clone(&prober), sessions.clone()),
            fences: Fences::new(sessions.clone()),
            switchovers: Switchovers::new(Arc::clone(&prober), sessions.clone()),
            rejoins: Rejoins::new(Arc::clone(&prober), sessions.clone()),
            restores: Restores::new(file, base, sessions.clone()),
            redises: Redises::new(file),
            sql: Sql::new(sessions),
            programs: Programs::of(file),
            verify: Verify::new(prober),
            converge: Converge::new(&file.resolvers),
            heartbeats: Heartbeats::new(file, base),
            updates: Updates::new(file, base),
        }
    }

    /// Reads the world.
    pub async fn observe(&self, action: &Action, context: &EffectContext, known: &impl Known) -> Observed {
        match room(action) {
            Some(Room::Aws(aws)) => {
                let aws = async { self.aws().await.observe(aws, context).await };
                let (seen, beat) = join(aws, self.last_beat(action, context)).await;
                self.proven(action, noting(seen, beat)).await
            }
            Some(Room::Statuspage(action)) => self.statuspage.observe(action, context).await,
            Some(Room::Verify(action)) => self.verify.observe(action).await,
            Some(Room::Sql(action)) => self.sql.observe(action).await,
            Some(Room::Restore(action)) => self.restores.observe(action, context).await,
            Some(Room::Redis(action)) => self.redises.observe(action, context).await,
            Some(Room::Converge(action)) => self.converge.observe(action).await,
            Some(Room::Promote(action)) => self.promote.observe(action, context, known).await,
            Some(Room::Update(action)) => self.updates.observe(action, context).await,
            Some(Room::Fence(action)) => self.fences.observe(action).await,
            Some(Room::Unfence(action)) => self.fences.observe_unfence(action, context).await,
            Some(Room::Switchover(action)) => self.switchovers.observe(action, context).await,
            Some(Room::Rejoin(action)) => self.rejoins.observe(action).await,
            None => Observed::Impossible { reason: unknown_kind(action) },
        }
    }

    /// Acts, once, on the part of the action that the last look named.
    pub async fn act(&self, action: &Action, part: u8, context: &EffectContext) -> Acted {
        match room(action) {
            Some(Room::Aws(action)) => self.aws().await.act(action, part, context).await,
            Some(Room::Statuspage(action)) => self.statuspage.act(action, context).await,
            Some(Room::Verify(_) | Room::Sql(_)) => Verify::act(),
            Some(Room::Converge(_)) => Converge::act(),
            Some(Room::Restore(action)) => self.restores.act(action, context),
            Some(Room::Redis(action)) => self.redises.act(action, context),
            Some(Room::Promote(action)) => self.promote.act(action).await,
            Some(Room::Update(action)) => self.updates.act(action, context).await,
            Some(Room::Fence(action)) => self.fences.act(action, part).await,
            Some(Room::Unfence(action)) => self.fences.act_unfence(action).await,
            Some(Room::Switchover(action)) => self.switchovers.act(action, context).await,
            Some(Room::Rejoin(action)) => self.rejoins.act(action, part).await,
            None => Acted::Refused { reason: unknown_kind(action), retryable: false },
        }
    }

    /// The heartbeat row as it is before a promotion begins; nobody can read it afterwards. It holds up the promotion
    /// by no more than its own deadline.
    async fn last_beat(&self, action: &Action, context: &EffectContext) -> Option<Lag> {
        let Action::RdsPromoteReadReplica(promote) = action else { return None };
        let row = promote.heartbeat.as_ref().filter(|_| context.before.is_none())?;
        Some(self.heartbeats.read(row).await)
    }

    /// A promotion is done when the database takes writes, where the policy says how to see it: `available` may show
    /// before the reboot does.
    async fn proven(&self, action: &Action, seen: Observed) -> Observed {
        let (Action::RdsPromoteReadReplica(promote), Observed::Done { detail }) = (action, &seen) else {
            return seen;
        };
        let Some(url) = &promote.writable else { return seen };
        let probe = VerifyProbes { through: url.clone(), successes: 1 };
        match self.verify.observe(&probe).await {
            Observed::Done { detail: answer } => Observed::Done { detail: format!("{detail}; {answer}") },
            Observed::InProgress { detail: silent } => {
                Observed::InProgress { detail: format!("{detail}; it takes no writes yet: {silent}") }
            }
            other => other,
        }
    }

    /// What stands in the way of an action, as far as reading tells.
    pub async fn check(&self, action: &Action, context: &EffectContext) -> Vec<Finding> {
        match room(action) {
            Some(Room::Promote(action)) => return self.promote.check(action).await,
            Some(Room::Fence(action)) => return self.fences.check(action).await,
            Some(Room::Unfence(action)) => return self.fences.check_unfence(action).await,
            Some(Room::Switchover(action)) => return self.switchovers.check(action).await,
            Some(Room::Rejoin(action)) => return self.rejoins.check(action).await,
            Some(Room::Update(action)) => return self.updates.check(action).await,
            Some(Room::Sql(action)) => return self.sql.check(action).await,
            Some(Room::Restore(action)) => return self.restores.check(action).await,
            Some(Room::Redis(action)) => return self.redises.check(action).await,
            Some(Room::Aws(_) | Room::Statuspage(_) | Room::Verify(_) | Room::Converge(_)) | None => {}
        }
        let aws = async { self.aws().await.check(action, context).await };
        let beat = async {
            let Action::RdsPromoteReadReplica(promote) = action else { return None };
            self.heartbeats.check(promote.heartbeat.as_ref()?).await
        };
        let (mut findings, beat) = join(aws, beat).await;
        findings.extend(beat);
        findings
    }

    /// What IAM says about the calls of a plan, before any of them is made.
    pub async fn check_permissions(&self, plan: &Plan) -> Vec<Finding> {
        self.aws().await.check_permissions(plan).await
    }

    /// How far the replica of a promotion is behind: by CloudWatch, and by its heartbeat row where it has one.
    pub async fn replica_lag(&self, promote: &RdsPromoteReadReplica, role: Option<&AssumeRole>) -> Lag {
        let cloudwatch =
            async { self.aws().await.replica_lag(&promote.region, &promote.instance, role).await };
        let Some(row) = &promote.heartbeat else { return cloudwatch.await };
        let (cloudwatch, beat) = join(cloudwatch, self.heartbeats.read(row)).await;
        if let Lag::Unknown { reason } = &beat {
            tracing::warn!(region = %promote.region, instance = %promote.instance, %reason, "heartbeat row unknown");
        }
        cloudwatch.greater(beat)
    }

    /// Looks at a backup. Bounded by the look's own limits.
    pub async fn look_at_backup(&self, backup: &Backup, now: Timestamp) -> BackupSeen {
        let unknown = |why: &str| BackupSeen::Unknown { why: why.to_owned() };
        match backup.source() {
            None => unknown("what it is, is not said"),
            Some(BackupSource::RdsAutomated(rds)) => {
                match self.aws().await.latest_restorable(&rds.region, &rds.instance).await {
                    Ok(None) => BackupSeen::Nothing,
                    Ok(Some(taken)) => BackupSeen::Found(BackupFound {
                        name: format!("{} in {}", rds.instance, rds.region),
                        taken,
                        size: None,
                        earlier: Vec::new(),
                        oldest: None,
                        // RDS makes them and restores them; nobody else reads them.
                        content: BackupContent::Sound,
                    }),
                    Err(why) => unknown(&why),
                }
            }
            Some(source) => backups::look(source, &self.programs, now).await,
        }
    }

    async fn aws(&self) -> &Aws {
        self.aws.get_or_init(|| Aws::load(self.aws_settings.clone())).await
    }
}

/// What was seen before a promotion, with what the heartbeat row says of its lag.
fn noting(seen: Observed, beat: Option<Lag>) -> Observed {
    match (seen, beat) {
        (Observed::NotDone { detail, part, before: Some(Before::Promoted { source, lag }) }, Some(beat)) => {
            let detail = format!("{detail}; {beat}");
            Observed::NotDone {
                detail,
                part,
                before: Some(Before::Promoted { source, lag: lag.greater(beat) }),
            }
        }
        (seen, _) => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::Millis;

    /// Goal: what is committed before a promotion is the greater of both measures, and nothing else that is seen changes
    /// by a row. Method: a look before the promotion and one after it.
    #[test]
    fn the_row_counts_in_what_a_promotion_loses() {
        let known = |behind, by: &str| Lag::Known {
            behind: Millis(behind),
            age: Millis(0),
            by: by.to_owned(),
            confirmed: false,
        };
        let seen = |lag| Observed::NotDone {
            detail: "a replica".to_owned(),
            part: 0,
            before: Some(Before::Promoted { source: "shop-east".to_owned(), lag }),
        };
        let beat = || Some(known(4_000, "heartbeat row"));
        let noted = noting(seen(known(1_000, "CloudWatch")), beat());
        let Observed::NotDone { detail, before: Some(Before::Promoted { lag, .. }), .. } = &noted else {
            panic!("{noted:?}")
        };
        assert_eq!(*lag, known(4_000, "heartbeat row"));
        assert!(detail.contains("by heartbeat row"), "{detail}");
        let unread = || Lag::Unknown { reason: "no point".to_owned() };
        assert_eq!(noting(seen(unread()), None), seen(unread()));
        let done = || Observed::Done { detail: "available".to_owned() };
        assert_eq!(noting(done(), beat()), done());
    }
}
