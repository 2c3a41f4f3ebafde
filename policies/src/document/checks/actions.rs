//! The fields of actions: no empty text, no unknown variable, no unknown region, no half-written record.

use super::{
    address,
    variables::{self, Scope},
};
use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::RegionName,
    plan::action::{Action, RecordKind, Route53Repoint},
    policy::Policy,
};
use serde_json::Value;

pub(super) fn check(policy: &Policy, step: &FieldPath, action: &Action, problems: &mut Vec<Problem>) {
    let field = step.join(action.kind());
    for (place, text) in texts(step, action) {
        if text.trim().is_empty() {
            let name = place.keys().last().cloned().unwrap_or_default();
            problems.push(Problem::error(
                place,
                format!("`{name}` is empty"),
                "write its value, or remove the key if it is optional",
            ));
            continue;
        }
        let Some(resolved) = variables::resolve(policy, Scope::Plan, &place, &text, problems) else {
            continue;
        };
        if place == field.join("region")
            && let Some(unknown) = resolved.values().find(|name| !policy.regions.contains_key(name.as_str()))
        {
            let mend = nearest::mend(unknown, policy.regions.keys().map(RegionName::as_str));
            let mend = if mend.starts_with("did") {
                mend
            } else {
                "write {from}, {to} or one of the policy's regions".to_owned()
            };
            problems.push(Problem::error(place.clone(), format!("there is no region `{unknown}`"), mend));
        }
        if place == field.join("through")
            && let Some(wrong) = resolved.values().find_map(|url| address::web(url).err())
        {
            problems.push(Problem::error(
                place,
                wrong,
                "write the URL that clients use, for example https://shop.example.com/health",
            ));
        }
    }
    match action {
        Action::Route53Repoint(record) => repoint(&field, record, problems),
        Action::VerifyProbes(verify) if verify.successes == 0 => {
            let message = "successes is 0: nothing would be verified";
            problems.push(Problem::error(
                field.join("successes"),
                message,
                "write 1 or more; 2 is the default",
            ));
        }
        _ => {}
    }
}

/// Every text of an action with its place, taken from its written form, so that a new field cannot be forgotten.
fn texts(step: &FieldPath, action: &Action) -> Vec<(FieldPath, String)> {
    let mut found = Vec::new();
    let mut open = vec![(step.clone(), serde_json::json!(action))];
    while let Some((place, value)) = open.pop() {
        match value {
            Value::String(text) => found.push((place, text)),
            Value::Array(items) => {
                open.extend(
                    items.into_iter().enumerate().map(|(index, item)| (place.join(index.to_string()), item)),
                );
            }
            Value::Object(fields) => {
                open.extend(fields.into_iter().map(|(key, value)| (place.join(key), value)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

fn repoint(field: &FieldPath, record: &Route53Repoint, problems: &mut Vec<Problem>) {
    let mut wrong =
        |key: &str, message: &str, mend: &str| problems.push(Problem::error(field.join(key), message, mend));
    match (&record.alias, record.values.is_empty()) {
        (None, true) => {
            wrong("alias", "the record has no target", "write `alias` with `alias_zone`, or `values`")
        }
        (Some(_), false) => {
            wrong("values", "a record is either an alias or has values", "keep one of `alias` and `values`")
        }
        (Some(_), true) if record.alias_zone.is_none() => {
            let mend = "add `alias_zone:`, the hosted zone id of the target (of the load balancer, not of your domain)";
            wrong("alias_zone", "an alias needs the zone of its target", mend);
        }
        (None, false) if record.alias_zone.is_some() => {
            wrong(
                "alias_zone",
                "alias_zone stands without an alias",
                "remove it, or write `alias` in place of `values`",
            );
        }
        (Some(_), true) | (None, false) => {}
    }
    if record.kind == RecordKind::Cname && record.values.len() > 1 {
        wrong("values", "a CNAME has exactly one value", "keep one value, or use `type: A` with addresses");
    }
}
