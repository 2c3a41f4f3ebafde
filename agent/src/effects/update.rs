//! `dns.update`: moves a record by a dynamic update (RFC 2136) that is signed with a shared key (RFC 8945), for zones on a
//! server of one's own, such as BIND or Knot. It only asks and converts; `judge` decides and `message` builds.
//!
//! - **Called on:** the zone's primary server, over TCP. It is asked without recursion, so no cache answers; every message
//!   is signed and every reply has to be, so that nobody on the way can say what stands there.
//! - **The fence:** a TXT record `_quorate-epoch.NAME` says `epoch=N execution=ID attempt=K`, as it does for
//!   `route53.repoint`. One update holds the prerequisite that both records are exactly as they were read, and replaces
//!   both: the server carries out all of it or nothing. An executor whose reading is stale is refused by the server; one
//!   with an older epoch sends nothing.
//! - **Unknown after an act:** no reply, one that is not signed, or a server that failed. Looking resolves it: our mark
//!   with our values means that it was carried out.
//! - **Can be undone** by updating back under the same epoch: what stood is told with the first look, before anything is
//!   sent. Where there was no record it stays.

mod aim;
mod judge;
mod keys;
mod message;
mod readiness;
mod wire;

use aim::{Aim, plain};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RecordType, TSigner},
};
use judge::Reply;
use keys::{KeyError, Keys};
use message::World;
use quorate_aws::EpochMark;
use quorate_policies::{
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::action::DnsUpdate,
    readiness::Finding,
};
use std::{path::Path, time::Duration};
use tokio::time::timeout;
use wire::{Session, Trouble};

/// One look: a connection and at most three questions, so four round trips, which take less than a second around the world.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// The update alone: a server writes its journal, and may sign the zone anew, before it answers. With a look before it and
/// one behind it an act stays within the 8 s of the longest call.
const UPDATE_MAX: Duration = Duration::from_secs(3);

/// The room.
pub struct Updates {
    keys: Keys,
}

/// One update: what it wants, and the mark that claims it.
struct Goal {
    aim: Aim,
    mark: EpochMark,
}

impl Goal {
    fn new(action: &DnsUpdate, context: &EffectContext) -> Result<Self, String> {
        let wrong = |why: String| format!("dns.update of {}: {why}", action.name);
        let mark = EpochMark::new(context.epoch, &context.execution, context.attempt);
        let mark = mark.map_err(|error| wrong(error.to_string()))?;
        Ok(Self { aim: Aim::new(action).map_err(wrong)?, mark })
    }
}

impl Updates {
    /// By the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path) -> Self {
        Self { keys: Keys::new(file, base) }
    }

    /// Reads the record and its epoch record from the server itself.
    pub async fn observe(&self, action: &DnsUpdate, context: &EffectContext) -> Observed {
        let goal = match Goal::new(action, context) {
            Ok(goal) => goal,
            Err(reason) => return Observed::Impossible { reason },
        };
        let signer = match self.keys.signer(&action.key).await {
            Ok(signer) => signer,
            Err(error @ KeyError::Missing(_)) => return Observed::Impossible { reason: error.to_string() },
            Err(error @ KeyError::Unusable { .. }) => return Observed::Unknown { reason: error.to_string() },
        };
        match look(&goal.aim, signer).await {
            Ok((_, world)) => judge::observed(&goal.aim, &goal.mark, &world),
            Err(trouble) => Observed::Unknown { reason: trouble.to_string() },
        }
    }

    /// Reads both records and sends the update, once.
    pub async fn act(&self, action: &DnsUpdate, context: &EffectContext) -> Acted {
        let unsent =
            |why: String, retryable| Acted::Refused { reason: format!("nothing sent: {why}"), retryable };
        let Goal { aim, mark } = match Goal::new(action, context) {
            Ok(goal) => goal,
            Err(reason) => return unsent(reason, false),
        };
        let signer = match self.keys.signer(&action.key).await {
            Ok(signer) => signer,
            Err(error) => return unsent(error.to_string(), matches!(error, KeyError::Unusable { .. })),
        };
        let (mut session, before) = match look(&aim, signer).await {
            Ok(looked) => looked,
            Err(trouble) => return unsent(trouble.to_string(), true),
        };
        if let Some(acted) = judge::withheld(judge::standing(&aim, &mark, &before)) {
            return acted;
        }
        let update = message::update(&aim, &mark, &before);
        let reply = match timeout(UPDATE_MAX, session.ask(update)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(trouble)) => return Acted::Unknown { reason: trouble.to_string() },
            Err(_) => {
                let late = session.unanswered(&format!("no answer within {UPDATE_MAX:?}"));
                return Acted::Unknown { reason: late.to_string() };
            }
        };
        match judge::reply(&aim, reply.response_code) {
            Reply::Accepted => Acted::Accepted { detail: message::summary(&aim, &mark) },
            Reply::Refused(reason) => Acted::Refused { reason, retryable: false },
            Reply::Unclear(reason) => Acted::Unknown { reason },
            Reply::Moved(code) => match timeout(LOOK_MAX, read(&mut session, &aim)).await {
                Ok(Ok(after)) => judge::moved(&aim, &mark, &before, &after, code),
                Ok(Err(trouble)) => Acted::Unknown { reason: format!("{code}; looking again: {trouble}") },
                Err(_) => Acted::Unknown { reason: format!("{code}; looking again: no answer in time") },
            },
        }
    }

    /// What stands in the way of an update, as far as reading tells.
    pub async fn check(&self, action: &DnsUpdate) -> Vec<Finding> {
        let aim = match Aim::new(action) {
            Ok(aim) => aim,
            Err(why) => return vec![Finding::blocking(why, "correct the step in the policy")],
        };
        let signer = match self.keys.signer(&action.key).await {
            Ok(signer) => signer,
            Err(error) => return vec![readiness::unsigned(&error)],
        };
        let survey = async {
            let mut session = Session::open(&aim.host, aim.port, signer).await?;
            let zone = asked(&mut session, &aim.zone, RecordType::SOA).await?;
            Ok((zone, read(&mut session, &aim).await?))
        };
        match timeout(LOOK_MAX, survey).await.unwrap_or_else(|_| Err(late(&aim))) {
            Ok((reply, world)) => {
                readiness::zone(&aim, &reply).into_iter().chain(readiness::record(&aim, &world)).collect()
            }
            Err(trouble) => vec![readiness::unread(&trouble)],
        }
    }
}

/// Connects and reads both records.
async fn look(aim: &Aim, signer: TSigner) -> Result<(Session, World), Trouble> {
    let look = async {
        let mut session = Session::open(&aim.host, aim.port, signer).await?;
        let world = read(&mut session, aim).await?;
        Ok((session, world))
    };
    timeout(LOOK_MAX, look).await.unwrap_or_else(|_| Err(late(aim)))
}

fn late(aim: &Aim) -> Trouble {
    Trouble::Unanswered(format!(
        "the DNS server {}, port {}: no answer within {LOOK_MAX:?}",
        aim.host, aim.port
    ))
}

/// The record first: if both are ours, then the epoch record was still ours after the record had been read.
async fn read(session: &mut Session, aim: &Aim) -> Result<World, Trouble> {
    let record = asked(session, &aim.name, aim.record_type()).await?;
    let fence = asked(session, &aim.fence, RecordType::TXT).await?;
    Ok(World::of(aim, &record, &fence))
}

/// Asks for what the server has itself. A name that does not exist is an answer.
async fn asked(session: &mut Session, name: &Name, kind: RecordType) -> Result<Message, Trouble> {
    let reply = session.ask(message::question(name, kind)).await?;
    let name = plain(name);
    match reply.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain if reply.truncation => {
            Err(Trouble::Unfit(format!("the answer for {name} is not whole")))
        }
        ResponseCode::NoError | ResponseCode::NXDomain if reply.authoritative => Ok(reply),
        ResponseCode::NoError | ResponseCode::NXDomain => {
            Err(Trouble::Unfit(format!("the DNS server is not authoritative for {name}")))
        }
        // It has the zone, and cannot say what is in it at the moment.
        ResponseCode::ServFail => Err(session.unanswered(&format!("it fails to answer for {name}"))),
        other => Err(Trouble::Unfit(format!("the DNS server answers {other} for {name} {kind}"))),
    }
}
