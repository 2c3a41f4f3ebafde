//! Reading a text into its typed value, with every error of the reader turned into a [`Problem`]. The reader stops at
//! its first error, so a text gives either one problem from here or all problems of the checks.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the reader's error has some seventy kinds; all that have no mend of their own are told alike"
)]

use super::{
    nearest,
    places::{Kind, Places, Position},
    problem::{FieldPath, Problem},
    schema,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::{
    Error, MessageFormatter, Options, UserMessageFormatter,
    options::{DuplicateKeyPolicy, MergeKeyPolicy},
};

/// Largest document, in bytes. The largest policies in practice have some 20 KiB; the replicated log carries each
/// version whole, and a limit far above practice keeps one mistake from filling it.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Deepest nesting. A policy needs eight levels.
const DEPTH_MAX: usize = 32;

/// Most anchors that are replayed, in values. Aliases are for repeating a probe's settings, not for growing a small
/// text into a large one.
const ALIAS_VALUES_MAX: usize = 10_000;

/// The reader's settings: duplicate keys, merge keys, foreign tags and the many spellings of a boolean are refused,
/// because each lets a text mean something else than it seems to.
pub(super) fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIAS_VALUES_MAX },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// Reads a text as a `T`, and lists where its settings stand.
///
/// # Errors
/// The one problem at which reading stopped, placed.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(file: &str, text: &str) -> Result<(T, Places), Problem> {
    let placed = |position: Position, problem: Problem| Problem {
        file: file.to_owned(),
        line: position.line,
        column: position.column,
        ..problem
    };
    let start = Position { line: 1, column: 1 };
    if text.len() > DOCUMENT_BYTES_MAX {
        let message = format!("the document has {} bytes, more than {DOCUMENT_BYTES_MAX}", text.len());
        return Err(placed(
            start,
            Problem::error(FieldPath::default(), message, "split it into one policy for each service"),
        ));
    }
    let position_of = |error: &Error| error.location().map_or(start, Position::from);
    let places = Places::of(text).map_err(|error| {
        let position = position_of(&error);
        placed(position, malformed(&error, field_of_double(text, &error, position)))
    })?;
    if places.kind(&FieldPath::default()) == Some(&Kind::Empty) {
        return Err(placed(
            start,
            Problem::error(FieldPath::default(), "the document is empty", "begin from `quorate init`"),
        ));
    }
    match serde_saphyr::from_str_with_options::<T>(text, options()) {
        Ok(value) => Ok((value, places)),
        Err(error) => {
            let schema = schema::of::<T>();
            let (position, problem) = mistyped(&error, position_of(&error), &places, &schema);
            Err(placed(position, problem))
        }
    }
}

/// Which setting is written twice, if that is the error: the text is read again with the later one standing.
fn field_of_double(text: &str, error: &Error, position: Position) -> FieldPath {
    let mut lenient = options();
    lenient.duplicate_keys = DuplicateKeyPolicy::LastWins;
    let places = matches!(error, Error::DuplicateMappingKey { .. })
        .then(|| Places::with(text, lenient).ok())
        .flatten();
    places.and_then(|places| places.key_at(position).cloned()).unwrap_or_default()
}

/// A text that is no proper YAML at all: mostly there are no fields to speak of yet.
fn malformed(error: &Error, field: FieldPath) -> Problem {
    let (message, mend) = match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            (format!("`{key}` is written twice in one mapping"), "keep one of the two")
        }
        Error::UnsupportedTag { .. } => {
            ("tags are not supported".to_owned(), "write the value without its `!tag`, or quote it")
        }
        Error::MergeKeyNotAllowed { .. } => (
            "merge keys (`<<`) are not supported".to_owned(),
            "write the settings out; a whole value may be an alias",
        ),
        Error::MultipleDocuments { .. } => {
            ("the file holds more than one document".to_owned(), "put each document into a file of its own")
        }
        Error::UnknownAnchor { .. } => (
            "the alias has no anchor".to_owned(),
            "define it above with `&name`, or quote the text if the * belongs to it",
        ),
        other => {
            let mend = "check indentation, quotes and brackets here and in the lines above";
            (
                format!("this is not YAML as it should be: {}", UserMessageFormatter.format_message(other)),
                mend,
            )
        }
    };
    Problem::error(field, message, mend)
}

/// A text that is YAML but not a `T`: which setting, what is wrong with it, and how to mend it.
fn mistyped(error: &Error, position: Position, places: &Places, schema: &Value) -> (Position, Problem) {
    let key = || places.key_at(position).cloned();
    let value = || places.value_at(position).map(|(path, _)| path.clone());
    match error {
        Error::AliasError { error, .. } => mistyped(error, position, places, schema),
        Error::SerdeUnknownField { field, expected, .. } => {
            let path = key().unwrap_or_default();
            (
                position,
                Problem::error(
                    path,
                    format!("unknown key `{field}`"),
                    nearest::mend(field, expected.iter().copied()),
                ),
            )
        }
        Error::SerdeMissingField { field, .. } => {
            let path = mapping_without(field, position, places, schema).join(*field);
            let what = schema::description(schema, &path).unwrap_or_else(|| "its value".to_owned());
            let problem = Problem::error(
                path.clone(),
                format!("`{field}` is missing"),
                format!("add `{field}:` ({what})"),
            );
            (places.position(&path), problem)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let path = value().or_else(key).unwrap_or_default();
            let message = format!("`{variant}` is not one of {}", expected.join(", "));
            let likely = nearest::find(variant, expected.iter().copied());
            let mend =
                likely.map_or("write one of these".to_owned(), |word| format!("did you mean `{word}`?"));
            (position, Problem::error(path, message, mend))
        }
        // Raised only for a step or a probe as a whole; the reader's own position is that of the last key it saw.
        Error::SerdeInvalidValue { unexpected, expected, .. } => {
            let path = key().or_else(value).unwrap_or_default();
            let path = whole_of(&path);
            (places.position(&path), Problem::error(path, unexpected.clone(), format!("write {expected}")))
        }
        // The error of a name, a duration and their like: what is wrong, a semicolon, the mend.
        Error::Message { msg, .. } => {
            let (message, mend) = msg.rsplit_once("; ").unwrap_or((msg, "compare it with `quorate schema`"));
            (position, Problem::error(key().or_else(value).unwrap_or_default(), message, mend))
        }
        other => {
            let path = value().or_else(key).unwrap_or_default();
            let (message, mend) = wrong_shape(other, &path, places, schema);
            (position, Problem::error(path, message, mend))
        }
    }
}

/// The mapping that lacks `field`. The reader gives the position of the last key that it saw in it, of the mapping's
/// beginning if it is empty, or of its own key if there is nothing at all; the schema decides between these.
fn mapping_without(field: &str, position: Position, places: &Places, schema: &Value) -> FieldPath {
    let key = places.key_at(position).cloned();
    let candidates = [
        key.clone(),
        key.and_then(|key| key.parent()),
        places.value_at(position).map(|(path, _)| path.clone()),
    ];
    let lacks =
        |path: &FieldPath| places.kind(&path.join(field)).is_none() && schema::names(schema, path, field);
    candidates.into_iter().flatten().find(lacks).unwrap_or_default()
}

/// The step or the probe in which a place is, or the place itself.
fn whole_of(path: &FieldPath) -> FieldPath {
    match path.keys() {
        [plans, plan, steps, step, ..] if plans == "plans" && steps == "steps" => {
            FieldPath::from([plans.as_str(), plan.as_str(), steps.as_str(), step.as_str()])
        }
        [probes, probe, ..] if probes == "probes" => FieldPath::from([probes.as_str(), probe.as_str()]),
        _ => path.clone(),
    }
}

/// A value of the wrong kind.
fn wrong_shape(error: &Error, path: &FieldPath, places: &Places, schema: &Value) -> (String, String) {
    let found = match places.kind(path) {
        None | Some(Kind::Empty) => "nothing".to_owned(),
        Some(Kind::Scalar(text)) => format!("`{text}`"),
        Some(Kind::List) => "a list".to_owned(),
        Some(Kind::Mapping) => "a mapping".to_owned(),
    };
    let name = path.keys().last().map_or("the document", String::as_str);
    let what = schema::description(schema, path).map(|text| format!(" ({text})")).unwrap_or_default();
    match error {
        Error::Unexpected { expected: "mapping start", .. } => {
            let message = format!("{found} stands where a mapping is expected{what}");
            (message, format!("write `key: value` lines, indented below `{name}`"))
        }
        Error::Unexpected { expected: "sequence start", .. } => (
            format!("{found} stands where a list is expected{what}"),
            "write a list in brackets: [a, b]".to_owned(),
        ),
        Error::Unexpected { .. } | Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            let message = format!("{found} stands where one value is expected{what}");
            (message, "write one value; a text that begins with a brace needs quotes".to_owned())
        }
        Error::NullIntoString { .. } => {
            (format!("a value is missing{what}"), format!("write one behind `{name}:`, or leave the key out"))
        }
        Error::InvalidScalar { .. } => (
            format!("{found} is not a whole number in range{what}"),
            "write a whole number, for example 3".to_owned(),
        ),
        Error::InvalidBooleanStrict { .. } => {
            (format!("{found} is neither true nor false{what}"), "write true or false".to_owned())
        }
        Error::SerdeInvalidType { expected, .. } => {
            (format!("{found} stands where {expected} is expected{what}"), format!("write {expected}"))
        }
        other => {
            let message = UserMessageFormatter.format_message(other).into_owned();
            (message, format!("compare `{name}` with `quorate schema`"))
        }
    }
}
