//! A YAML text as a tree in which every key and value knows its place. The only user of `serde-saphyr`.
//!
//! A tree instead of typed structs, because then every complaint about a list ("unknown key", "expected a
//! list of test lines") is worded by us and points at the key or value it is about.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::ListError;
use super::facts::Fact;
use super::source::Source;

/// A place in the text: line and column in characters, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub line: usize,
    pub column: usize,
}

/// One value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub at: At,
    pub value: Value,
}

/// A key of a mapping and where it stands.
#[derive(Debug)]
pub(super) struct Key {
    pub at: At,
    pub text: String,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; the parser has refused duplicate keys.
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// The kind of value in words, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// What was written, for messages: a scalar or a list of scalars itself, of anything else its kind.
    pub fn shown(&self) -> String {
        let scalar = |value: &Self| match value {
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Bool(on) => Some(on.to_string()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        };
        let shown = match self {
            Self::List(items) => {
                let items: Option<Vec<_>> = items.iter().map(|item| scalar(&item.value)).collect();
                items.map(|items| format!("[{}]", items.join(", ")))
            }
            value => scalar(value),
        };
        shown.map_or_else(|| self.kind().to_owned(), |shown| format!("`{shown}`"))
    }

    /// The scalar as a fact.
    ///
    /// # Errors
    /// A list or a mapping is given back.
    pub fn into_fact(self) -> Result<Fact, Self> {
        match self {
            Self::Null => Ok(Fact::Null),
            Self::Bool(value) => Ok(Fact::Bool(value)),
            Self::Number(number) => Ok(Fact::Number(number)),
            Self::Text(text) => Ok(Fact::Text(text)),
            Self::List(_) | Self::Map(_) => Err(self),
        }
    }
}

/// Parses the one YAML document of `source` (JSON is YAML, too).
///
/// # Errors
/// Malformed YAML, several documents, duplicate keys; located.
pub(super) fn parse(source: &Source) -> Result<Node, ListError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(source.text(), options).map_err(|error| {
        let at = error.location().map_or(At { line: 1, column: 1 }, At::from);
        let message = UserMessageFormatter.format_message(error.without_snippet());
        let fault = source.fault(at.line, at.column, 1, format!("malformed YAML: {message}"));
        // The commonest slip in a list: a pattern without quotes is an alias to YAML.
        ListError::from(match source.line(at.line).chars().nth(at.column - 1) {
            Some('*') => fault.help("put a text that begins with `*` in quotes"),
            _ => fault,
        })
    })
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        let from_one = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
        Self { line: from_one(location.line()), column: from_one(location.column()) }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { at: spanned.referenced.into(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { at: spanned.referenced.into(), text: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = items.next_element()? {
            list.push(node);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
