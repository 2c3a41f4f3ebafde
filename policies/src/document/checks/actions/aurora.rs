//! Aurora global databases: the loss of data is written out, and the target cannot be mistaken.

use super::{super::address, fields::Fields};
use crate::plan::action::AuroraFailover;

pub(super) fn failover(fields: &mut Fields<'_>, action: &AuroraFailover) {
    if !action.allow_data_loss {
        let message = "a failover of a global database loses what was not replicated";
        let mend = "write `allow_data_loss: true`, or use aurora.switchover, which loses nothing";
        fields.wrong(&["allow_data_loss"], message, mend);
    }
    target(fields);
}

pub(super) fn target(fields: &mut Fields<'_>) {
    let judge = |text: &str| match address::arn(text, "rds", "cluster:") {
        Some(_) => Ok(()),
        None => Err(format!("`{text}` is not the ARN of a DB cluster")),
    };
    let mend = "write it as arn:aws:rds:REGION:ACCOUNT:cluster:NAME; two regions may have the same name";
    fields.judge("target", judge, mend);
}
