//! R2: at most one active execution a service, ever. orchestrator #1217: three or four recoveries ran at once, each with
//! another candidate.

use super::{Facts, Rule, Seen};

pub(super) struct OneOpenExecution;

impl Rule for OneOpenExecution {
    fn id(&self) -> &'static str {
        "R2"
    }

    fn see(&mut self, _facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::State(state) = seen else { return None };
        for service in state.services.keys() {
            let open = state.executions.values().filter(|e| e.service == *service && !e.state.ended());
            let open: Vec<&str> = open.map(|e| e.id.as_str()).collect();
            if open.len() > 1 {
                return Some(format!("{} executions of {service} at once: {open:?}", open.len()));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: two open executions of a service are seen. Method: a copy of the only one, open and then ended.
    #[test]
    fn two_executions_at_once() {
        let mut state = decided();
        let facts = facts(&state);
        assert_eq!(OneOpenExecution.see(&facts, &Seen::State(&state)), None);
        let mut copy = state.executions.values().next().unwrap().clone();
        copy.id = "shop-3".to_owned();
        state.executions.insert(copy.id.clone(), copy);
        assert!(OneOpenExecution.see(&facts, &Seen::State(&state)).is_some());
        let ended = quorate_core::ExecutionState::Succeeded { exceptions: 0 };
        state.executions.get_mut("shop-3").unwrap().state = ended;
        assert_eq!(OneOpenExecution.see(&facts, &Seen::State(&state)), None);
    }
}
