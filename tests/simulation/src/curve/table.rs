//! The curve as text: one section for each condition, and one for the kinds of death. Every figure comes from the run.

use super::measure::{Curve, Detector, Measured, Row};
use crate::curve::setting::Setting;
use std::fmt::Write as _;

/// Milliseconds in an hour.
const HOUR: f64 = 3_600_000.0;

impl Detector {
    /// In a few words.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Detector::Agreed(setting) => format!("ours {}, agreed", setting.name()),
            Detector::Decided(setting, dwell) => format!("ours {}, dwell {dwell}", setting.name()),
            Detector::Threshold(after) => format!("fixed threshold {} s", after / 1_000),
        }
    }

    /// Whether it stands in the table: of the settings around the example's, only the ends.
    fn told(&self, example: Setting) -> bool {
        match self {
            Detector::Agreed(_) | Detector::Threshold(_) => true,
            Detector::Decided(setting, _) => *setting == example,
        }
    }
}

/// The whole table.
#[must_use]
pub fn text(curve: &Curve) -> String {
    let mut text = String::new();
    for row in &curve.conditions {
        let title = format!("{}: {}", row.condition.name, row.condition.what);
        section(&mut text, &title, row);
    }
    for row in &curve.deaths {
        section(&mut text, &format!("the target's end: {}, {}", row.death.name(), row.condition.name), row);
    }
    text
}

fn section(text: &mut String, title: &str, row: &Row) {
    let alive = row.measured.first().map_or(0, |measured| measured.alive);
    let hours = alive as f64 / HOUR;
    writeln!(text, "## {title}\n").expect("a string takes all");
    writeln!(text, "| detector | false alarms in {hours:.1} h | per 1,000 h | found | median | p95 | max |")
        .expect("a string takes all");
    writeln!(text, "|---|--:|--:|--:|--:|--:|--:|").expect("a string takes all");
    let example = Setting::example();
    for measured in row.measured.iter().filter(|measured| measured.detector.told(example)) {
        line(text, measured);
    }
    text.push('\n');
}

fn line(text: &mut String, measured: &Measured) {
    let score = &measured.score;
    let rate = score.rate(measured.alive).map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
    let seconds = |share| {
        let found: Option<u64> = score.quantile(share);
        found.map_or_else(|| "-".to_owned(), |ms| format!("{:.2} s", ms as f64 / 1_000.0))
    };
    let of = score.found.len() as u64 + score.missed;
    writeln!(
        text,
        "| {} | {} | {rate} | {} of {of} | {} | {} | {} |",
        measured.detector.name(),
        score.false_alarms,
        score.found.len(),
        seconds(0.5),
        seconds(0.95),
        seconds(1.0)
    )
    .expect("a string takes all");
}
