//! RDS instances: what is asked whether it can write is a URL, a moment is a moment, a
//! heartbeat's names are names and no statements, and a fence shuts something out.

use super::{
    super::{address, database},
    fields::Fields,
};
use crate::plan::action::{Heartbeat, LATEST, RdsFence, RdsPromoteReadReplica, RdsUnfence};

pub(super) fn promote(fields: &mut Fields<'_>, action: &RdsPromoteReadReplica) {
    if action.writable.is_some() {
        let mend = "write a URL that answers with 2xx only when the database takes writes";
        fields.judge("writable", address::probed, mend);
    }
    if let Some(row) = &action.heartbeat {
        heartbeat(fields, row);
    }
}

/// The heartbeat row: a host that TLS can be asked for, and names that stand in a statement as they are.
fn heartbeat(fields: &mut Fields<'_>, row: &Heartbeat) {
    fields.judge_in(
        &["heartbeat", "host"],
        database::host,
        "write the replica's host, without a scheme or a port",
    );
    if row.port == 0 {
        fields.wrong(&["heartbeat", "port"], "0 is no port", "write the replica's port; 5432 is the default");
    }
    for key in ["database", "user"] {
        fields.judge_in(&["heartbeat", key], database::name, database::NAME_MEND);
    }
    fields.judge_in(&["heartbeat", "table"], database::table, database::TABLE_MEND);
    let column = |text: &str| {
        if database::identifier(text) { Ok(()) } else { Err(format!("`{text}` is not the name of a column")) }
    };
    fields.judge_in(&["heartbeat", "column"], column, "write letters, digits and `_`, such as at");
}

pub(super) fn restore(fields: &mut Fields<'_>) {
    let judge = |text: &str| {
        let moment = text == LATEST || text.parse::<jiff::Timestamp>().is_ok();
        if moment { Ok(()) } else { Err(format!("`{text}` is not a moment")) }
    };
    fields.judge("at", judge, "write `latest`, or RFC 3339 with its zone, such as 2026-11-20T03:04:05Z");
}

pub(super) fn fence(fields: &mut Fields<'_>, action: &RdsFence) {
    if action.quarantine_groups.is_empty() {
        let message = "without a security group to put in place, clients keep their way in";
        let mend = "name a security group without any ingress rule, made beforehand";
        fields.wrong(&["quarantine_groups"], message, mend);
    }
}

pub(super) fn unfence(fields: &mut Fields<'_>, action: &RdsUnfence) {
    if action.security_groups.is_empty() {
        let message = "an instance without security groups is refused by RDS";
        fields.wrong(&["security_groups"], message, "name the groups that the instance shall have");
    }
}
