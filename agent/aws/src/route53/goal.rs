//! What one repoint wants, checked whole before anything is read or sent: an answer there is, and the fence can be
//! written. Pure; the answer's own rules are in `answer`.

use quorate_policies::effect::EffectContext;
use quorate_policies::plan::action::{RecordKind, Route53Repoint};

use super::answer::{Answer, AnswerError};
use super::epoch::{EpochMark, EpochMarkError, epoch_record_name};
use super::name::{is_name, normal_name};

/// One repoint: the record, its answer, and the mark that claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    /// The hosted zone's id.
    pub(super) zone: String,
    /// The record's name as the plan writes it.
    pub(super) record: String,
    /// The record's type.
    pub(super) kind: RecordKind,
    /// What it shall answer.
    pub(super) answer: Answer,
    /// Time to live of plain values.
    pub(super) ttl_s: u32,
    /// Name of the epoch record.
    pub(super) fence: String,
    /// What the epoch record shall say.
    pub(super) mark: EpochMark,
}

/// Why an action cannot be carried out, whatever the world looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GoalError {
    /// The record or zone is not named.
    #[error("route53.repoint has no zone or no record")]
    Nameless,
    /// The record's name is none, or leaves no room for the label of its epoch record.
    #[error(
        "route53.repoint of {0}: neither it nor {1} may have an empty label or one above 63 bytes, nor more than 253 in all"
    )]
    Name(String, String),
    /// The answer cannot be published.
    #[error("route53.repoint of {record}: {source}")]
    Answer {
        /// The record.
        record: String,
        /// Why not.
        source: AnswerError,
    },
    /// The fence cannot be written.
    #[error("route53.repoint of {record}: {source}")]
    Mark {
        /// The record.
        record: String,
        /// Why not.
        source: EpochMarkError,
    },
}

impl Goal {
    /// Checks an action.
    pub(super) fn new(action: &Route53Repoint, context: &EffectContext) -> Result<Self, GoalError> {
        let Route53Repoint { zone, record, kind, ttl_s, .. } = action;
        let (zone, record) = (zone.trim().to_owned(), record.trim().to_owned());
        if zone.is_empty() || normal_name(&record).is_empty() {
            return Err(GoalError::Nameless);
        }
        let fence = epoch_record_name(&record);
        if !is_name(&normal_name(&record)) || !is_name(&normal_name(&fence)) {
            return Err(GoalError::Name(record, fence));
        }
        let answer =
            Answer::new(action).map_err(|source| GoalError::Answer { record: record.clone(), source })?;
        let mark = EpochMark::new(context.epoch, &context.execution, context.attempt)
            .map_err(|source| GoalError::Mark { record: record.clone(), source })?;
        Ok(Goal { zone, record, kind: *kind, answer, ttl_s: *ttl_s, fence, mark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> EffectContext {
        EffectContext {
            service: "shop".into(),
            execution: "e1".into(),
            epoch: 5,
            attempt: 1,
            from: "us-east-1".into(),
            to: "us-west-2".into(),
            before: None,
            role: None,
            step: "step".to_owned(),
            timeout: quorate_policies::Millis::from_secs(60),
            unheard: false,
            resumed: false,
        }
    }

    fn alias() -> Route53Repoint {
        Route53Repoint {
            zone: "Z1".into(),
            record: "api.example.com".into(),
            kind: RecordKind::A,
            alias: Some("DR-alb.example.com.".into()),
            alias_zone: Some("Z2".into()),
            values: Vec::new(),
            ttl_s: 60,
            weights: Default::default(),
            primary: None,
        }
    }

    /// Goal: a whole action becomes a goal in normal form. Method: an alias with capitals and a dot.
    #[test]
    fn a_whole_action() {
        let goal = Goal::new(&alias(), &context()).unwrap();
        assert_eq!(goal.answer, Answer::Alias { name: "dr-alb.example.com".into(), zone: "Z2".into() });
        assert_eq!(goal.fence, "_quorate-epoch.api.example.com");
    }

    /// Goal: no action goes on without a zone, a name that has room for its fence, an answer and a mark. Method: break
    /// one at a time.
    #[test]
    fn broken_actions() {
        type Change = fn(&mut Route53Repoint);
        let table: [(&str, Change); 5] = [
            ("no answer", |a| a.alias = None),
            ("no record", |a| a.record = ".".into()),
            ("an empty label", |a| a.record = "api..example.com".into()),
            ("no room for the fence", |a| a.record = format!("{}example.com", "a.".repeat(120))),
            ("no zone", |a| a.zone = String::new()),
        ];
        for (what, change) in table {
            let mut action = alias();
            change(&mut action);
            assert!(Goal::new(&action, &context()).is_err(), "{what}");
        }
        let unwritable = EffectContext { execution: "a b".into(), ..context() };
        assert!(matches!(Goal::new(&alias(), &unwritable), Err(GoalError::Mark { .. })));
    }
}
