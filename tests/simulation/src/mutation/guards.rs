//! Guards that do not guard.

use super::Mutation;

const FILE: &str = "policies/src/guard/order.rs";
const LAG: &str = "policies/src/guard/lag.rs";

const fn ignored(name: &'static str, serves: &'static str, from: &'static str, to: &'static str) -> Mutation {
    Mutation { name, serves, file: FILE, from, to }
}

pub(super) const ALL: &[Mutation] = &[
    ignored("a hold does not hold a decision", "R26", "Guard::Hold => hold(s)", "Guard::Hold => None"),
    ignored("no cool-down", "R3", "Guard::Cooldown => cooldown(s)", "Guard::Cooldown => None"),
    ignored(
        "no agreement needed",
        "R6",
        "Guard::Agreement => agreement(s, &self.active)",
        "Guard::Agreement => None",
    ),
    ignored("no dwell", "R6", "Guard::Dwell => dwell(s)", "Guard::Dwell => None"),
    ignored(
        "everything down is a reason to go",
        "R10",
        "Guard::EverythingDown => everything_down(&self.active, &self.standby)",
        "Guard::EverythingDown => None",
    ),
    ignored(
        "the standby may be sick",
        "R21",
        "Guard::StandbyHealthy => standby_healthy(&self.standby)",
        "Guard::StandbyHealthy => None",
    ),
    ignored(
        "any replica lag will do",
        "R16",
        "Guard::ReplicaLag => lag(s, self.trigger, self.to)",
        "Guard::ReplicaLag => None",
    ),
    ignored("two executions at once", "R2", "Guard::Running => in_progress(s)", "Guard::Running => None"),
    Mutation {
        name: "failback is automatic",
        serves: "R25",
        file: "policies/src/guard/questions.rs",
        from: "if region.role == Role::Primary && *trigger == Trigger::Automatic =>",
        to: "if region.role == Role::Primary && *trigger == Trigger::Automatic && s.facts.active.as_str().is_empty() =>",
    },
    ignored(
        "flapping is no reason to wait",
        "R3",
        "Guard::Flapping => flapping(s)",
        "Guard::Flapping => None",
    ),
    ignored("no velocity cap", "R3", "Guard::Velocity => velocity(s)", "Guard::Velocity => None"),
    Mutation {
        name: "the lag is believed to shrink after the failure",
        serves: "R16",
        file: LAG,
        from: "Some(Millis(behind.0.saturating_sub(failing.0 - measured.0)))",
        to: "Some(Millis::ZERO)",
    },
    Mutation {
        name: "the smallest estimate of the lag counts",
        serves: "R16",
        file: LAG,
        from: "behind_at_failure(vote.behind, vote.measured, failing)).max()",
        to: "behind_at_failure(vote.behind, vote.measured, failing)).min()",
    },
    Mutation {
        name: "an unknown lag is none",
        serves: "R16",
        file: LAG,
        from: "None => Some(Refusal::ReplicaLagUnknown { replica }),",
        to: "None => None,",
    },
];
