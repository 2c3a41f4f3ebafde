//! The runbook names commands that exist: at three in the morning nobody wants to find out otherwise.

use quorate_watch::text;
use std::{collections::BTreeSet, process::Command};

/// Goal: every `quorate VERB` of the runbook and its long options exist. Method: the binary's own help of each.
#[test]
fn every_command_of_the_runbook_exists() {
    let mut binary = std::env::current_exe().unwrap();
    binary.pop();
    binary.pop();
    binary.push("quorate");
    let book = text("deploy/RUNBOOK.md");
    let mut seen = BTreeSet::new();
    let code = book
        .split('`')
        .skip(1)
        .step_by(2)
        .chain(book.lines().filter(|line| line.trim_start().starts_with("quorate ")));
    for command in code.map(str::trim).filter(|code| code.starts_with("quorate ")) {
        let words: Vec<&str> =
            command.split_whitespace().skip(1).take_while(|word| *word != "#" && *word != "|").collect();
        let is_verb = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase());
        let depth = if matches!(words.first(), Some(&"audit" | &"signal")) { 2 } else { 1 };
        let verbs: Vec<&str> = words.iter().take(depth).take_while(is_verb).copied().collect();
        assert!(!verbs.is_empty(), "no verb: {command}");
        let help = Command::new(&binary).args(&verbs).arg("--help").output().unwrap();
        let text = String::from_utf8_lossy(&help.stdout);
        assert!(help.status.success(), "{command}: {}", String::from_utf8_lossy(&help.stderr));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(text.contains(option), "{command}: no option {option}");
        }
        seen.insert(verbs.join(" "));
    }
    assert!(seen.len() > 15, "the runbook was not understood: {seen:?}");
}
