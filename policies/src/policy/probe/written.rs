//! A probe as a policy writes it, also in the replicated log: `http`, `host` and `expect`, or `postgres`, beside the
//! common settings. The form of an HTTP probe is the one of the first version and must stay it, because logs hold it.

use super::{
    Expect, HttpProbe, Looks, PostgresProbe, Probe, confirm_interval_default, fall_default, interval_default,
    rise_default, timeout_default,
};
use crate::{name::ComponentName, time::Millis};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// One probe, run from every agent against every region.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Probe", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["http"] }, { "required": ["postgres"] }]))]
struct Written {
    /// The component it speaks for; none means the service as a whole, which is critical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<ComponentName>,
    /// The URL, with `{region}` and the region's own variables. Name the regional endpoint, never the public name.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    /// The public name, sent as Host and SNI, where the endpoint serves by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// What counts as success of an HTTP probe.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    expect: Option<Expect>,
    /// The PostgreSQL server that is asked, in place of a URL.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    postgres: Option<PostgresProbe>,
    /// Time between two probes of one target by one agent.
    #[serde(default = "interval_default")]
    interval: Millis,
    /// The one deadline of a probe, from resolving to the last byte.
    #[serde(default = "timeout_default")]
    timeout: Millis,
    /// Time between the re-probes by which every agent confirms a first failure.
    #[serde(default = "confirm_interval_default")]
    confirm_interval: Millis,
    /// Consecutive failures until down.
    #[serde(default = "fall_default")]
    fall: u32,
    /// Consecutive successes until healthy again.
    #[serde(default = "rise_default")]
    rise: u32,
}

/// A key that may be left out but not left empty.
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What is wrong with a probe as a whole, and what to write instead.
struct Wrong {
    what: &'static str,
    write: &'static str,
}

impl Written {
    fn looks(&mut self) -> Result<Looks, Wrong> {
        let wrong = |what, write| Err(Wrong { what, write });
        match (self.http.take(), self.postgres.take()) {
            (Some(url), None) => {
                let (host, expect) = (self.host.take(), self.expect.take().unwrap_or_default());
                Ok(Looks::Http(HttpProbe { url, host, expect }))
            }
            (None, Some(_)) if self.expect.is_some() => wrong(
                "`expect` is about an HTTP reply, and this probe asks PostgreSQL",
                "the probe without `expect`",
            ),
            (None, Some(_)) if self.host.is_some() => {
                wrong("`host` is the public name of an HTTP probe", "the server's host within `postgres`")
            }
            (None, Some(postgres)) => Ok(Looks::Postgres(postgres)),
            (Some(_), Some(_)) => wrong(
                "`http` and `postgres` in one probe",
                "one of them, and the other in a probe of its own",
            ),
            (None, None) => wrong(
                "a probe without what it looks at",
                "`http:` with a URL, or `postgres:` with host and user",
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Probe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = Written::deserialize(deserializer)?;
        let looks = written.looks().map_err(|Wrong { what, write }| {
            <D::Error as de::Error>::invalid_value(de::Unexpected::Other(what), &write)
        })?;
        let Written { component, interval, timeout, confirm_interval, fall, rise, .. } = written;
        Ok(Self { component, looks, interval, timeout, confirm_interval, fall, rise })
    }
}

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { component, looks, interval, timeout, confirm_interval, fall, rise } = self.clone();
        let (http, postgres) = match looks {
            Looks::Http(http) => (Some(http), None),
            Looks::Postgres(postgres) => (None, Some(postgres)),
        };
        let (http, host, expect) = match http {
            Some(HttpProbe { url, host, expect }) => (Some(url), host, Some(expect)),
            None => (None, None, None),
        };
        let common = Written {
            component,
            http,
            host,
            expect,
            postgres,
            interval,
            timeout,
            confirm_interval,
            fall,
            rise,
        };
        common.serialize(serializer)
    }
}

impl JsonSchema for Probe {
    fn schema_name() -> Cow<'static, str> {
        "Probe".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: probes in logs of the first version read on, and are written as they were. Method: one as that version
    /// wrote it, byte for byte.
    #[test]
    fn the_first_versions_form_stays() {
        let old = r#"{"component":"web","http":"https://{alb}/health","host":"shop.example.com","expect":{"status":"200-299"},"interval":"1s","timeout":"800ms","confirm_interval":"200ms","fall":3,"rise":2}"#;
        let probe: Probe = serde_json::from_str(old).unwrap();
        assert!(matches!(&probe.looks, Looks::Http(http) if http.url == "https://{alb}/health"));
        assert_eq!(serde_json::to_string(&probe).unwrap(), old);
    }

    /// Goal: a PostgreSQL probe survives the log. Method: the smallest one, to JSON and back.
    #[test]
    fn a_postgres_probe_survives_the_log() {
        let probe: Probe = serde_json::from_str(r#"{"postgres":{"host":"db","user":"u"}}"#).unwrap();
        assert_eq!(probe, Probe::postgres("db", "u"));
        let written = serde_json::to_string(&probe).unwrap();
        assert!(
            !written.contains("expect") && written.contains(r#""port":5432,"database":"postgres""#),
            "{written}"
        );
        assert_eq!(serde_json::from_str::<Probe>(&written).unwrap(), probe);
    }
}
