//! What upstream's list parser makes of a line, so that a reader is told where the two differ.
//!
//! Upstream looks for the words in a fixed order, as ` WORD` anywhere in the line, and honours the first
//! word of that order only. The rules are followed to the letter, defects included.

use super::marker::{Markers, Word};
use super::note::Note;

/// A line as upstream reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading<'a> {
    pub name: &'a str,
    /// The one marker honoured, and its reason where it has one.
    pub marker: Option<(Word, Option<&'a str>)>,
}

/// Reads `line`, from which the comment is cut off and which is trimmed; `None` where upstream raises.
pub(super) fn read(line: &str) -> Option<Reading<'_>> {
    for word in Word::UPSTREAM {
        let Some((name, rest)) = split_at_word(line, word) else { continue };
        let (name, rest) = (name.trim(), rest.trim());
        let reason = match word {
            Word::Isolation | Word::Stall => None,
            Word::Timeout => {
                let (minutes, _) = rest.strip_prefix('(')?.split_once(')')?;
                let digits = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
                digits.then_some(())?;
                None
            }
            Word::Xfail | Word::Skip | Word::Unstable if rest.is_empty() => None,
            Word::Xfail | Word::Skip | Word::Unstable => {
                let (reason, _) = rest.strip_prefix('(')?.split_once(')')?;
                (!reason.is_empty()).then_some(())?;
                Some(reason)
            }
        };
        return Some(Reading { name, marker: Some((word, reason)) });
    }
    Some(Reading { name: line, marker: None })
}

/// Splits at the first ` WORD`.
fn split_at_word(line: &str, word: Word) -> Option<(&str, &str)> {
    let at =
        line.match_indices(word.text()).map(|(at, _)| at).find(|&at| line[..at].ends_with(' '))?;
    Some((&line[..at - 1], &line[at + word.text().len()..]))
}

/// The remarks on how upstream's reading of `text` differs from ours: this `id` and these `markers`.
pub(super) fn differences(text: &str, id: &str, markers: &Markers) -> Vec<Note> {
    let Some(theirs) = read(text) else { return vec![Note::UpstreamRefuses] };
    if theirs.name != id {
        return vec![Note::UpstreamName(theirs.name.to_owned())];
    }
    let seen = theirs.marker.map(|(word, _)| word);
    let missed: Vec<Word> = markers.words().filter(|&word| Some(word) != seen).collect();
    let mut notes = Vec::new();
    if !missed.is_empty() {
        notes.push(Note::UpstreamMisses(missed));
    }
    notes.extend(shorter_reason(&theirs, markers));
    notes
}

fn shorter_reason(theirs: &Reading<'_>, ours: &Markers) -> Option<Note> {
    let (word, reason) = theirs.marker?;
    let (theirs, ours) = (reason?, ours.reason(word)?);
    (theirs.trim() != ours.text).then(|| Note::UpstreamReason(theirs.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_traps_are_read_as_upstream_reads_them() {
        let reading = |name, word, reason| Some(Reading { name, marker: Some((word, reason)) });
        for (line, expected) in [
            ("t[a] TIMEOUT(40)", reading("t[a]", Word::Timeout, None)),
            ("t[a] TIMEOUT (90) SKIP (x)", reading("t[a] TIMEOUT (90)", Word::Skip, Some("x"))),
            ("t[a] ISOLATION, TIMEOUT (90)", reading("t[a] ISOLATION,", Word::Timeout, None)),
            ("t[a] TIMEOUT (90), ISOLATION", reading("t[a]", Word::Timeout, None)),
            ("t[a] SKIP (see (1) below)", reading("t[a]", Word::Skip, Some("see (1"))),
            ("t[a] SKIP", reading("t[a]", Word::Skip, None)),
            ("t[a] SKIPPED", None),
            ("t[a] SKIP no parentheses", None),
            ("t[a] TIMEOUT (1.5)", None),
            ("t[a] TIMEOUT", None),
            ("t[a]", Some(Reading { name: "t[a]", marker: None })),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }
}
