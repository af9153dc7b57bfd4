//! Numbers as pandas and Python spell them.

/// Python's `repr` of a float: the shortest digits that read back, `145000.0`, `1e-05`, `1e+16`.
pub fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if number != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    // The debug form of a float always has a point or an exponent, and below 1e16 never the latter.
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use super::python_float;

    #[test]
    fn a_float_is_spelt_as_python_spells_it() {
        for (number, text) in [
            (129_555.827, "129555.827"),
            (145_000.0, "145000.0"),
            (0.0, "0.0"),
            (-0.1, "-0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e100, "1.25e+100"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(python_float(number), text);
        }
    }
}
