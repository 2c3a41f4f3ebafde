//! Detectors and counts that are too easily convinced.

use super::Mutation;

const COUNT: &str = "policies/src/agreement/count.rs";
const DETECTOR: &str = "policies/src/health/detector.rs";

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "half of the agents are a majority",
        drawn: "",
        serves: "R6",
        file: "policies/src/policy/votes.rs",
        from: "Votes::Majority => agents / 2 + 1,",
        to: "Votes::Majority => agents.div_ceil(2).saturating_sub(1).max(1),",
    },
    Mutation {
        name: "a vote counts twice",
        drawn: "",
        serves: "R6",
        file: COUNT,
        from: "let enough = down >= needed",
        to: "let enough = down * 2 >= needed",
    },
    Mutation {
        name: "freshness ignored",
        drawn: "F1,F28,F30",
        serves: "R7",
        file: COUNT,
        from: "if vote.age > rules.freshness || vote.abstains {",
        to: "if vote.abstains {",
    },
    Mutation {
        name: "abstentions ignored",
        drawn: "F1,F2,F14",
        serves: "R8",
        file: COUNT,
        from: "if vote.age > rules.freshness || vote.abstains {",
        to: "if vote.age > rules.freshness {",
    },
    Mutation {
        name: "votes under another policy count",
        drawn: "F27",
        serves: "R29",
        file: COUNT,
        from: "if !vote.policy_matches {",
        to: "if !vote.policy_matches && vote.age > rules.freshness {",
    },
    Mutation {
        name: "red at the start counts",
        drawn: "",
        serves: "P21",
        file: DETECTOR,
        from: "            armed: false,\n",
        to: "            armed: true,\n",
    },
    Mutation {
        name: "dissent ignored",
        drawn: "",
        serves: "R9",
        file: COUNT,
        from: "if enough && healthy <= rules.dissent_max as usize {",
        to: "if enough {",
    },
    Mutation {
        name: "one vantage is enough",
        drawn: "F1,F28,F31",
        serves: "R9",
        file: COUNT,
        from: "&& self.vantages().len() >= rules.min_vantages as usize;",
        to: "&& self.vantages().len() <= rules.min_vantages as usize + 7;",
    },
    Mutation {
        name: "hysteresis ignored: one failure is down",
        drawn: "F16",
        serves: "R7",
        file: DETECTOR,
        from: "(State::Healthy, Event::Failure) if rules.fall <= 1 =>",
        to: "(State::Healthy, Event::Failure) if rules.fall <= 100 =>",
    },
    Mutation {
        name: "hysteresis ignored: one success is healthy",
        drawn: "F1,F16,F17",
        serves: "R7",
        file: DETECTOR,
        from: "(State::Down { successes }, Event::Success) if successes + 1 >= rules.rise =>",
        to: "(State::Down { successes }, Event::Success) if successes < rules.rise =>",
    },
    Mutation {
        name: "what an agent could not even try keeps its verdict fresh",
        drawn: "F13",
        serves: "R7",
        file: DETECTOR,
        from: "            Observation::Nothing(_) => {}",
        to: "            Observation::Nothing(_) => self.last_result = Some(now),",
    },
    Mutation {
        name: "the dwell goes on through doubt",
        drawn: "",
        serves: "R6",
        file: "agent/core/src/node/evidence.rs",
        from: "Opinion::Healthy | Opinion::Unsure => self.down_since = None,",
        to: "Opinion::Healthy | Opinion::Unsure => {}",
    },
    Mutation {
        name: "who was stopped votes at once",
        drawn: "F1,F2,F10",
        serves: "R8",
        file: "agent/core/src/node/self_health.rs",
        from: "now < self.until || now.since(self.ticked_at) > LATE_MAX",
        to: "now < self.until && now.since(self.ticked_at) > LATE_MAX",
    },
];
