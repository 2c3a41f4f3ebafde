//! `ecs.scale`: one count to reach, shares that are shares, and a range that is one.

use super::fields::Fields;
use crate::plan::action::EcsScale;
use std::ops::RangeInclusive;

/// How much of the wanted count must run: less than one in a hundred would be none, more than all never comes.
const ENOUGH: RangeInclusive<u32> = 1..=100;
/// A share of another region's tasks: ten times as many is a slip of the finger.
const SHARE: RangeInclusive<u32> = 1..=1_000;

pub(super) fn scale(fields: &mut Fields<'_>, action: &EcsScale) {
    let keys = [("desired", action.desired.is_some()), ("percent_of", action.percent_of.is_some())];
    fields.exactly_one("the count of tasks", &keys);
    percent(fields, &["enough_percent"], action.enough_percent, &ENOUGH);
    if let Some(share) = &action.percent_of {
        percent(fields, &["percent_of", "percent"], share.percent, &SHARE);
    }
    if let Some(range) = action.scaling.filter(|range| range.min > range.max) {
        let message = format!("min {} is above max {}", range.min, range.max);
        fields.wrong(&["scaling", "min"], message, "write min at most as large as max");
    }
}

fn percent(fields: &mut Fields<'_>, keys: &[&str], value: u32, range: &RangeInclusive<u32>) {
    if !range.contains(&value) {
        let message = format!("{value} percent is not from {} to {}", range.start(), range.end());
        fields.wrong(keys, message, "write it as a whole number of percent; 100 is the default");
    }
}
