//! Detectors and counts that are too easily convinced.

use super::Mutation;

const TALLY: &str = "policies/src/agreement/tally.rs";
const DETECTOR: &str = "policies/src/health/detector.rs";

pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "half of the agents are a majority",
        serves: "R6",
        file: "policies/src/policy/votes.rs",
        from: "Votes::Majority => agents / 2 + 1,",
        to: "Votes::Majority => agents.div_ceil(2).saturating_sub(1).max(1),",
    },
    Mutation {
        name: "a vote counts twice",
        serves: "R6",
        file: TALLY,
        from: "let enough = tally.down.len() >= tally.needed",
        to: "let enough = tally.down.len() * 2 >= tally.needed",
    },
    Mutation {
        name: "freshness ignored",
        serves: "R7",
        file: TALLY,
        from: "if vote.age > rules.freshness || vote.abstains {",
        to: "if vote.abstains {",
    },
    Mutation {
        name: "abstentions ignored",
        serves: "R8",
        file: TALLY,
        from: "if vote.age > rules.freshness || vote.abstains {",
        to: "if vote.age > rules.freshness {",
    },
    Mutation {
        name: "votes under another policy count",
        serves: "R29",
        file: TALLY,
        from: "if !vote.policy_matches {",
        to: "if !vote.policy_matches && vote.age > rules.freshness {",
    },
    Mutation {
        name: "red at the start counts",
        serves: "P21",
        file: DETECTOR,
        from: "            armed: false,\n",
        to: "            armed: true,\n",
    },
    Mutation {
        name: "dissent ignored",
        serves: "R9",
        file: TALLY,
        from: "if enough && tally.healthy.len() <= rules.dissent_max as usize {",
        to: "if enough {",
    },
    Mutation {
        name: "one vantage is enough",
        serves: "R9",
        file: TALLY,
        from: "&& tally.vantages.len() >= rules.min_vantages as usize;",
        to: "&& tally.vantages.len() <= rules.min_vantages as usize + 7;",
    },
    Mutation {
        name: "hysteresis ignored: one failure is down",
        serves: "R7",
        file: DETECTOR,
        from: "(State::Healthy, Event::Failure) if rules.fall <= 1 =>",
        to: "(State::Healthy, Event::Failure) if rules.fall <= 100 =>",
    },
    Mutation {
        name: "hysteresis ignored: one success is healthy",
        serves: "R7",
        file: DETECTOR,
        from: "(State::Down { successes }, Event::Success) if successes + 1 >= rules.rise =>",
        to: "(State::Down { successes }, Event::Success) if successes < rules.rise =>",
    },
    Mutation {
        name: "silence keeps the verdict",
        serves: "R7",
        file: DETECTOR,
        from: "if now.since(silent_since) <= self.rules.stale_after {",
        to: "if now.since(silent_since) <= self.rules.stale_after || self.armed {",
    },
    Mutation {
        name: "what an agent could not even try is a failure",
        serves: "R7",
        file: DETECTOR,
        from: "Observation::Nothing(_) => Event::Nothing,",
        to: "Observation::Nothing(_) => Event::Failure,",
    },
    Mutation {
        name: "an older report replaces a newer one",
        serves: "R7",
        file: "agent/core/src/node/reports.rs",
        from: "silent || (held.incarnation, held.sequence) < (report.incarnation, report.sequence)",
        to: "silent || held.sequence != report.sequence",
    },
    Mutation {
        name: "the dwell goes on through doubt",
        serves: "R6",
        file: "agent/core/src/node/evidence.rs",
        from: "Opinion::Healthy | Opinion::Unsure => self.down_since = None,",
        to: "Opinion::Healthy | Opinion::Unsure => {}",
    },
    Mutation {
        name: "who was stopped votes at once",
        serves: "R8",
        file: "agent/core/src/node/self_health.rs",
        from: "now < self.until || now.since(self.ticked_at) > LATE_MAX",
        to: "now < self.until && now.since(self.ticked_at) > LATE_MAX",
    },
];
