//! Elastic Load Balancing's calls and replies in the query protocol.

use super::escape;
use super::query::{Form, unknown_action};
use crate::world::balancing::{BalancingCall, TargetHealth};
use crate::world::call::Call;
use crate::world::refusal::Refusal;

pub(super) const VERSION: &str = "2015-12-01";
pub(super) const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// Reads a call.
pub(super) fn decode(form: &Form) -> Result<Call, Refusal> {
    match form.action()?.as_str() {
        "DescribeTargetHealth" => {
            let invalid = |text: String| {
                text.parse().map_err(|_| Refusal::bad("InvalidTarget", format!("port {text} is none")))
            };
            let target = |(id, port): (String, Option<String>)| Ok((id, port.map(invalid).transpose()?));
            let targets = form.pairs("Targets.member", "Id", "Port").into_iter().map(target);
            Ok(Call::Balancing(BalancingCall::DescribeTargetHealth {
                target_group: form.required("TargetGroupArn")?,
                targets: targets.collect::<Result<_, Refusal>>()?,
            }))
        }
        other => Err(unknown_action(other, VERSION)),
    }
}

/// Writes a reply's result.
pub(super) fn encode(targets: &[TargetHealth]) -> String {
    let members: String = targets.iter().map(member).collect();
    format!("<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")
}

fn member(target: &TargetHealth) -> String {
    let (id, port, zone, state) = (escape(&target.id), target.port, &target.zone, target.state);
    let reason = target.reason.map_or_else(String::new, |(code, words)| {
        format!("<Reason>{code}</Reason><Description>{}</Description>", escape(words))
    });
    format!(
        "<member><Target><Id>{id}</Id><Port>{port}</Port><AvailabilityZone>{zone}</AvailabilityZone></Target>\
         <HealthCheckPort>{port}</HealthCheckPort>\
         <TargetHealth><State>{state}</State>{reason}</TargetHealth></member>"
    )
}
