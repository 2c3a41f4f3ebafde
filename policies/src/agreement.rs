//! From the reports of all agents to one opinion of a region. Agreement *detects*; it authorizes nothing.
//! Votes count against the *configured* agents, never against those that happen to answer (P1).

mod count;
pub mod lag;
pub mod look;
pub mod report;
pub mod tally;

pub use count::Ballot;
pub use lag::{LagVote, ReplicaLag};
pub use look::{LookVote, PlanLook};
pub use report::{PolicyHash, Report, ServiceReport, TargetReport, policy_hash};
pub use tally::{
    Evidence, Opinion, RegionTally, TargetTally, Vote, opinion_of_component, opinion_of_region, others_red,
    region_opinion, tally_component, tally_region,
};
