//! What a look at the target of `postgres.restore` means. Pure: no connection, no clock, no file.

use super::runs::RunSeen;
use quorate_policies::{
    effect::{EffectContext, Observed},
    plan::action::{Over, PostgresRestore},
    readiness::Finding,
};
use serde::{Deserialize, Serialize};

/// The advisory lock that a restore holds for as long as its transaction lasts: `quor` and `rest` as numbers.
pub(super) const LOCK: (i32, i32) = (0x7175_6f72, 0x7265_7374);

/// Tables of somebody's own: not the system's, not ours, not an extension's.
pub(super) const TABLES: &str = "SELECT count(*) FROM pg_class AS own \
     JOIN pg_namespace AS schema ON schema.oid = own.relnamespace \
     WHERE own.relkind IN ('r', 'p', 'm', 'f') AND schema.nspname NOT IN ('information_schema', 'quorate') \
       AND schema.nspname !~ '^pg_' \
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = own.oid AND deptype = 'e')";

/// The role, the tables, the note, and whether a restore is under way. Anybody may read each of them.
pub(super) fn look() -> String {
    let (class, object) = LOCK;
    format!(
        "SELECT pg_is_in_recovery(), ({TABLES}), obj_description(to_regnamespace('quorate'), 'pg_namespace'), \
         EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = {class} \
           AND objid = {object} AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
}

/// What the server says of the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Target {
    /// It replays another's log.
    pub(super) standby: bool,
    /// Tables of somebody's own.
    pub(super) tables: i64,
    /// What the latest restore has left: the comment of the schema `quorate`.
    pub(super) note: Option<String>,
    /// A restore is under way, by this agent or another.
    pub(super) locked: bool,
}

/// What a restore leaves, committed with everything that it restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) execution: String,
    /// The file as the plan names it, so that two restores of one execution are told apart.
    pub(super) pattern: String,
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) taken: String,
    pub(super) sha256: String,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// That is all.
    Say(Observed),
    /// The target is ready: a dump is chosen and read.
    Choose,
}

impl Target {
    /// What is there, in words.
    pub(super) fn there(&self) -> String {
        match self.tables {
            0 => "a database without tables".to_owned(),
            tables => format!("a database with {tables} tables, which are dropped"),
        }
    }

    fn noted(&self) -> Option<Note> {
        serde_json::from_str(self.note.as_deref()?).ok()
    }
}

pub(super) fn target(
    action: &PostgresRestore,
    context: &EffectContext,
    target: &Target,
    run: Option<&RunSeen>,
) -> Step {
    let PostgresRestore { database, host, .. } = action;
    let ours = |note: &Note| note.execution == context.execution && note.pattern == action.dump.path;
    if let Some(note) = target.noted().filter(ours) {
        let Note { file, bytes, taken, sha256, .. } = note;
        let tables = target.tables;
        return Step::Say(Observed::Done {
            detail: format!(
                "{database}: {tables} tables, from {file} of {taken}, {bytes} bytes, SHA-256 {sha256}"
            ),
        });
    }
    match run {
        Some(RunSeen::Working { bytes }) => {
            return Step::Say(Observed::InProgress { detail: format!("{bytes} bytes of SQL are restored") });
        }
        Some(RunSeen::Failed { reason }) => {
            let reason = format!("the restore has failed, and nothing of it is committed: {reason}");
            return Step::Say(Observed::Impossible { reason });
        }
        // The server has said that it is committed, and another one may be read from.
        Some(RunSeen::Done) => {
            let reason = format!("{host}: the restore was committed, and its note is not there");
            return Step::Say(Observed::Unknown { reason });
        }
        None => {}
    }
    if target.locked {
        let detail = format!("{host}: another session restores into {database}");
        return Step::Say(Observed::InProgress { detail });
    }
    match stands_in_the_way(action, target) {
        Some(reason) => Step::Say(Observed::Impossible { reason }),
        None => Step::Choose,
    }
}

fn stands_in_the_way(action: &PostgresRestore, target: &Target) -> Option<String> {
    let PostgresRestore { database, host, .. } = action;
    if target.standby {
        return Some(format!("{host} is a standby: nothing can be restored into it"));
    }
    let tables = (target.tables > 0 && action.over == Over::Refuse).then_some(target.tables)?;
    Some(format!(
        "{database} at {host} takes writes and has {tables} tables of its own, and the step does not say `over: primary`"
    ))
}

/// The same before anything is executed. A database that is in use now may be empty when it is restored into.
pub(super) fn finding(action: &PostgresRestore, target: &Target) -> Option<Finding> {
    let why = stands_in_the_way(action, target)?;
    Some(Finding::warning(why, "the step would be refused as things are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(over: &str) -> PostgresRestore {
        let text = format!(
            r#"{{"region": "west", "dump": {{"path": "/backups/*.dump"}}, "host": "10.0.0.2", "database": "shop",
                "user": "quorate", "over": "{over}"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn context() -> EffectContext {
        EffectContext {
            service: "shop".to_owned(),
            execution: "shop-2".to_owned(),
            epoch: 2,
            attempt: 1,
            from: "east".to_owned(),
            to: "west".to_owned(),
            before: None,
            role: None,
            step: "restore".to_owned(),
            timeout: quorate_policies::Millis::from_secs(600),
            unheard: false,
            resumed: false,
        }
    }

    fn note(execution: &str) -> Option<String> {
        let note = Note {
            execution: execution.to_owned(),
            pattern: "/backups/*.dump".to_owned(),
            file: "/backups/a.dump".to_owned(),
            bytes: 17,
            taken: "2026-11-22T02:00:00.000Z".to_owned(),
            sha256: "00ff".to_owned(),
        };
        Some(serde_json::to_string(&note).unwrap())
    }

    fn told(over: &str, of: Target, run: Option<RunSeen>) -> String {
        match target(&action(over), &context(), &of, run.as_ref()) {
            Step::Choose => "choose".to_owned(),
            Step::Say(Observed::Done { detail }) => format!("done: {detail}"),
            Step::Say(Observed::InProgress { detail }) => format!("at work: {detail}"),
            Step::Say(Observed::Impossible { reason }) => format!("impossible: {reason}"),
            Step::Say(Observed::Unknown { reason }) => format!("unknown: {reason}"),
            Step::Say(other) => format!("{other:?}"),
        }
    }

    /// Goal: only this execution's own note is its result, whatever else is there; a database in use is refused unless the
    /// plan says otherwise; and what is under way is waited for. Method: a table of targets.
    #[test]
    fn what_a_target_means() {
        let empty = Target::default;
        let used = || Target { tables: 3, ..empty() };
        let refused = "impossible: shop at 10.0.0.2 takes writes and has 3 tables of its own, and the step does not say \
                       `over: primary`";
        assert_eq!(told("refuse", empty(), None), "choose");
        assert_eq!(told("refuse", used(), None), refused);
        assert_eq!(told("primary", used(), None), "choose");
        assert_eq!(told("refuse", Target { note: note("shop-1"), ..used() }, None), refused);
        assert_eq!(told("refuse", Target { note: Some("by hand".to_owned()), ..empty() }, None), "choose");
        assert_eq!(
            told("refuse", Target { note: note("shop-2"), ..used() }, None),
            "done: shop: 3 tables, from /backups/a.dump of 2026-11-22T02:00:00.000Z, 17 bytes, SHA-256 00ff"
        );
        let standby = Target { standby: true, ..empty() };
        assert!(told("primary", standby, None).starts_with("impossible: 10.0.0.2 is a standby"));
        let locked = || Target { locked: true, ..empty() };
        assert_eq!(told("refuse", locked(), None), "at work: 10.0.0.2: another session restores into shop");
    }

    /// Goal: this agent's own restore tells how far it is and how it ended; and what the database says comes first. Method:
    /// each state of a run.
    #[test]
    fn what_a_run_means() {
        let working = Some(RunSeen::Working { bytes: 99 });
        assert_eq!(
            told("refuse", Target::default(), working.clone()),
            "at work: 99 bytes of SQL are restored"
        );
        let done = Target { note: note("shop-2"), ..Target::default() };
        assert!(told("refuse", done, working).starts_with("done: "));
        let failed = Some(RunSeen::Failed { reason: "no role".to_owned() });
        assert_eq!(
            told("refuse", Target::default(), failed),
            "impossible: the restore has failed, and nothing of it is committed: no role"
        );
        assert!(told("refuse", Target::default(), Some(RunSeen::Done)).starts_with("unknown: "));
    }
}
