//! A YAML list: contexts of blocks, each a condition and its tests.

use std::sync::Arc;

use super::ListError;
use super::condition::{Condition, Range, Requirement, Rule};
use super::entry::Entry;
use super::facts::{Fact, KEYS};
use super::marker::Silence;
use super::nearest::{nearest, suggestion};
use super::source::Source;
use super::yaml::{self, At, Key, Node, Value};
use crate::error::SourceError;

/// The one version of the format.
const VERSION: &str = "0.0.1";
const SECTIONS: [&str; 3] = ["ranges", "wildcards", "terms"];
const BOUNDS: [&str; 4] = ["gte", "lte", "gt", "lt"];

/// A condition and where it stands; its tests carry its index.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The top-level key the block stands under.
    pub context: String,
    /// Line of the block's first key, from 1.
    pub line: usize,
    /// The machines its tests are for.
    pub condition: Condition,
}

/// Reads all blocks and tests of `source`, in the order of the file.
///
/// # Errors
/// Malformed YAML, an unknown key, a value of the wrong kind, a test line that cannot be read; located.
pub(super) fn read(source: &Arc<Source>) -> Result<(Vec<Block>, Vec<Entry>), ListError> {
    let mut reader = Reader { source, blocks: Vec::new(), entries: Vec::new() };
    reader.file(yaml::parse(source)?)?;
    Ok((reader.blocks, reader.entries))
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    blocks: Vec<Block>,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn file(&mut self, root: Node) -> Result<(), ListError> {
        let mut stall = None;
        for (key, node) in self.mapping("a list file", root)? {
            match key.text.as_str() {
                "version" => {
                    self.version(node)?;
                    continue;
                }
                "stall" => {
                    stall = Some(self.stall(node)?);
                    continue;
                }
                _ => {}
            }
            match node.value {
                Value::List(blocks) => {
                    for block in blocks {
                        self.block(&key.text, block)?;
                    }
                }
                Value::Null => {}
                other => return Err(self.no_context(&key, &other).into()),
            }
        }
        // A list's own time is for the blocks that have none.
        self.entries.iter_mut().for_each(|entry| entry.stall = entry.stall.or(stall));
        Ok(())
    }

    fn no_context(&self, key: &Key, found: &Value) -> SourceError {
        let message =
            format!("context `{}` must be a list of blocks, found {}", key.text, found.kind());
        self.at_key(key, message).help(match nearest(&key.text, ["version", "stall"]) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "write `- condition:` and `  tests:` below it".to_owned(),
        })
    }

    fn version(&self, node: Node) -> Result<(), ListError> {
        match node.value {
            Value::Text(text) if text == VERSION => Ok(()),
            _ => Err(self
                .at(node.at, "unknown list version")
                .help(format!("write version: {VERSION}"))
                .into()),
        }
    }

    fn block(&mut self, context: &str, node: Node) -> Result<(), ListError> {
        let at = node.at;
        let mut condition = Condition::default();
        let mut tests = None;
        let mut stall = None;
        for (key, node) in self.mapping("a block", node)? {
            match key.text.as_str() {
                "condition" => condition = self.condition(node)?,
                "tests" => tests = Some(self.tests(node)?),
                "stall" => stall = Some(self.stall(node)?),
                _ => {
                    return Err(self
                        .unknown(&key, "key of a block", &["condition", "stall", "tests"])
                        .into());
                }
            }
        }
        let Some(mut tests) = tests else {
            return Err(self.at(at, "block has no `tests`").into());
        };
        tests.iter_mut().for_each(|entry| entry.stall = stall);
        self.blocks.push(Block { context: context.to_owned(), line: at.line, condition });
        self.entries.extend(tests);
        Ok(())
    }

    /// The tests of the block that comes next.
    fn tests(&self, node: Node) -> Result<Vec<Entry>, ListError> {
        let lines = match node.value {
            Value::List(lines) => lines,
            Value::Null => Vec::new(),
            other => {
                return Err(self
                    .expected(node.at, "`tests` must be a list of test lines", &other)
                    .into());
            }
        };
        let mut entries = Vec::with_capacity(lines.len());
        for line in lines {
            let text = match line.value {
                Value::Text(text) => text,
                other => {
                    let error = self.expected(line.at, "a test must be a line of text", &other);
                    return Err(error
                        .help("put the line in quotes when it holds `: ` or ` #`")
                        .into());
                }
            };
            if text.trim_end().contains('\n') {
                return Err(self.at(line.at, "a test must be one line").into());
            }
            let block = Some(self.blocks.len());
            entries.extend(Entry::read(self.source, line.at.line, line.at.column, text, block)?);
        }
        Ok(entries)
    }

    /// `stall: MINUTES` or `stall: [MINUTES, MINUTES]`, as the marker STALL has it.
    fn stall(&self, node: Node) -> Result<Silence, ListError> {
        let at = node.at;
        let minutes = |value: &Value| match value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        let silence = match &node.value {
            Value::List(pair) => match &pair[..] {
                [idle, active] => minutes(&idle.value).zip(minutes(&active.value)),
                _ => None,
            }
            .and_then(|(idle, active)| Silence::of_minutes(idle, Some(active))),
            value => minutes(value).and_then(|idle| Silence::of_minutes(idle, None)),
        };
        silence.ok_or_else(|| {
            let message = format!(
                "`stall` needs whole minutes: of silence, and of silence at work, \
                 which are not fewer; found {}",
                node.value.shown()
            );
            self.at(at, message).help("write stall: 10 or stall: [10, 30]").into()
        })
    }

    fn condition(&self, node: Node) -> Result<Condition, ListError> {
        let mut requirements = Vec::new();
        for (section, node) in self.mapping("a condition", node)? {
            let rule = match section.text.as_str() {
                "ranges" => Self::range,
                "wildcards" => Self::wildcards,
                "terms" => Self::term,
                _ => {
                    return Err(self.unknown(&section, "section of a condition", &SECTIONS).into());
                }
            };
            for (key, node) in self.mapping(&format!("`{}`", section.text), node)? {
                if !KEYS.contains(&key.text.as_str()) {
                    return Err(self.unknown(&key, "condition key", &KEYS).into());
                }
                requirements.push(Requirement { rule: rule(self, node)?, key: key.text });
            }
        }
        Ok(Condition { requirements })
    }

    fn range(&self, node: Node) -> Result<Rule, ListError> {
        let mut range = Range::default();
        for (key, node) in self.mapping("a range", node)? {
            let bound = match key.text.as_str() {
                "gte" => &mut range.gte,
                "lte" => &mut range.lte,
                "gt" => &mut range.gt,
                "lt" => &mut range.lt,
                _ => return Err(self.unknown(&key, "bound of a range", &BOUNDS).into()),
            };
            let number = node.value.into_fact().ok().and_then(|fact| fact.as_number());
            *bound = Some(number.filter(|number| number.is_finite()).ok_or_else(|| {
                self.at(node.at, format!("bound `{}` must be a number", key.text))
            })?);
        }
        Ok(Rule::Range(range))
    }

    fn wildcards(&self, node: Node) -> Result<Rule, ListError> {
        let nodes = match node.value {
            Value::List(nodes) if !nodes.is_empty() => nodes,
            value => vec![Node { at: node.at, value }],
        };
        let pattern = |node: Node| match node.value {
            Value::Text(pattern) => Ok::<_, ListError>(pattern),
            other => Err(self
                .expected(node.at, "expected a pattern or a list of patterns", &other)
                .help("put patterns in quotes: '*h100*'")
                .into()),
        };
        Ok(Rule::Wildcards(nodes.into_iter().map(pattern).collect::<Result<_, _>>()?))
    }

    fn term(&self, node: Node) -> Result<Rule, ListError> {
        match node.value.into_fact() {
            Ok(Fact::Null) => Err(self.at(node.at, "a term needs a value").into()),
            Ok(fact) => Ok(Rule::Term(fact)),
            Err(other) => Err(self
                .expected(node.at, "a term must be a text, a number or a boolean", &other)
                .into()),
        }
    }

    /// The entries of a mapping; none when it is left empty.
    fn mapping(&self, what: &str, node: Node) -> Result<Vec<(Key, Node)>, ListError> {
        match node.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(Vec::new()),
            other => {
                Err(self.expected(node.at, &format!("{what} must be a mapping"), &other).into())
            }
        }
    }

    fn unknown(&self, key: &Key, what: &str, accepted: &[&str]) -> SourceError {
        let help = suggestion(&key.text, accepted.iter().copied());
        self.at_key(key, format!("unknown {what} `{}`", key.text)).help(help)
    }

    fn expected(&self, at: At, wish: &str, found: &Value) -> SourceError {
        self.at(at, format!("{wish}, found {}", found.kind()))
    }

    fn at(&self, at: At, message: impl Into<String>) -> SourceError {
        self.source.fault(at.line, at.column, 1, message)
    }

    fn at_key(&self, key: &Key, message: String) -> SourceError {
        self.source.fault(key.at.line, key.at.column, key.text.chars().count(), message)
    }
}
