//! Remarks on a list line that is accepted but that a person should look at.

use std::fmt;

use super::marker::Word;

/// One remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A word of the name that looks like a marker but is none, e.g. `SKIPPED` or `timeout(30)`.
    NotAMarker(String),
    /// Text after a marker that means nothing.
    Ignored(String),
    /// The same marker twice on a line; the first counts.
    Repeated(Word),
    /// Upstream's list parser stops with an error at this line.
    UpstreamRefuses,
    /// Upstream's list parser takes this for the name, which then matches no test.
    UpstreamName(String),
    /// Upstream's list parser honours one marker a line; these are lost there.
    UpstreamMisses(Vec<Word>),
    /// Upstream's list parser ends the reason at its first `)`.
    UpstreamReason(String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMarker(word) => write!(f, "`{word}` is no marker and stays part of the name"),
            Self::Ignored(text) => write!(f, "`{text}` after the marker is ignored"),
            Self::Repeated(word) => write!(f, "{word} stands twice; the first counts"),
            Self::UpstreamRefuses => f.write_str("pytest's list parser refuses this line"),
            Self::UpstreamName(name) => {
                write!(
                    f,
                    "pytest's list parser takes the name to be `{name}`, which matches no test"
                )
            }
            Self::UpstreamMisses(words) => {
                let words: Vec<_> = words.iter().map(|word| word.text()).collect();
                write!(f, "pytest's list parser does not see {} here", words.join(", "))
            }
            Self::UpstreamReason(reason) => {
                write!(f, "pytest's list parser cuts the reason to `{reason}`")
            }
        }
    }
}
