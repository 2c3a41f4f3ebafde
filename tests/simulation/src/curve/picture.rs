//! The curve as a picture: a small plot for each condition, detection time against false alarms, both on logarithmic
//! scales. What raised no false alarm stands on the lowest line, which says so: it is no rate. Made to be read on a light
//! and on a dark page.

use super::{
    measure::{Curve, Detector, Measured, Row},
    setting::Setting,
};
use std::fmt::Write as _;

const COLUMNS: usize = 4;
const PLOT: (f64, f64) = (225.0, 170.0);
const CELL: (f64, f64) = (300.0, 250.0);
const HEAD: f64 = 86.0;
const LEFT: f64 = 56.0;
/// Detection time in seconds, and false alarms in a thousand hours, at both ends of the scales. What is beyond an end
/// stands on it.
const SECONDS: (f64, f64) = (1.0, 100.0);
const ALARMS: (f64, f64) = (10.0, 100_000.0);
/// Below the lowest rate: none at all.
const NONE_AT: f64 = 22.0;

const STYLE: &str = "<style>
svg { background: #ffffff; font: 12px sans-serif; --ink: #1f2328; --grid: #d5dae0; --ours: #0a58ca; --misses: #0f8a5f; --fixed: #c2410c; }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; --ink: #e6edf3; --grid: #30363d; --ours: #6cb0ff; --misses: #4fd1a0; --fixed: #ff9a5c; } }
text { fill: var(--ink); } .small { font-size: 10px; } .title { font-size: 13px; font-weight: bold; }
.big { font-size: 18px; font-weight: bold; } .grid { stroke: var(--grid); fill: none; }
.ours { stroke: var(--ours); } .misses { stroke: var(--misses); } .fixed { stroke: var(--fixed); }
.ours, .misses, .fixed { fill: none; stroke-width: 2; } circle.ours { fill: var(--ours); }
circle.misses { fill: var(--misses); } circle.fixed { fill: var(--fixed); }
.misses { stroke-dasharray: 5 3; } circle.misses { stroke-dasharray: none; }
</style>
";

/// The picture, as SVG.
#[must_use]
pub fn svg(curve: &Curve) -> String {
    let lines = curve.conditions.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMNS as f64 * CELL.0, HEAD + lines as f64 * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Detection time against false alarms\">\n{STYLE}"
    );
    legend(&mut out);
    for (index, row) in curve.conditions.iter().enumerate() {
        let (x, y) = ((index % COLUMNS) as f64 * CELL.0, HEAD + (index / COLUMNS) as f64 * CELL.1);
        put(&mut out, &format!("<g transform=\"translate({} {})\">", x + LEFT, y + 24.0));
        panel(&mut out, row);
        put(&mut out, "</g>");
    }
    put(&mut out, "</svg>");
    out
}

fn put(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("a string takes all");
}

fn legend(out: &mut String) {
    let title = "How soon a dead target is found, and how often a living one is called dead";
    put(out, &format!("<text class=\"big\" x=\"16\" y=\"26\">{title}</text>"));
    let example = Setting::example().name();
    let entries = [
        ("fixed", "a majority of fixed thresholds (Redis Sentinel): 1, 2, 3, 5, 10, 30 s".to_owned()),
        ("ours", format!("ours, {example}: dwell 0, 5, 15, 30, 60 s")),
        ("misses", "ours without dwell: 1, 2, 3, 5 misses".to_owned()),
    ];
    for ((class, text), x) in entries.into_iter().zip([16.0, 460.0, 840.0]) {
        put(out, &format!("<path class=\"{class}\" d=\"M{x} 48h30\"/>"));
        put(out, &format!("<circle class=\"{class}\" cx=\"{}\" cy=\"48\" r=\"3\"/>", x + 15.0));
        put(out, &format!("<text x=\"{}\" y=\"52\">{text}</text>", x + 38.0));
    }
    let axes = "across: median time to find a target that falls silent, of those found within two minutes; up: false alarms in 1,000 hours; lower and further left is better";
    put(out, &format!("<text class=\"small\" x=\"16\" y=\"72\">{axes}</text>"));
}

fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
}

fn across(seconds: f64) -> f64 {
    share(seconds, SECONDS) * PLOT.0
}

fn up(rate: Option<f64>) -> f64 {
    rate.map_or(PLOT.1, |rate| (1.0 - share(rate, ALARMS)) * (PLOT.1 - NONE_AT))
}

fn panel(out: &mut String, row: &Row) {
    let hours = row.measured.first().map_or(0.0, |measured| measured.alive as f64 / 3_600_000.0);
    put(out, &format!("<text class=\"title\" x=\"0\" y=\"-8\">{}</text>", row.condition.name));
    put(
        out,
        &format!("<text class=\"small\" text-anchor=\"end\" x=\"{}\" y=\"-8\">{hours:.0} h</text>", PLOT.0),
    );
    for seconds in [1.0, 3.0, 10.0, 30.0, 100.0] {
        let x = across(seconds);
        put(out, &format!("<path class=\"grid\" d=\"M{x:.1} 0V{}\"/>", PLOT.1));
        put(
            out,
            &format!(
                "<text class=\"small\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{seconds} s</text>",
                PLOT.1 + 14.0
            ),
        );
    }
    let rates =
        [(10.0, "10"), (100.0, "100"), (1_000.0, "1,000"), (10_000.0, "10,000"), (100_000.0, "100,000+")];
    let none = (up(None), "none");
    for (y, label) in rates.into_iter().map(|(rate, label)| (up(Some(rate)), label)).chain([none]) {
        put(out, &format!("<path class=\"grid\" d=\"M0 {y:.1}H{}\"/>", PLOT.0));
        put(
            out,
            &format!(
                "<text class=\"small\" text-anchor=\"end\" x=\"-5\" y=\"{:.1}\">{label}</text>",
                y + 3.5
            ),
        );
    }
    let example = Setting::example();
    let of = |wanted: &dyn Fn(&Detector) -> Option<u64>| {
        let mut found: Vec<(u64, &Measured)> =
            row.measured.iter().filter_map(|m| Some((wanted(&m.detector)?, m))).collect();
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, measured)| measured).collect::<Vec<_>>()
    };
    let misses = of(&|detector| match detector {
        Detector::Agreed(s) if s.interval == example.interval => Some(u64::from(s.misses)),
        _ => None,
    });
    let dwells = of(&|detector| match detector {
        Detector::Decided(s, dwell) if *s == example => Some(dwell.0),
        _ => None,
    });
    let fixed = of(&|detector| match detector {
        Detector::Threshold(after) => Some(*after),
        _ => None,
    });
    line(out, "fixed", &fixed, 5.0);
    if misses.len() > 1 {
        line(out, "misses", &misses, 4.0);
    }
    line(out, "ours", &dwells, 3.0);
}

/// The points of one kind of detector, joined. One that found nothing has no place.
fn line(out: &mut String, class: &str, measured: &[&Measured], radius: f64) {
    let place = |measured: &&Measured| {
        let seconds = measured.score.quantile(0.5)? as f64 / 1_000.0;
        Some((across(seconds), up(measured.score.rate(measured.alive))))
    };
    let points: Vec<(f64, f64)> = measured.iter().filter_map(place).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    if path.len() > 1 {
        put(out, &format!("<path class=\"{class}\" d=\"M{}\"/>", path.join("L")));
    }
    for (x, y) in points {
        put(out, &format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"));
    }
}
