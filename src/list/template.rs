//! Template directives in list texts: upstream renders every list with a template engine first.
//!
//! Rendering is not supported, and a control line or an expression taken for a name or a comment would change what
//! is tested, so they are refused by name. So is `##`, whose line upstream drops as we would: a list that has it was
//! written to be rendered.

use std::ops::Range;

use super::line::Fault;

/// A directive found in a line.
pub(super) struct Directive {
    span: Range<usize>,
    name: &'static str,
    meaning: &'static str,
}

/// The first directive of `line`: `##` or `%` in front, `<%` or `${` anywhere.
pub(super) fn find(line: &str) -> Option<Directive> {
    let start = line.len() - line.trim_start().len();
    let front = &line[start..];
    let directive = |at: usize, name: &'static str, meaning| {
        Some(Directive { span: at..at + name.len(), name, meaning })
    };
    if front.starts_with("##") {
        directive(start, "##", "template comment")
    } else if front.starts_with('%') {
        directive(start, "%", "template control line")
    } else if let Some(at) = find_pair(line, '$', "${") {
        directive(at, "${", "template expression")
    } else if let Some(at) = find_pair(line, '<', "<%") {
        directive(at, "<%", "template block")
    } else {
        None
    }
}

/// `line.find(pair)`, made fast for lines that lack the pair's first character: all but a few.
fn find_pair(line: &str, first: char, pair: &str) -> Option<usize> {
    line.match_indices(first).map(|(at, _)| at).find(|&at| line[at..].starts_with(pair))
}

impl Directive {
    /// The refusal.
    pub fn fault(self) -> Fault {
        Fault {
            span: self.span,
            message: format!(
                "`{}` is a {}, and lists are not rendered here",
                self.name, self.meaning
            ),
            help: Some("write the lines out, or use a single `#` for a comment".to_owned()),
        }
    }
}
