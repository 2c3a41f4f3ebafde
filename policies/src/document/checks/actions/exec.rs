//! `exec` and `http`: a command has a program, a directory that stays below the agent's, variables that can be, and regular
//! expressions that compile; a request has a server, headers that can be sent and no secret in plain sight. Whether an
//! agent allows any of it is checked with its own file, in `checks::allowed`.

use super::{super::address, fields::Fields};
use crate::{
    document::agent_allowed::is_variable,
    plan::action::{Exec, Http, HttpMethod},
    time::Millis,
};
use regex::Regex;
use std::path::{Component, Path};

/// One request must end within the time that any call to the world may take (12 s), a look before it included.
const HTTP_MAX: Millis = Millis::from_secs(8);
/// Headers that hold a secret wherever they occur.
const SECRET_HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];
const PATTERN: &str = "write a regular expression as Rust's regex crate reads it; braces are written twice";

pub(super) fn exec(fields: &mut Fields<'_>, action: &Exec) {
    command(fields, &["command"], &action.command);
    if let Some(observe) = &action.observe {
        command(fields, &["observe", "command"], &observe.command);
        fields.judge_in(&["observe", "stdout"], pattern, PATTERN);
    }
    fields.judge_in(&["success", "stdout"], pattern, PATTERN);
    if action.success.codes.is_empty() {
        let mend = "write the exit codes that mean success, or remove the key: 0 is the default";
        fields.wrong(&["success", "codes"], "no exit code would mean success", mend);
    }
    fields.judge("dir", below, "write it relative to the agents' `exec.dir`, for example k8s");
    let set = action.env.keys().map(|name| ("env", name));
    for (key, name) in set.chain(action.secrets.iter().map(|name| ("secrets", name))) {
        if !is_variable(name) {
            let message = format!("`{name}` cannot name an environment variable");
            fields.wrong(
                &[key],
                message,
                "write letters, digits and `_`, no digit first, for example DUMP_FILE",
            );
        }
    }
    for name in action.secrets.iter().filter(|name| action.env.contains_key(*name)) {
        fields.wrong(&["env", name], format!("`{name}` is one of the secrets, too"), "keep one of both");
    }
}

fn command(fields: &mut Fields<'_>, place: &[&str], command: &[String]) {
    if command.is_empty() {
        let mend = "write the program's name and its arguments: [kubectl, rollout, undo, deployment/api]";
        return fields.wrong(place, "the command is empty", mend);
    }
    let program = |text: &str| match text.contains('/') {
        true => Err(format!("`{text}` is a path: which program a name means, the agents' files say")),
        false => Ok(()),
    };
    let mend = "write a name, and add it to `exec.programs` in the agents' files";
    fields.judge_in(&[place, &["0"]].concat(), program, mend);
}

fn pattern(text: &str) -> Result<(), String> {
    Regex::new(text).map(drop).map_err(|error| {
        // The last line says what is wrong; those before it draw where.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{text}` is no regular expression: {why}")
    })
}

fn below(text: &str) -> Result<(), String> {
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    match Path::new(text).components().all(stays) {
        true => Ok(()),
        false => Err(format!("`{text}` leaves the agents' directory")),
    }
}

pub(super) fn http(fields: &mut Fields<'_>, action: &Http) {
    let mend = "write the whole address, for example https://search.example.com:9200/_snapshot/nightly";
    fields.judge("url", address::probed, mend);
    fields.judge_in(&["observe", "url"], address::probed, mend);
    fields.judge_in(&["expect", "body"], pattern, PATTERN);
    fields.judge_in(&["observe", "expect", "body"], pattern, PATTERN);
    if action.timeout.is_zero() || action.timeout > HTTP_MAX {
        let message = format!("a request may take up to {HTTP_MAX}, and more than nothing");
        let mend = "have the server begin and answer, and see the result with `observe`";
        fields.wrong(&["timeout"], message, mend);
    }
    if action.method == HttpMethod::Get && action.body.is_some() {
        fields.wrong(&["body"], "a GET has no body", "write another method, or remove the body");
    }
    for name in action.headers.keys() {
        if SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("`{name}` would stand in the log of every agent");
            let mend = format!("write `secret_headers: {{{name}: NAME}}`, and NAME into the agents' files");
            fields.wrong(&["headers", name], message, mend);
        }
    }
    let named = action.headers.keys().map(|name| ("headers", name));
    let mut seen: Vec<String> = Vec::new();
    for (key, name) in named.chain(action.secret_headers.keys().map(|name| ("secret_headers", name))) {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let lower = name.to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(token) {
            fields.wrong(
                &[key, name],
                format!("`{name}` is no header's name"),
                "write for example Content-Type",
            );
        } else if seen.contains(&lower) {
            fields.wrong(&[key, name], format!("`{name}` is there twice"), "keep one of both");
        }
        seen.push(lower);
    }
}
