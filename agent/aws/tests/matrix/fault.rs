//! What can go wrong between an agent and AWS, in words.

use std::fmt;

/// What happens to a call, or to a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// It is carried out late.
    Latency,
    /// It does not reach AWS, and nobody answers.
    Hang,
    /// It does not reach AWS, and the connection ends.
    Reset,
    /// It is carried out, and the connection ends without a reply.
    LoseReply,
    /// It is carried out, and nobody answers.
    HangAfter,
    /// It is carried out, and half of the reply's body arrives.
    Truncate,
    /// It does not reach AWS; a 500 is answered.
    InternalError,
    /// It does not reach AWS; a 503 is answered.
    Unavailable,
    /// It does not reach AWS; the protocol's throttling error is answered.
    Throttled,
    /// It is carried out, and the agent that sent it is killed before it knows.
    Killed,
    /// Every endpoint of the region refuses connections.
    RegionRefuses,
    /// Every endpoint of the region takes requests and never answers.
    RegionHangs,
}

impl Fault {
    /// Those that a mutating call can meet.
    pub(crate) const OF_CALLS: [Fault; 10] = [
        Fault::Latency,
        Fault::Hang,
        Fault::Reset,
        Fault::LoseReply,
        Fault::HangAfter,
        Fault::Truncate,
        Fault::InternalError,
        Fault::Unavailable,
        Fault::Throttled,
        Fault::Killed,
    ];
    /// Those that a read can meet. It changes nothing, so a lost reply is a reset to it, and a late hang a hang.
    pub(crate) const OF_READS: [Fault; 7] = [
        Fault::Latency,
        Fault::Hang,
        Fault::Reset,
        Fault::Truncate,
        Fault::InternalError,
        Fault::Unavailable,
        Fault::Throttled,
    ];
    /// Those of a whole region.
    pub(crate) const OF_REGIONS: [Fault; 2] = [Fault::RegionRefuses, Fault::RegionHangs];

    /// Whether somebody waits for a reply that never comes.
    pub(crate) const fn hangs(self) -> bool {
        matches!(self, Fault::Hang | Fault::HangAfter | Fault::RegionHangs)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Latency => "slow",
            Fault::Hang => "hang",
            Fault::Reset => "reset before",
            Fault::LoseReply => "reply lost after apply",
            Fault::HangAfter => "hang after apply",
            Fault::Truncate => "truncated reply",
            Fault::InternalError => "500",
            Fault::Unavailable => "503",
            Fault::Throttled => "throttled",
            Fault::Killed => "agent killed after apply",
            Fault::RegionRefuses => "region refuses connections",
            Fault::RegionHangs => "region hangs",
        })
    }
}
