//! The query protocol that RDS, Elastic Load Balancing, STS and IAM share: form parameters in, XML in an envelope
//! out.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::escape;
use crate::world::refusal::Refusal;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    pub(super) fn read(body: &[u8]) -> Self {
        Form(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// A parameter that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub(super) fn required(&self, name: &str) -> Result<String, Refusal> {
        let missing = || format!("The request must contain the parameter {name}");
        self.text(name).ok_or_else(|| Refusal::bad("MissingParameter", missing()))
    }

    pub(super) fn action(&self) -> Result<String, Refusal> {
        let missing = || Refusal::bad("MissingAction", "The request must contain the parameter Action");
        self.text("Action").ok_or_else(missing)
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let invalid =
            |text: &str| Refusal::bad("InvalidParameterValue", format!("Invalid value for {name}: {text}"));
        self.text(name).map(|text| text.parse().map_err(|_| invalid(&text))).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => {
                Err(Refusal::bad("InvalidParameterValue", format!("Invalid value for {name}: {other}")))
            }
        }
    }

    /// A moment, in milliseconds.
    pub(super) fn moment(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let invalid =
            |text: &str| Refusal::bad("InvalidParameterValue", format!("Invalid value for {name}: {text}"));
        let read = |text: String| {
            let moment: jiff::Timestamp = text.parse().map_err(|_| invalid(&text))?;
            u64::try_from(moment.as_millisecond()).map_err(|_| invalid(&text))
        };
        self.text(name).map(read).transpose()
    }

    /// The entries of a list, counted from 1 under `prefix`, such as `Tags.Tag`.
    pub(super) fn list(&self, prefix: &str) -> Vec<String> {
        (1..).map_while(|index| self.text(&format!("{prefix}.{index}"))).collect()
    }

    /// The entries of a list of pairs, such as the `Key` and `Value` of tags; a second may be missing.
    pub(super) fn pairs(&self, prefix: &str, first: &str, second: &str) -> Vec<(String, Option<String>)> {
        let pair = |index: u32| {
            let first = self.text(&format!("{prefix}.{index}.{first}"))?;
            Some((first, self.0.get(&format!("{prefix}.{index}.{second}")).cloned()))
        };
        (1..).map_while(pair).collect()
    }

    /// Refuses what the sandbox does not understand, because ignoring it would answer another question.
    pub(super) fn refuse(&self, prefix: &str) -> Result<(), Refusal> {
        match self.0.keys().any(|name| name.starts_with(prefix)) {
            true => Err(Refusal::bad("InvalidParameterValue", format!("the sandbox knows no {prefix}"))),
            false => Ok(()),
        }
    }
}

/// An operation that the API does not have.
pub(super) fn unknown_action(action: &str, version: &str) -> Refusal {
    Refusal::bad("InvalidAction", format!("Could not find operation {action} for version {version}"))
}

/// A reply around its result.
pub(super) fn envelope(operation: &str, namespace: &str, result: &str, request_id: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// A refusal in XML, which Route 53 shares.
pub(super) fn refusal(namespace: &str, refusal: &Refusal, request_id: &str) -> String {
    let kind = if refusal.status < 500 { "Sender" } else { "Receiver" };
    let (code, message) = (escape(&refusal.code), escape(&refusal.message));
    format!(
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{namespace}\">\
         <Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}
