//! Health checks in XML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{element, escape};
use super::{UNKNOWN_OPERATION, parse};
use crate::world::call::Call;
use crate::world::health::{HealthCheck, HealthCheckConfig};
use crate::world::refusal::Refusal;
use crate::world::rfc3339;
use crate::world::route53::Route53Call;

/// Regions in which the checkers would sit, each with an address of theirs. One checker speaks for all of
/// them.
const CHECKERS: [(&str, &str); 3] =
    [("us-east-1", "192.0.2.10"), ("us-west-2", "192.0.2.20"), ("eu-west-1", "192.0.2.30")];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    caller_reference: String,
    health_check_config: HealthCheckConfig,
}

/// Reads a call by the method and what follows `healthcheck` in the path.
pub(super) fn decode(method: &str, path: &[&str], query: &str, body: &[u8]) -> Result<Call, Refusal> {
    let fields: BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let not_a_number = |_| Refusal::bad("InvalidInput", "maxitems is not a number");
    Ok(Call::Route53(match (method, path) {
        ("POST", []) => {
            let Create { caller_reference, health_check_config } = parse(body)?;
            let config = Box::new(health_check_config);
            Route53Call::CreateHealthCheck { reference: caller_reference, config }
        }
        ("GET", []) => Route53Call::ListHealthChecks {
            marker: fields.get("marker").filter(|marker| !marker.is_empty()).cloned(),
            max_items: fields.get("maxitems").map(|text| text.parse()).transpose().map_err(not_a_number)?,
        },
        ("GET", [id]) => Route53Call::GetHealthCheck { id: (*id).to_owned() },
        ("DELETE", [id]) => Route53Call::DeleteHealthCheck { id: (*id).to_owned() },
        ("GET", [id, "status"]) => Route53Call::GetHealthCheckStatus { id: (*id).to_owned() },
        _ => return Err(Refusal::new(404, UNKNOWN_OPERATION, "")),
    }))
}

/// One check.
pub(super) fn one(check: &HealthCheck) -> String {
    format!("<HealthCheck>{}</HealthCheck>", content(check))
}

/// A page of checks.
pub(super) fn list(
    checks: &[HealthCheck],
    marker: Option<&str>,
    next: Option<&str>,
    max_items: Option<usize>,
) -> String {
    let all: String = checks.iter().map(one).collect();
    let next_marker = next.map_or_else(String::new, |next| format!("<NextMarker>{next}</NextMarker>"));
    let marker = escape(marker.unwrap_or_default());
    format!(
        "<HealthChecks>{all}</HealthChecks><Marker>{marker}</Marker><IsTruncated>{}</IsTruncated>{next_marker}\
         <MaxItems>{}</MaxItems>",
        next.is_some(),
        max_items.unwrap_or(100)
    )
}

/// What the checkers saw last.
pub(super) fn status(last: Option<&(String, u64)>) -> String {
    let report = last.map_or_else(String::new, |(words, at_ms)| {
        format!(
            "<StatusReport><Status>{}</Status><CheckedTime>{}</CheckedTime></StatusReport>",
            escape(words),
            rfc3339(*at_ms)
        )
    });
    let observation = |(region, address): (&str, &str)| {
        format!(
            "<HealthCheckObservation><Region>{region}</Region><IPAddress>{address}</IPAddress>{report}\
             </HealthCheckObservation>"
        )
    };
    let all: String = CHECKERS.into_iter().map(observation).collect();
    format!("<HealthCheckObservations>{all}</HealthCheckObservations>")
}

fn content(check: &HealthCheck) -> String {
    let (id, reference) = (&check.id, escape(&check.caller_reference));
    let config = element("HealthCheckConfig", &check.config);
    format!(
        "<Id>{id}</Id><CallerReference>{reference}</CallerReference>{config}\
         <HealthCheckVersion>1</HealthCheckVersion>"
    )
}
