//! Time as plain numbers. Nothing here reads a clock. Three kinds that never mix: a length ([`Millis`]), a
//! reading of one process's monotonic clock ([`Monotonic`], never sent to another host) and a wall-clock
//! reading ([`Timestamp`], for people, reports and the log's own clock).

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt};

/// A length of time in milliseconds. Written as `800ms`, `1s`, `1m30s`, `2h`, `90d`: the unit is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(pub u64);

/// A reading of this process's monotonic clock, in milliseconds since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Monotonic(pub u64);

/// A wall-clock reading in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Millis {
    /// No time at all.
    pub const ZERO: Millis = Millis(0);

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Millis(seconds * 1_000)
    }

    /// This length and another one; the longest there is, if they are longer together. Lengths come from policies and from
    /// peers, and a sum that began again at zero would make the oldest look the freshest (R7).
    #[must_use]
    pub const fn plus(self, other: Millis) -> Self {
        Millis(self.0.saturating_add(other.0))
    }

    /// The whole milliseconds of a duration; the longest there is, if it is longer.
    #[must_use]
    pub fn of(duration: std::time::Duration) -> Self {
        Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    /// As the standard library's duration, for the shell.
    #[must_use]
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// Reads `1m30s` and its like. Returns what is wrong, as a sentence that names the mend.
    ///
    /// # Errors
    /// When the text is empty, has a number without a unit, an unknown unit, or is too long to count.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!("`{text}` is not a duration: {why}; write for example 800ms, 10s, 5m or 1h"))
        };
        let (mut rest, mut total) = (text.trim(), 0u64);
        if rest.is_empty() {
            return wrong("it is empty");
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, tail) = tail.split_at(letters);
            if unit.is_empty() && tail.is_empty() {
                return wrong("the unit is missing");
            }
            let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                return wrong("the units are ms, s, m, h and d");
            };
            let Ok(number) = number.parse::<u64>() else {
                return wrong("a whole number must stand before each unit");
            };
            match number.checked_mul(*factor).and_then(|part| total.checked_add(part)) {
                Some(sum) => total = sum,
                None => return wrong("it is too long"),
            }
            rest = tail;
        }
        Ok(Millis(total))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            let number = left / factor;
            left %= factor;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Millis::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Millis {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$",
            "description": "A duration with its unit: 800ms, 10s, 1m30s, 2h, 90d."
        })
    }
}

impl Monotonic {
    /// How long before `self` the reading `earlier` was; zero if it was not.
    #[must_use]
    pub const fn since(self, earlier: Monotonic) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// This reading, earlier by `length`; the clock's beginning if that was before it.
    #[must_use]
    pub const fn minus(self, length: Millis) -> Monotonic {
        Monotonic(self.0.saturating_sub(length.0))
    }

    /// This reading, later by `length`.
    #[must_use]
    pub const fn plus(self, length: Millis) -> Monotonic {
        Monotonic(self.0.saturating_add(length.0))
    }
}

impl Timestamp {
    /// How long before `self` the reading `earlier` was; zero if it was not.
    #[must_use]
    pub const fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// This reading, later by `length`.
    #[must_use]
    pub const fn plus(self, length: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(length.0))
    }
}

impl std::str::FromStr for Timestamp {
    type Err = String;

    /// From RFC 3339. A moment before 1970 is none.
    fn from_str(text: &str) -> Result<Self, String> {
        let time: jiff::Timestamp =
            text.parse().map_err(|error| format!("`{text}` is no moment: {error}"))?;
        let before = |_| format!("`{text}` is a moment before 1970");
        u64::try_from(time.as_millisecond()).map(Timestamp).map_err(before)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        match time {
            Some(time) => write!(f, "{time:.3}"),
            None => write!(f, "{}ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a duration reads back as it prints. Method: a table of both forms.
    #[test]
    fn durations_read_back_as_they_print() {
        for (text, ms) in [
            ("800ms", 800),
            ("1s", 1_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("90d", 7_776_000_000),
            ("0s", 0),
        ] {
            assert_eq!(Millis::parse(text), Ok(Millis(ms)));
            assert_eq!(Millis(ms).to_string(), text);
        }
    }

    /// Goal: a number without a unit is refused with the mend. Method: the texts people write.
    #[test]
    fn a_duration_needs_its_unit() {
        for text in ["10", "", "10 s", "s", "1.5s", "10sec", "1h30"] {
            let error = Millis::parse(text).unwrap_err();
            assert!(error.contains("write for example"), "{text}: {error}");
        }
        assert!(Millis::parse("99999999999999999999d").is_err());
    }

    /// Goal: timestamps print as RFC 3339, and read back. Method: one known instant; what is none.
    #[test]
    fn timestamps_print_for_people() {
        assert_eq!(Timestamp(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        assert_eq!("2023-11-14T23:13:20.123+01:00".parse(), Ok(Timestamp(1_700_000_000_123)));
        for text in ["latest", "2023-11-14", "1969-12-31T23:59:59Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
