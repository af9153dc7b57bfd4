//! The values of a label's fields: numbers, lists of numbers, length pairs.

use std::ops::Range;
use std::str::FromStr;

use super::fields::Lengths;
use super::label::{LabelError, error};

pub(super) fn parse_number<T: FromStr>(
    text: &str,
    span: &Range<usize>,
    field: &str,
) -> Result<T, LabelError> {
    // Rust's parsers take a sign, exponents and `inf`; a label has none of them.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain).ok_or_else(|| {
        error(span.clone(), format!("`{text}` is not a number"), format!("write {field}:<digits>"))
    })
}

pub(super) fn list(text: &str, span: &Range<usize>, field: &str) -> Result<Vec<u32>, LabelError> {
    split(text, span, '+').map(|(item, span)| parse_number(item, &span, field)).collect()
}

/// `8+64`; 0 alone means not fixed.
pub(super) fn batch_sizes(text: &str, span: &Range<usize>) -> Result<Vec<u32>, LabelError> {
    let sizes = list(text, span, "bs")?;
    if sizes.len() > 1 && sizes[0] == 0 {
        // Its canonical label, and so its name in results, would be that of the case without `bs`.
        return Err(error(
            span.clone(),
            "batch size 0 means not fixed and has no others beside it",
            "leave the 0 out, or the field",
        ));
    }
    Ok(sizes)
}

/// `128,128+512,32`. Parts after the second of a pair carry no meaning and are passed over, as upstream does.
pub(super) fn pairs(text: &str, span: &Range<usize>) -> Result<Lengths, LabelError> {
    let mut lengths = Lengths { inputs: Vec::new(), outputs: Vec::new() };
    for (pair, span) in split(text, span, '+') {
        let mut items = split(pair, &span, ',');
        for slot in [&mut lengths.inputs, &mut lengths.outputs] {
            let Some((item, span)) = items.next() else {
                return Err(error(
                    span.clone(),
                    format!("`{pair}` has no output length"),
                    "write input_output_len:<ISL>,<OSL>, pairs joined by `+`",
                ));
            };
            slot.push(parse_number(item, &span, "input_output_len")?);
        }
    }
    Ok(lengths)
}

/// The items of `text`, which lies at `span`, with the place of each.
fn split<'a>(
    text: &'a str,
    span: &Range<usize>,
    by: char,
) -> impl Iterator<Item = (&'a str, Range<usize>)> {
    let mut at = span.start;
    text.split(by).map(move |item| {
        let span = at..at + item.len();
        at = span.end + by.len_utf8();
        (item, span)
    })
}
