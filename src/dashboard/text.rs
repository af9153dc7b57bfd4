//! Numbers, times and foreign text as they are shown. Nothing that a log or a label holds can leave the place it is put.

use std::fmt;

use jiff::Timestamp;

/// The digits that a number is known to: as many as tell values of one per mille apart.
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        _ if size >= 1e15 => format!("{value:e}"),
        _ if size >= 1000.0 => grouped(value),
        _ if size >= 100.0 => format!("{value:.1}"),
        _ if size >= 10.0 => format!("{value:.2}"),
        _ if size >= 1.0 || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// Whole, with a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as signed percent, `+2.1 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let sign = if percent < 0.0 { "−" } else { "+" };
    if percent.abs() >= 99.95 {
        format!("{sign}{:.0} %", percent.abs())
    } else {
        format!("{sign}{:.1} %", percent.abs())
    }
}

/// `2026-11-24 08:15`, UTC.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-24`, UTC.
pub fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// `0.8 s`, `4 min 10 s`, `2 h 5 min`.
pub fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..120 => format!("{whole} s"),
        120..7200 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// Words as a POSIX shell reads them back.
pub fn shell<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Text that shows what it is: characters that steer a terminal, turn the writing direction or hide are replaced, and
/// with them those that no XML may hold.
pub fn visible(text: &str) -> String {
    text.chars().map(shown).collect()
}

fn shown(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

/// Text for between tags and within quotes of an attribute, [`visible`] first.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    write(&mut out, text).expect("a string takes any text");
    out
}

fn write(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    for c in text.chars().map(shown) {
        match c {
            '<' => out.write_str("&#60;")?,
            '>' => out.write_str("&#62;")?,
            '&' => out.write_str("&#38;")?,
            '"' => out.write_str("&#34;")?,
            '\'' => out.write_str("&#39;")?,
            other => out.write_char(other)?,
        }
    }
    Ok(())
}

/// The escaper of the templates: what could be read as markup becomes a reference, what steers or hides is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visible;

impl askama::filters::Escaper for Visible {
    fn write_escaped_str<W: fmt::Write>(&self, mut out: W, text: &str) -> fmt::Result {
        write(&mut out, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_tell_them_apart() {
        let shown = [1_234_567.8, -1234.5, 999.96, 123.456, 12.345, 1.5, 0.0, 0.0123, f64::NAN];
        let expected =
            ["1,234,568", "−1,234", "1000.0", "123.5", "12.35", "1.500", "0.000", "0.01230", "–"];
        assert_eq!(shown.map(number), expected.map(str::to_owned));
        assert_eq!([0.021, -0.1, 1.5, 0.0].map(percent), ["+2.1 %", "−10.0 %", "+150 %", "+0.0 %"]);
        assert_eq!(
            [0.81, 61.0, 250.0, 7500.0].map(seconds),
            ["0.8 s", "61 s", "4 min 10 s", "2 h 5 min"]
        );
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        let words = ["trtllm-perf", "--case", "a b", "it's", "", "$HOME", "x;rm"];
        assert_eq!(shell(words), r"trtllm-perf --case 'a b' 'it'\''s' '' '$HOME' 'x;rm'");
    }

    #[test]
    fn what_steers_or_hides_is_seen() {
        assert_eq!(visible("a\u{1b}[31mb\0\u{202e}c\n\td\u{7f}"), "a␛[31mb␀\u{fffd}c\n\td␡");
        assert_eq!(escape("<a href=\"x\">'&\u{1b}"), "&#60;a href=&#34;x&#34;&#62;&#39;&#38;␛");
    }
}
