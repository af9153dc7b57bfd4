//! Numbers as Python writes them.

/// `repr` of a float: the shortest digits that read back the same, `.0` kept, an exponent below 1e-4 and from 1e16.
pub fn repr(value: f64) -> String {
    if !value.is_finite() {
        return match (value.is_nan(), value > 0.0) {
            (true, _) => "NaN".to_owned(),
            (_, true) => "Infinity".to_owned(),
            _ => "-Infinity".to_owned(),
        };
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}");
    }
    exponent_form(&format!("{value:e}"), 'e')
}

/// `%.4E`.
pub fn scientific_4(value: f64) -> String {
    exponent_form(&format!("{value:.4e}"), 'E')
}

/// `%9.4f`, or `%9.2e` from 100000 on.
pub fn table_cell(value: f64) -> String {
    if value >= 100_000.0 {
        format!("{:>9}", exponent_form(&format!("{value:.2e}"), 'e'))
    } else {
        format!("{value:9.4}")
    }
}

/// `%g`: six significant digits, no trailing zeros, as a C++ stream prints a double.
pub fn general_6(value: f64) -> String {
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    let rounded = format!("{value:.5e}");
    let exponent: i32 = rounded.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return trim(&format!("{value:.*}", (5 - exponent) as usize));
    }
    match rounded.split_once('e') {
        Some((digits, power)) => exponent_form(&format!("{}e{power}", trim(digits)), 'e'),
        None => rounded,
    }
}

/// From Rust's `1.5e-7` to the sign and two digits that C and Python write.
fn exponent_form(text: &str, letter: char) -> String {
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}{letter}{sign}{exponent:0>2}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (128.0, "128.0"),
            (0.1, "0.1"),
            (0.0, "0.0"),
            (5914.175276999999, "5914.175276999999"),
            (21304562500000.0, "21304562500000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5e-7, "-2.5e-07"),
            (9999999999999998.0, "9999999999999998.0"),
        ] {
            assert_eq!(repr(value), text);
        }
        assert_eq!(scientific_4(1.0526e15), "1.0526E+15");
        assert_eq!(scientific_4(0.0), "0.0000E+00");
        assert_eq!(table_cell(128.0), " 128.0000");
        assert_eq!(table_cell(123456.0), " 1.23e+05");
        assert_eq!(general_6(35.97382), "35.9738");
        assert_eq!(general_6(160.706), "160.706");
        assert_eq!(general_6(0.1), "0.1");
        assert_eq!(general_6(0.00001234), "1.234e-05");
        assert_eq!(general_6(12.0), "12");
    }
}
