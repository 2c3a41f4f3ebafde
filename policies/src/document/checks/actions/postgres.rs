//! PostgreSQL servers: a host, names that PostgreSQL keeps, a probe by which the standby's position is known, and a slot
//! whose name is one. How the steps of a plan depend on each other is said by `switchover`.

use super::{super::database, fields::Fields};
use crate::{
    document::nearest,
    name::CheckName,
    plan::action::{PostgresFence, PostgresPromote, PostgresRejoin, PostgresSwitchover, PostgresUnfence},
    policy::{Looks, Policy},
};

pub(super) fn promote(fields: &mut Fields<'_>, policy: &Policy, action: &PostgresPromote) {
    server(fields, "the standby", action.port);
    probe(fields, policy, &action.probe);
}

pub(super) fn fence(fields: &mut Fields<'_>, action: &PostgresFence) {
    server(fields, "the old primary", action.port);
}

pub(super) fn unfence(fields: &mut Fields<'_>, action: &PostgresUnfence) {
    server(fields, "the server", action.port);
}

pub(super) fn switchover(fields: &mut Fields<'_>, policy: &Policy, action: &PostgresSwitchover) {
    server(fields, "the standby", action.port);
    probe(fields, policy, &action.probe);
    let from = &action.from;
    fields.judge_in(
        &["from", "host"],
        database::host,
        "write the primary's host, without a scheme or a port",
    );
    if from.port == 0 {
        fields.wrong(&["from", "port"], "0 is no port", "write the primary's port; 5432 is the default");
    }
    if (&from.host, from.port) == (&action.host, action.port) {
        let message = "the standby and its primary are the same server";
        fields.wrong(&["from"], message, "name the primary of {from} here");
    }
}

pub(super) fn rejoin(fields: &mut Fields<'_>, action: &PostgresRejoin) {
    server(fields, "the new primary", action.port);
    fields.judge("slot", database::slot, "write small letters, digits and `_` alone, such as east");
    if action.lag_below_bytes == 0 {
        let message = "no lag is below 0 bytes: it would never be done";
        fields.wrong(&["lag_below_bytes"], message, "write 1 or more; 16777216 is the default");
    }
}

/// The fields by which every action names its server.
pub(super) fn server(fields: &mut Fields<'_>, whose: &str, port: u16) {
    fields.judge("host", database::host, &format!("write {whose}'s host, without a scheme or a port"));
    if port == 0 {
        let mend = format!("write {whose}'s port; 5432 is the default");
        fields.wrong(&["port"], "0 is no port", mend);
    }
    for key in ["database", "user"] {
        fields.judge(key, database::name, database::NAME_MEND);
    }
}

fn probe(fields: &mut Fields<'_>, policy: &Policy, name: &CheckName) {
    let is_postgres = |looks: &Looks| matches!(looks, Looks::Postgres(_));
    match policy.probes.get(name) {
        Some(probe) if is_postgres(&probe.looks) => {}
        Some(_) => {
            let message = format!("the probe `{name}` does not look at PostgreSQL");
            fields.wrong(
                &["probe"],
                message,
                "name one with `postgres:`: the lag gate knows positions by it",
            );
        }
        None => {
            let known = policy.probes.iter().filter(|(_, probe)| is_postgres(&probe.looks));
            let mend = nearest::mend(name.as_str(), known.map(|(name, _)| name.as_str()));
            fields.wrong(&["probe"], format!("there is no probe `{name}`"), mend);
        }
    }
}
