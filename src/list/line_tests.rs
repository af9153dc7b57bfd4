use super::*;
use jiff::civil::date;
use proptest::prelude::*;

/// A line with its name's text.
struct Read {
    id: String,
    markers: Markers,
    notes: Vec<Note>,
}

fn read(text: &str) -> Read {
    let line = parse(text).expect("a good line").expect("a line that names a test");
    Read { id: text[line.id].to_owned(), markers: line.markers, notes: line.notes }
}

fn reason(text: &str) -> Option<Box<Reason>> {
    Some(Box::new(Reason { text: text.to_owned(), ..Reason::default() }))
}

#[test]
fn a_line_without_markers_is_its_name() {
    let line = read("  perf/a.py::t[x-y:1,2]  ");
    assert_eq!(line.id, "perf/a.py::t[x-y:1,2]");
    assert!(line.markers.is_empty() && line.notes.is_empty());
}

#[test]
fn a_comment_begins_at_the_first_hash_anywhere() {
    let line = read("t[a] TIMEOUT(40)#min latency");
    assert_eq!(line.id, "t[a]");
    assert_eq!(line.markers.timeout, Some(Duration::from_mins(40)));
    assert_eq!(read("t[a] SKIP # (url)").markers.skip, reason(""));
    assert_eq!(parse("  # only a comment"), Ok(None));
    assert_eq!(parse(""), Ok(None));
}

#[test]
fn markers_count_in_any_order_and_the_note_says_what_upstream_loses() {
    for (text, notes) in [
        ("t[a] TIMEOUT (90) SKIP (x)", vec![Note::UpstreamName("t[a] TIMEOUT (90)".to_owned())]),
        ("t[a] SKIP (x) TIMEOUT (90)", vec![Note::UpstreamMisses(vec![Word::Timeout])]),
        ("t[a] SKIP (x), TIMEOUT(90)", vec![Note::UpstreamMisses(vec![Word::Timeout])]),
    ] {
        let line = read(text);
        assert_eq!(line.id, "t[a]", "{text}");
        assert_eq!(line.markers.skip, reason("x"), "{text}");
        assert_eq!(line.markers.timeout, Some(Duration::from_mins(90)), "{text}");
        assert_eq!(line.notes, notes, "{text}");
    }
    let line = read("t[a] ISOLATION, TIMEOUT (90)");
    assert!(line.markers.isolation);
    assert_eq!(line.markers.timeout, Some(Duration::from_mins(90)));
    assert_eq!(line.notes, [Note::UpstreamName("t[a] ISOLATION,".to_owned())]);
    let line = read("t[a] SKIP, XFAIL (x)");
    assert_eq!((line.markers.skip, line.markers.xfail), (reason(""), reason("x")));
}

#[test]
fn a_reason_may_hold_parentheses_and_marker_words() {
    let line = read("t[a] SKIP (see (1) below)");
    assert_eq!(line.markers.skip, reason("see (1) below"));
    assert_eq!(line.notes, [Note::UpstreamReason("see (1".to_owned())]);
    let line = read("t[a] SKIP (SKIP due to timeout)");
    assert_eq!(line.markers.skip, reason("SKIP due to timeout"));
    assert!(line.notes.is_empty());
    let line = read("t[a] SKIP (as the XFAIL above)");
    assert_eq!(line.markers.skip, reason("as the XFAIL above"));
    assert_eq!(line.notes, [Note::UpstreamRefuses]);
    let line = read("t[a] SKIP (a :( b) TIMEOUT (10)");
    assert_eq!(line.markers.skip, reason("a :( b"));
    assert_eq!(line.markers.timeout, Some(Duration::from_mins(10)));
}

#[test]
fn a_megabyte_of_unbalanced_reasons_is_read_in_one_pass() {
    let line = read(&format!("t[a]{}", " SKIP (()".repeat(120_000)));
    assert_eq!(line.markers.skip, reason("("));
    let repeated = |note: &&Note| **note == Note::Repeated(Word::Skip);
    assert_eq!(line.notes.iter().filter(repeated).count(), 119_999);
}

#[test]
fn owner_and_until_are_read_from_the_reason() {
    let skip = read("t[a] SKIP (hangs owner=ann until=2027-01-31)").markers.skip.expect("skip");
    assert_eq!(skip.owner.as_deref(), Some("ann"));
    assert_eq!(skip.until, Some(date(2027, 1, 31)));
}

#[test]
fn a_word_glued_to_a_marker_is_part_of_the_name_and_noted() {
    let line = read("t[a] SKIPPED");
    assert_eq!(line.id, "t[a] SKIPPED");
    assert!(line.markers.is_empty());
    assert_eq!(line.notes, [Note::NotAMarker("SKIPPED".to_owned()), Note::UpstreamRefuses]);
    let line = read("t[a] timeout(30)");
    assert_eq!(line.notes, [Note::NotAMarker("timeout(30)".to_owned())]);
}

#[test]
fn qualifiers_stay_in_the_name_word_for_word() {
    for text in
        [r#"unittest/a.py -k "not SKIP" -m "not (part0 or part1)""#, "unittest/a.py unittest/b.py"]
    {
        assert_eq!(read(text).id, text);
    }
    let line = read(r#"unittest/a.py -m "not (part0)" SKIP (slow)"#);
    assert_eq!(line.id, r#"unittest/a.py -m "not (part0)""#);
    assert_eq!(line.markers.skip, reason("slow"));
}

#[test]
fn text_after_a_marker_and_a_second_marker_of_a_kind_are_noted() {
    let line = read("t[a] TIMEOUT (4) minutes TIMEOUT (5)");
    assert_eq!(line.markers.timeout, Some(Duration::from_mins(4)));
    assert_eq!(line.notes, [Note::Ignored("minutes".to_owned()), Note::Repeated(Word::Timeout)]);
}

#[test]
fn a_line_says_how_long_its_steps_may_be_silent() {
    let minutes = |idle, active: Option<u64>| {
        let active = active.map(Duration::from_mins);
        Some(Silence { idle: Duration::from_mins(idle), active })
    };
    for (text, expected) in [
        ("t[a] STALL (10)", minutes(10, None)),
        ("t[a] STALL(10,30)", minutes(10, Some(30))),
        ("t[a] STALL ( 10 , 30 )", minutes(10, Some(30))),
        ("t[a] STALL (0)", minutes(0, None)),
        ("t[a] STALL (10, 0)", minutes(10, Some(0))),
    ] {
        assert_eq!(read(text).markers.stall, expected, "{text}");
        assert_eq!(read(text).notes, [Note::UpstreamName(text.to_owned())], "{text}");
    }
    // The one way to write it that pytest's parser takes for the same test.
    let line = read("t[a] TIMEOUT (90), STALL (10)");
    assert_eq!(line.markers.timeout, Some(Duration::from_mins(90)));
    assert_eq!(line.markers.stall, minutes(10, None));
    assert_eq!(line.notes, [Note::UpstreamMisses(vec![Word::Stall])]);
    assert_eq!(read("t[a] STALL (1) STALL (2)").notes[0], Note::Repeated(Word::Stall));
    assert_eq!(read("t[a] STALLED").notes, [Note::NotAMarker("STALLED".to_owned())]);
}

#[test]
fn broken_markers_are_refused_at_their_place() {
    const STALL: &str = "STALL needs whole minutes in parentheses: of silence, and of silence at work, \
                         which are not fewer; found ";
    for (text, span, message) in [
        ("t[a] STALL", 5..10, format!("{STALL}nothing").as_str()),
        ("t[a] STALL ten", 5..14, format!("{STALL}`ten`").as_str()),
        ("t[a] STALL (1.5)", 5..16, format!("{STALL}`1.5`").as_str()),
        ("t[a] STALL (1,2,3)", 5..18, format!("{STALL}`1,2,3`").as_str()),
        ("t[a] STALL (1,)", 5..15, format!("{STALL}`1,`").as_str()),
        ("t[a] STALL (30,10) SKIP", 5..18, format!("{STALL}`30,10`").as_str()),
        ("t[a] STALL (10", 5..14, "the parenthesis after STALL is never closed"),
        ("t[a] TIMEOUT", 5..12, "TIMEOUT needs whole minutes in parentheses"),
        ("t[a] TIMEOUT (1.5)", 5..18, "TIMEOUT needs whole minutes in parentheses"),
        ("t[a] TIMEOUT (99999999999)", 5..26, "TIMEOUT needs whole minutes in parentheses"),
        ("t[a] SKIP because", 5..17, "the reason of SKIP must stand in parentheses"),
        ("t[a] SKIP (http://x/#1)", 5..20, "the parenthesis after SKIP is never closed"),
        ("t[a] SKIP ( until=never)", 18..23, "`until` needs a date that exists"),
    ] {
        let fault = parse(text).expect_err(text);
        assert_eq!((fault.span, fault.message.as_str()), (span, message), "{text}");
    }
}

#[test]
fn template_directives_are_refused_by_name() {
    for (text, span, name) in [
        ("## old", 0..2, "`##`"),
        ("  % if x:", 2..3, "`%`"),
        ("t[${x}]", 2..4, "`${`"),
        ("<%doc>", 0..2, "`<%`"),
    ] {
        let fault = parse(text).expect_err(text);
        assert_eq!(fault.span, span, "{text}");
        assert!(fault.message.starts_with(name), "{}", fault.message);
    }
}

/// A reason that is safe in every reading: no `#`, no parenthesis, no marker word, not empty.
fn plain_reason() -> impl Strategy<Value = String> {
    "[a-z:/.0-9](?:[a-z :/.0-9]{0,10}[a-z0-9])?"
}

/// A marker and the ways to write it.
fn marker() -> impl Strategy<Value = (Word, String)> {
    let with_reason = |word: Word| {
        (" {0,2}", proptest::option::of(plain_reason())).prop_map(move |(gap, reason)| {
            let value = reason.map_or(String::new(), |reason| format!("{gap}({reason})"));
            (word, format!("{word}{value}"))
        })
    };
    prop_oneof![
        with_reason(Word::Xfail),
        with_reason(Word::Skip),
        with_reason(Word::Unstable),
        (0u32..10_000, " {0,2}").prop_map(|(n, gap)| (Word::Timeout, format!("TIMEOUT{gap}({n})"))),
        Just((Word::Isolation, "ISOLATION".to_owned())),
    ]
}

/// Those and our own.
fn any_marker() -> impl Strategy<Value = (Word, String)> {
    let stall = (0u32..1000, 0u32..1000, " {0,2}").prop_map(|(idle, more, gap)| {
        (Word::Stall, format!("STALL{gap}({idle},{gap}{})", idle + more))
    });
    prop_oneof![5 => marker(), 1 => stall]
}

/// What stands in the parentheses of a marker as written.
fn value(written: &str) -> &str {
    written.split_once('(').map_or("", |(_, value)| value.trim_end_matches(')'))
}

proptest! {
    #[test]
    fn markers_in_any_number_and_order_are_read_back(
        id in r"[a-z/]{1,8}\.py::t\[[a-z0-9:,_.+-]{1,12}\]",
        markers in proptest::collection::vec(any_marker(), 0..5),
        separator in "(,? {1,2}|\t)",
    ) {
        let written: Vec<_> = markers.iter().map(|(_, text)| text.as_str()).collect();
        let tail = if written.is_empty() { String::new() } else { format!(" {}", written.join(&separator)) };
        let line = read(&format!("{id}{tail}"));
        prop_assert_eq!(&line.id, &id);
        for word in Word::ALL {
            let first = markers.iter().find(|(other, _)| *other == word).map(|(_, text)| value(text));
            match word {
                Word::Timeout => {
                    let minutes = line.markers.timeout.map(|limit| (limit.as_secs() / 60).to_string());
                    prop_assert_eq!(minutes.as_deref(), first);
                }
                Word::Isolation => prop_assert_eq!(line.markers.isolation, first.is_some()),
                Word::Stall => {
                    let minutes = line.markers.stall.and_then(|it| Some((it.idle.as_secs() / 60, it.active?.as_secs() / 60)));
                    let number = |text: &str| text.trim().parse::<u64>().expect("a number");
                    prop_assert_eq!(minutes, first.and_then(|it| it.split_once(',')).map(|(a, b)| (number(a), number(b))));
                }
                _ => prop_assert_eq!(line.markers.reason(word).map(|it| it.text.as_str()), first),
            }
        }
    }

    #[test]
    fn a_line_with_one_marker_means_the_same_to_upstream((word, text) in marker()) {
        let line = read(&format!("a.py::t[x] {text}"));
        prop_assert_eq!(&line.notes, &[]);
        let theirs = upstream::read(&format!("a.py::t[x] {text}")).map(|it| (it.name.to_owned(), it.marker.map(|it| it.0)));
        prop_assert_eq!(theirs, Some((line.id, Some(word))));
    }

    #[test]
    fn no_line_makes_the_parser_panic(
        text in r#"(SKIP|TIMEOUT|XFAIL|ISOLATION|STALL|until=|owner=|[(),\["' #$%{é0-9\t]| [A-Z]){0,24}"#,
    ) {
        if let Ok(Some(line)) = parse(&text) {
            prop_assert!(!text[line.id].trim().is_empty());
        }
    }
}
