//! Breaking things: the fault of the primary region, and the death of agents.

use super::{stage::Stage, story::Story};
use crate::cli::demo::{Fault, KillAgent};
use serde_json::{Value, json};

/// Below the probes' timeout of 400 ms: slow, and still healthy.
const SLOW_MS: u64 = 250;
/// Up for longer than a recovery takes to be seen, down for less than the dwell.
const FLAP_MS: (u64, u64) = (1_500, 1_000);
/// How long the reply of a promotion is held back while its executor is killed.
const HOLD_REPLY_MS: u64 = 5_000;

impl Stage {
    /// The fault itself.
    pub async fn break_region(&self, fault: Fault, story: &Story) -> anyhow::Result<()> {
        let (primary, standby) = (&self.endpoints.service.primary, &self.endpoints.service.standby);
        let region = |region: &str, kind: Value| {
            let mut body = kind;
            body["region"] = json!(region);
            body
        };
        let kill = json!({"kind": "kill", "control_plane": true});
        let (bodies, what) = match fault {
            Fault::Kill => {
                (vec![region(primary, kill)], format!("{primary} dies: application and AWS endpoints refuse"))
            }
            Fault::Hang => (
                vec![region(primary, json!({"kind": "hang"}))],
                format!("{primary} hangs: it accepts and never answers"),
            ),
            Fault::Errors => (
                vec![region(primary, json!({"kind": "errors", "status": 500}))],
                format!("{primary} answers 500"),
            ),
            Fault::Slow => {
                let body = region(primary, json!({"kind": "slow", "ms": SLOW_MS}));
                (vec![body], format!("{primary} answers {SLOW_MS} ms late, still within the probes' 400 ms"))
            }
            Fault::Flap => {
                let body = region(primary, json!({"kind": "flap", "up_ms": FLAP_MS.0, "down_ms": FLAP_MS.1}));
                (vec![body], format!("{primary} flaps: {} ms up, {} ms down", FLAP_MS.0, FLAP_MS.1))
            }
            Fault::BothRegions => {
                (vec![region(primary, kill.clone()), region(standby, kill)], "both regions die".to_owned())
            }
            Fault::Partition => (
                Vec::new(),
                format!("{primary} is cut off with its agent, while its application keeps serving inside"),
            ),
        };
        story.fault_begins();
        story.tell(what);
        for body in bodies {
            self.control.post("/control/fault", &body).await?;
        }
        if fault == Fault::Partition {
            for other in [standby.as_str(), "eu-west-1"] {
                self.control.post("/control/cut", &json!({"from": primary, "to": other})).await?;
            }
        }
        Ok(())
    }

    /// Agents that die with the region. The executor dies later, in the middle of its step.
    pub async fn kill_agents(&mut self, which: KillAgent, seed: u64, story: &Story) {
        let leader = self.leader().await.unwrap_or_default();
        let names: Vec<String> = self.agents.iter().map(|agent| agent.name.clone()).collect();
        let drawn = usize::try_from(seed % 3).unwrap_or_default();
        let victims: Vec<String> = match which {
            KillAgent::Leader => vec![leader],
            KillAgent::Any => names.get(drawn).cloned().into_iter().collect(),
            KillAgent::Two => {
                names.into_iter().enumerate().filter(|(index, _)| *index != drawn).map(|(_, n)| n).collect()
            }
            KillAgent::Executor => Vec::new(),
        };
        for victim in victims {
            self.kill_agent(&victim, story).await;
        }
    }

    /// SIGKILL to one agent, by name.
    pub async fn kill_agent(&mut self, name: &str, story: &Story) {
        for agent in self.agents.iter_mut().filter(|agent| agent.name == name) {
            agent.kill().await;
            story.tell(format!("agent {name} is killed (SIGKILL)"));
        }
    }

    /// Makes the promotion's reply late, so that its executor can be killed after the effect and before the report.
    pub async fn hold_promotion(&self, holding: bool) -> anyhow::Result<()> {
        let ms = if holding { HOLD_REPLY_MS } else { 0 };
        let body =
            json!({"operation": "PromoteReadReplica", "region": self.endpoints.service.standby, "ms": ms});
        self.control.post("/control/hold", &body).await.map(drop)
    }
}
