//! What happens in the world of the nodes, and what is seen of it.

use super::{START, World, index};
use crate::shop::*;
use quorate_core::{Body, Cluster, Execution, Input, Response, Standing, node::explain::Explanation};
use quorate_policies::{Millis, Monotonic, Policy};
use std::{fmt::Write as _, sync::Arc};

impl World {
    // What happens in the world.

    /// An operator, or a test, says something through an agent.
    pub(crate) fn say(&mut self, body: Body) -> Response {
        self.say_as(self.leader.unwrap(), body).unwrap()
    }

    pub(crate) fn apply_policy(&mut self, policy: Policy) {
        self.say(Body::apply_policy(policy, olga("it is better")));
    }

    pub(crate) fn pause(&mut self, until: Option<u64>) {
        let until = until.map(|length| self.clock().wall.plus(Millis(length)));
        self.say(Body::Pause { service: shop(), actor: olga("look first"), until });
    }

    /// A line of the story.
    pub(crate) fn tell(&mut self, line: &str) -> &mut Self {
        writeln!(self.story, "{:>10}  --    {line}", Millis(self.now - self.began).to_string()).unwrap();
        self
    }

    /// From now on these agents see a region fail.
    pub(crate) fn fails(&mut self, observers: &[&str], region: &'static str) {
        self.red.extend(observers.iter().map(|name| (index(name), region)));
    }

    /// From now on these agents see one check of a region fail, and the others not.
    pub(crate) fn part_fails(&mut self, observers: &[&str], region: &'static str, check: &'static str) {
        self.part = Some(check);
        self.fails(observers, region);
    }

    /// Everybody sees a region answer again.
    pub(crate) fn recovers(&mut self, region: &str) {
        self.red.retain(|(_, red)| *red != region);
    }

    /// An agent is elected; those who can hear it learn of it.
    pub(crate) fn elect(&mut self, name: &str) {
        (self.leader, self.term) = (Some(index(name)), self.term + 1);
        self.stand();
    }

    /// Tells everybody what they can know of consensus.
    fn stand(&mut self) {
        for to in self.those(|to| self.runs(to)) {
            if self.leader.is_some_and(|leader| self.linked(leader, to)) {
                self.agents[to].told = (self.term, self.leader);
                if !self.agents[to].behind {
                    self.give(to, Input::Applied(Arc::clone(&self.log)));
                }
            }
            let (term, leader) = self.agents[to].told;
            let (is_leader, has_quorum) = (leader == Some(to), self.has_quorum(to));
            let leader = leader.map(|leader| agent(AGENTS[leader]));
            self.give(
                to,
                Input::Standing(Standing { term, leader, is_leader, has_quorum, ..Standing::default() }),
            );
        }
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.agents[index(name)].node = None;
        self.stand();
    }

    /// A new process begins with the log as it is; its disk has kept it.
    pub(crate) fn restart(&mut self, name: &str) {
        let index = index(name);
        let incarnation = self.agents[index].incarnation + 1;
        self.agents[index].node = Some(self.process(index, incarnation));
        self.agents[index].incarnation = incarnation;
        self.agents[index].told = (0, None);
        self.stand();
    }

    /// The process does not run for a while: it sees and hears nothing, and then goes on as if nothing had been.
    pub(crate) fn freeze(&mut self, name: &str, length: u64) {
        self.agents[index(name)].frozen = true;
        self.pass(length);
        self.agents[index(name)].frozen = false;
        self.stand();
    }

    pub(crate) fn jump_clock(&mut self, name: &str, by: Millis) {
        self.give(index(name), Input::ClockJumped(by));
    }

    pub(crate) fn cut_off(&mut self, name: &str) {
        self.agents[index(name)].cut = true;
        self.stand();
    }

    pub(crate) fn heal(&mut self) {
        self.agents.iter_mut().for_each(|agent| agent.cut = false);
        self.stand();
    }

    /// The agent's reports get lost, or do no longer.
    pub(crate) fn mute(&mut self, name: &str, mute: bool) {
        self.agents[index(name)].mute = mute;
    }

    /// The log does not reach the agent, or does again.
    pub(crate) fn fall_behind(&mut self, name: &str, behind: bool) {
        self.agents[index(name)].behind = behind;
        self.stand();
    }

    // What is seen of it.

    /// The only replica there is.
    pub(crate) fn log(&self) -> &Cluster {
        &self.log
    }

    /// All executions, oldest first.
    pub(crate) fn executions(&self) -> Vec<&Execution> {
        let mut all: Vec<_> = self.log.executions.values().collect();
        all.sort_by_key(|execution| execution.epoch);
        all
    }

    /// How long after the story's beginning a decision was made; none so far is a failure of the test.
    pub(crate) fn decided_after(&self, which: usize) -> u64 {
        self.executions()[which].decided_at.since(START).0 - self.began
    }

    /// How much of the story has passed.
    pub(crate) fn passed(&self) -> u64 {
        self.now - self.began
    }

    /// What an agent says about the shop.
    pub(crate) fn explain(&self, name: &str) -> Explanation {
        self.agents[index(name)].node.as_ref().unwrap().explain(self.clock(), &shop()).unwrap()
    }

    /// Which guard stops the failover, as an agent sees it.
    pub(crate) fn stopped_by(&self, name: &str) -> &'static str {
        self.explain(name).refusal.map_or("nothing", |refusal| refusal.guard())
    }

    /// Whether an agent abstains.
    pub(crate) fn abstains(&self, name: &str) -> bool {
        let node = self.agents[index(name)].node.as_ref();
        node.is_some_and(|node| node.abstains(Monotonic(self.now)).is_some())
    }

    /// The audit since the story began, and what the test told.
    pub(crate) fn story(&self) -> &str {
        &self.story
    }
}
