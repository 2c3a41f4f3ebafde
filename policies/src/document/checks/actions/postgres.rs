//! PostgreSQL servers: a host, names that PostgreSQL keeps, and a probe by which the standby's position is known.

use super::{super::database, fields::Fields};
use crate::{
    document::nearest,
    plan::action::PostgresPromote,
    policy::{Looks, Policy},
};

pub(super) fn promote(fields: &mut Fields<'_>, policy: &Policy, action: &PostgresPromote) {
    fields.judge("host", database::host, "write the standby's host, without a scheme or a port");
    if action.port == 0 {
        fields.wrong(&["port"], "0 is no port", "write the standby's port; 5432 is the default");
    }
    for key in ["database", "user"] {
        fields.judge(key, database::name, database::NAME_MEND);
    }
    let is_postgres = |looks: &Looks| matches!(looks, Looks::Postgres(_));
    match policy.probes.get(&action.probe) {
        Some(probe) if is_postgres(&probe.looks) => {}
        Some(_) => {
            let message = format!("the probe `{}` does not look at PostgreSQL", action.probe);
            fields.wrong(
                &["probe"],
                message,
                "name one with `postgres:`: the lag gate knows positions by it",
            );
        }
        None => {
            let known = policy.probes.iter().filter(|(_, probe)| is_postgres(&probe.looks));
            let mend = nearest::mend(action.probe.as_str(), known.map(|(name, _)| name.as_str()));
            fields.wrong(&["probe"], format!("there is no probe `{}`", action.probe), mend);
        }
    }
}
