//! One policy document: which statements meet a request, and what they decide. An explicit denial wins; what no
//! statement allows is denied. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What a policy says of a request, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// A statement allows it, none denies it.
    Allowed,
    /// No statement speaks of it.
    ImplicitDeny,
    /// A statement denies it.
    ExplicitDeny,
}

impl Decision {
    /// The decision as IAM writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Decision::Allowed => "allowed",
            Decision::ImplicitDeny => "implicitDeny",
            Decision::ExplicitDeny => "explicitDeny",
        }
    }
}

/// A call that is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// IAM's name of the call.
    pub action: &'a str,
    /// The ARN that it works on.
    pub resource: &'a str,
    /// Values by key.
    pub context: &'a BTreeMap<String, Vec<String>>,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    #[serde(default, rename = "Version")]
    _version: String,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: String,
    effect: Effect,
    action: OneOrMore,
    resource: OneOrMore,
    /// Values by operator and key.
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, OneOrMore>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
enum Operator {
    #[serde(rename = "StringEquals")]
    Text,
    #[serde(rename = "ArnEquals")]
    Arn,
    #[serde(rename = "ForAllValues:StringEquals")]
    EachText,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn any(&self, meets: impl Fn(&str) -> bool) -> bool {
        match self {
            OneOrMore::One(pattern) => meets(pattern),
            OneOrMore::More(patterns) => patterns.iter().any(|pattern| meets(pattern)),
        }
    }
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// What it says and is not modelled, in words.
    pub fn read(document: &Value) -> Result<Self, String> {
        serde_json::from_value(document.clone()).map_err(|error| error.to_string())
    }

    /// What the policy says of a request, and the keys that an allowing statement asks for in vain.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> (Decision, Vec<String>) {
        let about = |statement: &&Statement| {
            statement.action.any(|pattern| glob(&pattern.to_lowercase(), &request.action.to_lowercase()))
                && statement.resource.any(|pattern| glob(pattern, request.resource))
        };
        let (mut decision, mut missing) = (Decision::ImplicitDeny, Vec::new());
        for statement in self.statement.iter().filter(about) {
            let lacks = statement.lacks(request.context);
            let meets = statement.meets(request.context);
            match statement.effect {
                Effect::Deny if meets => return (Decision::ExplicitDeny, Vec::new()),
                Effect::Allow if meets => decision = Decision::Allowed,
                Effect::Allow => missing.extend(lacks),
                Effect::Deny => {}
            }
        }
        if decision == Decision::Allowed {
            missing.clear();
        }
        (decision, missing)
    }
}

impl Statement {
    fn meets(&self, context: &BTreeMap<String, Vec<String>>) -> bool {
        self.condition.iter().all(|(operator, keys)| {
            keys.iter().all(|(key, wanted)| {
                let equal = |value: &String| wanted.any(|pattern| glob(pattern, value));
                match (operator, context.get(key)) {
                    (Operator::EachText, values) => values.into_iter().flatten().all(equal),
                    (Operator::Text | Operator::Arn, Some(values)) => values.iter().any(equal),
                    (Operator::Text | Operator::Arn, None) => false,
                }
            })
        })
    }

    /// The keys that are asked for and not there.
    fn lacks(&self, context: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let keys = self.condition.values().flat_map(BTreeMap::keys);
        keys.filter(|key| !context.contains_key(*key)).cloned().collect()
    }
}

/// Whether a text meets a pattern in which `*` stands for any text and `?` for one character.
fn glob(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            let rest = &pattern[1..];
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| glob(rest, &text[at..]))
        }
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
            glob(&pattern[wanted.len_utf8()..], &text[found.len_utf8()..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decide(
        policy: &Value,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> (Decision, Vec<String>) {
        let context = context.iter().map(|(key, value)| ((*key).into(), vec![(*value).into()])).collect();
        Policy::read(policy).unwrap().decide(&Request { action, resource, context: &context })
    }

    /// Goal: what no statement allows is denied, and a denial wins. Method: one policy, a table of requests.
    #[test]
    fn statements_decide() {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": ["rds:Describe*", "rds:RebootDBInstance"], "Resource": "arn:aws:rds:*:1:db:*"},
            {"Effect": "Deny", "Action": "rds:RebootDBInstance", "Resource": ["arn:aws:rds:us-east-1:1:db:prod"]},
        ]});
        let table = [
            ("rds:DescribeDBInstances", "arn:aws:rds:us-east-1:1:db:prod", Decision::Allowed),
            ("RDS:describedbinstances", "arn:aws:rds:us-east-1:1:db:*", Decision::Allowed),
            ("rds:RebootDBInstance", "arn:aws:rds:us-west-2:1:db:dr", Decision::Allowed),
            ("rds:RebootDBInstance", "arn:aws:rds:us-east-1:1:db:prod", Decision::ExplicitDeny),
            ("rds:RebootDBInstance", "*", Decision::ImplicitDeny),
            ("rds:StopDBInstance", "arn:aws:rds:us-west-2:1:db:dr", Decision::ImplicitDeny),
        ];
        for (action, resource, expected) in table {
            assert_eq!(decide(&policy, action, resource, &[]), (expected, vec![]), "{action} {resource}");
        }
    }

    /// Goal: conditions hold, fail, or tell what they lack. Method: one of each operator.
    #[test]
    fn conditions() {
        let policy = |operator: &str| {
            json!({"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "*",
                "Condition": {operator: {"a:key": ["x", "y"]}}}]})
        };
        for operator in ["StringEquals", "ArnEquals", "ForAllValues:StringEquals"] {
            assert_eq!(decide(&policy(operator), "a:B", "r", &[("a:key", "y")]).0, Decision::Allowed);
            assert_eq!(decide(&policy(operator), "a:B", "r", &[("a:key", "z")]).0, Decision::ImplicitDeny);
        }
        let missing = (Decision::ImplicitDeny, vec!["a:key".to_owned()]);
        assert_eq!(decide(&policy("StringEquals"), "a:B", "r", &[]), missing);
        assert_eq!(decide(&policy("ForAllValues:StringEquals"), "a:B", "r", &[]).0, Decision::Allowed);
    }

    /// Goal: what is not modelled is refused when it is attached. Method: other operators and elements.
    #[test]
    fn what_is_not_modelled_is_refused() {
        let statement = |extra: Value| {
            let mut statement = json!({"Effect": "Allow", "Action": "a:B", "Resource": "*"});
            statement.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            json!({"Statement": [statement]})
        };
        assert!(Policy::read(&statement(json!({}))).is_ok());
        for extra in [
            json!({"NotResource": "r"}),
            json!({"Condition": {"Bool": {"a:key": "true"}}}),
            json!({"Effect": "May"}),
        ] {
            assert!(Policy::read(&statement(extra.clone())).is_err(), "{extra}");
        }
    }
}
