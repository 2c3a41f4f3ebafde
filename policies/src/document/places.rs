//! Where every setting of a document stands. The typed values carry no positions, so the text is read a second time
//! into a plain list of places; checks name a setting by its path and find its line here.

use super::problem::FieldPath;
use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Location, Spanned};
use std::{collections::BTreeMap, fmt};

/// A position in a text: line and column in characters, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl From<Location> for Position {
    /// An unknown location becomes the document's first character, so that a problem always has a place.
    fn from(location: Location) -> Self {
        Self { line: location.line().max(1), column: location.column().max(1) }
    }
}

/// What kind of value stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: `key:` or `key: null`.
    Empty,
    /// One value, as text.
    Scalar(String),
    /// A list.
    List,
    /// A mapping.
    Mapping,
}

/// One setting's place.
#[derive(Debug, Clone)]
struct Place {
    /// Where its key stands; none for the document and for items of a list.
    key: Option<Position>,
    /// Where its value begins.
    value: Position,
    kind: Kind,
}

/// The places of all settings of one document.
#[derive(Debug)]
pub(super) struct Places(BTreeMap<FieldPath, Place>);

impl Places {
    /// Lists the places of a text.
    ///
    /// # Errors
    /// When the text is not YAML or holds a key twice.
    pub(super) fn of(text: &str) -> Result<Self, serde_saphyr::Error> {
        Self::with(text, super::reading::options())
    }

    /// As [`Self::of`], by other settings of the reader.
    pub(super) fn with(text: &str, options: serde_saphyr::Options) -> Result<Self, serde_saphyr::Error> {
        let root: Spanned<Node> = serde_saphyr::from_str_with_options(text, options)?;
        let mut places = BTreeMap::new();
        collect(FieldPath::default(), None, root, &mut places);
        Ok(Self(places))
    }

    /// Where a setting stands; one that is not written stands where the nearest thing around it does. A single value
    /// is shown at itself, anything larger at its key.
    pub(super) fn position(&self, path: &FieldPath) -> Position {
        let mut path = Some(path.clone());
        while let Some(here) = path {
            if let Some(place) = self.0.get(&here) {
                return match place.kind {
                    Kind::Scalar(_) => place.value,
                    Kind::Empty | Kind::List | Kind::Mapping => place.key.unwrap_or(place.value),
                };
            }
            path = here.parent();
        }
        Position { line: 1, column: 1 }
    }

    /// The setting whose key stands at a position.
    pub(super) fn key_at(&self, position: Position) -> Option<&FieldPath> {
        self.0.iter().find(|(_, place)| place.key == Some(position)).map(|(path, _)| path)
    }

    /// The outermost setting whose value begins at a position, with the value's kind.
    pub(super) fn value_at(&self, position: Position) -> Option<(&FieldPath, &Kind)> {
        self.0.iter().find(|(_, place)| place.value == position).map(|(path, place)| (path, &place.kind))
    }

    /// The kind of a setting's value.
    pub(super) fn kind(&self, path: &FieldPath) -> Option<&Kind> {
        self.0.get(path).map(|place| &place.kind)
    }
}

fn collect(
    path: FieldPath,
    key: Option<Position>,
    node: Spanned<Node>,
    places: &mut BTreeMap<FieldPath, Place>,
) {
    let value = Position::from(node.referenced);
    let kind = match node.value {
        Node::Empty => Kind::Empty,
        Node::Scalar(text) => Kind::Scalar(text),
        Node::List(items) => {
            for (index, item) in items.into_iter().enumerate() {
                collect(path.join(index.to_string()), None, item, places);
            }
            Kind::List
        }
        Node::Mapping(entries) => {
            for (key, item) in entries {
                let position = Position::from(key.referenced);
                collect(path.join(key.value), Some(position), item, places);
            }
            Kind::Mapping
        }
    };
    places.insert(path, Place { key, value, kind });
}

/// Any YAML value. Its depth is bounded by the reader's budget.
enum Node {
    Empty,
    Scalar(String),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> de::Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Empty)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }
    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }
    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_owned()))
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }
}
