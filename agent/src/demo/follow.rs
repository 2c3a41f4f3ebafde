//! Following what the agents do, by their API, and telling it.

use super::{
    outside::Outside,
    stage::{LOOK_EVERY, SERVICE, Stage},
    story::Story,
};
use crate::cli::demo::KillAgent;
use quorate_api::{Audit, AuditEntry, Execution, ExecutionList, Explanation};
use quorate_policies::Millis;
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, sleep};

/// How long a failover may take: twice what the slowest of the demo's faults needs.
const FAILOVER_MAX: Duration = Duration::from_secs(60);
/// How long is watched when nothing should happen: several dwells, and the flap window's first changes.
const HELD_WATCH: Duration = Duration::from_secs(12);

/// What has been told.
#[derive(Default)]
pub(super) struct Follower {
    audited: u64,
    votes: BTreeMap<(String, String), &'static str>,
    served: Option<u64>,
    pub(super) refusals: Vec<(String, String)>,
    pub(super) killed_at: Option<u64>,
    pub(super) entries: Vec<AuditEntry>,
}

/// What following came to.
pub(super) struct Followed {
    pub(super) execution: Option<Execution>,
    pub(super) served: Option<u64>,
}

impl Follower {
    /// A follower that tells nothing of what was before.
    pub(super) async fn from_here(stage: &Stage) -> Self {
        let mut follower = Self::default();
        for agent in stage.observers() {
            if let Ok(audit) = agent.api.get::<Audit>("/v1/audit").await {
                follower.audited = audit.sequence;
                break;
            }
        }
        follower
    }

    /// Follows until the failover has ended and clients are served, or the time is over.
    pub(super) async fn failover(
        &mut self,
        stage: &mut Stage,
        outside: &Outside,
        kill: Option<KillAgent>,
        story: &Story,
    ) -> anyhow::Result<Followed> {
        let by = Instant::now() + FAILOVER_MAX;
        let mut executor_to_kill = kill == Some(KillAgent::Executor);
        while Instant::now() < by {
            self.look(stage, story).await;
            let execution = Self::execution(stage).await;
            if executor_to_kill && let Some(name) = Self::promoting(stage, execution.as_ref()).await? {
                executor_to_kill = false;
                self.killed_at = Some(wall_ms());
                stage.kill_agent(&name, story).await;
                stage.hold_promotion(false).await?;
            }
            if execution.is_some() && self.served.is_none() && outside.serves(stage).await {
                self.served = Some(wall_ms());
                story.tell("clients are served again, and can write");
            }
            let ended = execution
                .as_ref()
                .is_some_and(|e| matches!(e.state.as_str(), "succeeded" | "stopped" | "aborted"));
            if ended && (self.served.is_some() || execution.as_ref().is_some_and(|e| e.state != "succeeded"))
            {
                self.look(stage, story).await;
                return Ok(Followed { execution, served: self.served });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(Followed { execution: Self::execution(stage).await, served: self.served })
    }

    /// Follows until a failover is decided.
    pub(super) async fn decision(
        &mut self,
        stage: &Stage,
        story: &Story,
    ) -> anyhow::Result<Option<Execution>> {
        let by = Instant::now() + FAILOVER_MAX;
        while Instant::now() < by {
            self.look(stage, story).await;
            if let Some(execution) = Self::execution(stage).await {
                return Ok(Some(execution));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    /// Watches that nothing happens.
    pub(super) async fn nothing(&mut self, stage: &Stage, story: &Story) -> usize {
        let by = Instant::now() + HELD_WATCH;
        while Instant::now() < by {
            self.look(stage, story).await;
            sleep(LOOK_EVERY).await;
        }
        Self::executions(stage).await.len()
    }

    async fn look(&mut self, stage: &Stage, story: &Story) {
        for agent in stage.observers() {
            let path = format!("/v1/services/{SERVICE}/explain");
            let Ok(explanation) = agent.api.get::<Explanation>(&path).await else { continue };
            self.tell_votes(&explanation, story);
            story.waiting(explanation.summary.clone());
            let refused = explanation.checks.iter().find(|check| !check.passes);
            if let Some(check) = refused
                && self.refusals.last().is_none_or(|(guard, _)| *guard != check.guard)
            {
                self.refusals.push((check.guard.clone(), check.reason.clone()));
            } else if let (Some(check), Some(last)) = (refused, self.refusals.last_mut()) {
                last.1.clone_from(&check.reason);
            }
            if let Ok(audit) = agent.api.get::<Audit>(&format!("/v1/audit?after={}", self.audited)).await {
                for entry in audit.entries.iter().filter(|entry| entry.service.as_deref() == Some(SERVICE)) {
                    story.tell(&entry.message);
                }
                self.audited = self.audited.max(audit.sequence);
                self.entries.extend(audit.entries);
            }
            return;
        }
    }

    fn tell_votes(&mut self, explanation: &Explanation, story: &Story) {
        let targets = explanation.regions.iter().flat_map(|region| &region.targets);
        for target in targets {
            let said = [("down", &target.down), ("suspect", &target.suspect), ("healthy", &target.healthy)];
            for (word, agents) in said {
                for agent in agents {
                    let before = self.votes.insert((agent.clone(), target.target.clone()), word);
                    if before.is_some_and(|before| before != word) {
                        let why =
                            target.reasons.get(agent).map_or_else(String::new, |why| format!(" ({why})"));
                        story.tell(format!("{agent} sees {} {word}{why}", target.target));
                    }
                }
            }
        }
    }

    async fn executions(stage: &Stage) -> Vec<Execution> {
        for agent in stage.observers() {
            if let Ok(list) = agent.api.get::<ExecutionList>("/v1/executions").await {
                return list.executions;
            }
        }
        Vec::new()
    }

    async fn execution(stage: &Stage) -> Option<Execution> {
        Self::executions(stage).await.into_iter().next()
    }

    /// The agent in the middle of the promotion, once the world has applied it.
    async fn promoting(stage: &Stage, execution: Option<&Execution>) -> anyhow::Result<Option<String>> {
        let step = execution.and_then(|e| e.steps.iter().find(|step| step.name == "promote"));
        let Some(step) = step.filter(|step| step.state == "started") else { return Ok(None) };
        Ok(if stage.promotion_applied().await? { step.agent.clone() } else { None })
    }

    /// How many executions there were.
    pub(super) async fn count(stage: &Stage) -> usize {
        Self::executions(stage).await.len()
    }
}

/// The wall clock, in milliseconds: agents and demo run on one machine, so their readings can be compared.
pub(super) fn wall_ms() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::of(passed).0
}
