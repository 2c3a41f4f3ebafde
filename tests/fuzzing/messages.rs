//! What agents say to each other over their mutually authenticated connections. Promised: bytes that are no message are
//! refused by name; what is read can be written and read again as the same; a peer of a later version, with fields that
//! this one does not know, is still understood, and a word that this one does not know refuses the message and is never
//! taken for another (R7).

use super::commands;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{Call, FormatError, Reply, Request, decode, encode};
use quorate_core::Cluster;
use quorate_policies::agreement::Report;
use serde::{Serialize, de::DeserializeOwned};

/// A consensus request, a consensus reply, or a report.
///
/// # Panics
/// When a promise is broken.
pub fn peer_message(data: &[u8]) {
    if let Some(request) = same_again::<Request<Cluster, TokioRuntime>>("request", data)
        && let Call::Snapshot { machine, .. } = &request.call
    {
        commands::snapshot(machine.as_bytes());
    }
    same_again::<Reply<Cluster, TokioRuntime>>("reply", data);
    if let Some(report) = same_again::<Report>("report", data) {
        let text = encode("report", &report).expect("a report can be written");
        let unheard_of = text.replace("\"down\"", "\"sinking\"");
        if unheard_of != text {
            assert!(
                decode::<Report>("report", unheard_of.as_bytes()).is_err(),
                "an unknown verdict was read"
            );
        }
    }
}

fn same_again<T: Serialize + DeserializeOwned>(what: &str, data: &[u8]) -> Option<T> {
    let value = match decode::<T>(what, data) {
        Ok(value) => value,
        Err(FormatError::UnknownVersion { what: named, found }) => {
            assert!(named == what && found != Some('1'));
            return None;
        }
        Err(FormatError::Invalid { what: named, detail }) => {
            assert!(named == what && !detail.is_empty());
            return None;
        }
    };
    let text = encode(what, &value).expect("what was read can be written");
    let again: T = decode(what, text.as_bytes()).expect("what was written can be read");
    assert_eq!(encode(what, &again).expect("it can be written"), text, "written twice, and not the same");
    let mut newer: serde_json::Value =
        serde_json::from_str(&text[1..]).expect("behind the version it is JSON");
    if let Some(fields) = newer.as_object_mut()
        && fields.len() > 1
    {
        fields.insert("a_field_of_tomorrow".to_owned(), serde_json::json!(["x"]));
        let newer = encode(what, &newer).expect("it can be written");
        let again: T = decode(what, newer.as_bytes()).expect("a field too many is ignored");
        assert_eq!(
            encode(what, &again).expect("it can be written"),
            text,
            "a field too many changed something"
        );
    }
    Some(value)
}
