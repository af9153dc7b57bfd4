//! Shell patterns as test lists use them: `*`, `?` and `[...]` against a whole text, ignoring case.

/// Whether `pattern` matches all of `text`, both taken without regard to case.
///
/// `*` is any run of characters, `?` any one, `[a-c]` one of a set, `[!a]` one not of it. A `]` first in a
/// set stands for itself, and a `[` that is never closed is an ordinary character, as in Python's `fnmatch`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut at, mut from) = (0, 0);
    // Where to resume after the last `*`: behind it in the pattern, one character further in the text.
    let mut resume: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            resume = Some((at + 1, from));
            at += 1;
            continue;
        }
        let step = match text.get(from) {
            None if at == pattern.len() => return true,
            None => return false,
            Some(&character) => one(&pattern[at..], character),
        };
        (at, from) = match (step, resume) {
            (Some(length), _) => (at + length, from + 1),
            (None, Some((star, tried))) => {
                resume = Some((star, tried + 1));
                (star, tried + 1)
            }
            (None, None) => return false,
        };
    }
}

/// How much of `pattern` (no `*` in front) is used up by `character`; `None` when it does not fit.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match set_end(pattern) {
            Some(end) => in_set(&pattern[1..end], character).then_some(end + 1),
            None => (character == '[').then_some(1),
        },
        &literal => (literal == character).then_some(1),
    }
}

/// Index of the `]` that closes the set that `pattern` begins with.
fn set_end(pattern: &[char]) -> Option<usize> {
    let first = if pattern.get(1) == Some(&'!') { 2 } else { 1 };
    // The first member may be `]` itself.
    (first + 1..pattern.len()).find(|&index| pattern[index] == ']')
}

/// Whether `character` is in the set whose inside is `set`.
fn in_set(set: &[char], character: char) -> bool {
    let (negated, mut members) = match set {
        ['!', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let [first, rest @ ..] = members {
        members = match rest {
            ['-', last, rest @ ..] => {
                found |= (*first..=*last).contains(&character);
                rest
            }
            _ => {
                found |= *first == character;
                rest
            }
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_the_whole_text_in_any_case() {
        for (pattern, text, expected) in [
            ("*h100*", "H100 80GB HBM3", true),
            ("*h20*", "H200", true),
            ("*h20*", "GH200 480GB", true),
            ("*l20*", "L40S", false),
            ("ubuntu*", "ubuntu", true),
            ("ubuntu", "ubuntu 24.04", false),
            ("*", "", true),
            ("", "", true),
            ("?", "", false),
            ("h?00", "H100", true),
            ("[gh]b200", "GB200", true),
            ("[!g]b200", "GB200", false),
            ("rtx [4-6]000", "RTX 6000", true),
            ("[]x]", "]", true),
            ("[!]]", "]", false),
            ("[ab", "[ab", true),
            ("[ab", "a", false),
            ("*a*b", "AXBYAB", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
        }
    }

    /// The rule itself: a star takes nothing, or one character and stays.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                reference(rest, text) || (!text.is_empty() && reference(pattern, &text[1..]))
            }
            (['?', rest @ ..], [_, more @ ..]) => reference(rest, more),
            (['[', '!', member, ']', rest @ ..], [first, more @ ..]) => {
                member != first && reference(rest, more)
            }
            (['[', low, '-', high, ']', rest @ ..], [first, more @ ..]) => {
                (low..=high).contains(&first) && reference(rest, more)
            }
            ([literal, rest @ ..], [first, more @ ..]) => literal == first && reference(rest, more),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_a_recursive_reference(
            pattern in r"(\*|\?|[a-c]|\[![a-c]\]|\[[a-b]-[b-c]\]){0,8}",
            text in "[a-c]{0,10}",
        ) {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), reference(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn no_pattern_makes_the_matcher_panic(pattern in ".{0,12}", text in ".{0,12}") {
            matches(&pattern, &text);
        }
    }
}
