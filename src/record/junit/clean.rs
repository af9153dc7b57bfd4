//! Makes any text fit for XML 1.0.
//!
//! A log may hold terminal colours, control bytes and broken UTF-8; one character outside the legal set makes a
//! whole JUnit file unreadable, and a character reference to it (`&#27;`) is as illegal as the character.

use std::borrow::Cow;

use crate::logs;

/// `bytes` as text for XML: terminal sequences are taken out, other illegal characters become visible as `#x1B`
/// or `#xFFFE`, and bytes that are no UTF-8 become U+FFFD. Characters above U+FFFF stay.
pub(super) fn clean(bytes: &[u8]) -> String {
    let bytes = logs::without_ansi(bytes);
    let text = String::from_utf8_lossy(&bytes);
    if text.chars().all(legal) {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        match u32::from(c) {
            _ if legal(c) => out.push(c),
            code @ ..=0xFF => out.push_str(&format!("#x{code:02X}")),
            code => out.push_str(&format!("#x{code:04X}")),
        }
    }
    out
}

/// [`clean`] for an attribute: one line, since readers turn line breaks of attributes into blanks anyway.
pub(in super::super) fn clean_line(text: &str) -> String {
    let lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    clean(lines.join(" ").as_bytes()).replace(['\r', '\t', '\n'], " ")
}

/// Cleaned text for a CDATA section: `]]>` would end it, so it is spread over two sections, which readers join.
pub(super) fn cdata(text: &str) -> Cow<'_, str> {
    if text.contains("]]>") { text.replace("]]>", "]]]]><![CDATA[>").into() } else { text.into() }
}

/// The legal characters of XML 1.0, fifth edition, production 2; a Rust `char` is never a surrogate.
fn legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_go_and_other_illegal_characters_become_visible() {
        let text = b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x \x1b]8;;http://x\x1b\\link \x00\x08\x1b \xff\xed\xa0\x80";
        assert_eq!(clean(text), "red x link #x00#x08#x1B \u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}");
        assert_eq!(clean("\u{FFFE}\u{7F}😀é\t\r\n".as_bytes()), "#xFFFE\u{7F}😀é\t\r\n");
    }

    #[test]
    fn an_attribute_is_one_line() {
        assert_eq!(clean_line("a \r\n\n\tb\x1b[0m\rc\n"), "a  b c");
    }

    #[test]
    fn the_end_of_a_cdata_section_is_spread_over_two() {
        assert_eq!(cdata("a]]>b"), "a]]]]><![CDATA[>b");
        assert!(matches!(cdata("a]] >b"), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_only_legal_characters_come_out(bytes: Vec<u8>) {
            let text = clean(&bytes);
            assert!(text.chars().all(legal));
            let document = format!("<a><![CDATA[{}]]></a>", cdata(&text));
            let parsed = roxmltree::Document::parse(&document).expect("well-formed");
            let read: String = parsed.root_element().children().filter_map(|node| node.text()).collect();
            // Readers turn CR LF and CR into LF.
            assert_eq!(read, text.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }
}
