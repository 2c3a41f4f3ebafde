//! What counts as what: a detector that says *down* of a living target has raised a false alarm; one that says it of a
//! dead one has found it. It knows the truth, which no detector does.

use super::weather::Trace;
use std::ops::Range;

/// What is said so soon after a target has come back is about its death still: neither found nor false.
const SETTLE: u64 = 10_000;

/// What one detector has said on one trace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Score {
    /// How often it called a living target dead. One alarm lasts until the detector takes it back.
    pub false_alarms: u64,
    /// After how many milliseconds it found each true death.
    pub found: Vec<u64>,
    /// Deaths that it did not find before the target came back.
    pub missed: u64,
    /// Deaths in the middle of a false alarm: they cannot be found any more, and count as neither.
    pub spoiled: u64,
    alarmed: bool,
}

impl Score {
    /// The detection time below which this share of the deaths were found, in milliseconds; none if none was.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let mut sorted = self.found.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((last as f64 * share).ceil() as usize).copied()
    }

    /// False alarms in a thousand hours; none where there was none, because a rate does not come from nothing.
    #[must_use]
    pub fn rate(&self, alive: u64) -> Option<f64> {
        (self.false_alarms > 0).then(|| self.false_alarms as f64 * 3_600_000_000.0 / alive as f64)
    }
}

/// The scores of the detectors that look at one trace.
#[derive(Debug)]
pub struct Ledger {
    deaths: Vec<Range<u64>>,
    /// How many deaths have begun, and how many have ended.
    begun: usize,
    ended: usize,
    waiting: Vec<bool>,
    scores: Vec<Score>,
}

impl Ledger {
    /// A ledger for so many detectors.
    #[must_use]
    pub fn new(trace: &Trace, detectors: usize) -> Self {
        Self {
            deaths: trace.deaths().to_vec(),
            begun: 0,
            ended: 0,
            waiting: vec![false; detectors],
            scores: vec![Score::default(); detectors],
        }
    }

    /// Time has come so far.
    pub fn advance(&mut self, now: u64) {
        while self.begun < self.deaths.len() && self.deaths[self.begun].start <= now {
            self.begun += 1;
            for (score, waiting) in self.scores.iter_mut().zip(&mut self.waiting) {
                *waiting = !score.alarmed;
                score.spoiled += u64::from(score.alarmed);
            }
        }
        while self.ended < self.begun && self.deaths[self.ended].end <= now {
            self.ended += 1;
            for (score, waiting) in self.scores.iter_mut().zip(&mut self.waiting) {
                score.missed += u64::from(std::mem::take(waiting));
            }
        }
    }

    /// A detector says *down*.
    pub fn down(&mut self, detector: usize, now: u64) {
        let score = &mut self.scores[detector];
        if std::mem::replace(&mut score.alarmed, true) {
            return;
        }
        if std::mem::take(&mut self.waiting[detector]) {
            score.found.push(now - self.deaths[self.ended].start);
        } else if self.begun == self.ended && self.settled(now) {
            self.scores[detector].false_alarms += 1;
        }
    }

    /// A detector takes back what it said, if it did.
    pub fn up(&mut self, detector: usize) {
        self.scores[detector].alarmed = false;
    }

    /// Whether a detector's last word is *down*.
    #[must_use]
    pub fn alarmed(&self, detector: usize) -> bool {
        self.scores[detector].alarmed
    }

    fn settled(&self, now: u64) -> bool {
        self.ended.checked_sub(1).is_none_or(|last| now - self.deaths[last].end >= SETTLE)
    }

    /// What each detector has said, and for how many milliseconds the target lived and alarms were counted.
    #[must_use]
    pub fn close(mut self) -> (Vec<Score>, u64) {
        self.advance(u64::MAX);
        let ends = self.deaths.iter().map(|death| death.end + SETTLE);
        let alive =
            std::iter::once(0).chain(ends).zip(&self.deaths).map(|(from, next)| next.start - from).sum();
        (self.scores, alive)
    }
}
