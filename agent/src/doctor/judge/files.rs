//! The files of this host: who runs this command, the data directory, the secrets, and the programs of `exec` steps.

use crate::doctor::{
    facts::{DataDirectory, DataState, HeldFile, Installation, PolicyFile, Program},
    finding::{Area, Finding},
};

/// Whoever else may write into the data directory can forge the log, which is the agents' memory of what they promised.
const WRITABLE_BY_OTHERS: u32 = 0o002;
/// A group is trusted with less doubt than everybody: in containers the directory is often its group's.
const OPEN: u32 = 0o027;

pub(super) fn judge(facts: &Installation) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        facts.policies.iter().filter_map(|policy| in_force(facts, policy)).collect();
    findings.extend(user(facts));
    findings.push(data(&facts.data, facts.user));
    findings.extend(facts.files.iter().map(held));
    findings.extend(facts.programs.iter().map(program));
    findings
}

/// Whether a policy's file is the policy by which the agents judge.
fn in_force(facts: &Installation, policy: &PolicyFile) -> Option<Finding> {
    let services = &facts.local.status()?.services;
    let known = services.iter().find(|service| service.name == policy.service.as_str());
    let finding = match known {
        Some(service) if service.policy_hash == policy.hash => {
            let found = format!("it is version {} of {}, in force", service.policy_version, policy.service);
            Finding::ok(Area::Files, "policy_in_force", &policy.file, found)
        }
        Some(service) => Finding::warning(
            Area::Files,
            "policy_in_force",
            &policy.file,
            format!(
                "version {} of {} is in force, and it is another",
                service.policy_version, policy.service
            ),
            format!(
                "look with quorate diff {0}; quorate apply {0} --reason ... puts it into force",
                policy.file
            ),
        ),
        None => Finding::warning(
            Area::Files,
            "policy_in_force",
            &policy.file,
            format!("no policy of {} is in force: nothing of it is probed", policy.service),
            format!("quorate apply {} --reason \"first policy\"", policy.file),
        ),
    };
    Some(finding)
}

/// Whether this command sees what the agent sees: permissions are those of whoever asks.
fn user(facts: &Installation) -> Option<Finding> {
    let DataState::There { owner, .. } = facts.data.state else { return None };
    let subject = format!("user {}", facts.user);
    Some(if owner == facts.user {
        Finding::ok(
            Area::Files,
            "user",
            subject,
            "the data directory is this user's: what may be read here, the agent may",
        )
    } else {
        Finding::warning(
            Area::Files,
            "user",
            subject,
            format!(
                "the data directory is user {owner}'s: what is found here of permissions may not be so for the agent"
            ),
            format!("run it as that user: sudo -u '#{owner}' quorate doctor ..."),
        )
    })
}

fn data(data: &DataDirectory, user: u32) -> Finding {
    let (area, check, path) = (Area::Files, "data_directory", data.path.display().to_string());
    let failed = |found: String, mend: String| Finding::failed(area, check, &path, found, mend);
    match &data.state {
        DataState::Missing { fault: None } => {
            Finding::ok(area, check, &path, "it is not there yet: the agent makes it when it first starts")
        }
        DataState::Missing { fault: Some(why) } => failed(
            format!("it is not there, and user {user} cannot make it: {why}"),
            format!("make it for the agent's user: install -d -m 700 -o USER {path}"),
        ),
        DataState::Unreadable(why) => failed(
            format!("it cannot be looked at: {why}"),
            "let the agent's user through to it, or correct data_dir".to_owned(),
        ),
        DataState::NoDirectory => {
            failed("it is no directory".to_owned(), "correct data_dir in the agent's file".to_owned())
        }
        DataState::There { mode, .. } if mode & WRITABLE_BY_OTHERS != 0 => failed(
            format!(
                "mode {mode:o}: everybody on this host may write there, and forge what the agents remember"
            ),
            format!("chmod 700 {path}, and ask who has written there"),
        ),
        DataState::There { fault: Some(why), owner, .. } => failed(
            format!("user {user} cannot write there: {why}"),
            format!("it is user {owner}'s: run the agent as that user, or chown it"),
        ),
        DataState::There { mode, .. } if mode & OPEN != 0 => Finding::warning(
            area,
            check,
            &path,
            format!("mode {mode:o}: others than the agent may read it, or its group write there"),
            format!("chmod 700 {path}"),
        ),
        DataState::There { mode, .. } => {
            Finding::ok(area, check, &path, format!("mode {mode:o}, and this user may write there"))
        }
    }
}

fn held(file: &HeldFile) -> Finding {
    let (area, check, path) = (Area::Files, "held_file", file.path.display());
    match &file.state {
        Ok(None) => Finding::ok(area, check, &file.what, format!("{path}: can be read, and by nobody else")),
        Ok(Some(mode)) => Finding::failed(
            area,
            check,
            &file.what,
            format!("{path}: mode {mode:o} lets others read it"),
            format!("chmod 600 {path}; whoever may have read it knows it, so make it anew"),
        ),
        Err(why) => Finding::failed(
            area,
            check,
            &file.what,
            format!("{path}: {why}"),
            "put the file there, readable by the agent's user, or correct its path in the agent's file",
        ),
    }
}

fn program(program: &Program) -> Finding {
    let (area, check, path) = (Area::Files, "exec_program", program.path.display());
    match &program.fault {
        None => Finding::ok(area, check, &program.name, format!("{path}: can be used")),
        Some(why) => Finding::failed(
            area,
            check,
            &program.name,
            format!("{path}: {why}"),
            "install it, or correct `exec` in the agent's file",
        ),
    }
}
