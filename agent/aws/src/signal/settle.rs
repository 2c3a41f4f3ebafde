//! When the agents' checks may be believed. Route 53 starts an inverted check as unhealthy, so a record that is attached
//! at once would send traffic away at its very setup. Pure: it counts what the checkers tell.

use std::collections::BTreeMap;

/// What one checker last saw of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// Which checker: its region and address.
    pub(super) checker: String,
    /// What it saw, in Route 53's words.
    pub(super) status: String,
    /// When it looked, as Route 53 writes it.
    pub(super) at: String,
}

/// The looks counted so far, by check and checker.
#[derive(Debug, Default)]
pub(super) struct Settling {
    stays: BTreeMap<(String, String), (String, u32)>,
}

impl Settling {
    /// Counts what was read of one check, and says whether each of its checkers has seen the agent stay `needed` times
    /// in a row. A look is counted once, by its time.
    pub(super) fn count(&mut self, check: &str, looks: &[Look], needed: u32) -> bool {
        for look in looks {
            let key = (check.to_owned(), look.checker.clone());
            let (at, stays) = self.stays.entry(key).or_default();
            if says_leave(&look.status) {
                *stays = 0;
            } else if *at != look.at {
                *stays += 1;
            }
            at.clone_from(&look.at);
        }
        let counted = |look: &Look| {
            self.stays
                .get(&(check.to_owned(), look.checker.clone()))
                .is_some_and(|(_, stays)| *stays >= needed)
        };
        !looks.is_empty() && looks.iter().all(counted)
    }
}

/// Whether a checker saw a 2xx or 3xx: what counts as healthy before it is inverted. The words before the status code
/// are not read, because it is not documented whether they are inverted too.
fn says_leave(status: &str) -> bool {
    let code = status.split_once("Status Code ").map(|(_, code)| code.trim_start());
    code.is_some_and(|code| code.starts_with(['2', '3']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(checker: &str, status: &str, at: u32) -> Look {
        Look { checker: checker.into(), status: status.into(), at: at.to_string() }
    }

    const STAY: &str = "Failure: HTTP Status Code 404, Not Found";
    const GONE: &str = "Failure: The health checker could not establish a connection";
    const LEAVE: &str = "Success: HTTP Status Code 200, OK";

    /// Goal: a check is believed when every checker has seen "stay" often enough, with each look counted once, and one
    /// "leave" begins anew. Method: two checkers, look by look.
    #[test]
    fn looks_are_counted() {
        let mut settling = Settling::default();
        let mut count = |looks: &[Look]| settling.count("c", looks, 2);
        assert!(!count(&[]), "nobody has looked");
        assert!(!count(&[look("a", STAY, 1), look("b", GONE, 1)]));
        assert!(!count(&[look("a", STAY, 1), look("b", GONE, 2)]), "the same look counts once");
        assert!(!count(&[look("a", LEAVE, 2), look("b", GONE, 3)]), "it says leave");
        assert!(!count(&[look("a", STAY, 3), look("b", STAY, 4)]));
        assert!(count(&[look("a", STAY, 4), look("b", STAY, 5)]));
        assert!(!count(&[look("a", STAY, 5), look("b", STAY, 6), look("c", STAY, 6)]), "a checker more");
    }
}
