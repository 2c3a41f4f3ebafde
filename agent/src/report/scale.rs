//! Where a moment stands on a chart, between 0 and 1. A long time in which nothing ran, such as a night between a stop and
//! its abort, is drawn as a break: it would squeeze everything else into a line. Pure numbers; no page is known here.

use super::timeline::Timeline;
use quorate_policies::Millis;

/// Idle time that is always drawn: nobody wonders about half a minute.
const IDLE_MS_MIN: u64 = 30_000;
/// Which part of the chart a break takes: enough to write its length beside it.
const BREAK: f64 = 0.05;
/// Steps of ticks, in milliseconds, as people read clocks.
const TICKS: [u64; 24] = [
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    14_400_000,
    28_800_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    2_592_000_000,
];

/// A stretch of time without a break.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    from_ms: u64,
    to_ms: u64,
    at: f64,
    width: f64,
}

/// A break.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Break {
    /// Where its middle stands.
    pub at: f64,
    /// How long it is, in milliseconds.
    pub length_ms: u64,
}

/// From moments to places.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pieces: Vec<Piece>,
    /// Where time was left out.
    pub breaks: Vec<Break>,
}

impl Scale {
    /// The scale on which a timeline fits.
    #[must_use]
    pub fn of(timeline: &Timeline) -> Self {
        let bars = timeline.rows.iter().flat_map(|row| &row.bars);
        // The first moment belongs to the chart, whatever began then.
        let spans = std::iter::once((0, 0)).chain(bars.map(|bar| (bar.from_ms, bar.to_ms)));
        let busy = merged(spans.collect());
        let work: u64 = busy.iter().map(|(from, to)| to - from).sum();
        let idle = IDLE_MS_MIN.max(work / 2);
        let mut stretches: Vec<(u64, u64)> = Vec::new();
        for (from, to) in busy {
            match stretches.last_mut() {
                Some(last) if from - last.1 <= idle => last.1 = to,
                _ => stretches.push((from, to)),
            }
        }
        Self::over(&stretches)
    }

    #[expect(clippy::cast_precision_loss, reason = "a chart is drawn to a thousandth, not to a bit")]
    fn over(stretches: &[(u64, u64)]) -> Self {
        let breaks = stretches.len().saturating_sub(1);
        let room = (1.0 - BREAK * breaks as f64).max(0.1);
        let whole: u64 = stretches.iter().map(|(from, to)| to - from).sum::<u64>().max(1);
        let mut scale = Self { pieces: Vec::new(), breaks: Vec::new() };
        let mut at = 0.0;
        for (index, &(from_ms, to_ms)) in stretches.iter().enumerate() {
            let width = room * (to_ms - from_ms) as f64 / whole as f64;
            scale.pieces.push(Piece { from_ms, to_ms, at, width });
            at += width;
            if let Some((next, _)) = stretches.get(index + 1) {
                scale.breaks.push(Break { at: at + BREAK / 2.0, length_ms: next - to_ms });
                at += BREAK;
            }
        }
        scale
    }

    /// Where a moment stands.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a chart is drawn to a thousandth, not to a bit")]
    pub fn place(&self, ms: u64) -> f64 {
        let mut place = 0.0;
        for piece in &self.pieces {
            if ms < piece.from_ms {
                break;
            }
            let length = (piece.to_ms - piece.from_ms).max(1);
            let done = (ms - piece.from_ms).min(length) as f64 / length as f64;
            place = piece.at + piece.width * done;
        }
        place
    }

    /// Moments to write below the chart, about `count` of them, each with its place: the beginning, the beginning after each
    /// break, and round ones between.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a chart is drawn to a thousandth, not to a bit")]
    pub fn ticks(&self, count: usize) -> Vec<(u64, f64)> {
        let whole: u64 = self.pieces.iter().map(|piece| piece.to_ms - piece.from_ms).sum();
        let wanted = whole / count.max(1) as u64;
        let step = TICKS.into_iter().find(|step| *step >= wanted).unwrap_or(TICKS[TICKS.len() - 1]);
        let apart = 0.8 / count.max(1) as f64;
        let mut ticks: Vec<(u64, f64)> = Vec::new();
        for piece in &self.pieces {
            let round = (piece.from_ms / step + 1..).map(|n| n * step).take_while(|ms| *ms <= piece.to_ms);
            for ms in std::iter::once(piece.from_ms).chain(round.take(2 * count)) {
                let place = self.place(ms);
                if ticks.last().is_none_or(|(_, before)| place - before >= apart) {
                    ticks.push((ms, place));
                }
            }
        }
        ticks
    }
}

/// A tick's or a break's length as it is written: whole seconds from one second on.
#[must_use]
pub fn written(ms: u64) -> String {
    let rounded = if ms >= 1_000 { ms / 1_000 * 1_000 } else { ms };
    Millis(rounded).to_string()
}

fn merged(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::timeline::{Bar, Row};

    fn scale(spans: &[(u64, u64)]) -> Scale {
        let bars = spans.iter().map(|&(from_ms, to_ms)| Bar { from_ms, to_ms, tone: "done" }).collect();
        let row = Row { label: String::new(), kind: "step", state: String::new(), bars };
        Scale::of(&Timeline { zero: String::new(), rows: vec![row] })
    }

    /// Goal: time runs from left to right, and a night in which nothing ran is a break. Method: a minute of work, eight hours
    /// of nothing, and a minute of work.
    #[test]
    fn a_night_is_a_break() {
        let night = 8 * 3_600_000;
        let scale = scale(&[(0, 60_000), (night, night + 60_000)]);
        assert_eq!(scale.breaks.len(), 1);
        assert_eq!(scale.breaks[0].length_ms, night - 60_000);
        let places = [0, 30_000, 60_000, night / 2, night, night + 60_000].map(|ms| scale.place(ms));
        assert!(places.is_sorted() && places[2] == places[3], "{places:?}");
        assert!((places[2] - 0.475).abs() < 1e-9 && (places[5] - 1.0).abs() < 1e-9, "{places:?}");
    }

    /// Goal: a short pause is drawn, ticks are round and few, and nothing at all is no fault. Method: each of these.
    #[test]
    fn pauses_and_ticks() {
        let scale = scale(&[(0, 40_000), (55_000, 72_000)]);
        assert!(scale.breaks.is_empty());
        let ticks: Vec<String> = scale.ticks(6).into_iter().map(|(ms, _)| written(ms)).collect();
        assert_eq!(ticks, ["0s", "15s", "30s", "45s", "1m"]);
        let nothing = self::scale(&[]);
        assert_eq!((nothing.place(5), nothing.ticks(5).len()), (0.0, 1));
        assert_eq!(self::scale(&[(0, 0)]).place(0), 0.0);
    }
}
