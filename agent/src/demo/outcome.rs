//! What the demo says at its end, and whether it is what should have happened. Pure: figures in, judgement out.

use crate::cli::demo::{DemoOptions, Fault, KillAgent};
use serde::Serialize;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The service was moved.
    FailedOver,
    /// The agents decided not to act.
    Held,
    /// The agents could not decide, and changed nothing.
    Frozen,
}

impl Outcome {
    /// As the JSON has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::FailedOver => "failed_over",
            Outcome::Held => "held",
            Outcome::Frozen => "frozen",
        }
    }
}

/// What should happen.
#[must_use]
pub fn expected(options: &DemoOptions) -> Outcome {
    match (options.kill_agent, options.fault) {
        (Some(KillAgent::Two), _) => Outcome::Frozen,
        (_, Fault::Slow | Fault::Flap | Fault::BothRegions) => Outcome::Held,
        (_, Fault::Kill | Fault::Hang | Fault::Errors | Fault::Partition) => Outcome::FailedOver,
    }
}

/// The demo's result; its JSON is the last line of `quorate demo --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Which service.
    pub service: String,
    /// The region that was hurt.
    pub from: String,
    /// The region that serves at the end.
    pub to: String,
    /// Executions that were begun.
    pub executions: usize,
    /// Why nothing was done, where nothing was.
    pub reason: Option<String>,
    /// Whether everything was as it should be, seen from outside.
    pub verified: bool,
    /// Seconds from the fault to the agreement.
    pub detect_s: Option<f64>,
    /// Seconds from there to the decision.
    pub decide_s: Option<f64>,
    /// Seconds from there until the last changing step ended.
    pub execute_s: Option<f64>,
    /// Seconds from there until clients were served, seen from outside.
    pub converge_s: Option<f64>,
    /// Seconds from the fault until then.
    pub total_s: Option<f64>,
    /// Seconds that the engine added to each step: from its assignment to its committed start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_overheads_s: Vec<f64>,
    /// Seconds from an executor's SIGKILL until another agent had begun its step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_s: Option<f64>,
}

/// Where the time went, in milliseconds of one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The fault.
    pub fault: u64,
    /// The agreement.
    pub agreed: u64,
    /// The decision.
    pub decided: u64,
    /// The last changing step's end.
    pub executed: u64,
    /// Clients were served.
    pub served: u64,
}

impl Report {
    /// Fills in the times.
    #[must_use]
    pub fn timed(self, times: Option<Times>) -> Self {
        let Some(t) = times else { return self };
        // Whole milliseconds: three digits say all there is.
        #[allow(clippy::cast_precision_loss)]
        let seconds = |from: u64, to: u64| Some(to.saturating_sub(from) as f64 / 1_000.0);
        Self {
            detect_s: seconds(t.fault, t.agreed),
            decide_s: seconds(t.agreed, t.decided),
            execute_s: seconds(t.decided, t.executed),
            converge_s: seconds(t.executed, t.served),
            total_s: seconds(t.fault, t.served),
            ..self
        }
    }
}
