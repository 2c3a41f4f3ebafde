//! What the API needs of the agent. A trait, so that the API is tested against a node and a log without consensus,
//! sockets and probes.

use crate::{
    metrics::{Metrics, blackbox::Places},
    shell::{Agent, BackupCheck, PlanCheck, ProbeSeen, ProposeProblem},
};
use quorate_core::{Body, Node, Response, node::Now};
use quorate_policies::{
    AgentName, BackupName, RegionName, ServiceName, TargetName, Timestamp, document::AgentFile,
    guard::Refusal, plan::Plan,
};
use std::{collections::BTreeMap, sync::Arc};

/// What the API needs of the agent.
pub(super) trait Control: Send + Sync + 'static {
    /// Looks at the node under a short lock.
    fn with_node<R>(&self, look: impl FnOnce(&mut Node, Now) -> R) -> R;
    /// Puts a command into the log.
    fn propose(
        &self,
        id: Option<String>,
        body: Body,
    ) -> impl Future<Output = Result<Response, ProposeProblem>> + Send;
    /// The agent's own file.
    fn file(&self) -> &AgentFile;
    /// The latest result of each target.
    fn probes(&self) -> Vec<Arc<ProbeSeen>>;
    /// The latest result of one target.
    fn probe(&self, target: &(ServiceName, TargetName)) -> Option<Arc<ProbeSeen>>;
    /// What is probed.
    fn places(&self) -> Arc<Places>;
    /// Looks at a plan, unless that was done a moment ago.
    fn check_plan(
        &self,
        service: &ServiceName,
        to: &RegionName,
    ) -> impl Future<Output = Result<PlanCheck, Refusal>> + Send;
    /// Looks at any plan.
    fn look_at_plan(&self, service: &ServiceName, plan: &Plan) -> impl Future<Output = PlanCheck> + Send;
    /// What was found about each plan last.
    fn plan_checks(&self) -> BTreeMap<(ServiceName, RegionName), PlanCheck>;
    /// What its latest look at each backup showed.
    fn backups(&self) -> BTreeMap<(ServiceName, BackupName), BackupCheck>;
    /// Whether another agent has said that this one was removed.
    fn told_removed(&self) -> bool;
    /// Whether it knows all that was committed before it started.
    fn is_caught_up(&self) -> bool;
    /// Which version each agent last said it has.
    fn versions(&self) -> BTreeMap<AgentName, String>;
    /// Its metrics.
    fn metrics(&self) -> &Metrics;
    /// Whether a text is the operator's token.
    fn is_token(&self, text: &str) -> bool;
    /// When this process started.
    fn started_at(&self) -> Timestamp;
    /// By how many milliseconds the system's clock has moved against the agent's own.
    fn clock_moved(&self) -> i64;
}

impl Control for Agent {
    fn with_node<R>(&self, look: impl FnOnce(&mut Node, Now) -> R) -> R {
        Agent::with_node(self, look)
    }

    async fn propose(&self, id: Option<String>, body: Body) -> Result<Response, ProposeProblem> {
        Agent::propose(self, id, body).await
    }

    fn file(&self) -> &AgentFile {
        Agent::file(self)
    }

    fn probes(&self) -> Vec<Arc<ProbeSeen>> {
        Agent::probes(self)
    }

    fn probe(&self, target: &(ServiceName, TargetName)) -> Option<Arc<ProbeSeen>> {
        Agent::probe(self, target)
    }

    fn places(&self) -> Arc<Places> {
        Agent::places(self)
    }

    async fn check_plan(&self, service: &ServiceName, to: &RegionName) -> Result<PlanCheck, Refusal> {
        Agent::check_plan(self, service, to).await
    }

    async fn look_at_plan(&self, service: &ServiceName, plan: &Plan) -> PlanCheck {
        Agent::look_at_plan(self, service, plan).await
    }

    fn plan_checks(&self) -> BTreeMap<(ServiceName, RegionName), PlanCheck> {
        Agent::plan_checks(self)
    }

    fn backups(&self) -> BTreeMap<(ServiceName, BackupName), BackupCheck> {
        Agent::backup_checks(self)
    }

    fn told_removed(&self) -> bool {
        self.consensus().standing().removed
    }

    fn is_caught_up(&self) -> bool {
        Agent::is_caught_up(self)
    }

    fn versions(&self) -> BTreeMap<AgentName, String> {
        Agent::versions(self)
    }

    fn metrics(&self) -> &Metrics {
        Agent::metrics(self)
    }

    fn is_token(&self, text: &str) -> bool {
        self.operator_token().matches(text)
    }

    fn started_at(&self) -> Timestamp {
        Agent::started_at(self)
    }

    fn clock_moved(&self) -> i64 {
        Agent::clock_moved(self)
    }
}
