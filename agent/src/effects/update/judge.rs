//! What the record, its epoch record and the server's reply mean for an update. Pure: no message is sent, no clock read.
//!
//! The order of the questions is the safety rule: who moved the record last comes before where it points, so an
//! executor with an older epoch learns that it is stale even where the record already looks right (R4, R5).

use super::{
    aim::{Aim, plain},
    message::World,
};
use hickory_proto::op::ResponseCode;
use quorate_aws::EpochMark;
use quorate_policies::{
    effect::{Acted, Observed},
    plan::Before,
};

/// Where an update stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It will never be ours to make.
    Barred(String),
    /// The record answers what we want, under our epoch.
    Applied(String),
    /// It does not, and it is ours to make.
    Open(String),
}

/// What a reply to an update says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// It was carried out.
    Accepted,
    /// What was read does not stand any more, so nothing was carried out.
    Moved(&'static str),
    /// It was refused for itself.
    Refused(String),
    /// It does not say.
    Unclear(String),
}

/// Judges what was read.
pub(super) fn standing(aim: &Aim, mark: &EpochMark, world: &World) -> Standing {
    let (record, fence) = (plain(&aim.name), plain(&aim.fence));
    let ours = match mark.has_moved(&world.fence(), &record, &fence) {
        Ok(ours) => ours,
        Err(why) => return Standing::Barred(why),
    };
    if let Some(why) = misfit(aim, world) {
        return Standing::Barred(why);
    }
    match (ours, world.answer() == aim.answer()) {
        (true, true) => Standing::Applied(format!("{record} answers as it shall, under {mark}")),
        (true, false) => Standing::Open(format!("{record} is under our epoch, but answers otherwise")),
        (false, true) => Standing::Open(format!("{record} answers as it shall, not yet under {mark}")),
        (false, false) => Standing::Open(format!("{record} answers otherwise")),
    }
}

/// Why such a record cannot stand there.
pub(super) fn misfit(aim: &Aim, world: &World) -> Option<String> {
    let target = world.alias.as_ref()?;
    let (record, kind) = (plain(&aim.name), aim.kind.as_str());
    Some(format!("{record} is a CNAME to {target}, and no {kind} record may stand beside it"))
}

/// The observation.
pub(super) fn observed(aim: &Aim, mark: &EpochMark, world: &World) -> Observed {
    match standing(aim, mark, world) {
        Standing::Barred(reason) => Observed::Impossible { reason },
        Standing::Applied(detail) => Observed::Done { detail },
        Standing::Open(detail) => {
            Observed::NotDone { detail, part: 0, before: Some(Before::Repointed { answer: world.before() }) }
        }
    }
}

/// Why nothing is sent, if nothing is.
pub(super) fn withheld(standing: Standing) -> Option<Acted> {
    match standing {
        Standing::Barred(reason) => {
            Some(Acted::Refused { reason: format!("nothing sent: {reason}"), retryable: false })
        }
        Standing::Applied(what) => Some(Acted::Accepted { detail: format!("nothing sent: {what}") }),
        Standing::Open(_) => None,
    }
}

/// What the server's word means. It is proved to be the server's own, and an update is carried out whole or not at all.
pub(super) fn reply(aim: &Aim, code: ResponseCode) -> Reply {
    let (record, zone) = (plain(&aim.name), plain(&aim.zone));
    match code {
        ResponseCode::NoError => Reply::Accepted,
        ResponseCode::NXRRSet => Reply::Moved("NXRRSET"),
        ResponseCode::YXRRSet => Reply::Moved("YXRRSET"),
        ResponseCode::YXDomain => Reply::Moved("YXDOMAIN"),
        ResponseCode::NXDomain => Reply::Moved("NXDOMAIN"),
        ResponseCode::Refused => Reply::Refused(format!(
            "REFUSED: the key may not change {record} and its epoch record; see the server's update-policy or acl"
        )),
        ResponseCode::NotAuth => {
            Reply::Refused(format!("NOTAUTH: the server is no primary of {zone}; name the one that is"))
        }
        ResponseCode::NotZone => {
            Reply::Refused(format!("NOTZONE: {record} does not belong to {zone}; correct the policy"))
        }
        ResponseCode::NotImp => Reply::Refused("NOTIMP: the server takes no updates".to_owned()),
        ResponseCode::FormErr => Reply::Refused("FORMERR: the server does not understand it".to_owned()),
        // Such as a journal that could not be written, before or after the change.
        other => Reply::Unclear(format!("the server said {other}")),
    }
}

/// What it means that the prerequisites did not hold, by the world before and as read again afterwards.
pub(super) fn moved(aim: &Aim, mark: &EpochMark, before: &World, after: &World, code: &str) -> Acted {
    match standing(aim, mark, after) {
        Standing::Barred(why) => Acted::Refused { reason: format!("{why} ({code})"), retryable: false },
        Standing::Applied(what) => {
            Acted::Unknown { reason: format!("{what}, by an earlier message ({code})") }
        }
        Standing::Open(_) if after != before => {
            let reason = format!("{} or its epoch record was changed since it was read", plain(&aim.name));
            Acted::Refused { reason: format!("{reason} ({code})"), retryable: true }
        }
        // Nobody touched them, so asking again will give the same answer.
        Standing::Open(_) => Acted::Refused {
            reason: format!(
                "{} is not what a reading of it shows ({code}): a wildcard may answer for it, or other records may stand \
                 at its name; create the record by hand",
                plain(&aim.name)
            ),
            retryable: false,
        },
    }
}

#[cfg(test)]
mod tests;
