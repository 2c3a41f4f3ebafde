//! `verify.sql`: a server, and questions that can be asked in one read-only statement each and answered one way.

use super::{fields::Fields, postgres};
use crate::plan::action::{SqlExpect, VerifySql};

/// All checks share one session of ten seconds; more of them are a report and no verification.
const CHECKS_MAX: usize = 16;
/// The words with which a statement begins that gives rows.
const QUERIES: [&str; 4] = ["SELECT", "WITH", "VALUES", "TABLE"];

pub(super) fn verify(fields: &mut Fields<'_>, action: &VerifySql) {
    postgres::server(fields, "the server", action.port);
    let count = action.checks.len();
    if count == 0 {
        let mend = "write for example {users: {query: SELECT count(*) FROM users, expect: {at_least: 1}}}";
        fields.wrong(&["checks"], "there is no check: nothing would be verified", mend);
    }
    if count > CHECKS_MAX {
        let message = format!("there are {count} checks, more than {CHECKS_MAX}");
        fields.wrong(&["checks"], message, "write another step for the others");
    }
    for (name, check) in &action.checks {
        let mend = "write one statement that begins with SELECT, WITH, VALUES or TABLE, without `;`";
        fields.judge_in(&["checks", name.as_str(), "query"], query, mend);
        if let Some((key, message, mend)) = contradiction(&check.expect) {
            let place = ["checks", name.as_str(), "expect", key];
            let keys = if key.is_empty() { &place[..3] } else { &place[..] };
            fields.wrong(keys, message, mend);
        }
    }
}

/// What is wrong with what is expected: where, what, and its mend.
fn contradiction(expect: &SqlExpect) -> Option<(&'static str, String, &'static str)> {
    let SqlExpect { equals, at_least, at_most, newer_than } = expect;
    let kinds = [equals.is_some(), at_least.is_some() || at_most.is_some(), newer_than.is_some()];
    let one = "write one of `equals`, `at_least` and `at_most`, `newer_than`";
    match kinds.into_iter().filter(|kind| *kind).count() {
        0 => return Some(("", "what is expected is not said".to_owned(), one)),
        1 => {}
        _ => return Some(("", "an answer is a text, a number or a moment, not two of them".to_owned(), one)),
    }
    if let (Some(least), Some(most)) = (at_least, at_most)
        && least > most
    {
        let message = format!("no number is at least {least} and at most {most}");
        return Some(("at_most", message, "swap the two"));
    }
    let never = newer_than.is_some_and(|length| length.is_zero());
    never.then(|| ("newer_than", "no row is newer than now".to_owned(), "write a length such as 1h"))
}

/// One statement that gives rows, as far as its text tells; the server has the last word.
fn query(text: &str) -> Result<(), String> {
    let first: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    if !QUERIES.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return Err(format!("`{}` does not ask for rows", short(text)));
    }
    // A semicolon between quotes is part of a text or a name.
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ';') => return Err(format!("`{}` has a `;`", short(text))),
            _ => {}
        }
    }
    match quote {
        Some(open) => Err(format!("a {open} in `{}` has no partner", short(text))),
        None => Ok(()),
    }
}

/// The beginning of a statement, on one line.
fn short(text: &str) -> String {
    let mut letters = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect::<Vec<_>>();
    if letters.len() > 40 {
        letters.truncate(39);
        letters.push('…');
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what plainly is more than one question is refused before it is needed, and what is one is not. Method: a table.
    #[test]
    fn one_statement_that_asks() {
        for text in [
            "SELECT 1",
            " select\n count(*) FROM users",
            "WITH a AS (SELECT 1) TABLE a",
            "SELECT 'a;b'",
            "SELECT 'it''s' AS \"a;b\"",
            "VALUES (1)",
        ] {
            assert_eq!(query(text), Ok(()), "{text}");
        }
        for text in [
            "DELETE FROM users",
            "SELECTED",
            "SELECT 1; DROP TABLE users",
            "SELECT 1;",
            "SELECT 'a",
            "(SELECT 1)",
        ] {
            assert!(query(text).is_err(), "{text}");
        }
    }
}
