//! Numbers as logs print them, with how far the printing rounded.
//!
//! A log is read by nobody who could ask back, so a token is either a whole decimal number or it is refused:
//! taking `1.2` out of `1.2.3`, or `1039.65` out of `1039.65[TensorRT-LLM]…`, would record a wrong number in silence.

use std::fmt;

/// A number that was printed in decimal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Printed {
    pub value: f64,
    /// Half of the last printed digit's worth: the true number lies within `value ± rounding`.
    pub rounding: f64,
    /// Digits after the decimal point.
    pub decimals: u32,
}

/// Why a token is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing stands where the number should.
    Missing,
    /// A stand-in for a number: `X.XX`, `N/A`, `nan`, `inf`, `None`, `-`.
    Placeholder,
    /// Below zero: no time, rate or size is.
    Negative,
    /// `1,234` is 1234 to some and 1.234 to others. `1,234.5` and `1,234,567` are read.
    Ambiguous,
    /// Anything else, also a number glued to other text.
    Malformed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Missing => "no value",
            Fault::Placeholder => "a placeholder",
            Fault::Negative => "a negative number",
            Fault::Ambiguous => "a number whose comma may mean thousands or decimals",
            Fault::Malformed => "not a number",
        })
    }
}

/// Nothing that is measured comes near; what is within stays finite in any unit.
const LARGEST: f64 = 1e100;

/// Reads the first blank-delimited token of `text`.
///
/// # Errors
/// With the [`Fault`] when that token is not, as a whole, a finite decimal number of zero or more.
pub fn first(text: &[u8]) -> Result<Printed, Fault> {
    let token = text.split(u8::is_ascii_whitespace).find(|part| !part.is_empty());
    whole(token.ok_or(Fault::Missing)?)
}

fn whole(token: &[u8]) -> Result<Printed, Fault> {
    let token = std::str::from_utf8(token).map_err(|_| Fault::Malformed)?;
    if is_placeholder(token) {
        return Err(Fault::Placeholder);
    }
    match token.strip_prefix('-') {
        Some(rest) => Err(unsigned(rest).map_or(Fault::Malformed, |_| Fault::Negative)),
        None => unsigned(token),
    }
}

fn unsigned(token: &str) -> Result<Printed, Fault> {
    let (mantissa, exponent) = match token.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| Fault::Malformed)?)
        }
        None => (token, 0),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let integer = ungrouped(integer, mantissa.contains('.'))?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if integer.is_empty() || !digits(&integer) || !digits(fraction) {
        return Err(Fault::Malformed);
    }
    let value: f64 =
        format!("{integer}.{fraction}e{exponent}").parse().map_err(|_| Fault::Malformed)?;
    let decimals = u32::try_from(fraction.len()).map_err(|_| Fault::Malformed)?;
    let last_digit = i64::from(exponent) - i64::from(decimals);
    let rounding = 0.5 * 10f64.powi(i32::try_from(last_digit).unwrap_or(i32::MIN));
    if value.max(rounding) > LARGEST {
        return Err(Fault::Malformed);
    }
    Ok(Printed { value, rounding, decimals })
}

/// The digits of an integer part without thousands separators.
fn ungrouped(integer: &str, has_point: bool) -> Result<String, Fault> {
    let mut groups = integer.split(',');
    let Some(head) = groups.next() else { return Err(Fault::Malformed) };
    let rest: Vec<&str> = groups.collect();
    if rest.is_empty() {
        return Ok(head.to_owned());
    }
    if head.is_empty() || head.len() > 3 || rest.iter().any(|group| group.len() != 3) {
        return Err(Fault::Malformed);
    }
    if rest.len() == 1 && !has_point {
        return Err(Fault::Ambiguous);
    }
    Ok(integer.replace(',', ""))
}

fn is_placeholder(token: &str) -> bool {
    let bare = token.trim_start_matches(['-', '+']).to_ascii_lowercase();
    matches!(
        bare.as_str(),
        "" | "nan" | "inf" | "infinity" | "n/a" | "na" | "none" | "null" | "tbd" | "?"
    ) || (bare.contains('x') && bare.bytes().all(|b| matches!(b, b'x' | b'.' | b',')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<f64, Fault> {
        first(text.as_bytes()).map(|printed| printed.value)
    }

    #[test]
    fn whole_decimal_numbers_are_read() {
        assert_eq!(value("1039.6526"), Ok(1039.6526));
        assert_eq!(value("  \t12 ms"), Ok(12.0));
        assert_eq!(value("1.0526E+15"), Ok(1.0526e15));
        assert_eq!(value("16,227.2837"), Ok(16227.2837));
        assert_eq!(value("1,234,567"), Ok(1_234_567.0));
        assert_eq!(value("7."), Ok(7.0));
    }

    #[test]
    fn anything_else_is_refused_and_named() {
        for (text, fault) in [
            ("", Fault::Missing),
            ("X.XX", Fault::Placeholder),
            ("nan", Fault::Placeholder),
            ("-inf", Fault::Placeholder),
            ("N/A", Fault::Placeholder),
            ("-5.2", Fault::Negative),
            ("1,039", Fault::Ambiguous),
            ("1.2.3", Fault::Malformed),
            ("12,34.5", Fault::Malformed),
            ("1e999", Fault::Malformed),
            ("1e308", Fault::Malformed),
            ("0e400", Fault::Malformed),
            ("--5", Fault::Malformed),
            (".5", Fault::Malformed),
            ("1039.65[TensorRT-LLM][INFO]", Fault::Malformed),
            ("0x1f", Fault::Malformed),
        ] {
            assert_eq!(value(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_long_row_of_minus_signs_makes_no_number() {
        assert_eq!(value(&format!("{}5", "-".repeat(1_000_000))), Err(Fault::Malformed));
    }

    #[test]
    fn the_rounding_is_half_of_the_last_digit() {
        let rounding = |text: &str| first(text.as_bytes()).map(|p| p.rounding);
        assert_eq!(rounding("1.25"), Ok(0.005));
        assert_eq!(rounding("3"), Ok(0.5));
        assert!((rounding("1.5E+3").expect("number") - 50.0).abs() < 1e-9);
    }
}
