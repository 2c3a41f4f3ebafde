//! Detection by a fixed threshold, as Redis Sentinel does it (`sentinel.c`). Each of them pings every second, and every
//! half second while no reply comes; the oldest ping without a reply is older than `down-after`: subjectively down; a
//! majority says so: objectively down. A process whose timer was late by two seconds says nothing for thirty (TILT).
//!
//! Where the model differs it is kinder than the original: votes are known to everybody at once and are never stale,
//! though Sentinels ask each other once a second and believe an answer for five; a lost ping does not hold up the ones
//! behind it on its connection; and a reply that came during a pause is read before the timer runs.

use super::{
    ledger::{Ledger, Score},
    weather::{AGENTS, Answer, Trace},
};

/// `down-after`, in milliseconds. Thirty seconds is Sentinel's default.
pub const THRESHOLDS: [u64; 6] = [1_000, 2_000, 3_000, 5_000, 10_000, 30_000];
/// The timer's period.
const TICK: u64 = 100;
const PING_PERIOD: u64 = 1_000;
const TILT_TRIGGER: u64 = 2_000;
const TILT_PERIOD: u64 = 30_000;
/// A ping is one round trip on a connection that stands.
const TRIPS: u64 = 1;

/// One Sentinel's view of the master.
#[derive(Debug, Clone, Default)]
pub struct Sentinel {
    last_pong: u64,
    last_ping: u64,
    /// The oldest ping without a reply.
    waiting_since: Option<u64>,
    ticked_at: u64,
    tilt_until: u64,
}

impl Sentinel {
    /// A reply came.
    pub fn pong(&mut self, now: u64) {
        self.last_pong = now;
        self.waiting_since = None;
    }

    /// The timer. Whether to send a ping now.
    pub fn tick(&mut self, now: u64) -> bool {
        if now - self.ticked_at > TILT_TRIGGER {
            self.tilt_until = now + TILT_PERIOD;
        }
        self.ticked_at = now;
        let due = now - self.last_pong > PING_PERIOD && now - self.last_ping > PING_PERIOD / 2;
        if due {
            self.last_ping = now;
            self.waiting_since.get_or_insert(now);
        }
        due
    }

    /// Whether it holds the master for down, after so long without a reply.
    #[must_use]
    pub fn subjectively_down(&self, now: u64, down_after: u64) -> bool {
        now >= self.tilt_until && self.waiting_since.is_some_and(|since| now - since > down_after)
    }
}

/// Runs Sentinels on a trace: one score for each threshold, and how long the target lived.
#[must_use]
pub fn watch(mut trace: Trace) -> (Vec<Score>, u64) {
    let mut ledger = Ledger::new(&trace, THRESHOLDS.len());
    let mut sentinels = [(); AGENTS].map(|()| Sentinel::default());
    let mut replies: [Vec<u64>; AGENTS] = Default::default();
    let spread = TICK / AGENTS as u64;
    let mut now = TICK;
    while now < trace.end() {
        ledger.advance(now);
        let mut down = [0; THRESHOLDS.len()];
        for (index, (sentinel, replies)) in sentinels.iter_mut().zip(&mut replies).enumerate() {
            let now = now + index as u64 * spread;
            if trace.paused(index, now).is_some() {
                continue;
            }
            let arrived = replies.extract_if(.., |at| *at <= now).max();
            if let Some(at) = arrived {
                sentinel.pong(at);
            }
            if sentinel.tick(now)
                && let Answer::After(took) = trace.look(index, true, now, TRIPS)
            {
                replies.push(now + took);
            }
            for (votes, threshold) in down.iter_mut().zip(THRESHOLDS) {
                *votes += usize::from(sentinel.subjectively_down(now, threshold));
            }
        }
        for (detector, votes) in down.into_iter().enumerate() {
            if votes > AGENTS / 2 {
                ledger.down(detector, now);
            } else {
                ledger.up(detector);
            }
        }
        now += TICK;
    }
    ledger.close()
}
