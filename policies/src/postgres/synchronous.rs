//! For whose confirmation a primary's commits wait, from its `synchronous_standby_names`. It says only what is certain: a
//! standby is named if no commit is acknowledged without it, and what cannot be read proves nothing (R7). Pure; the
//! probers ask, and what a confirmed position means for a promotion is the node's and the guards' business.

use serde::{Deserialize, Serialize};
use std::{iter::Peekable, str::Chars};

/// What a server said about confirmations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// A primary: no commit is acknowledged before all of these have confirmed it.
    Asked {
        /// The standbys' names, in small letters; never empty.
        of: Vec<String>,
        /// When the primary loaded this setting, as it says itself. Only ever compared for being the same.
        loaded: String,
    },
    /// A standby: under which name it confirms, in small letters.
    Given {
        /// The name.
        name: String,
    },
}

/// A piece of the setting.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Any,
    First,
    Name(String),
    Number(String),
    Comma,
    Open,
    Close,
}

/// The standbys, in small letters, without each of which no commit is acknowledged; none if that is certain of nobody:
/// where fewer must confirm than are listed another one's confirmation may do, and `*` is anybody.
#[must_use]
pub fn all_of(setting: &str) -> Vec<String> {
    let Some(tokens) = tokens(setting) else { return Vec::new() };
    let Some((needed, names)) = parsed(&tokens) else { return Vec::new() };
    let everybody = usize::try_from(needed).is_ok_and(|needed| needed >= names.len());
    if !everybody || names.contains(&"*") {
        return Vec::new();
    }
    // PostgreSQL compares them without case.
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// How many must confirm, and who is listed.
fn parsed(tokens: &[Token]) -> Option<(u64, Vec<&str>)> {
    let counted = match tokens {
        [Token::Any | Token::First, rest @ ..] => Some(rest),
        [Token::Number(_), Token::Open, ..] => Some(tokens),
        _ => None,
    };
    match counted {
        None => Some((1, listed(tokens)?)),
        Some([Token::Number(number), Token::Open, list @ .., Token::Close]) => {
            Some((number.parse().ok()?, listed(list)?))
        }
        Some(_) => None,
    }
}

/// Names with commas between them. A number may be a name.
fn listed<'a>(tokens: &'a [Token]) -> Option<Vec<&'a str>> {
    let parts = tokens.split(|token| *token == Token::Comma);
    let name = |part: &'a [Token]| match part {
        [Token::Name(word) | Token::Number(word)] => Some(word.as_str()),
        _ => None,
    };
    parts.map(name).collect()
}

fn tokens(setting: &str) -> Option<Vec<Token>> {
    let mut rest = setting.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(&next) = rest.peek() {
        let token = match next {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                rest.next();
                continue;
            }
            '"' => Token::Name(quoted(&mut rest)?),
            '0'..='9' => Token::Number(run(&mut rest, |letter| letter.is_ascii_digit())),
            _ if in_name(next) => {
                word(run(&mut rest, |letter| in_name(letter) || letter.is_ascii_digit() || letter == '$'))
            }
            _ => {
                rest.next();
                match next {
                    ',' => Token::Comma,
                    '(' => Token::Open,
                    ')' => Token::Close,
                    '*' => Token::Name("*".to_owned()),
                    _ => return None,
                }
            }
        };
        tokens.push(token);
    }
    Some(tokens)
}

/// What an unquoted name may begin with.
const fn in_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}

fn word(word: String) -> Token {
    match word.to_ascii_lowercase().as_str() {
        "any" => Token::Any,
        "first" => Token::First,
        _ => Token::Name(word),
    }
}

fn run(rest: &mut Peekable<Chars<'_>>, belongs: impl Fn(char) -> bool) -> String {
    let mut run = String::new();
    while let Some(letter) = rest.next_if(|letter| belongs(*letter)) {
        run.push(letter);
    }
    run
}

/// A name between quotes, in which two quotes are one.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut name = String::new();
    rest.next();
    loop {
        match rest.next()? {
            '"' if rest.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => return Some(name),
            letter => name.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Goal: only standbys without which no commit is acknowledged are named, in every form that PostgreSQL's grammar has.
    /// Method: a table of settings.
    #[test]
    fn who_must_confirm() {
        for (setting, names) in [
            ("", &[][..]),
            ("west", &["west"]),
            ("FIRST 1 (west)", &["west"]),
            ("any 1 (west)", &["west"]),
            ("1 (West)", &["west"]),
            ("2(a,b)", &["a", "b"]),
            (" ANY\t2 ( \"a \"\"b\" , c$1 ) ", &["a \"b", "c$1"]),
            ("FIRST 3 (a, b)", &["a", "b"]),
            ("7", &["7"]),
            ("1 (7)", &["7"]),
            ("anyone", &["anyone"]),
            ("\"any\"", &["any"]),
            // Another one may do.
            ("west, other", &[]),
            ("ANY 1 (west, other)", &[]),
            ("FIRST 1 (west, other)", &[]),
            ("2 (a, b, c)", &[]),
            ("*", &[]),
            ("2 (west, *)", &[]),
            ("\"*\"", &[]),
            // PostgreSQL takes none of these.
            ("FIRST (west)", &[]),
            ("ANY 1 west", &[]),
            ("1 (west", &[]),
            ("1 (west),", &[]),
            ("1 ()", &[]),
            ("west,", &[]),
            ("west east", &[]),
            ("we-st", &[]),
            ("\"west", &[]),
            ("first", &[]),
            ("99999999999999999999 (a)", &[]),
        ] {
            assert_eq!(all_of(setting), names, "{setting}");
        }
    }

    proptest! {
        /// Goal: whatever stands in the setting is read without a panic, and `*` is nobody's name. Method: any text.
        #[test]
        fn anything_is_read(setting in "[a-zA-Z0-9 ,()*\"$_]{0,30}") {
            prop_assert!(all_of(&setting).iter().all(|name| name != "*"));
        }
    }
}
