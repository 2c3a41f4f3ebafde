//! R22: capacity before traffic: DNS moves when the tasks really run. Cloudflare, 2020: a promotion was followed by an
//! overload; Netflix moves traffic only into scaled regions.

use super::{Facts, Rule, Seen};
use quorate_policies::plan::Action;

pub(super) struct TasksRunBeforeTraffic;

impl Rule for TasksRunBeforeTraffic {
    fn id(&self) -> &'static str {
        "R22"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Applied(effect) = seen else { return None };
        let execution = facts.state.executions.get(&effect.execution)?;
        let to = execution.to().as_str();
        let (before, after) = &effect.record;
        let moves = before != after && after.targets.first()?.starts_with(&format!("{to}."));
        let wanted = execution.plan.steps.values().find_map(|step| match &step.action {
            Action::EcsScale(scale) if scale.region == to => scale.desired,
            _ => None,
        })?;
        let few = moves && effect.tasks < wanted;
        few.then(|| format!("DNS leads to {to}, where {} of {wanted} tasks run", effect.tasks))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: traffic that moves to too few tasks is seen. Method: four tasks run, and three.
    #[test]
    fn too_few_tasks() {
        let state = decided();
        let (facts, mut effect) = (facts(&state), effect(&state, "repoint"));
        effect.record.1 = record(crate::WEST, 2);
        assert_eq!(TasksRunBeforeTraffic.see(&facts, &Seen::Applied(&effect)), None);
        effect.tasks = 3;
        assert!(TasksRunBeforeTraffic.see(&facts, &Seen::Applied(&effect)).is_some());
    }
}
