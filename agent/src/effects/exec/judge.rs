//! What a look says of something that is done on this host and cannot be read back from the world by itself: from what the
//! journal remembers of the attempt, what the policy's own look saw, and what the policy allows. Pure: the whole decision
//! is the table below, for `exec` and `http` alike.

use quorate_policies::effect::Observed;

/// What is remembered of this attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::effects) enum Past {
    /// It has done nothing on this disk. Not certain if the disk would not know.
    Untouched {
        /// Whether it is certain.
        certain: bool,
    },
    /// It is at work.
    AtWork {
        /// How far it is.
        detail: String,
    },
    /// It came to its end as it should.
    Well {
        /// What came of it.
        detail: String,
    },
    /// It came to its end as it should not.
    Badly {
        /// What came of it.
        reason: String,
    },
    /// It was ended in its midst, or nobody knows how it ended. Nothing of it is under way.
    Interrupted {
        /// What is known.
        reason: String,
        /// Whether this process began it: then the attempt has had its act.
        own: bool,
    },
    /// It was sent, and what became of it is not known. It may still be on its way.
    Unanswered {
        /// What is known.
        reason: String,
    },
}

/// What the policy's own look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::effects) enum Sight {
    /// The result stands.
    Stands(String),
    /// It does not.
    Absent(String),
    /// The look showed nothing.
    Unclear(String),
}

/// What a human can do when the agents cannot know.
const BY_HAND: &str = "see what stands, then finish or undo it by hand, and abort the execution";

/// Whether the policy's own look can say anything: not while it is at work, and not after it has gone wrong.
pub(in crate::effects) const fn asks(past: &Past) -> bool {
    !matches!(past, Past::AtWork { .. } | Past::Badly { .. })
}

/// What a look says. `unheard` if an earlier attempt may have acted; `sight` where the policy has a look of its own.
pub(in crate::effects) fn judge(
    past: Past,
    unheard: bool,
    idempotent: bool,
    sight: Option<Sight>,
) -> Observed {
    match (past, sight) {
        (Past::AtWork { detail }, _) => Observed::InProgress { detail },
        (Past::Badly { reason }, _) => Observed::Broken { reason, again: idempotent },
        (Past::Well { detail }, Some(Sight::Stands(seen))) => {
            Observed::Done { detail: format!("{detail}; {seen}") }
        }
        (_, Some(Sight::Stands(detail))) => Observed::Done { detail },
        (_, Some(Sight::Unclear(reason))) => Observed::Unknown { reason },
        (Past::Well { detail }, None) => Observed::Done { detail },
        (Past::Well { detail }, Some(Sight::Absent(seen))) => {
            Observed::InProgress { detail: format!("{detail}; its result does not stand yet: {seen}") }
        }
        // The policy's own look says that it may be done (again), whoever did what before.
        (Past::Interrupted { reason, own: true }, Some(Sight::Absent(seen))) => {
            Observed::Broken { reason: format!("{reason}; {seen}"), again: true }
        }
        (
            Past::Interrupted { reason, own: false } | Past::Unanswered { reason },
            Some(Sight::Absent(seen)),
        ) => Observed::not_done(format!("{reason}; {seen}")),
        (Past::Untouched { .. }, Some(Sight::Absent(seen))) => Observed::not_done(seen),
        (Past::Interrupted { reason, own: false } | Past::Unanswered { reason }, None) if idempotent => {
            Observed::not_done(reason)
        }
        (Past::Interrupted { reason, own: true }, None) if idempotent => {
            Observed::Broken { reason, again: true }
        }
        (Past::Interrupted { reason, .. } | Past::Unanswered { reason }, None) => {
            let reason = format!("{reason}; it is not `idempotent`, so nobody does it again: {BY_HAND}");
            Observed::Broken { reason, again: false }
        }
        (Past::Untouched { certain }, None) if (certain && !unheard) || idempotent => {
            Observed::not_done("it was not begun in this attempt".to_owned())
        }
        (Past::Untouched { .. }, None) => Observed::Impossible {
            reason: format!(
                "an earlier attempt had begun, and nobody knows how far it came; it is neither `idempotent` nor has it \
                 an `observe`, so nobody does it again: {BY_HAND}"
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn pasts() -> Vec<(&'static str, Past)> {
        let text = || "P".to_owned();
        vec![
            ("untouched", Past::Untouched { certain: true }),
            ("untouched, on a new disk", Past::Untouched { certain: false }),
            ("at work", Past::AtWork { detail: text() }),
            ("ended well", Past::Well { detail: text() }),
            ("ended badly", Past::Badly { reason: text() }),
            ("interrupted", Past::Interrupted { reason: text(), own: true }),
            ("interrupted, by an earlier process", Past::Interrupted { reason: text(), own: false }),
            ("unanswered", Past::Unanswered { reason: text() }),
        ]
    }

    fn sights() -> [(&'static str, Option<Sight>); 4] {
        [
            ("", None),
            (", stands", Some(Sight::Stands("S".to_owned()))),
            (", absent", Some(Sight::Absent("S".to_owned()))),
            (", unclear", Some(Sight::Unclear("S".to_owned()))),
        ]
    }

    fn word(observed: &Observed) -> &'static str {
        match observed {
            Observed::Done { .. } => "done",
            Observed::InProgress { .. } => "in progress",
            Observed::NotDone { .. } => "not done: it may be done",
            Observed::Broken { again: true, .. } => "broken, another attempt",
            Observed::Broken { again: false, .. } => "broken, for good",
            Observed::Impossible { .. } => "impossible",
            Observed::Unknown { .. } => "unknown",
        }
    }

    /// Goal: the whole decision is readable. Method: every past with every sight, for both kinds of command, in one table.
    #[test]
    fn every_look() {
        let mut table = String::new();
        for (past_word, past) in pasts() {
            for (sight_word, sight) in sights() {
                if !asks(&past) && sight.is_some() {
                    continue;
                }
                for unheard in [false, true] {
                    let said = |idempotent| word(&judge(past.clone(), unheard, idempotent, sight.clone()));
                    let earlier = if unheard { "; an earlier attempt unheard" } else { "" };
                    let (once, again) = (said(false), said(true));
                    writeln!(table, "{past_word}{sight_word}{earlier}: {once} | idempotent: {again}")
                        .unwrap();
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    /// Goal: what may have acted is never done again without the policy's leave: `idempotent`, or a look of its own that does
    /// not find the result. Method: every case that allows the act.
    #[test]
    fn nothing_is_done_twice_unasked() {
        for (_, past) in pasts() {
            for (_, sight) in sights() {
                for unheard in [false, true] {
                    let said = judge(past.clone(), unheard, false, sight.clone());
                    let allowed =
                        matches!(&said, Observed::NotDone { .. } | Observed::Broken { again: true, .. });
                    let never = !unheard && past == Past::Untouched { certain: true };
                    let absent = matches!(sight, Some(Sight::Absent(_)));
                    assert!(!allowed || never || absent, "{past:?} {sight:?} {said:?}");
                }
            }
        }
    }
}
