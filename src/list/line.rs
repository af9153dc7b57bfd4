//! The grammar of one list line: a name, then markers in any order, then nothing.
//!
//! Lists and waives files share it. Markers are found leftmost first and all count; what upstream's parser
//! accepts keeps its meaning, and where it would read a line differently a [`Note`] says so.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use super::marker::{BadDate, Markers, Reason, Silence, Word};
use super::note::Note;
use super::{template, upstream};

/// A line that names a test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where the name stands in the text given (bytes).
    pub id: Range<usize>,
    pub markers: Markers,
    pub notes: Vec<Note>,
}

/// A line that cannot be read: where (bytes of the text given) and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

/// Reads one line; `None` when it holds nothing but blanks and a comment.
///
/// # Errors
/// A template directive, a marker with a broken value, an `until=` that is no date.
pub(super) fn parse(text: &str) -> Result<Option<Line>, Fault> {
    if let Some(directive) = template::find(text) {
        return Err(directive.fault());
    }
    // As upstream has it, a comment begins at the first `#` wherever it stands.
    let code = text.split('#').next().unwrap_or_default().trim_end();
    let start = code.len() - code.trim_start().len();
    if start == code.len() {
        return Ok(None);
    }
    let line = |end: usize| Line {
        id: start..end,
        markers: Markers::default(),
        notes: lookalikes(&code[start..end]),
    };
    // The first word is the name even when it reads like a marker; most lines are this one word.
    let Some(first_blank) = code[start..].find([' ', '\t']) else {
        return Ok(Some(line(code.len())));
    };
    let first = next_marker(code, start + first_blank);
    let mut line = line(first.map_or(code.len(), |(at, _)| code[..at].trim_end().len()));
    if let Some((at, word)) = first {
        MarkerReader { code, line: &mut line, closings: None }.read_all(at, word)?;
    }
    let differences = upstream::differences(&code[start..], &code[line.id.clone()], &line.markers);
    line.notes.extend(differences);
    Ok(Some(line))
}

/// Reads the markers of `code` into `line`.
struct MarkerReader<'a> {
    code: &'a str,
    line: &'a mut Line,
    /// Found once for the line, and only when it has a reason: a line may have as many reasons as it likes.
    closings: Option<HashMap<usize, usize>>,
}

impl MarkerReader<'_> {
    fn read_all(&mut self, mut at: usize, mut word: Word) -> Result<(), Fault> {
        loop {
            let after = self.read(at, word)?;
            let rest = self.skip_separators(after);
            let Some((next, next_word)) = next_marker(self.code, rest) else {
                self.note_ignored(rest..self.code.len());
                return Ok(());
            };
            self.note_ignored(rest..next);
            (at, word) = (next, next_word);
        }
    }

    /// Reads the marker `word` that stands at `at`; where its value ends.
    fn read(&mut self, at: usize, word: Word) -> Result<usize, Fault> {
        let value = at + word.text().len();
        let open = value + self.blanks(value);
        if !self.code[open..].starts_with('(') {
            self.without_value(at, open, word)?;
            return Ok(value);
        }
        let inside = open + 1;
        let Some(close) = self.closing(open, word) else {
            return Err(Fault {
                span: at..self.code.len(),
                message: format!("the parenthesis after {word} is never closed"),
                help: Some("a `#` begins a comment, also inside a reason".to_owned()),
            });
        };
        let text = &self.code[inside..close];
        if word == Word::Timeout {
            let limit = minutes(text).ok_or_else(|| timeout_fault(at..close + 1))?;
            self.set(word, |markers| &mut markers.timeout, limit);
        } else if word == Word::Stall {
            let silence = silence(text).ok_or_else(|| stall_fault(at..close + 1, text))?;
            self.set(word, |markers| &mut markers.stall, silence);
        } else {
            let trimmed = text.trim();
            let from = inside + (text.len() - text.trim_start().len());
            let reason = Reason::parse(trimmed).map_err(|BadDate(span)| Fault {
                span: from + span.start..from + span.end,
                message: "`until` needs a date that exists".to_owned(),
                help: Some("write until=YYYY-MM-DD".to_owned()),
            })?;
            self.set_reason(word, reason);
        }
        Ok(close + 1)
    }

    /// Where the parenthesis at `open` closes. When a reason's do not balance, the first `)` ends it, as upstream
    /// has it; so does a number's.
    fn closing(&mut self, open: usize, word: Word) -> Option<usize> {
        let code = self.code;
        let nested = (!matches!(word, Word::Timeout | Word::Stall))
            .then(|| self.closings.get_or_insert_with(|| closings(code)).get(&open).copied());
        nested.flatten().or_else(|| code[open..].find(')').map(|length| open + length))
    }

    /// A marker without parentheses: fine unless it needs them or words follow that look like a reason.
    fn without_value(&mut self, at: usize, rest: usize, word: Word) -> Result<(), Fault> {
        if word == Word::Timeout {
            return Err(timeout_fault(at..self.code.len()));
        }
        if word == Word::Stall {
            return Err(stall_fault(at..self.code.len(), &self.code[rest..]));
        }
        let next = self.skip_separators(rest);
        let marker_follows = next_marker(self.code, next).is_some_and(|(start, _)| start == next);
        if word != Word::Isolation && next < self.code.len() && !marker_follows {
            return Err(Fault {
                span: at..self.code.len(),
                message: format!("the reason of {word} must stand in parentheses"),
                help: Some(format!("write {word} ({})", &self.code[next..])),
            });
        }
        self.set_reason(word, Reason::default());
        Ok(())
    }

    fn set_reason(&mut self, word: Word, reason: Reason) {
        match word {
            Word::Xfail => self.set(word, |markers| &mut markers.xfail, Box::new(reason)),
            Word::Skip => self.set(word, |markers| &mut markers.skip, Box::new(reason)),
            Word::Unstable => self.set(word, |markers| &mut markers.unstable, Box::new(reason)),
            // Those with numbers never come here.
            Word::Timeout | Word::Stall | Word::Isolation => self.line.markers.isolation = true,
        }
    }

    /// Fills an empty place; a second marker of a kind is noted and dropped, as upstream drops it.
    fn set<T>(&mut self, word: Word, place: fn(&mut Markers) -> &mut Option<T>, value: T) {
        match place(&mut self.line.markers) {
            Some(_) => self.line.notes.push(Note::Repeated(word)),
            empty => *empty = Some(value),
        }
    }

    fn note_ignored(&mut self, span: Range<usize>) {
        let text = self.code[span].trim();
        if !text.is_empty() {
            self.line.notes.push(Note::Ignored(text.to_owned()));
        }
    }

    fn blanks(&self, at: usize) -> usize {
        let rest = &self.code[at..];
        rest.len() - rest.trim_start().len()
    }

    fn skip_separators(&self, at: usize) -> usize {
        let rest = &self.code[at..];
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        at + rest.len() - trimmed.len()
    }
}

/// The next marker word at or after `from` that stands on its own: a blank, comma or `)` in front, and
/// the end, a blank, a comma or `(` behind. Words in quotes (`-k "not SKIP"`) are no markers.
fn next_marker(code: &str, from: usize) -> Option<(usize, Word)> {
    let mut skip_until = from;
    for (at, character) in code[from..].char_indices().map(|(at, c)| (from + at, c)) {
        if at < skip_until {
            continue;
        }
        let before = code[..at].chars().next_back();
        let starts_word = before.is_none_or(|c| c.is_whitespace() || c == ',' || c == ')');
        if matches!(character, '"' | '\'') && before.is_none_or(|c| c.is_whitespace() || c == '=') {
            let close = code[at + 1..].find(character).map(|length| at + 1 + length + 1);
            skip_until = close.unwrap_or(at);
        } else if starts_word && before.is_some() {
            let rest = &code[at..];
            let stands_alone = |word: &Word| {
                rest.strip_prefix(word.text()).is_some_and(|behind| {
                    behind.chars().next().is_none_or(|c| c.is_whitespace() || "(,".contains(c))
                })
            };
            if let Some(word) = Word::ALL.into_iter().find(stands_alone) {
                return Some((at, word));
            }
        }
    }
    None
}

/// Where each parenthesis closes, nesting counted. One that does not balance is missing.
fn closings(code: &str) -> HashMap<usize, usize> {
    let mut open = Vec::new();
    let mut closed = HashMap::new();
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' => open.push(at),
            b')' => closed.extend(open.pop().map(|from| (from, at))),
            _ => {}
        }
    }
    closed
}

fn whole(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn minutes(text: &str) -> Option<Duration> {
    whole(text).map(|minutes| Duration::from_mins(minutes.into()))
}

fn silence(text: &str) -> Option<Silence> {
    match text.split_once(',') {
        Some((idle, active)) => {
            Silence::of_minutes(whole(idle.trim())?, Some(whole(active.trim())?))
        }
        None => Silence::of_minutes(whole(text.trim())?, None),
    }
}

fn stall_fault(span: Range<usize>, found: &str) -> Fault {
    let found = match found.trim() {
        "" => "nothing".to_owned(),
        found => format!("`{found}`"),
    };
    Fault {
        span,
        message: format!(
            "STALL needs whole minutes in parentheses: of silence, and of silence at work, \
             which are not fewer; found {found}"
        ),
        help: Some("write STALL (10) or STALL (10, 30)".to_owned()),
    }
}

fn timeout_fault(span: Range<usize>) -> Fault {
    Fault {
        span,
        message: "TIMEOUT needs whole minutes in parentheses".to_owned(),
        help: Some("write TIMEOUT (90)".to_owned()),
    }
}

/// Words of a name that begin like a marker in some spelling, e.g. `SKIPPED`, `Timeout(5)`.
fn lookalikes(id: &str) -> Vec<Note> {
    let looks_like = |word: &&str| {
        Word::ALL.iter().any(|marker| {
            word.get(..marker.text().len())
                .is_some_and(|head| head.eq_ignore_ascii_case(marker.text()))
        })
    };
    let words = id.split([' ', '\t']).skip(1);
    words.filter(looks_like).map(|word| Note::NotAMarker(word.to_owned())).collect()
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
