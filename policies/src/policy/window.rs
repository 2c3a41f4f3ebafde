//! Times by the clock on the wall: days of the week, hours and dates in a time zone. The time zones are those that this program
//! was built with, so that no agent judges by its own host's files.

use jiff::{
    civil::{Date, DateTime, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

use crate::time::Timestamp;

/// A time that comes again. What is not written does not narrow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// On these days of the week.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// Between these hours: `09:00-16:30`. Where the second is the earlier one, they belong to the day on which they begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// On these dates, the last included: `2026-12-24`, `2026-12-20..2027-01-05`, or each year `12-20..01-05`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<Dates>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // They are the days.
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Minutes of the day, the last not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

/// Dates, the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// Once.
    Once(Date, Date),
    /// Each year, by month and day.
    Yearly((i8, i8), (i8, i8)),
}

/// The minutes of a whole day.
const DAY_MINUTES: u16 = 24 * 60;

/// A time zone by its IANA name.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// What the clock on the wall shows there.
#[must_use]
pub fn wall_clock(zone: &TimeZone, at: Timestamp) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()).datetime())
}

impl Window {
    /// Whether it holds at a time of the clock on the wall.
    #[must_use]
    pub fn holds(&self, at: DateTime) -> bool {
        let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or_default();
        let today = at.date();
        let Some(Hours { from, to }) = self.hours else { return self.on(today) };
        if from < to {
            return (from..to).contains(&minute) && self.on(today);
        }
        // Past midnight they are still those of the day before.
        let begun_yesterday = minute < to && today.yesterday().is_ok_and(|yesterday| self.on(yesterday));
        (minute >= from && self.on(today)) || begun_yesterday
    }

    fn on(&self, date: Date) -> bool {
        let day = self.days.is_empty() || self.days.iter().any(|day| day.weekday() == date.weekday());
        day && self.dates.is_none_or(|dates| dates.hold(date))
    }

    /// Whether nothing is written in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.days.is_empty() && self.hours.is_none() && self.dates.is_none()
    }
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Day::Mon => Weekday::Monday,
            Day::Tue => Weekday::Tuesday,
            Day::Wed => Weekday::Wednesday,
            Day::Thu => Weekday::Thursday,
            Day::Fri => Weekday::Friday,
            Day::Sat => Weekday::Saturday,
            Day::Sun => Weekday::Sunday,
        }
    }
}

impl Dates {
    fn hold(self, date: Date) -> bool {
        match self {
            Dates::Once(first, last) => (first..=last).contains(&date),
            Dates::Yearly(first, last) => {
                let day = (date.month(), date.day());
                if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
            }
        }
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no span of hours: write it as 09:00-16:30");
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            let all = hour.checked_mul(60)?.checked_add(minute)?;
            (minute < 60 && all <= DAY_MINUTES).then_some(all)
        };
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
        if from == to || from == DAY_MINUTES {
            return Err(format!("`{text}` is no time at all: leave `hours` out for the whole day"));
        }
        Ok(Hours { from, to })
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hours { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl FromStr for Dates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no date: write 2026-12-24, 2026-12-20..2027-01-05, or each year 12-20..01-05"
            )
        };
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (first.trim(), last.trim());
        if let (Ok(first), Ok(last)) = (first.parse::<Date>(), last.parse::<Date>()) {
            let backwards = || format!("`{text}` ends before it begins");
            return if first <= last { Ok(Dates::Once(first, last)) } else { Err(backwards()) };
        }
        let day = |text: &str| {
            // 29 February is a day of some years.
            let date: Date = format!("2024-{text}").parse().ok()?;
            Some((date.month(), date.day()))
        };
        Ok(Dates::Yearly(day(first).ok_or_else(wrong)?, day(last).ok_or_else(wrong)?))
    }
}

impl fmt::Display for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dates::Once(first, last) if first == last => write!(f, "{first}"),
            Dates::Once(first, last) => write!(f, "{first}..{last}"),
            Dates::Yearly(first, last) if first == last => write!(f, "{:02}-{:02}", first.0, first.1),
            Dates::Yearly(first, last) => {
                write!(f, "{:02}-{:02}..{:02}-{:02}", first.0, first.1, last.0, last.1)
            }
        }
    }
}

/// Both are written as one text.
macro_rules! as_text {
    ($type:ty, $name:literal, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "description": $description})
            }
        }
    };
}

as_text!(Hours, "Hours", "Hours of the day: 09:00-16:30; 22:00-04:00 ends on the next day.");
as_text!(Dates, "Dates", "2026-12-24, 2026-12-20..2027-01-05, or each year 12-20..01-05.");

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Window {
        serde_saphyr::from_str(text).unwrap()
    }

    fn at(zone: &str, moment: &str) -> DateTime {
        let moment: jiff::Timestamp = moment.parse().unwrap();
        let ms = u64::try_from(moment.as_millisecond()).unwrap();
        wall_clock(&time_zone(zone).unwrap(), Timestamp(ms)).unwrap()
    }

    /// Goal: a window is of the clock on the wall in its zone, across midnight, the year's end and both changes of the clock.
    /// Method: moments in UTC on either side of each edge.
    #[test]
    fn windows_are_of_the_wall_clock() {
        let office = "{days: [mon, tue, wed, thu], hours: '09:00-16:00'}";
        let night = "{days: [sat], hours: '22:00-04:00'}";
        let frozen = "{dates: 12-20..01-05}";
        let early = "{hours: '02:00-03:00'}";
        for (zone, text, moment, expected) in [
            // Summer: Berlin is two hours ahead. 2026-07-06 is a Monday.
            ("Europe/Berlin", office, "2026-07-06T06:59:59Z", false),
            ("Europe/Berlin", office, "2026-07-06T07:00:00Z", true),
            ("Europe/Berlin", office, "2026-07-06T14:00:00Z", false),
            // Winter: one hour.
            ("Europe/Berlin", office, "2026-11-23T07:30:00Z", false),
            ("Europe/Berlin", office, "2026-11-23T08:00:00Z", true),
            // The same moment is Monday in Auckland and Sunday in Los Angeles.
            ("Pacific/Auckland", office, "2026-07-05T21:30:00Z", true),
            ("America/Los_Angeles", office, "2026-07-05T21:30:00Z", false),
            // A night belongs to the day on which it begins.
            ("UTC", night, "2026-07-04T21:59:00Z", false),
            ("UTC", night, "2026-07-04T22:00:00Z", true),
            ("UTC", night, "2026-07-05T03:59:00Z", true),
            ("UTC", night, "2026-07-05T04:00:00Z", false),
            ("UTC", night, "2026-07-05T22:30:00Z", false),
            // Each year, over its end.
            ("UTC", frozen, "2026-12-19T23:59:59Z", false),
            ("UTC", frozen, "2026-12-20T00:00:00Z", true),
            ("UTC", frozen, "2027-01-05T23:59:59Z", true),
            ("UTC", frozen, "2027-01-06T00:00:00Z", false),
            // 2026-03-29: the clock goes from 02:00 to 03:00, and there is no such hour that day.
            ("Europe/Berlin", early, "2026-03-29T00:59:59Z", false),
            ("Europe/Berlin", early, "2026-03-29T01:00:00Z", false),
            ("Europe/Berlin", early, "2026-03-30T00:30:00Z", true),
            // 2026-10-25: it goes back from 03:00 to 02:00, and there are two.
            ("Europe/Berlin", early, "2026-10-25T00:30:00Z", true),
            ("Europe/Berlin", early, "2026-10-25T01:30:00Z", true),
            ("Europe/Berlin", early, "2026-10-25T02:00:00Z", false),
        ] {
            assert_eq!(window(text).holds(at(zone, moment)), expected, "{text} in {zone} at {moment}");
        }
        assert!(time_zone("Mars/Olympus").is_none());
    }

    /// Goal: what is written reads back, and what means nothing is refused with what to write. Method: both kinds.
    #[test]
    fn spans_read_back_or_say_why() {
        for text in ["09:00-16:30", "22:00-04:00", "00:00-24:00"] {
            assert_eq!(text.parse::<Hours>().unwrap().to_string(), text);
        }
        for text in ["2026-12-24", "2026-12-20..2027-01-05", "12-20..01-05", "02-29"] {
            assert_eq!(text.parse::<Dates>().unwrap().to_string(), text);
        }
        for text in ["9-17", "09:00", "09:60-10:00", "25:00-26:00", "09:00-09:00", "24:00-01:00"] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
        for text in ["christmas", "2026-13-01", "2027-01-05..2026-12-20", "12-32", "12-20..2027-01-05"] {
            assert!(text.parse::<Dates>().is_err(), "{text}");
        }
    }
}
