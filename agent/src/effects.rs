//! Actions by name: which room carries out which action. Each observes and acts; when to do which is decided by
//! `StepRun`, never here.

pub mod call;
mod dns;
pub mod exec;
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
mod sync;
pub mod update;
pub mod verify;
mod writers;

use crate::{
    backups::{self, Programs},
    jobs::{Jobs, journal::Attempt, runner::Runner},
};
use call::Calls;
use dns::Converge;
use exec::Execs;
use fence::Fences;
use futures_util::future::{BoxFuture, join};
use heartbeat::Heartbeats;
pub use promote::Known;
use promote::Promote;
use quorate_aws::{Aws, AwsAction, AwsSettings, CallWatch, s3::WATCHED_MAX};
use quorate_policies::{
    Timestamp,
    backup::{BackupContent, BackupFound, BackupSeen},
    document::AgentFile,
    effect::{Acted, AssumeRole, EffectContext, Observed},
    plan::{
        Action, Before, Lag, Plan,
        action::{
            DnsUpdate, Exec, Http, PostgresFence, PostgresPromote, PostgresRejoin, PostgresRestore,
            PostgresSwitchover, PostgresUnfence, RdsPromoteReadReplica, RedisRestore, S3Prefix, S3Sync,
            VerifyProbes, VerifySql,
        },
    },
    policy::{Backup, BackupSource, S3Objects},
    readiness::Finding,
};
use quorate_probes::Prober;
use redis::Redises;
use rejoin::Rejoins;
use restore::Restores;
use session::Sessions;
use sql::Sql;
use statuspage::Statuspage;
use std::{future::ready, path::Path, sync::Arc};
use switchover::Switchovers;
use sync::Syncs;
use update::Updates;
use verify::Verify;

/// All rooms.
pub struct Effects {
    aws: tokio::sync::OnceCell<Aws>,
    aws_settings: AwsSettings,
    aws_watch: Option<Arc<dyn CallWatch>>,
    statuspage: Statuspage,
    verify: Verify,
    sql: Sql,
    restores: Restores,
    redises: Redises,
    programs: Programs,
    backups_read: backups::Memory,
    converge: Converge,
    heartbeats: Heartbeats,
    promote: Promote,
    updates: Updates,
    fences: Fences,
    switchovers: Switchovers,
    rejoins: Rejoins,
    execs: Execs,
    calls: Calls,
    syncs: Syncs,
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
    Exec(&'a Exec),
    Call(&'a Http),
    Sync(&'a S3Sync),
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
        Action::Exec(action) => Some(Room::Exec(action)),
        Action::Http(action) => Some(Room::Call(action)),
        Action::S3Sync(action) => Some(Room::Sync(action)),
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
        let jobs = Arc::new(Jobs::new(base.join(&file.data_dir).join("jobs"), Runner::default()));
        Self {
            aws: tokio::sync::OnceCell::new(),
            aws_settings: aws_settings(file),
            aws_watch: None,
            statuspage: Statuspage::new(file, base),
            promote: Promote::new(Arc::clone(&prober), sessions.clone()),
            fences: Fences::new(sessions.clone()),
            switchovers: Switchovers::new(Arc::clone(&prober), sessions.clone()),
            rejoins: Rejoins::new(Arc::clone(&prober), sessions.clone()),
            restores: Restores::new(file, base, sessions.clone()),
            redises: Redises::new(file),
            sql: Sql::new(sessions),
            programs: Programs::of(file),
            backups_read: backups::Memory::default(),
            verify: Verify::new(prober),
            converge: Converge::new(&file.resolvers),
            heartbeats: Heartbeats::new(file, base),
            updates: Updates::new(file, base),
            execs: Execs::new(file, base, Arc::clone(&jobs)),
            syncs: Syncs::new(file, jobs.journal().clone()),
            calls: Calls::new(file, base, jobs.journal().clone()),
        }
    }

    /// The same; `watch` is told of every call on AWS.
    #[must_use]
    pub fn watched(self, watch: Arc<dyn CallWatch>) -> Self {
        Self { aws_watch: Some(watch), ..self }
    }

    /// Reads the world. On the heap, like every room's work: in one frame all rooms together would take most of a thread's
    /// stack, and the AWS SDK needs it.
    pub fn observe<'a>(
        &'a self,
        action: &'a Action,
        context: &'a EffectContext,
        known: &'a impl Known,
    ) -> BoxFuture<'a, Observed> {
        match room(action) {
            Some(Room::Aws(aws)) => Box::pin(async move {
                let aws = async { self.aws().await.observe(aws, context).await };
                let (seen, beat) = join(aws, self.last_beat(action, context)).await;
                self.proven(action, noting(seen, beat)).await
            }),
            Some(Room::Statuspage(action)) => Box::pin(self.statuspage.observe(action, context)),
            Some(Room::Verify(action)) => Box::pin(self.verify.observe(action)),
            Some(Room::Sql(action)) => Box::pin(self.sql.observe(action)),
            Some(Room::Restore(action)) => Box::pin(self.restores.observe(action, context)),
            Some(Room::Redis(action)) => Box::pin(self.redises.observe(action, context)),
            Some(Room::Converge(action)) => Box::pin(self.converge.observe(action)),
            Some(Room::Promote(action)) => Box::pin(self.promote.observe(action, context, known)),
            Some(Room::Update(action)) => Box::pin(self.updates.observe(action, context)),
            Some(Room::Fence(action)) => Box::pin(self.fences.observe(action)),
            Some(Room::Unfence(action)) => Box::pin(self.fences.observe_unfence(action, context)),
            Some(Room::Switchover(action)) => Box::pin(self.switchovers.observe(action, context)),
            Some(Room::Rejoin(action)) => Box::pin(self.rejoins.observe(action)),
            Some(Room::Exec(action)) => Box::pin(self.execs.observe(action, context)),
            Some(Room::Call(action)) => Box::pin(self.calls.observe(action, context)),
            Some(Room::Sync(action)) => {
                Box::pin(async move { self.syncs.observe(self.aws().await, action, context) })
            }
            None => Box::pin(ready(Observed::Impossible { reason: unknown_kind(action) })),
        }
    }

    /// Acts, once, on the part of the action that the last look named.
    pub fn act<'a>(
        &'a self,
        action: &'a Action,
        part: u8,
        context: &'a EffectContext,
    ) -> BoxFuture<'a, Acted> {
        match room(action) {
            Some(Room::Aws(action)) => {
                Box::pin(async move { self.aws().await.act(action, part, context).await })
            }
            Some(Room::Statuspage(action)) => Box::pin(self.statuspage.act(action, context)),
            Some(Room::Verify(_) | Room::Sql(_)) => Box::pin(ready(Verify::act())),
            Some(Room::Converge(_)) => Box::pin(ready(Converge::act())),
            Some(Room::Restore(action)) => Box::pin(ready(self.restores.act(action, context))),
            Some(Room::Redis(action)) => Box::pin(ready(self.redises.act(action, context))),
            Some(Room::Promote(action)) => Box::pin(self.promote.act(action)),
            Some(Room::Update(action)) => Box::pin(self.updates.act(action, context)),
            Some(Room::Fence(action)) => Box::pin(self.fences.act(action, part)),
            Some(Room::Unfence(action)) => Box::pin(self.fences.act_unfence(action)),
            Some(Room::Switchover(action)) => Box::pin(self.switchovers.act(action, context)),
            Some(Room::Rejoin(action)) => Box::pin(self.rejoins.act(action, part)),
            Some(Room::Exec(action)) => Box::pin(self.execs.act(action, context)),
            Some(Room::Call(action)) => Box::pin(self.calls.act(action, context)),
            Some(Room::Sync(action)) => {
                Box::pin(async move { self.syncs.act(self.aws().await, action, context).await })
            }
            None => Box::pin(ready(Acted::Refused { reason: unknown_kind(action), retryable: false })),
        }
    }

    /// Ends whatever an attempt still has at work on this host; returns when nothing is.
    pub async fn let_go(&self, attempt: &Attempt) {
        self.execs.let_go(attempt).await;
        self.syncs.let_go(attempt).await;
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
    pub fn check<'a>(
        &'a self,
        action: &'a Action,
        context: &'a EffectContext,
    ) -> BoxFuture<'a, Vec<Finding>> {
        match room(action) {
            Some(Room::Promote(action)) => Box::pin(self.promote.check(action)),
            Some(Room::Fence(action)) => Box::pin(self.fences.check(action)),
            Some(Room::Unfence(action)) => Box::pin(self.fences.check_unfence(action)),
            Some(Room::Switchover(action)) => Box::pin(self.switchovers.check(action)),
            Some(Room::Rejoin(action)) => Box::pin(self.rejoins.check(action)),
            Some(Room::Update(action)) => Box::pin(self.updates.check(action)),
            Some(Room::Sql(action)) => Box::pin(self.sql.check(action)),
            Some(Room::Restore(action)) => Box::pin(self.restores.check(action)),
            Some(Room::Redis(action)) => Box::pin(self.redises.check(action)),
            Some(Room::Exec(action)) => Box::pin(self.execs.check(action, context)),
            Some(Room::Call(action)) => Box::pin(self.calls.check(action, context)),
            Some(Room::Sync(action)) => {
                Box::pin(async move { self.syncs.check(self.aws().await, action, context).await })
            }
            Some(Room::Aws(_) | Room::Statuspage(_) | Room::Verify(_) | Room::Converge(_)) | None => {
                Box::pin(self.check_on_aws(action, context))
            }
        }
    }

    async fn check_on_aws(&self, action: &Action, context: &EffectContext) -> Vec<Finding> {
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
            Some(BackupSource::S3(of)) => self.look_at_objects(of).await,
            Some(source) => backups::look(source, &self.programs, &self.backups_read, now).await,
        }
    }

    async fn look_at_objects(&self, of: &S3Objects) -> BackupSeen {
        let S3Objects { region, bucket, prefix, pattern, role } = of;
        let (region, bucket) = (region.clone(), bucket.clone());
        let place = S3Prefix { region, bucket, prefix: Some(prefix.clone()) };
        match self.aws().await.objects(&place, role.as_ref(), WATCHED_MAX).await {
            Ok(listed) => backups::objects::newest(&place.to_string(), pattern.as_deref(), listed),
            Err(trouble) => BackupSeen::Unknown { why: trouble.to_string() },
        }
    }

    async fn aws(&self) -> &Aws {
        let (settings, watch) = (&self.aws_settings, &self.aws_watch);
        self.aws.get_or_init(|| Aws::load_watched(settings.clone(), watch.clone())).await
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
