//! What an answer to a check of `verify.sql` means. Pure: no connection, no clock. What was not asked is unknown, never
//! wrong (R7).

use super::Trouble;
use quorate_policies::{Millis, effect::Observed, plan::action::SqlExpect};
use std::time::Duration;

/// How far into the future a row may lie. Its moment is written by applications, whose clocks may be some seconds off;
/// beyond that it is no evidence of anything recent, such as a row that stands for the end of time.
const CLOCKS_DIFFER_MAX_S: f64 = 5.0;
/// A detail is one line of a report; a text may be long, or somebody's own.
const VALUE_CHARS_MAX: usize = 60;

/// What a check's statement gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// No row.
    Nothing,
    /// More than one row.
    Several,
    /// A row without a value.
    Null,
    /// A value.
    Value {
        /// As PostgreSQL writes it.
        text: String,
        /// How long ago it is, where that was asked.
        age_s: Option<f64>,
    },
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is as expected.
    Met(String),
    /// It is not, and may yet become so.
    Missed(String),
    /// It can never be.
    Never(String),
    /// It was not answered.
    Unknown(String),
}

/// What one answer means.
pub(super) fn judge(expect: &SqlExpect, answer: Result<Answer, Trouble>) -> Judged {
    let (text, age_s) = match answer {
        Ok(Answer::Value { text, age_s }) => (text, age_s),
        Ok(Answer::Null) => return Judged::Missed("no value".to_owned()),
        Ok(Answer::Nothing) => return Judged::Missed("no row".to_owned()),
        Ok(Answer::Several) => return Judged::Never("the query gives more than one row".to_owned()),
        Err(Trouble::Refused { reason, .. }) => return Judged::Never(reason),
        Err(trouble @ (Trouble::NotAsked(_) | Trouble::Unknown(_))) => {
            return Judged::Unknown(trouble.to_string());
        }
    };
    if let Some(length) = expect.newer_than {
        return age(&text, age_s, length);
    }
    if let Some(wanted) = &expect.equals {
        let told = shown(&text);
        return if text == *wanted {
            Judged::Met(told)
        } else {
            Judged::Missed(format!("{told}, expected {}", shown(wanted)))
        };
    }
    number(&text, expect.at_least, expect.at_most)
}

fn number(text: &str, at_least: Option<i64>, at_most: Option<i64>) -> Judged {
    let told = shown(text);
    // Whole numbers are compared as such; others, which PostgreSQL writes as decimals, nearly enough.
    let above = |limit: i64| match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) => Some(number.cmp(&limit)),
        (Err(_), Ok(number)) => number.partial_cmp(&(limit as f64)),
        (Err(_), Err(_)) => None,
    };
    for (limit, wrong, word) in
        [(at_least, std::cmp::Ordering::Less, "at least"), (at_most, std::cmp::Ordering::Greater, "at most")]
    {
        let Some(limit) = limit else { continue };
        match above(limit) {
            None => return Judged::Never(format!("{told} is not a number")),
            Some(order) if order == wrong => {
                return Judged::Missed(format!("{told}, expected {word} {limit}"));
            }
            Some(_) => {}
        }
    }
    Judged::Met(told)
}

fn age(text: &str, age_s: Option<f64>, length: Millis) -> Judged {
    let Some(age_s) = age_s.filter(|age_s| age_s.is_finite()) else {
        return Judged::Never(format!("{} is not a moment", shown(text)));
    };
    if age_s < -CLOCKS_DIFFER_MAX_S {
        return Judged::Missed(format!("{} is {:.0} s in the future", shown(text), -age_s));
    }
    let Ok(age) = Duration::try_from_secs_f64(age_s.max(0.0)) else {
        return Judged::Missed(format!("{} is too long ago", shown(text)));
    };
    let age = Millis::of(age);
    if age <= length {
        Judged::Met(format!("{} ago", rounded(age)))
    } else {
        Judged::Missed(format!("{} ago, expected at most {length}", rounded(age)))
    }
}

/// For people: the seconds of an age of days say nothing.
fn rounded(age: Millis) -> Millis {
    let unit = match age.0 {
        0..60_000 => 1,
        60_000..3_600_000 => 1_000,
        _ => 60_000,
    };
    Millis(age.0 / unit * unit)
}

fn shown(text: &str) -> String {
    let escaped: String = text.chars().take(VALUE_CHARS_MAX).flat_map(char::escape_debug).collect();
    let cut = if text.chars().nth(VALUE_CHARS_MAX).is_some() { "…" } else { "" };
    format!("{escaped}{cut}")
}

/// What the checks say together: the gravest of them is the look's, and each is told.
pub(super) fn together(judged: Vec<(&str, Judged)>) -> Observed {
    let told = |(name, judged): &(&str, Judged)| {
        let (Judged::Met(what) | Judged::Missed(what) | Judged::Never(what) | Judged::Unknown(what)) = judged;
        format!("{name}: {what}")
    };
    let text = judged.iter().map(told).collect::<Vec<_>>().join("; ");
    let any = |is: fn(&Judged) -> bool| judged.iter().any(|(_, judged)| is(judged));
    if any(|judged| matches!(judged, Judged::Never(_))) {
        Observed::Impossible { reason: text }
    } else if any(|judged| matches!(judged, Judged::Unknown(_))) {
        Observed::Unknown { reason: text }
    } else if any(|judged| matches!(judged, Judged::Missed(_))) {
        Observed::InProgress { detail: text }
    } else {
        Observed::Done { detail: text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(text: &str) -> SqlExpect {
        serde_json::from_str(text).unwrap()
    }

    fn value(text: &str, age_s: Option<f64>) -> Result<Answer, Trouble> {
        Ok(Answer::Value { text: text.to_owned(), age_s })
    }

    /// Goal: each answer has its meaning under each expectation, at its very limits too. Method: a table.
    #[test]
    fn what_an_answer_means() {
        let met = |text: &str| Judged::Met(text.to_owned());
        let missed = |text: &str| Judged::Missed(text.to_owned());
        let never = |text: &str| Judged::Never(text.to_owned());
        let (range, hour) = (r#"{"at_least": 10, "at_most": 20}"#, r#"{"newer_than": "1h"}"#);
        for (wanted, answer, meaning) in [
            (r#"{"at_least": 1000}"#, value("1000", None), met("1000")),
            (r#"{"at_least": 1000}"#, value("999", None), missed("999, expected at least 1000")),
            (r#"{"at_most": 3}"#, value("3.5", None), missed("3.5, expected at most 3")),
            (r#"{"at_least": 9007199254740993}"#, value("9007199254740992", None), {
                missed("9007199254740992, expected at least 9007199254740993")
            }),
            (range, value("20", None), met("20")),
            (range, value("21", None), missed("21, expected at most 20")),
            (range, value("many", None), never("many is not a number")),
            (range, value("NaN", None), never("NaN is not a number")),
            (r#"{"equals": "ok"}"#, value("ok", None), met("ok")),
            (r#"{"equals": "ok"}"#, value("o\nk", None), missed("o\\nk, expected ok")),
            (hour, value("2026-11-22", Some(180.5)), met("3m ago")),
            (hour, value("2026-11-22", Some(3_600.0)), met("1h ago")),
            (hour, value("2026-11-22", Some(3_601.0)), missed("1h ago, expected at most 1h")),
            (hour, value("infinity", Some(f64::NEG_INFINITY)), never("infinity is not a moment")),
            (hour, value("9999-12-31", Some(-1e12)), missed("9999-12-31 is 1000000000000 s in the future")),
            (hour, value("2026-11-22", Some(-2.0)), met("0s ago")),
            (hour, Ok(Answer::Null), missed("no value")),
            (hour, Ok(Answer::Nothing), missed("no row")),
            (hour, Ok(Answer::Several), never("the query gives more than one row")),
        ] {
            assert_eq!(judge(&expect(wanted), answer.clone()), meaning, "{wanted} {answer:?}");
        }
    }

    /// Goal: a statement that was refused cannot become right by waiting, and one without an answer means nothing (R7).
    /// Method: each kind of trouble.
    #[test]
    fn what_silence_means() {
        let wanted = expect(r#"{"at_least": 1}"#);
        let refused = Trouble::Refused { forbidden: false, reason: "no such table".to_owned() };
        assert_eq!(judge(&wanted, Err(refused)), Judged::Never("no such table".to_owned()));
        for trouble in [Trouble::NotAsked("why".to_owned()), Trouble::Unknown("why".to_owned())] {
            assert_eq!(judge(&wanted, Err(trouble)), Judged::Unknown("why".to_owned()));
        }
    }

    /// Goal: the gravest check is the look's, and every check is told. Method: each pair with one that is met.
    #[test]
    fn checks_together() {
        let text = |text: &str| text.to_owned();
        let with = |other: Judged| together(vec![("users", Judged::Met(text("1204"))), ("newest", other)]);
        let told = text("users: 1204; newest: x");
        assert_eq!(with(Judged::Met(text("x"))), Observed::Done { detail: told.clone() });
        assert_eq!(with(Judged::Missed(text("x"))), Observed::InProgress { detail: told.clone() });
        assert_eq!(with(Judged::Unknown(text("x"))), Observed::Unknown { reason: told.clone() });
        assert_eq!(with(Judged::Never(text("x"))), Observed::Impossible { reason: told });
    }
}
