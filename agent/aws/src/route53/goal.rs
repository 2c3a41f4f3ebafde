//! What one repoint wants, checked whole before anything is read or sent: a target there is, the fence can be
//! written, and the batch can never publish an empty answer (R23). Pure.

use std::collections::BTreeSet;

use quorate_policies::effect::EffectContext;
use quorate_policies::plan::action::{RecordKind, Route53Repoint};

use super::epoch::{EpochMark, EpochMarkError, epoch_record_name};
use super::name::{normal_name, normal_value};

/// What a record answers, in the one form in which answers are compared. A TTL is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Another name's addresses, resolved by Route 53.
    Alias {
        /// The target's name.
        name: String,
        /// The target's hosted zone.
        zone: String,
    },
    /// Plain values, in no order.
    Values(BTreeSet<String>),
}

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
    /// There is nothing to point at, or there are two things.
    #[error("route53.repoint of {0} needs either `alias` or `values`: an empty answer is never published")]
    Target(String),
    /// The alias target's zone is missing.
    #[error("route53.repoint of {0} has an `alias` without `alias_zone`")]
    AliasZone(String),
    /// A CNAME has one value.
    #[error("route53.repoint of {0}: a CNAME has exactly one value")]
    Cname(String),
    /// The record or zone is not named.
    #[error("route53.repoint has no zone or no record")]
    Nameless,
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
        let Route53Repoint { zone, record, kind, alias, alias_zone, values, ttl_s, .. } = action;
        if zone.trim().is_empty() || normal_name(record).is_empty() {
            return Err(GoalError::Nameless);
        }
        let blank = |text: &str| text.trim().is_empty();
        let answer = match (alias, values.as_slice()) {
            (Some(name), []) if !blank(name) => {
                let zone = alias_zone.as_deref().filter(|zone| !blank(zone));
                let zone = zone.ok_or_else(|| GoalError::AliasZone(record.clone()))?;
                Answer::Alias { name: normal_name(name), zone: zone.trim().to_owned() }
            }
            (None, [_, ..]) if !values.iter().any(|value| blank(value)) => {
                if *kind == RecordKind::Cname && values.len() > 1 {
                    return Err(GoalError::Cname(record.clone()));
                }
                Answer::Values(values.iter().map(|value| normal_value(*kind, value)).collect())
            }
            (Some(_) | None, _) => return Err(GoalError::Target(record.clone())),
        };
        let mark = EpochMark::new(context.epoch, &context.execution, context.attempt)
            .map_err(|source| GoalError::Mark { record: record.clone(), source })?;
        Ok(Goal {
            zone: zone.trim().to_owned(),
            record: record.trim().to_owned(),
            kind: *kind,
            answer,
            ttl_s: *ttl_s,
            fence: epoch_record_name(record.trim()),
            mark,
        })
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

    /// Goal: no action can publish an empty or ambiguous answer (R23). Method: break one field at a time.
    #[test]
    fn broken_actions() {
        type Change = fn(&mut Route53Repoint);
        let table: [(&str, Change); 8] = [
            ("neither", |a| a.alias = None),
            ("both", |a| a.values = vec!["192.0.2.1".into()]),
            ("blank alias", |a| a.alias = Some(" ".into())),
            ("no alias zone", |a| a.alias_zone = None),
            ("blank value", |a| (a.alias, a.values) = (None, vec![String::new()])),
            ("two CNAMEs", |a| {
                (a.alias, a.kind, a.values) =
                    (None, RecordKind::Cname, vec!["a.test".into(), "b.test".into()]);
            }),
            ("no record", |a| a.record = ".".into()),
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
