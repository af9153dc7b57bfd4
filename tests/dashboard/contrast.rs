//! Colours: contrast after WCAG 2.2, computed from the style sheet's own properties.

use std::collections::BTreeMap;

use trtllm_perf::dashboard::STYLE;

/// Relative luminance (WCAG 2.2, "relative luminance").
fn luminance(colour: &str) -> f64 {
    let digits = colour.strip_prefix('#').expect("a colour");
    let digits: String = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let channel = |place: usize| {
        let byte = u8::from_str_radix(&digits[place..place + 2], 16).expect("hexadecimal");
        let share = f64::from(byte) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The properties of the first block after `start`.
fn properties(start: &str) -> BTreeMap<&'static str, &'static str> {
    let (_, rest) = STYLE.split_once(start).unwrap_or_else(|| panic!("no {start}"));
    let (block, _) = rest.split_once('}').expect("the end of the block");
    let pairs = block.split(';').filter_map(|it| it.trim().strip_prefix("--")?.split_once(':'));
    pairs.collect()
}

fn schemes() -> [(&'static str, BTreeMap<&'static str, &'static str>); 3] {
    [
        ("light", properties(":root{\ncolor-scheme")),
        ("dark", properties("(prefers-color-scheme:dark){:root{")),
        ("print", properties("@media print{\n:root{")),
    ]
}

#[test]
fn the_contrast_is_what_wcag_works_out() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
    assert!((contrast("#777777", "#fff") - 4.48).abs() < 0.01);
}

#[test]
fn text_stands_out_as_level_aa_asks_and_marks_do_in_every_scheme() {
    for (scheme, colours) in schemes() {
        for ground in ["page", "panel"] {
            for text in ["text", "muted", "link", "good", "bad", "warn", "off"] {
                let found = contrast(colours[text], colours[ground]);
                assert!(found >= 4.5, "{scheme}: {text} on {ground}: {found:.2}");
            }
        }
        for ground in ["page", "band", "shade"] {
            for mark in ["mark", "bad", "warn", "good", "off"] {
                let found = contrast(colours[mark], colours[ground]);
                assert!(found >= 3.0, "{scheme}: {mark} on {ground}: {found:.2}");
            }
        }
        for mark in ["s0", "s1", "s2", "s3", "s4"] {
            let found = contrast(colours[mark], colours["page"]);
            assert!(found >= 3.0, "{scheme}: {mark}: {found:.2}");
        }
    }
}

#[test]
fn every_scheme_sets_every_colour() {
    let [(_, light), (_, dark), (_, print)] = schemes();
    assert!(light.len() > 15, "{light:?}");
    assert_eq!(light.keys().collect::<Vec<_>>(), dark.keys().collect::<Vec<_>>());
    assert_eq!(light.keys().collect::<Vec<_>>(), print.keys().collect::<Vec<_>>());
}
