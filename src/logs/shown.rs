//! Text of a log as a person's terminal may be given it.

use super::without_ansi;

/// `line` without anything that steers a terminal or turns the order of its text: escape sequences and characters that
/// give directions go, other control characters become blanks. Blanks at its end go, too.
pub fn shown(line: &str) -> String {
    let plain = without_ansi(line.as_bytes());
    let plain = String::from_utf8_lossy(&plain);
    let plain = plain.chars().filter(|&c| !directs(c));
    let plain: String = plain.map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim_end().to_owned()
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm, and the separators that end a line.
fn directs(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_taken_out_of_a_line() {
        assert_eq!(shown("\x1b[31mred\x1b[0m \x1b]0;title\x07text"), "red text");
        assert_eq!(shown("a\tb\x08c\u{9b}2J"), "a b c 2J");
        assert_eq!(shown("a\x1b \u{202e}b\u{2028}"), "a  b");
        assert_eq!(shown("  67%|██▋ | 2/3 "), "  67%|██▋ | 2/3");
    }

    proptest! {
        #[test]
        fn no_line_holds_a_control_character_when_it_is_shown(line: String) {
            prop_assert!(!shown(&line).chars().any(|c| c.is_control() || directs(c)));
        }
    }
}
