//! The chart of a timeline as SVG: rows from top to bottom, time from left to right. It writes numbers and escaped texts,
//! and colours only by the classes of the style, so that it follows the page into the dark and onto paper.

use super::{
    html::escaped,
    scale::{Scale, written},
    timeline::{Bar, Row, Timeline},
};
use crate::cli::screen::duration;
use std::fmt::Write as _;

/// Width of the drawing in its own units; the page scales it.
const WIDTH: f64 = 960.0;
/// Width of the labels on the left, and of the notes on the right.
const LABELS: f64 = 150.0;
const NOTES: f64 = 130.0;
/// Height of a row, and of the axis above the first.
const ROW: f64 = 26.0;
const AXIS: f64 = 26.0;
/// Width of a bar that is too short to be seen.
const BAR_MIN: f64 = 3.0;
/// Longest label, in letters, that fits its column.
const LABEL_LETTERS: usize = 22;

/// A timeline as SVG.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a plan has some dozens of steps")]
pub(super) fn chart(timeline: &Timeline) -> String {
    let scale = Scale::of(timeline);
    let bottom = AXIS + ROW * timeline.rows.len() as f64;
    let height = bottom + if scale.breaks.is_empty() { 8.0 } else { 26.0 };
    let mut svg = format!(
        "<div class=\"wide\"><svg class=\"chart\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"The execution in time\">\n"
    );
    for (ms, place) in scale.ticks(8) {
        let x = across(place);
        let _ = writeln!(
            svg,
            "<line class=\"tick\" x1=\"{x:.1}\" y1=\"{AXIS}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>"
        );
        let _ =
            writeln!(svg, "<text class=\"axis\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>", AXIS - 9.0, written(ms));
    }
    for (index, row) in timeline.rows.iter().enumerate() {
        svg.push_str(&drawn(row, &scale, AXIS + ROW * index as f64));
    }
    for stop in &scale.breaks {
        let x = across(stop.at);
        let _ = writeln!(
            svg,
            "<line class=\"break\" x1=\"{x:.1}\" y1=\"{AXIS}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>\
             <text class=\"axis\" x=\"{x:.1}\" y=\"{:.1}\">nothing for {}</text>",
            bottom + 6.0,
            bottom + 20.0,
            written(stop.length_ms)
        );
    }
    svg.push_str("</svg></div>\n");
    svg
}

fn drawn(row: &Row, scale: &Scale, top: f64) -> String {
    let middle = top + ROW / 2.0 + 4.0;
    let mut svg = format!("<g class=\"{}\">", row.kind);
    let short: String = row.label.chars().take(LABEL_LETTERS).collect();
    let _ = write!(
        svg,
        "<text class=\"label\" x=\"{:.0}\" y=\"{middle:.1}\">{}</text>",
        LABELS - 10.0,
        escaped(&short)
    );
    for bar in &row.bars {
        svg.push_str(&rectangle(row, bar, scale, top));
    }
    let took: u64 = row.bars.iter().map(|bar| bar.to_ms - bar.from_ms).sum();
    let took = if row.bars.is_empty() { String::new() } else { duration(took) };
    let note = [took.as_str(), row.state.as_str()].join(" ");
    let _ = writeln!(
        svg,
        "<text class=\"note\" x=\"{:.0}\" y=\"{middle:.1}\">{}</text></g>",
        WIDTH - NOTES + 12.0,
        escaped(note.trim())
    );
    svg
}

fn rectangle(row: &Row, bar: &Bar, scale: &Scale, top: f64) -> String {
    let (from, to) = (across(scale.place(bar.from_ms)), across(scale.place(bar.to_ms)));
    let width = (to - from).max(BAR_MIN);
    format!(
        "<rect class=\"bar {}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\"><title>{}: {} to {}</title></rect>",
        bar.tone,
        top + 5.0,
        ROW - 10.0,
        escaped(&row.label),
        duration(bar.from_ms),
        duration(bar.to_ms)
    )
}

/// From a place to a column of the drawing.
fn across(place: f64) -> f64 {
    LABELS + place * (WIDTH - LABELS - NOTES)
}
