//! Looking for many short texts at once, at memory speed.

use aho_corasick::packed;
use aho_corasick::{AhoCorasick, MatchKind};

/// A searcher for a few dozen literals.
#[derive(Debug)]
pub enum Literals {
    /// Vector instructions where the machine has them (AVX2, SSSE3, NEON).
    Packed(packed::Searcher),
    /// An automaton, elsewhere or for more literals than vectors can hold.
    Automaton(AhoCorasick),
}

impl Literals {
    /// A searcher that reports the leftmost match, and the first of `texts` among several at one place.
    pub fn new<T: AsRef<[u8]>>(texts: &[T]) -> Self {
        let packed = packed::Config::new()
            .match_kind(packed::MatchKind::LeftmostFirst)
            .builder()
            .extend(texts)
            .build();
        match packed {
            Some(searcher) => Literals::Packed(searcher),
            None => Literals::Automaton(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .build(texts)
                    .expect("a few dozen short literals fit any automaton"),
            ),
        }
    }

    /// The first match in `from..to` of `bytes` that begins before `to`: which text, and where.
    pub fn find(&self, bytes: &[u8], from: usize, to: usize) -> Option<(usize, usize)> {
        match self {
            Literals::Packed(searcher) => searcher
                .find_in(&bytes[..to], (from..to).into())
                .map(|found| (found.pattern().as_usize(), found.start())),
            Literals::Automaton(automaton) => automaton
                .find(aho_corasick::Input::new(bytes).span(from..to))
                .map(|found| (found.pattern().as_usize(), found.start())),
        }
    }
}
