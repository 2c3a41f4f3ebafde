//! The fields of actions: no empty text, no unknown variable, no unknown region, no half-written record. What every
//! action has in common stands here and in `fields`; what one family of actions means, in a file of its own.

mod aurora;
mod dns;
mod ecs;
mod exec;
mod fields;
mod postgres;
mod rds;
mod restore;
mod route53;
mod s3;
mod sql;

use super::{
    address,
    variables::{self, Scope},
};
use crate::{
    document::problem::{FieldPath, Problem},
    effect::AssumeRole,
    plan::action::{Action, VerifyProbes, Wait},
    policy::Policy,
    time::Millis,
};
use fields::Fields;

pub(super) fn check(policy: &Policy, step: &FieldPath, action: &Action, problems: &mut Vec<Problem>) {
    let mut fields = Fields::read(policy, step, action, problems);
    match action {
        Action::RdsPromoteReadReplica(action) => rds::promote(&mut fields, action),
        Action::PostgresPromote(action) => postgres::promote(&mut fields, policy, action),
        Action::PostgresFence(action) => postgres::fence(&mut fields, action),
        Action::PostgresUnfence(action) => postgres::unfence(&mut fields, action),
        Action::PostgresSwitchover(action) => postgres::switchover(&mut fields, policy, action),
        Action::PostgresRejoin(action) => postgres::rejoin(&mut fields, action),
        Action::RdsRestoreToPointInTime(_) => rds::restore(&mut fields),
        Action::RdsFence(action) => rds::fence(&mut fields, action),
        Action::RdsUnfence(action) => rds::unfence(&mut fields, action),
        Action::AuroraSwitchover(_) => aurora::target(&mut fields),
        Action::AuroraFailover(action) => aurora::failover(&mut fields, action),
        Action::EcsScale(action) => ecs::scale(&mut fields, action),
        Action::Route53Repoint(action) => route53::repoint(&mut fields, action),
        Action::Route53Signal(action) => route53::signal(&mut fields, policy, action),
        Action::DnsUpdate(action) => dns::update(&mut fields, action),
        Action::DnsConverged(action) => dns::converged(&mut fields, action),
        Action::Exec(action) => exec::exec(&mut fields, action),
        Action::Http(action) => exec::http(&mut fields, action),
        Action::VerifyProbes(action) => verify(&mut fields, action),
        Action::Wait(action) => wait(&mut fields, action),
        Action::PostgresRestore(action) => restore::postgres(&mut fields, action),
        Action::RedisRestore(action) => restore::redis(&mut fields, action),
        Action::S3Sync(action) => s3::sync(&mut fields, action),
        Action::VerifySql(action) => sql::verify(&mut fields, action),
        Action::RdsCreateCrossRegionReplica(_)
        | Action::RdsReboot(_)
        | Action::StatuspageIncident(_)
        | Action::Approval(_)
        // With the rest of `communication`.
        | Action::Notify(_)
        // Its names are the plan's business.
        | Action::Gate(_) => {}
    }
}

/// The role in which a step acts.
pub(super) fn role(policy: &Policy, step: &FieldPath, role: &AssumeRole, problems: &mut Vec<Problem>) {
    let place = step.join("role");
    let arns = variables::resolve(policy, Scope::Plan, &place.join("arn"), &role.arn, problems);
    let is_role = |arn: &&String| address::arn(arn, "iam", "role/").is_none();
    if let Some(wrong) = arns.and_then(|arns| arns.values().find(is_role).cloned()) {
        let message = format!("`{wrong}` is not the ARN of a role");
        let mend = "write it as arn:aws:iam::ACCOUNT:role/NAME";
        problems.push(Problem::error(place.join("arn"), message, mend));
    }
    if let Some(id) = &role.external_id {
        variables::resolve(policy, Scope::Plan, &place.join("external_id"), id, problems);
    }
}

fn wait(fields: &mut Fields<'_>, action: &Wait) {
    if action.lasting == Millis::ZERO {
        fields.wrong(&["for"], "it waits for nothing", "write a duration above 0s, or remove the step");
    }
}

fn verify(fields: &mut Fields<'_>, action: &VerifyProbes) {
    let mend = "write the URL that clients use, for example https://shop.example.com/health";
    fields.judge("through", address::probed, mend);
    if action.successes == 0 {
        let message = "successes is 0: nothing would be verified";
        fields.wrong(&["successes"], message, "write 1 or more; 2 is the default");
    }
}
