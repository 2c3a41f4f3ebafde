//! RDS instances: what is asked whether it can write is a URL, a moment is a moment, and a fence shuts something out.

use super::{super::address, fields::Fields};
use crate::plan::action::{LATEST, RdsFence, RdsPromoteReadReplica, RdsUnfence};

pub(super) fn promote(fields: &mut Fields<'_>, action: &RdsPromoteReadReplica) {
    if action.writable.is_some() {
        let mend = "write a URL that answers with 2xx only when the database takes writes";
        fields.judge("writable", address::probed, mend);
    }
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
