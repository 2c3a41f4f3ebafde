//! Whether every resolver gives the new answer, from what each said. Pure: no query, no clock.

use quorate_policies::effect::Observed;
use std::{collections::BTreeSet, fmt};

/// What one resolver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Who was asked.
    pub(super) resolver: String,
    /// What it said.
    pub(super) answer: Result<Answer, String>,
    /// What it should have said, where that is another name's answer at the same resolver.
    pub(super) wanted: Result<BTreeSet<String>, String>,
}

/// An answer: its values, and for how long it may still be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    /// Addresses or names, without a trailing dot.
    pub(super) values: BTreeSet<String>,
    /// Remaining time to live, in seconds; of a denial, for how long it is remembered.
    pub(super) ttl_s: u32,
    /// There are no values because there is no such name at all.
    pub(super) no_name: bool,
}

impl Seen {
    /// One that could not be asked.
    pub(super) fn failed(resolver: String, why: String) -> Self {
        Seen { resolver, answer: Err(why), wanted: Ok(BTreeSet::new()) }
    }

    /// A load balancer has more addresses than one answer shows, so the answer is right when all of it belongs to the
    /// wanted one.
    fn converged(&self) -> bool {
        match (&self.answer, &self.wanted) {
            (Ok(answer), Ok(wanted)) => !answer.values.is_empty() && answer.values.is_subset(wanted),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(" ");
        match &self.answer {
            Err(why) => return write!(f, "{}: {why}", self.resolver),
            Ok(answer) if answer.values.is_empty() => {
                let what = if answer.no_name { "no such name" } else { "no answer" };
                write!(f, "{}: {what} for {} s", self.resolver, answer.ttl_s)?;
            }
            Ok(answer) => write!(f, "{}: {} for {} s", self.resolver, list(&answer.values), answer.ttl_s)?,
        }
        match &self.wanted {
            Err(why) => write!(f, " (the wanted answer is not known: {why})"),
            Ok(wanted) if self.converged() || wanted.is_empty() => Ok(()),
            Ok(wanted) => write!(f, ", wanted {}", list(wanted)),
        }
    }
}

/// Where the convergence stands. Nobody asked is no convergence (R7).
pub(super) fn standing(record: &str, seen: &[Seen]) -> Observed {
    let late: Vec<String> = seen.iter().filter(|seen| !seen.converged()).map(Seen::to_string).collect();
    if seen.is_empty() {
        return Observed::Unknown { reason: format!("{record}: no resolver to ask") };
    }
    if late.is_empty() {
        let all: Vec<String> = seen.iter().map(Seen::to_string).collect();
        return Observed::Done { detail: format!("{record} is converged; {}", all.join("; ")) };
    }
    let done = seen.len() - late.len();
    Observed::InProgress {
        detail: format!("{record}: {done} of {} give the new answer; {}", seen.len(), late.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn seen(answer: &[&str], wanted: &[&str]) -> Seen {
        Seen {
            resolver: "192.0.2.53:53".to_owned(),
            answer: Ok(Answer { values: values(answer), ttl_s: 42, no_name: false }),
            wanted: Ok(values(wanted)),
        }
    }

    /// Goal: one late resolver is named with its answer and for how long it keeps it. Method: two that agree, one late.
    #[test]
    fn a_late_resolver_is_named() {
        let good = seen(&["192.0.2.2"], &["192.0.2.2", "192.0.2.3"]);
        let late = seen(&["192.0.2.1"], &["192.0.2.2"]);
        let Observed::InProgress { detail } = standing("api.test", &[good.clone(), late, good]) else {
            panic!("not in progress");
        };
        assert_eq!(
            detail,
            "api.test: 2 of 3 give the new answer; 192.0.2.53:53: 192.0.2.1 for 42 s, wanted 192.0.2.2"
        );
    }

    /// Goal: only a whole, non-empty, wanted answer of everybody is convergence. Method: a table.
    #[test]
    fn what_converged_means() {
        let silent = Seen { answer: Err("no reply within 2s".into()), ..seen(&[], &["a"]) };
        let untold = Seen { wanted: Err("lb.test: no answer".into()), ..seen(&["a"], &[]) };
        let table: [(&[Seen], bool); 7] = [
            (&[seen(&["a"], &["a"])], true),
            (&[seen(&["a"], &["a", "b"])], true),
            (&[seen(&["a", "c"], &["a", "b"])], false),
            (&[seen(&[], &["a"])], false),
            (&[seen(&[], &[])], false),
            (&[seen(&["a"], &["a"]), silent], false),
            (&[untold], false),
        ];
        for (seen, done) in table {
            assert_eq!(matches!(standing("r", seen), Observed::Done { .. }), done, "{seen:?}");
        }
        assert!(matches!(standing("r", &[]), Observed::Unknown { .. }));
    }
}
