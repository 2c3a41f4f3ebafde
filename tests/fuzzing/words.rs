//! Small texts with a form of their own: durations, names, statuses, votes, templates, URLs. Every text is tried as each of
//! them. Promised: what is accepted prints as something that reads back equal.

use quorate_policies::{
    AgentName, Millis, RegionName, ServiceName, TargetName, Timestamp,
    plan::template,
    policy::{HttpProbe, Looks, Probe, StatusRanges, Votes},
};
use quorate_probes::Target;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Debug};

/// One text, read as each kind.
///
/// # Panics
/// When a promise is broken.
pub fn words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(length) = Millis::parse(&text) {
        assert_eq!(Millis::parse(&length.to_string()), Ok(length));
        let _ = Timestamp(length.0).plus(length).since(Timestamp(1)).to_string();
        let _ = Timestamp(length.0).to_string();
    }
    as_json::<AgentName>(&text);
    as_json::<RegionName>(&text);
    as_json::<ServiceName>(&text);
    as_json::<TargetName>(&text);
    as_json::<Millis>(&text);
    as_json::<StatusRanges>(&text);
    as_json::<Votes>(&text);
    let variables =
        BTreeMap::from([("region".to_owned(), "r".to_owned()), ("a.b".to_owned(), String::new())]);
    if let Ok(resolved) = template::resolve(&text, &variables) {
        let doubled = text.contains("{{") || text.contains("}}");
        assert!(doubled || !resolved.contains(['{', '}']), "{text:?} became {resolved:?}");
    }
    url(&text);
}

fn as_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    let Ok(value) = serde_json::from_value::<T>(serde_json::Value::String(text.to_owned())) else { return };
    let printed = serde_json::to_value(&value).expect("what was read can be written");
    let again = serde_json::from_value::<T>(printed).expect("what was written can be read");
    assert_eq!(again, value);
}

fn url(text: &str) {
    let target = TargetName::try_from("api/r".to_owned()).expect("a target");
    let (url, host) = text.split_once(' ').map_or((text, None), |(url, host)| (url, Some(host)));
    let probe = serde_json::json!({ "http": "unused", "host": host });
    let Ok(probe) = serde_json::from_value::<Probe>(probe) else { return };
    let made = |url: &str| {
        let Looks::Http(http) = &probe.looks else { panic!("it was an HTTP probe") };
        let looks = Looks::Http(HttpProbe { url: url.to_owned(), ..http.clone() });
        Target::new(target.clone(), &looks, probe.timeout)
    };
    let Ok(first) = made(url) else { return };
    let Target::Http(http) = &first else { panic!("it was an HTTP probe") };
    let printed = http.url().to_string();
    assert_eq!(made(&printed).as_ref(), Ok(&first), "{url:?} printed as {printed:?}");
}
