//! The words of the guard: what it is told, and what it asks for. Data alone; it decides nothing and touches nothing.

use quorate_policies::{Millis, Monotonic};
use std::fmt;

/// What the operator decides. Each length's reason stands with its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often the lease is asked for.
    pub ask_every: Millis,
    /// How long before the lease's end the server is told to stop.
    pub stop_time: Millis,
    /// How long after SIGQUIT everything is killed; less than `stop_time`.
    pub kill_after: Millis,
    /// How often the local statement is asked.
    pub statement_every: Millis,
    /// How long a primary may give no good answer to it.
    pub statement_limit: Millis,
    /// How long a server that was promoted without a lease may wait for one.
    pub promotion_grace: Millis,
    /// How long a start, with its crash recovery, may take.
    pub start_max: Millis,
    /// Whether a former primary is made a standby without a human.
    pub rejoin: bool,
    /// Whether a server that ended as a primary may be started as one again, under a lease granted since.
    pub restart_primary: bool,
}

/// What a server says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It is in recovery.
    Replica,
}

/// What the lease's agent answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: this region may write, for so long from the moment the request was *sent*.
    Granted {
        /// The fencing token.
        epoch: u64,
        /// How long.
        remaining: Millis,
    },
    /// 409: it must not, after the end of what it holds.
    Refused {
        /// The agent's reason.
        why: String,
        /// The epoch under which the log has moved the lease to another region, if that is the reason.
        moved: Option<u64>,
    },
    /// No answer, or one that means nothing. It is no refusal: nobody else need hold the lease.
    Unknown {
        /// What went wrong.
        why: String,
    },
}

/// What the local statement brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// An answer.
    Is {
        /// What the server is.
        role: Role,
        /// On which timeline.
        timeline: u32,
        /// Whether a standby receives its primary's log now.
        streaming: bool,
    },
    /// The server says that it starts and takes nobody (SQLSTATE 57P03); so it takes no write.
    Starting,
    /// Anything else, also no answer within the statement's deadline.
    Failed {
        /// What went wrong.
        why: String,
    },
}

/// What is in the data directory of a server that does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// It would start as a standby.
    pub standby_signal: bool,
    /// The last checkpoint's timeline.
    pub timeline: u32,
    /// The state in words, as `pg_controldata` gives it.
    pub state: String,
    /// Whether `pg_rewind` can work on it: checksums, or `wal_log_hints`.
    pub can_rewind: bool,
}

/// Why a data directory cannot be used, or how a rejoining went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejoined {
    /// The directory is a standby's now.
    Done,
    /// Nothing was changed; there may be a primary to join later.
    NotYet {
        /// What was missing.
        why: String,
    },
    /// A human must act.
    Impossible {
        /// What to do, with the commands.
        what: String,
    },
}

/// Everything that the guard is told. Each comes with the moment it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing but time.
    Tick,
    /// The end of an [`Output::AskLease`].
    LeaseAnswered {
        /// When the request was sent: from there the lease counts.
        sent_at: Monotonic,
        /// The answer.
        answer: Answer,
    },
    /// The end of an [`Output::AskStatement`].
    StatementDone {
        /// When it was sent. The answer is no younger.
        sent_at: Monotonic,
        /// What came of it.
        statement: Statement,
    },
    /// The postmaster is no more, or could not be started. Its backends may live on.
    PostmasterExited {
        /// How it ended.
        why: String,
    },
    /// Not one process of the server is left.
    ServerGone,
    /// The end of an [`Output::LookAtDirectory`]. An error needs a human.
    DirectorySeen(Result<Directory, String>),
    /// The end of an [`Output::Rejoin`].
    Rejoined(Rejoined),
    /// The operator ends the guard (SIGTERM).
    Finish,
}

/// How a server is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With `standby.signal` in its directory.
    Standby,
    /// Without; it becomes a primary.
    Primary,
}

/// How a server is stopped; each is harder than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// SIGINT to the postmaster: sessions end, a checkpoint is written.
    Fast,
    /// SIGQUIT to the postmaster: everything ends, nothing is written.
    Immediate,
    /// SIGKILL to every process of the server, until none is left.
    Kill,
}

/// Everything that the guard asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Look at the data directory.
    LookAtDirectory,
    /// Ask an agent for the lease.
    AskLease,
    /// Ask the server what it is.
    AskStatement,
    /// Start it.
    StartServer(Mode),
    /// Stop it.
    StopServer(Stop),
    /// Say to the agents that what they have promised until now is given back: no process writes under it. The next
    /// question for the lease is another holder's.
    ReleaseLease {
        /// Which lease, for the log.
        epoch: u64,
    },
    /// Let the kernel pass the server's packets until then; `None` at once no more.
    Fence(Option<Monotonic>),
    /// Make the directory a standby's.
    Rejoin,
    /// Say this to a human.
    NeedHuman {
        /// What to do.
        what: String,
    },
    /// One line for the log and the state page.
    Transition {
        /// What the server is from now on.
        to: &'static str,
        /// Why.
        why: String,
    },
    /// The guard's work is done.
    Exit,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        })
    }
}
