//! The dry run of a drill that is due: its plan as it would run now, every step looked at, and how long it would take. It only
//! reads; the node proposes what it found.

use super::Agent;
use quorate_core::{cluster::drill::DryRun, node::Input};
use quorate_policies::{DrillName, Millis, ServiceName, guard::Refusal, plan::Plan};

impl Agent {
    /// Makes one and tells the node.
    pub(super) async fn look_at_drill(&self, service: ServiceName, drill: DrillName, count: u64) {
        let outcome = match self.rehearsed(&service, &drill) {
            Ok((plan, predicted)) => {
                let found = self.look_at_plan(&service, &plan).await;
                DryRun { ready: found.ready(), outcome: found.sentence(), predicted }
            }
            Err(refusal) => DryRun { ready: false, outcome: refusal.to_string(), predicted: None },
        };
        tracing::info!(%service, %drill, ready = outcome.ready, "dry run: {}", outcome.outcome);
        self.input(Input::DrillLooked { service, drill, count, outcome });
    }

    /// The plan of a drill as it would run now, and how long it would take.
    fn rehearsed(&self, service: &ServiceName, drill: &DrillName) -> Result<(Plan, Option<Millis>), Refusal> {
        self.with_node(|node, now| {
            let to = node.explain(now, service)?.candidate;
            let (plan, _) = node.cluster().drill_plans(service, drill, to.as_ref())?;
            let predicted = node.cluster().predict(service, &plan).total;
            Ok((plan, predicted))
        })
    }
}
