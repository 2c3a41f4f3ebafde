//! Guards that do not guard.

use super::Mutation;

const FILE: &str = "policies/src/guard/order.rs";
const LAG: &str = "policies/src/guard/lag.rs";

const fn ignored(
    name: &'static str,
    serves: &'static str,
    drawn: &'static str,
    from: &'static str,
    to: &'static str,
) -> Mutation {
    Mutation { name, drawn, serves, file: FILE, from, to }
}

pub(super) const ALL: &[Mutation] = &[
    ignored("a hold does not hold a decision", "R26", "F30", "Guard::Hold => hold(s)", "Guard::Hold => None"),
    ignored("no cool-down", "R3", "F1,F29,F30", "Guard::Cooldown => cooldown(s)", "Guard::Cooldown => None"),
    ignored("no dwell", "R6", "", "Guard::Dwell => dwell(s)", "Guard::Dwell => None"),
    ignored(
        "the standby may be sick",
        "R21",
        "",
        "Guard::StandbyHealthy => standby_healthy(s, &self.standby)",
        "Guard::StandbyHealthy => None",
    ),
    ignored(
        "any replica lag will do",
        "R16",
        "F19",
        "Guard::ReplicaLag => lag(s, self.trigger, self.to)",
        "Guard::ReplicaLag => None",
    ),
    ignored("two executions at once", "R2", "", "Guard::Running => in_progress(s)", "Guard::Running => None"),
    Mutation {
        name: "failback is automatic",
        drawn: "F20",
        serves: "R25",
        file: "policies/src/guard/questions.rs",
        from: "if region.role == Role::Primary && *trigger == Trigger::Automatic =>",
        to: "if region.role == Role::Primary && *trigger == Trigger::Automatic && s.facts.active.as_str().is_empty() =>",
    },
    ignored(
        "flapping is no reason to wait",
        "R3",
        "F1,F17",
        "Guard::Flapping => flapping(s)",
        "Guard::Flapping => None",
    ),
    ignored(
        "no velocity cap",
        "R3",
        "F1,F29,F30",
        "Guard::Velocity => velocity(s)",
        "Guard::Velocity => None",
    ),
    Mutation {
        name: "the lag is believed to shrink after the failure",
        drawn: "F19",
        serves: "R16",
        file: LAG,
        from: "Some(Millis(behind.0.saturating_sub(failing.0 - measured.0)))",
        to: "Some(Millis::ZERO)",
    },
    Mutation {
        name: "the smallest estimate of the lag counts",
        drawn: "F19",
        serves: "R16",
        file: LAG,
        from: "usable(s, replica).map(|(_, behind)| behind).max()",
        to: "usable(s, replica).map(|(_, behind)| behind).min()",
    },
    Mutation {
        name: "an unknown lag is none",
        drawn: "F19,F26",
        serves: "R16",
        file: LAG,
        from: "None => Some(Refusal::ReplicaLagUnknown { replica }),",
        to: "None => None,",
    },
];
