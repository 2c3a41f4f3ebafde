//! An agent for the API's tests: the sample node, a log that applies at once, and a token.

use crate::{
    http::{control::Control, routes::router, sample},
    metrics::{
        Metrics,
        blackbox::{Kind, Place, Places},
    },
    shell::{BackupCheck, PlanCheck, ProbeSeen, ProposeProblem},
};
use axum::{Router, body::Body as Payload};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use quorate_core::{Body, Cluster, Command, Input, Node, Response, node::Now};
use quorate_policies::{
    AgentName, BackupName, RegionName, ServiceName, TargetName, Timestamp, document::AgentFile,
    guard::Refusal, health::Verdict, plan::Plan,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tower::ServiceExt as _;

pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

pub(super) struct Desk {
    node: Mutex<(Node, Now)>,
    file: AgentFile,
    metrics: Metrics,
    /// What a proposal meets instead of the log.
    problem: Mutex<Option<ProposeProblem>>,
    ids: Mutex<Vec<Option<String>>>,
}

impl Desk {
    /// The primary is down for all agents, the standby healthy.
    pub(super) fn failing() -> Arc<Self> {
        Self::with(Verdict::Down, Verdict::Healthy)
    }

    /// Both regions are healthy.
    pub(super) fn healthy() -> Arc<Self> {
        Self::with(Verdict::Healthy, Verdict::Healthy)
    }

    fn with(east: Verdict, west: Verdict) -> Arc<Self> {
        let file = sample::agent_file();
        Arc::new(Self {
            node: Mutex::new(sample::node(east, west, &["a", "b", "c"])),
            metrics: Metrics::new(&file),
            file,
            problem: Mutex::default(),
            ids: Mutex::default(),
        })
    }

    pub(super) fn meets(&self, problem: ProposeProblem) {
        *self.problem.lock().unwrap() = Some(problem);
    }

    /// Ids of all commands so far.
    pub(super) fn ids(&self) -> Vec<Option<String>> {
        self.ids.lock().unwrap().clone()
    }

    pub(super) fn cluster(&self) -> Arc<Cluster> {
        self.with_node(|node, _| node.cluster().clone())
    }

    /// The log's state after a signal.
    pub(super) fn signal(&self, region: &str) {
        self.with_node(|node, now| {
            let mut cluster = Cluster::clone(node.cluster());
            let service = cluster.services.values_mut().next().unwrap();
            service.signal = Some(region.parse().unwrap());
            node.step(now, Input::Applied(Arc::new(cluster)));
        });
    }

    pub(super) fn router(self: &Arc<Self>) -> Router {
        router(self.clone())
    }

    /// Sends a request and reads the answer as JSON, or as a JSON text.
    pub(super) async fn send(self: &Arc<Self>, request: Request<Payload>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(super) async fn get(self: &Arc<Self>, path: &str) -> Answer {
        self.send(get(path)).await
    }

    /// Sends a change as the command line would.
    pub(super) async fn post(self: &Arc<Self>, path: &str, body: &Value) -> Answer {
        self.send(post(path, body)).await
    }
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// That it is a problem document of this status and kind; returns its detail.
    #[track_caller]
    pub(super) fn problem(&self, status: u16, kind: &str) -> &str {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:quorate:problem:{kind}"));
        assert_eq!(self.body["status"], status);
        self.body["detail"].as_str().unwrap()
    }
}

pub(super) fn get(path: &str) -> Request<Payload> {
    Request::get(path).header(header::HOST, "127.0.0.1:7950").body(Payload::empty()).unwrap()
}

pub(super) fn post(path: &str, body: &Value) -> Request<Payload> {
    Request::post(path)
        .header(header::HOST, "127.0.0.1:7950")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(body.to_string()))
        .unwrap()
}

impl Control for Desk {
    fn with_node<R>(&self, look: impl FnOnce(&mut Node, Now) -> R) -> R {
        let mut node = self.node.lock().unwrap();
        let now = node.1;
        look(&mut node.0, now)
    }

    async fn propose(&self, id: Option<String>, body: Body) -> Result<Response, ProposeProblem> {
        self.ids.lock().unwrap().push(id.clone());
        if let Some(problem) = self.problem.lock().unwrap().clone() {
            return Err(problem);
        }
        Ok(self.with_node(|node, now| {
            let mut cluster = Cluster::clone(node.cluster());
            let id = id.unwrap_or_else(|| format!("test/{}", cluster.audit.sequence));
            let at = Timestamp(now.wall.0 + cluster.audit.sequence);
            let response = cluster.apply(&Command::new(id, at, "a".parse().unwrap(), body));
            node.step(now, Input::Applied(Arc::new(cluster)));
            response
        }))
    }

    fn file(&self) -> &AgentFile {
        &self.file
    }

    fn probes(&self) -> Vec<Arc<ProbeSeen>> {
        vec![Arc::new(sample::failed_probe())]
    }

    async fn check_plan(&self, _: &ServiceName, _: &RegionName) -> Result<PlanCheck, Refusal> {
        Ok(sample::plan_check())
    }

    async fn look_at_plan(&self, _: &ServiceName, _: &Plan) -> PlanCheck {
        sample::plan_check()
    }

    fn plan_checks(&self) -> BTreeMap<(ServiceName, RegionName), PlanCheck> {
        BTreeMap::from([(("shop".parse().unwrap(), "us-west-2".parse().unwrap()), sample::plan_check())])
    }

    fn backups(&self) -> BTreeMap<(ServiceName, BackupName), BackupCheck> {
        BTreeMap::from([(("shop".parse().unwrap(), "database".parse().unwrap()), sample::backup_check())])
    }

    fn told_removed(&self) -> bool {
        false
    }

    fn is_caught_up(&self) -> bool {
        true
    }

    fn versions(&self) -> BTreeMap<AgentName, String> {
        ["a", "b", "c"].map(|name| (name.parse().unwrap(), "1.0.0".to_owned())).into()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn is_token(&self, text: &str) -> bool {
        text == TOKEN
    }

    fn started_at(&self) -> Timestamp {
        Timestamp(1_700_000_000_000)
    }

    fn probe(&self, target: &(ServiceName, TargetName)) -> Option<Arc<ProbeSeen>> {
        let seen = sample::failed_probe();
        (seen.target == target.1).then(|| Arc::new(seen))
    }

    /// As the sample's policy has them; that of the standby was not probed yet.
    fn places(&self) -> Arc<Places> {
        let place = |region: &str, url: &str| {
            let target = TargetName::try_from(format!("web/{region}")).unwrap();
            let place =
                Place { url: url.to_owned(), timeout: quorate_policies::Millis(800), kind: Kind::Http };
            (("shop".parse().unwrap(), target), place)
        };
        Arc::new(Places::from([
            place("us-east-1", "https://east.example.com/health"),
            place("us-west-2", "https://west.example.com/health"),
        ]))
    }

    fn clock_moved(&self) -> i64 {
        0
    }
}
