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
