//! What the facts about an instance mean for its reboot. Pure: no call, no clock.

use quorate_policies::effect::Observed;
use quorate_policies::plan::Before;
use quorate_policies::plan::action::RdsReboot;

use super::super::events::restarted_since;
use super::super::instance::{Instance, Phase};

/// Where the reboot stands, given the instance's newest restart and what was noted before the act.
pub(super) fn standing(
    action: &RdsReboot,
    instance: &Instance,
    newest: Option<String>,
    noted: Option<&Before>,
) -> Observed {
    let name = format!("instance {} is {}", instance.id, instance.status());
    if action.failover && instance.settings.multi_az == Some(false) {
        let reason = format!("{name}: it has no other zone to fail over to (not Multi-AZ)");
        return Observed::Impossible { reason };
    }
    match instance.phase() {
        Phase::Settled => {}
        Phase::Working => return Observed::InProgress { detail: name },
        Phase::Stopped | Phase::Stuck => return Observed::Impossible { reason: name },
        Phase::Unheard => return Observed::Unknown { reason: format!("{name}: status not known") },
    }
    let last = newest.as_deref().unwrap_or("not lately");
    let detail = format!("{name}, last restarted {last}");
    match noted {
        Some(Before::Rebooted { restarted }) if restarted_since(restarted.as_deref(), newest.as_deref()) => {
            Observed::Done { detail }
        }
        Some(_) => Observed::not_done(detail),
        None => Observed::NotDone { detail, part: 0, before: Some(Before::Rebooted { restarted: newest }) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::word;

    fn reboot(failover: bool) -> RdsReboot {
        RdsReboot { region: "us-east-1".into(), instance: "prod".into(), failover }
    }

    /// Goal: done is a restart that was not there when the note was taken; without a note nothing is done. Method: a
    /// table of notes and restarts.
    #[test]
    fn another_restart_is_done() {
        let note = |restarted: Option<&str>| Before::Rebooted { restarted: restarted.map(str::to_owned) };
        let table = [
            (Some("monday"), None, "not done"),
            (Some("monday"), Some(note(Some("monday"))), "not done"),
            (None, Some(note(None)), "not done"),
            (Some("tuesday"), Some(note(Some("monday"))), "done"),
            (Some("monday"), Some(note(None)), "done"),
        ];
        for (newest, noted, expected) in table {
            let instance = Instance::seen("prod", "available");
            let seen = standing(&reboot(false), &instance, newest.map(str::to_owned), noted.as_ref());
            assert_eq!(word(&seen), expected, "{newest:?} {noted:?}");
            let before = if let Observed::NotDone { before, .. } = seen { before } else { None };
            assert_eq!(before.is_some(), noted.is_none(), "the note is taken once");
        }
    }

    /// Goal: what moves is waited for, what cannot be rebooted is impossible, what is not known is unknown (R7).
    /// Method: a table.
    #[test]
    fn other_states() {
        for (status, expected) in [
            ("rebooting", "in progress"),
            ("stopped", "impossible"),
            ("failed", "impossible"),
            ("transmogrifying", "unknown"),
        ] {
            assert_eq!(
                word(&standing(&reboot(false), &Instance::seen("prod", status), None, None)),
                expected,
                "{status}"
            );
        }
        let mut single = Instance::seen("prod", "available");
        single.settings.multi_az = Some(false);
        assert_eq!(word(&standing(&reboot(true), &single, None, None)), "impossible");
        single.settings.multi_az = Some(true);
        assert_eq!(word(&standing(&reboot(true), &single, None, None)), "not done");
    }
}
