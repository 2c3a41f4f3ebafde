//! What a policy's `exec` and `http` steps need and one agent's own file does not allow. Only warnings: another agent's
//! file may allow it, and that agent may have the step. The agent itself refuses what its file does not name.

use super::variables::{self, Scope};
use crate::{
    document::{
        agent_allowed::{ExecAllowed, HttpAllowed},
        agent_file::AgentFile,
        nearest,
        problem::{FieldPath, Problem},
    },
    plan::{
        Action,
        action::{Exec, Http},
    },
    policy::Policy,
};

/// Programs that take a text and run it.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "busybox", "ash"];

pub(super) fn check(policy: &Policy, agent: &AgentFile, problems: &mut Vec<Problem>) {
    for (plan, template) in &policy.plans {
        for (step, template) in &template.steps {
            let place =
                FieldPath::from(["plans", plan.as_str(), "steps", step.as_str(), template.action.kind()]);
            let mut told = Told { policy, agent, place, problems };
            if let Action::Exec(action) = &template.action {
                match &agent.exec {
                    Some(allowed) => exec(&mut told, action, allowed),
                    None => told.missing("exec", "exec: {programs: {NAME: /PATH}, dir: /DIR}"),
                }
            }
            if let Action::Http(action) = &template.action {
                match &agent.http {
                    Some(allowed) => http(&mut told, action, allowed),
                    None => told.missing("http", "http: {servers: {\"https://HOST\": {}}}"),
                }
            }
        }
    }
}

/// Where a step stands, and what is told of it.
struct Told<'a> {
    policy: &'a Policy,
    agent: &'a AgentFile,
    place: FieldPath,
    problems: &'a mut Vec<Problem>,
}

impl Told<'_> {
    fn doubtful(&mut self, keys: &[&str], message: String, mend: impl Into<String>) {
        let place = keys.iter().fold(self.place.clone(), |place, key| place.join(*key));
        self.problems.push(Problem::warning(place, message, mend));
    }

    fn missing(&mut self, section: &str, example: &str) {
        let message = format!(
            "the file of agent `{}` has no `{section}` section: it refuses this step",
            self.agent.name
        );
        self.doubtful(&[], message, format!("add `{example}` to the file of each agent that shall run it"));
    }

    /// A name that the agent's file should have among others.
    fn unknown<'n>(
        &mut self,
        keys: &[&str],
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
        section: &str,
    ) {
        let message = format!("the file of agent `{}` does not name the {what} `{name}`", self.agent.name);
        let mend = match nearest::find(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add it to `{section}` in the file of each agent that shall run it"),
        };
        self.doubtful(keys, message, mend);
    }

    /// The values of a text, whichever region is on the other side. What is wrong with it, the policy has been told.
    fn values(&self, text: &str) -> Vec<String> {
        let values = variables::resolve(self.policy, Scope::Command, &self.place, text, &mut Vec::new());
        values.unwrap_or_default().into_values().collect()
    }
}

fn exec(told: &mut Told<'_>, action: &Exec, allowed: &ExecAllowed) {
    let observe = action.observe.as_ref().map(|observe| &observe.command);
    let commands =
        [(&["command", "0"][..], Some(&action.command)), (&["observe", "command", "0"][..], observe)];
    for (place, command) in commands {
        let Some((first, arguments)) = command.and_then(|command| command.split_first()) else { continue };
        let names = told.values(first);
        let known = || allowed.programs.keys().map(String::as_str);
        if let Some(name) = names.iter().find(|name| !allowed.programs.contains_key(*name)) {
            told.unknown(place, "program", name, known(), "exec.programs");
        }
        let path = names.iter().find_map(|name| allowed.programs.get(name));
        let file = path.and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy().into_owned();
        if SHELLS.contains(&file.as_str()) && arguments.iter().any(|argument| argument == "-c") {
            let message = format!("`{first}` is a shell, and reads its argument as a script");
            let mend = "put the script into a file and name that file in `exec.programs`, or call its programs in steps \
                        of their own";
            told.doubtful(place, message, mend);
        }
    }
    for name in action.secrets.iter().filter(|name| !allowed.secrets.contains_key(*name)) {
        told.unknown(
            &["secrets"],
            "secret",
            name,
            allowed.secrets.keys().map(String::as_str),
            "exec.secrets",
        );
    }
    for name in action.env.keys().filter(|name| !allowed.policy_env.contains(name)) {
        let known = allowed.policy_env.iter().map(String::as_str);
        told.unknown(&["env", name], "variable", name, known, "exec.policy_env");
    }
}

fn http(told: &mut Told<'_>, action: &Http, allowed: &HttpAllowed) {
    let observe = action.observe.as_ref().map(|observe| &observe.url);
    for (place, url) in [(&["url"][..], Some(&action.url)), (&["observe", "url"][..], observe)] {
        let values = url.map(|url| told.values(url)).unwrap_or_default();
        if let Some(url) = values.iter().find(|url| allowed.server(url).is_none()) {
            let message =
                format!("the file of agent `{}` does not name the server of `{url}`", told.agent.name);
            told.doubtful(
                place,
                message,
                "add it to `http.servers` in the file of each agent that shall call it",
            );
        }
    }
    let values = told.values(&action.url);
    let Some(server) = values.iter().find_map(|url| allowed.server(url)) else { return };
    for (header, name) in action.secret_headers.iter().filter(|(_, name)| !server.secrets.contains_key(*name))
    {
        let known = server.secrets.keys().map(String::as_str);
        told.unknown(&["secret_headers", header], "secret", name, known, "http.servers.*.secrets");
    }
}
