//! Which commands have been applied, and what they answered: a retry after a lost reply answers the same again.

use crate::command::{CommandId, Response};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How many answers are kept. A proposer gives up within a minute; at a hundred commands a second, which is far
/// above any execution's rate, a minute is 6,000.
const LEDGER_MAX: usize = 6_000;

/// Answers by command id, oldest forgotten first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    answers: BTreeMap<CommandId, Response>,
    order: VecDeque<CommandId>,
}

impl Ledger {
    pub(super) fn seen(&self, id: &CommandId) -> Option<Response> {
        self.answers.get(id).cloned()
    }

    pub(super) fn holds(&self, id: &CommandId) -> bool {
        self.answers.contains_key(id)
    }

    /// Keeps an answer. A refusal is not kept: it changed nothing, and the same question may be asked again.
    pub(super) fn remember(&mut self, id: CommandId, response: Response) {
        if matches!(response, Response::Refused { .. }) {
            return;
        }
        self.order.push_back(id.clone());
        self.answers.insert(id, response);
        while self.order.len() > LEDGER_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.answers.remove(&oldest);
            }
        }
    }
}
